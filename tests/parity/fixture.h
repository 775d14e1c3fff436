/* tests/parity/fixture.h: the reference's values that parity tests compare with.
 *
 * Files lie in the directory named by DETRD_FIXTURES, else in tests/fixtures of SOURCE_DIR (ctest sets it).  A file
 * that the default directory lacks fails the test; where DETRD_FIXTURES is set it is a skip, printed by name.  Salt,
 * images and cases come from each file, so that another set of the same form can be used. */
#pragma once
#include "trainer/safetensors.h"

#include <jansson.h>

enum fixture_parts { FIXTURE_TENSORS = 1, FIXTURE_JSON = 2 };

struct fixture {
    const char *name;
    struct safetensors *tensors; /* NAME.safetensors, when asked for */
    json_t *meta;                /* its metadata `meta` */
    json_t *doc;                 /* NAME.json, when asked for */
    struct arena *arena;         /* what the calls below return lives as long as the fixture */
};

/* Returns the fixture (fixture_close it), or NULL when the test is to be skipped.  Anything else ends the test.
 *     struct fixture *fixture = fixture_open("criterion", FIXTURE_TENSORS | FIXTURE_JSON);
 *     if (!fixture)
 *         return; */
struct fixture *fixture_open(const char *name, int parts);
void fixture_close(struct fixture *fixture);

/* The path of a file of another kind, or NULL when the test is to be skipped.  Free it. */
char *fixture_path(const char *file);

/* Prints that a case of the set is left out, and why. */
void fixture_skip(const char *name, const char *why);

/* A tensor by name; one that is missing ends the test.  _or_null: NULL then. */
PRINTF(2, 3) const struct st_tensor *fixture_get(struct fixture *fixture, const char *fmt, ...);
PRINTF(2, 3) const struct st_tensor *fixture_get_or_null(struct fixture *fixture, const char *fmt, ...);

/* Its values, aligned; of another dtype (doubles: also float32) ends the test. */
const float *fixture_floats(struct fixture *fixture, const struct st_tensor *tensor);
const double *fixture_doubles(struct fixture *fixture, const struct st_tensor *tensor);
const int64_t *fixture_ints(struct fixture *fixture, const struct st_tensor *tensor);
size_t fixture_elements(const struct st_tensor *tensor);

/* What a JSON value holds; one that is missing or of another type ends the test.  path: keys and indexes,
 * "cases.0.terms". */
json_t *fixture_json(json_t *root, const char *path);
const char *fixture_text(json_t *root, const char *path);
double fixture_real(json_t *root, const char *path);
int64_t fixture_int(json_t *root, const char *path);

/* meta.tolerance_abs of that tensor. */
double fixture_tolerance(const struct fixture *fixture, const char *tensor);
