/* tests/unit/test_sha256.c: the test vectors of FIPS 180-4 and NIST's example texts. */
#include "base/sha256.h"
#include "tests/unit/check_main.h"

#include <string.h>

static const struct {
    const char *text;
    int times;
    const char *hex;
} vectors[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

START_TEST(a_text_has_the_published_hash)
{
    struct sha256 sum;
    char hex[SHA256_HEX_SIZE];

    sha256_init(&sum);
    for (int i = 0; i < vectors[_i].times; i++)
        sha256_add(&sum, vectors[_i].text, strlen(vectors[_i].text));
    ck_assert_str_eq(sha256_hex(&sum, hex), vectors[_i].hex);
}
END_TEST

START_TEST(pieces_of_any_size_give_the_hash_of_the_whole)
{
    char data[300], whole[SHA256_HEX_SIZE], pieces[SHA256_HEX_SIZE];
    struct sha256 sum;

    memset(data, 'x', sizeof data);
    sha256_init(&sum);
    sha256_add(&sum, data, sizeof data);
    sha256_hex(&sum, whole);
    for (size_t piece = 1; piece < sizeof data; piece++) {
        sha256_init(&sum);
        for (size_t at = 0; at < sizeof data; at += piece)
            sha256_add(&sum, data + at, at + piece < sizeof data ? piece : sizeof data - at);
        ck_assert_str_eq(sha256_hex(&sum, pieces), whole);
    }
}
END_TEST

TEST_MAIN("sha256", TEST_LOOP(a_text_has_the_published_hash, sizeof vectors / sizeof *vectors)
                        TEST(pieces_of_any_size_give_the_hash_of_the_whole))
