/* base/sha256.h: the SHA-256 of bytes that come in pieces (FIPS 180-4).
 *     struct sha256 sum;
 *     sha256_init(&sum), sha256_add(&sum, data, size), sha256_hex(&sum, hex); */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SHA256_HEX_SIZE = 65 }; /* 64 lower-case digits and a NUL */

struct sha256 {
    uint32_t state[8];
    uint64_t size;           /* bytes taken so far */
    unsigned char block[64]; /* the last size % 64 of them */
};

void sha256_init(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *data, size_t size);

/* Ends sum: start the next with sha256_init.  Returns hex. */
char *sha256_hex(struct sha256 *sum, char hex[SHA256_HEX_SIZE]);
