/* webui/assets.h: the web page, stored in the program.
 * The table is generated at build time by pack.cmake from this folder and from uPlot.  Constant data, any thread. */
#pragma once
#include <stddef.h>

struct asset {
    const char *path;         /* of the URL: "/index.html", or "/assets/<hash of the whole set>/app.js" */
    const char *content_type; /* with its charset where it is text */
    const char
        *cache_control; /* "no-store" for index.html; everything else may be kept for a year, since its path changes */
    const char *etag;   /* with its quotes, of the bytes before compression */
    const unsigned char *gzip; /* the file as `gzip -9n` makes it, for Content-Encoding: gzip */
    size_t gzip_size;          /* in bytes */
    size_t size;               /* in bytes, before compression */
};

/* "/index.html" first, which answers every page address; ends with path NULL. */
extern const struct asset assets[];
