/* tests/unit/data_files.h: data sets of a few images in a temporary folder, made by the test itself. */
#pragma once
#include "trainer/data/dataset.h"

enum { WARNINGS_MOST = 16 };

struct data_files {
    char dir[64];
    /* what dataset_open warned of */
    int warning_count;
    struct {
        char detail[256], pointer[64], file[256];
        int64_t count;
    } warnings[WARNINGS_MOST];
};

/* A fresh folder with train/ and valid/. */
void files_make(struct data_files *files);

/* Removes it. */
void files_remove(struct data_files *files);

/* The path of a file in it.  Free it. */
char *files_path(const struct data_files *files, const char *name);

/* Writes bytes to a file, making its folders. */
void files_write(const struct data_files *files, const char *name, const void *data, size_t size);
void files_write_text(const struct data_files *files, const char *name, const char *text);

/* An RGB image with a pattern that depends on where and on seed. */
void files_write_png(const struct data_files *files, const char *name, int width, int height, int seed);
void files_write_jpeg(const struct data_files *files, const char *name, int width, int height, int seed);

/* Both splits with one image a.png of 64 × 48 px, id 1, category 1 "thing"; the train split's annotations are the JSON
 * array given. */
void files_write_set(const struct data_files *files, const char *annotations);

/* Opens the set, all its splits, and keeps warnings. */
struct dataset *files_open(struct data_files *files, struct err *err);

/* Opens a set that must be sound. */
struct dataset *files_open_sound(struct data_files *files);

/* Checks that opening fails with ERR_DATASET, that message and that pointer. */
void files_check_fails(struct data_files *files, const char *message, const char *pointer);
