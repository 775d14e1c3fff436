/* api/response.c: see response.h. */
#include "api/response.h"

#include "spec/parse.h"

#include <stdlib.h>
#include <string.h>

static struct MHD_Response *make_body(struct hub *hub, struct MHD_Connection *connection, struct reply *reply)
{
    struct MHD_Response *response;

    if (reply->stream) {
        struct stream *stream = reply->stream;

        reply->stream = NULL;
        return hub_response(hub, stream, connection);
    }
    if (reply->json) {
        char *text = parse_text(reply->json);

        return MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    }
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

struct MHD_Response *response_make(struct hub *hub, struct MHD_Connection *connection, struct reply *reply)
{
    struct MHD_Response *response = make_body(hub, connection, reply);

    if (response)
        add_headers(response, reply);
    return response;
}
