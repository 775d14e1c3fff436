/* The page as it lies in the program: every file unpacks to its size, and the whole stays small. */
#include "tests/unit/check_main.h"
#include "webui/assets.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static char *unpacked(const struct asset *asset)
{
    char *text = calloc(1, asset->size + 1);
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)asset->gzip,
                       .avail_in = (unsigned)asset->gzip_size,
                       .next_out = (unsigned char *)text,
                       .avail_out = (unsigned)asset->size + 1};

    ck_assert_int_eq(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(stream.total_out, asset->size);
    (void)inflateEnd(&stream);
    return text;
}

static const struct asset *named(const char *ending)
{
    for (const struct asset *asset = assets; asset->path; asset++)
        if (strlen(asset->path) >= strlen(ending) &&
            strcmp(asset->path + strlen(asset->path) - strlen(ending), ending) == 0)
            return asset;
    return NULL;
}

START_TEST(every_file_unpacks_and_has_its_type)
{
    for (const struct asset *asset = assets; asset->path; asset++) {
        free(unpacked(asset));
        ck_assert_msg(strchr(asset->content_type, '/'), "%s has no type", asset->path);
        ck_assert_int_eq(asset->etag[0], '"');
    }
}
END_TEST

START_TEST(the_first_file_is_the_page_and_names_the_others)
{
    char *page = unpacked(&assets[0]);

    ck_assert_str_eq(assets[0].path, "/index.html");
    ck_assert_str_eq(assets[0].cache_control, "no-store");
    ck_assert_ptr_nonnull(strstr(page, named("/app.js")->path));
    ck_assert_ptr_nonnull(strstr(page, named("/style.css")->path));
    ck_assert_ptr_null(strchr(page, '@'));
    free(page);
}
END_TEST

START_TEST(uplot_of_the_pinned_version_is_there_with_its_licence)
{
    char *script = unpacked(named("/uplot/uPlot.js")), *licence = unpacked(named("/uplot/LICENSE.txt"));

    ck_assert_ptr_nonnull(strstr(script, "v1.6.32"));
    ck_assert_ptr_nonnull(strstr(licence, "MIT"));
    free(script);
    free(licence);
}
END_TEST

START_TEST(the_whole_page_weighs_at_most_90_kb)
{
    size_t size = 0;

    for (const struct asset *asset = assets; asset->path; asset++)
        size += asset->gzip_size;
    ck_assert_uint_lt(size, 90000);
}
END_TEST

TEST_MAIN("assets",
          TEST(every_file_unpacks_and_has_its_type) TEST(the_first_file_is_the_page_and_names_the_others)
              TEST(uplot_of_the_pinned_version_is_there_with_its_licence) TEST(the_whole_page_weighs_at_most_90_kb))
