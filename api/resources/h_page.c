/* api/resources/h_page.c: the web page: its files and its addresses, all from the table in the program. */
#include "api/resources/handlers.h"
#include "webui/assets.h"

#include <string.h>
#include <zlib.h>

/* The addresses that the page knows; {id} is a number.  Each answers the same index.html. */
static bool is_page(const char *path)
{
    int64_t id;

    return strcmp(path, "/") == 0 || strcmp(path, "/jobs") == 0 ||
           (strncmp(path, "/jobs/", 6) == 0 && request_digits(path + 6, &id));
}

static const struct asset *find(const char *path)
{
    for (const struct asset *asset = assets; asset->path; asset++)
        if (strcmp(asset->path, path) == 0)
            return asset;
    return NULL;
}

/* For clients that do not take gzip: curl without --compressed, say. */
static bool unpack(const struct asset *asset, struct arena *arena, struct reply *reply, struct err *err)
{
    unsigned char *data = arena_alloc(arena, asset->size + 1);
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)asset->gzip,
                       .avail_in = (unsigned)asset->gzip_size,
                       .next_out = data,
                       .avail_out = (unsigned)asset->size + 1};
    bool ok = inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END;

    (void)inflateEnd(&stream);
    reply->data = data;
    reply->size = asset->size;
    return ok || err_set(err, ERR_INTERNAL, "unpack %s", asset->path);
}

static bool send_asset(const struct asset *asset, const struct request *request, struct reply *reply, struct err *err)
{
    reply->content_type = asset->content_type;
    reply->cache_control = asset->cache_control;
    reply->etag = asset->etag;
    reply->vary = "Accept-Encoding";
    if (reply->status == 200 && request->if_none_match && strcmp(request->if_none_match, asset->etag) == 0) {
        reply->status = 304;
        return true;
    }
    if (!request_takes_gzip(request))
        return unpack(asset, request->arena, reply, err);
    reply->encoding = "gzip";
    reply->data = asset->gzip;
    reply->size = asset->gzip_size;
    return true;
}

bool page_show(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    const struct asset *asset = find(request->path);

    (void)app;
    if (!asset && !is_page(request->path))
        reply->status = 404; /* with the page, which says so */
    return send_asset(asset ? asset : &assets[0], request, reply, err);
}
