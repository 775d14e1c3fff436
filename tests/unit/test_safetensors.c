/* tests/unit/test_safetensors.c: what is written is read back; every unsound file is told by name and fault. */
#include "base/arena.h"
#include "base/file.h"
#include "tests/unit/check_main.h"
#include "trainer/safetensors.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int dir;
static char root[] = "/tmp/detrd-test-XXXXXX";

static void open_dir(void)
{
    strcpy(root + strlen(root) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    dir = open(root, O_DIRECTORY | O_RDONLY);
}

static const struct st_tensor tensors[] = {
    {.name = "flags", .dtype = TENSOR_BOOL, .ndim = 1, .dims = {3}},
    {.name = "weights", .dtype = TENSOR_F32, .ndim = 2, .dims = {2, 2}},
    {.name = "nothing", .dtype = TENSOR_I64, .ndim = 2, .dims = {0, 4}},
    {.name = "step", .dtype = TENSOR_I64, .ndim = 0},
};
static const float weights[] = {1, -2, 3.5F, 4};
static const int64_t step = 41;
static const void *const values[] = {"\1\0\1", weights, NULL, &step};
static const struct st_text texts[] = {{"detrd", "{\"format\": 1}"}, {"name", "naïve"}};

static bool give(void *context, size_t i, void *to, size_t size, struct err *err)
{
    if (context)
        return err_set(err, ERR_NON_FINITE, "no value for '%s'", tensors[i].name);
    if (size > 0)
        memcpy(to, values[i], size);
    return true;
}

static bool write_all(void *context, struct st_written *out, struct err *err)
{
    return safetensors_write(dir, "f", tensors, 4, texts, 2, give, context, out, err);
}

START_TEST(what_was_written_is_read_back)
{
    struct err err = {0};
    struct safetensors *file;

    ck_assert_msg(write_all(NULL, NULL, &err), "%s", err.msg);
    file = safetensors_open(dir, "f", &err);
    ck_assert_msg(file, "%s", err.msg);
    ck_assert_uint_eq(safetensors_count(file), 4);
    for (size_t i = 0; i < 4; i++) {
        const struct st_tensor *tensor = safetensors_find(file, tensors[i].name);

        ck_assert_ptr_nonnull(tensor);
        ck_assert_int_eq(tensor->dtype, tensors[i].dtype);
        ck_assert_int_eq(tensor->ndim, tensors[i].ndim);
        ck_assert_mem_eq(tensor->dims, tensors[i].dims, sizeof tensor->dims);
        ck_assert_uint_eq(tensor->size, safetensors_size(&tensors[i]));
        if (tensor->size > 0)
            ck_assert_mem_eq(tensor->data, values[i], tensor->size);
        ck_assert_uint_eq((uintptr_t)tensor->data % (tensor->dtype == TENSOR_I64 ? 8 : 1), 0);
    }
    ck_assert_str_eq(safetensors_at(file, 3)->name, "flags"); /* the narrowest lies last */
    ck_assert_str_eq(safetensors_text(file, "name"), "naïve");
    ck_assert_ptr_null(safetensors_text(file, "other"));
    ck_assert_ptr_null(safetensors_find(file, "other"));
    safetensors_close(file);
}
END_TEST

START_TEST(the_hash_and_size_are_those_of_the_file)
{
    char hex[SHA256_HEX_SIZE], *data;
    struct st_written written;
    struct err err = {0};
    struct sha256 sum;
    size_t size;

    ck_assert(write_all(NULL, &written, &err));
    data = file_read(dir, "f", 10000, &size, &err);
    sha256_init(&sum);
    sha256_add(&sum, data, size);
    ck_assert_str_eq(sha256_hex(&sum, hex), written.sha256);
    ck_assert_int_eq(written.bytes, (int64_t)size);
    free(data);
}
END_TEST

START_TEST(a_failure_leaves_the_old_file_and_nothing_else)
{
    struct err err = {0};
    struct safetensors *file;

    ck_assert(write_all(NULL, NULL, &err));
    ck_assert(!write_all(&dir, NULL, &err));
    ck_assert_str_eq(err.msg, "no value for 'nothing'");
    file = safetensors_open(dir, "f", &err);
    ck_assert_ptr_nonnull(file);
    safetensors_close(file);
    ck_assert_int_eq(faccessat(dir, ".f.tmp", F_OK, 0), -1);
}
END_TEST

START_TEST(a_missing_file_and_a_folder_are_told_apart)
{
    struct err err = {0};

    ck_assert_ptr_null(safetensors_open(dir, "missing", &err));
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    ck_assert_int_eq(mkdirat(dir, "d", 0700), 0);
    ck_assert_ptr_null(safetensors_open(dir, "d", &err));
    ck_assert_int_eq(err.code, ERR_WEIGHTS);
    ck_assert_str_eq(err.msg, "'d' is not a file");
}
END_TEST

#define ONE(entry)               "{\"t\":" entry "}"
#define T(dtype, shape, offsets) ONE("{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}")

static const struct {
    const char *header;
    size_t values; /* bytes behind it */
    const char *fault;
} unsound[] = {
    {T("\"F32\"", "[2]", "[0,8]"), 8, NULL},
    {T("\"F32\"", "[2]", "[0,8]"), 7, "'f': tensor 't' lies outside the file, which is cut short"},
    {T("\"F32\"", "[2]", "[0,8]"), 9, "'f' has bytes behind its last tensor"},
    {T("\"F32\"", "[2]", "[1,9]"), 9, "'f': tensor 't' overlaps the one before or leaves a hole"},
    {T("\"F32\"", "[2]", "[0,9]"), 9, "'f': tensor 't' has more or fewer bytes than its shape and dtype need"},
    {T("\"F32\"", "[2]", "[8,0]"), 8, "'f': tensor 't' has no data_offsets of two growing numbers"},
    {T("\"F32\"", "[2]", "[-8,0]"), 8, "'f': tensor 't' has no data_offsets of two growing numbers"},
    {T("\"F32\"", "[2]", "[0]"), 8, "'f': tensor 't' has no data_offsets of two growing numbers"},
    {T("\"F32\"", "[2]", "[0,9223372036854775807]"), 8, "'f': tensor 't' lies outside the file, which is cut short"},
    {T("\"F32\"", "[-2]", "[0,8]"), 8, "'f': tensor 't' has a dimension that is not a natural number"},
    {T("\"F32\"", "[2.0]", "[0,8]"), 8, "'f': tensor 't' has a dimension that is not a natural number"},
    {T("\"F32\"", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, "'f': tensor 't' has no shape of at most 8 dimensions"},
    {T("\"F32\"", "[4611686018427387904,4]", "[0,8]"), 8, "'f': tensor 't' has a shape beyond all memory"},
    {T("\"F8_E4M3\"", "[8]", "[0,8]"), 8, "'f': tensor 't' has the unknown dtype 'F8_E4M3'"},
    {T("3", "[8]", "[0,8]"), 8, "'f': tensor 't' has no dtype"},
    {ONE("7"), 0, "'f': tensor 't' has no dtype"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"u\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
     3, "'f': tensor 'u' overlaps the one before or leaves a hole"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "'f': metadata 'a' is not a text"},
    {"{\"__metadata__\":[]}", 0, "'f' has metadata that is no object"},
    {"[]", 0, "'f' is not a safetensors file: its header is not a JSON object"},
    {"{\"t\"", 0, "'f' is not a safetensors file: its header is not a JSON object: "},
    {"{\"t\":1,\"t\":2}", 0, "'f' is not a safetensors file: its header is not a JSON object: "},
};

static size_t make_file(char *data, size_t length, const char *header, size_t tail)
{
    uint64_t prefix = length; /* the test runs on little-endian machines only, as detrd does */
    size_t size = strlen(header);

    memcpy(data, &prefix, 8);
    memcpy(data + 8, header, size);
    memset(data + 8 + size, 0, tail);
    return 8 + size + tail;
}

START_TEST(an_unsound_file_is_told_by_name_and_fault)
{
    const char *header = unsound[_i].header, *fault = unsound[_i].fault;
    char data[400];
    size_t size = make_file(data, strlen(header), header, unsound[_i].values);
    struct err err = {0};
    struct safetensors *file;

    ck_assert(file_replace(dir, "f", data, size, &err));
    file = safetensors_open(dir, "f", &err);
    ck_assert_int_eq(file != NULL, fault == NULL);
    if (fault) {
        ck_assert_int_eq(err.code, ERR_WEIGHTS);
        ck_assert_msg(strncmp(err.msg, fault, strlen(fault)) == 0, "%s", err.msg);
    }
    safetensors_close(file);
}
END_TEST

START_TEST(every_beginning_of_a_file_is_refused)
{
    struct err err = {0};
    size_t size;
    char *data;

    ck_assert(write_all(NULL, NULL, &err));
    data = file_read(dir, "f", 10000, &size, &err);
    ck_assert_ptr_nonnull(data);
    for (size_t part = 0; part < size; part++) {
        ck_assert(file_replace(dir, "g", data, part, &err));
        ck_assert_ptr_null(safetensors_open(dir, "g", &err));
        ck_assert_int_eq(err.code, ERR_WEIGHTS);
    }
    free(data);
}
END_TEST

START_TEST(a_header_longer_than_the_file_is_not_believed)
{
    static const struct {
        uint64_t length;
        const char *fault;
    } cases[] = {{1000, "'f' is cut short inside its header"},
                 {UINT64_MAX, "'f' is not a safetensors file: its header would be larger than 100 MB"}};
    char data[100];
    struct err err = {0};

    for (size_t i = 0; i < 2; i++) {
        size_t size = make_file(data, cases[i].length, "{}", 0);

        ck_assert(file_replace(dir, "f", data, size, &err));
        ck_assert_ptr_null(safetensors_open(dir, "f", &err));
        ck_assert_str_eq(err.msg, cases[i].fault);
    }
}
END_TEST

#define TESTS                                                                                                          \
    tcase_add_checked_fixture(tcase, open_dir, NULL);                                                                  \
    TEST(what_was_written_is_read_back)                                                                                \
    TEST(the_hash_and_size_are_those_of_the_file)                                                                      \
    TEST(a_failure_leaves_the_old_file_and_nothing_else)                                                               \
    TEST(a_missing_file_and_a_folder_are_told_apart)                                                                   \
    TEST_LOOP(an_unsound_file_is_told_by_name_and_fault, sizeof unsound / sizeof *unsound)                             \
    TEST(every_beginning_of_a_file_is_refused) TEST(a_header_longer_than_the_file_is_not_believed)

TEST_MAIN("safetensors", TESTS)
