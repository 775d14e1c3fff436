/* api/response.c: see response.h. */
#include "api/response.h"

#include "spec/parse.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { PLAIN_MAX = 1024 };

/* Returns text compressed and its size, or NULL; speed before size: everyone waits meanwhile. */
static char *compress_text(const char *text, size_t size, size_t *packed_size)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (unsigned)size};
    char *packed;

    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    stream.avail_out = (unsigned)deflateBound(&stream, size);
    packed = xcalloc(1, stream.avail_out);
    stream.next_out = (unsigned char *)packed;
    (void)deflate(&stream, Z_FINISH); /* there is room for all of it */
    *packed_size = stream.total_out;
    (void)deflateEnd(&stream);
    return packed;
}

static struct MHD_Response *make_json(const struct request *request, struct reply *reply)
{
    char *text = parse_text(reply->json), *packed = NULL;
    size_t size = strlen(text);

    if (size > PLAIN_MAX && request_takes_gzip(request))
        packed = compress_text(text, size, &size);
    if (packed) {
        free(text);
        reply->encoding = "gzip";
    }
    return MHD_create_response_from_buffer(size, packed ? packed : text, MHD_RESPMEM_MUST_FREE);
}

static struct MHD_Response *make_body(struct hub *hub, struct MHD_Connection *connection, const struct request *request,
                                      struct reply *reply)
{
    struct MHD_Response *response;

    if (reply->stream) {
        struct stream *stream = reply->stream;

        reply->stream = NULL;
        return hub_response(hub, stream, connection);
    }
    if (reply->json)
        return make_json(request, reply);
    if (reply->fd >= 0) {
        response = MHD_create_response_from_fd_at_offset64(reply->size, reply->fd, (uint64_t)reply->start);
        reply->fd = -1; /* libmicrohttpd closes it */
        return response;
    }
    return MHD_create_response_from_buffer(reply->size, (void *)(uintptr_t)reply->data, MHD_RESPMEM_PERSISTENT);
}

static void add_headers(struct MHD_Response *response, const struct reply *reply)
{
    const struct {
        const char *name, *value;
    } headers[] = {
        {"Content-Type", reply->content_type},
        {"Location", reply->location},
        {"Allow", reply->allow},
        {"ETag", reply->etag},
        {"Content-Encoding", reply->encoding},
        {"Content-Disposition", reply->disposition},
        {"Vary", reply->vary},
        {"Vary", reply->json ? "Accept-Encoding" : NULL},
        {"Content-Range", reply->content_range},
        {"Accept-Ranges", reply->accept_ranges},
        {"Cache-Control", reply->cache_control ? reply->cache_control : "no-store"},
        {"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
    };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (headers[i].value)
            (void)MHD_add_response_header(response, headers[i].name, headers[i].value);
}

struct MHD_Response *response_make(struct hub *hub, struct MHD_Connection *connection, const struct request *request,
                                   struct reply *reply)
{
    struct MHD_Response *response = make_body(hub, connection, request, reply);

    if (response)
        add_headers(response, reply);
    return response;
}
