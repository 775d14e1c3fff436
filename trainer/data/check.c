/* trainer/data/check.c: see check.h.  The report is made as JSON; the words are printed from that. */
#include "trainer/data/check.h"

#include "base/arena.h"
#include "trainer/data/dataset.h"
#include "trainer/data/transforms.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

static void add_warning(void *arg, const struct data_warning *warning)
{
    (void)json_array_append_new(arg, json_pack("{sssssssI}", "detail", warning->detail, "pointer", warning->pointer,
                                               "file", warning->file, "count", (json_int_t)warning->count));
}

/* An image that is cut short shows it only now. */
static bool decode_all(const struct dataset *data, struct err *err)
{
    struct sample sample = {0};
    bool ok = true;

    for (int split = 0; ok && split < SPLIT_COUNT; split++)
        for (int64_t i = 0; ok && i < data->splits[split].image_count; i++)
            ok = sample_read(&sample, &data->splits[split], i, true, 0, err);
    sample_free(&sample);
    return ok;
}

static json_t *split_report(const struct data_split *split)
{
    int64_t background = 0;

    for (int64_t i = 0; i < split->image_count; i++)
        background += split->images[i].object_count == 0;
    return json_pack("{sIsIsIsI}", "images", (json_int_t)split->image_count, "boxes", (json_int_t)split->object_count,
                     "crowds", (json_int_t)split->crowd_count, "background_images", (json_int_t)background);
}

static json_t *class_reports(const struct dataset *data)
{
    int64_t *boxes = xcalloc((size_t)data->class_count, SPLIT_COUNT * sizeof(*boxes));
    json_t *classes = json_array();

    for (int split = 0; split < SPLIT_COUNT; split++)
        for (int64_t i = 0; i < data->splits[split].image_count; i++) {
            const struct data_image *image = &data->splits[split].images[i];

            for (int64_t k = 0; k < image->object_count; k++)
                boxes[image->objects[k].label * SPLIT_COUNT + split] += !image->objects[k].crowd;
        }
    for (int i = 0; i < data->class_count; i++) {
        json_t *counts = json_object();

        for (enum split split = SPLIT_TRAIN; split < SPLIT_COUNT; split++)
            if (data->splits[split].folder)
                (void)json_object_set_new(counts, split_name(split), json_integer(boxes[i * SPLIT_COUNT + (int)split]));
        (void)json_array_append_new(classes,
                                    json_pack("{sIsissso}", "id", (json_int_t)data->classes[i].id, "index",
                                              data->classes[i].column, "name", data->classes[i].name, "boxes", counts));
    }
    free(boxes);
    return classes;
}

static json_t *make_report(const struct dataset *data, enum check_form form, json_t *warnings)
{
    json_t *report = json_object();

    for (enum split split = SPLIT_TRAIN; split < SPLIT_COUNT; split++)
        if (data->splits[split].folder)
            (void)json_object_set_new(report, split_name(split), split_report(&data->splits[split]));
    (void)json_object_set_new(report, "pixels", json_string(form == CHECK_WHOLE ? "decoded" : "not decoded"));
    (void)json_object_set_new(report, "classes", class_reports(data));
    (void)json_object_set(report, "warnings", warnings);
    return report;
}

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_words(const json_t *report, FILE *out)
{
    json_t *classes = json_object_get(report, "classes"), *item;
    size_t i;

    for (enum split split = SPLIT_TRAIN; split < SPLIT_COUNT; split++) {
        const json_t *counts = json_object_get(report, split_name(split));

        if (counts)
            (void)fprintf(out, "%s: %lld images, %lld of them without a box; %lld boxes and %lld crowds\n",
                          split_name(split), number(counts, "images"), number(counts, "background_images"),
                          number(counts, "boxes"), number(counts, "crowds"));
    }
    (void)fprintf(out, "pixels %s\n", json_string_value(json_object_get(report, "pixels")));
    (void)fprintf(out, "%zu classes:\n", json_array_size(classes));
    json_array_foreach(classes, i, item)
    {
        const json_t *boxes = json_object_get(item, "boxes");

        (void)fprintf(out, "  %lld %s (id %lld): %lld boxes in train, %lld in valid\n", number(item, "index"),
                      json_string_value(json_object_get(item, "name")), number(item, "id"), number(boxes, "train"),
                      number(boxes, "valid"));
    }
    json_array_foreach(json_object_get(report, "warnings"), i, item)(void)
        fprintf(out, "warning: %s (%s, first at %s)\n", json_string_value(json_object_get(item, "detail")),
                json_string_value(json_object_get(item, "file")), json_string_value(json_object_get(item, "pointer")));
}

bool check_dataset(const char *dir, const char *roots, enum check_form form, FILE *out, struct err *err)
{
    json_t *warnings = json_array(), *report = NULL;
    struct dataset_options options = {
        .dir = dir, .roots = roots, .test = true, .warn = add_warning, .warn_arg = warnings};
    struct dataset *data = dataset_open(&options, err);

    if (data && (form == CHECK_BRIEF || decode_all(data, err)))
        report = make_report(data, form, warnings);
    if (report && form == CHECK_WHOLE)
        print_words(report, out);
    else if (report && json_dumpf(report, out, JSON_COMPACT) == 0)
        (void)fputc('\n', out);
    dataset_free(data);
    json_decref(warnings);
    json_decref(report);
    return report != NULL;
}
