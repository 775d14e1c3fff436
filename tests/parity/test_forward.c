/* tests/parity/test_forward.c: the forward pass in evaluation mode, whole and stage by stage. */
#include "tests/parity/compare.h"
#include "tests/parity/test_model.h"
#include "tests/unit/check_main.h"

#include <math.h>

static const char *const names[] = {"pico", "nano", "small", "medium", "base", "large"};

/* Which part of a point the fixture keeps: every step-th row, the first 64 channels; maps have both spatial axes cut.
 */
enum cut { CUT_WHOLE, CUT_ROWS, CUT_ROWS_64, CUT_MAP, CUT_BEST };

static const struct stage {
    const char *fixture, *point; /* %d: a block or layer */
    enum cut cut;
    int step;
} stages[] = {
    {"patch_embed", "patch_embeddings", CUT_ROWS_64, 9},
    {"embeddings", "embeddings", CUT_ROWS_64, 16},
    {"block.%02d", "vit.%d.block", CUT_ROWS_64, 16},
    {"feature.%d", "feature.%d", CUT_MAP, 3},
    {"projector.0", "projector.last_norm", CUT_MAP, 3},
    {"enc_memory", "enc_memory", CUT_ROWS_64, 9},
    {"enc_class", "enc_class", CUT_BEST, 1},
    {"reference_points", "reference_points", CUT_WHOLE, 1},
    {"query_pos", "ref_point_head", CUT_ROWS_64, 4},
    {"dec.%d.self_attn", "dec.%d.self_attn", CUT_ROWS_64, 4},
    {"dec.%d.sampling_offsets", "dec.%d.sampling_offsets", CUT_ROWS, 4},
    {"dec.%d.cross_attn", "dec.%d.cross_attn", CUT_ROWS_64, 4},
    {"dec.%d.out", "dec.%d.out", CUT_ROWS, 2},
    {"dec.normed", "dec.norm", CUT_ROWS, 2},
};
enum { STAGES = sizeof stages / sizeof *stages, MAX_PARTS = 16 };

struct record { /* what one stage put out; a point reached several times is appended */
    float *cut, *whole;
    size_t cut_count, whole_count;
};

static struct record records[STAGES][MAX_PARTS];
static struct tensor *topk_indices, *topk_scores;

static void append(float **to, size_t *count, struct tensor *value)
{
    size_t more = (size_t)tensor_numel(value);
    float *values = tensor_floats(value);

    *to = realloc(*to, (*count + more) * sizeof **to);
    memcpy(*to + *count, values, more * sizeof *values);
    *count += more;
    free(values);
}

static struct tensor *cut(struct tensor *value, enum cut how, int step)
{
    if (how == CUT_MAP) {
        value = tensor_slice(tensor_slice(value, 2, 0, INT64_MAX, step), 3, 0, INT64_MAX, step);
        return tensor_slice(value, 1, 0, 64, 1);
    }
    if (how == CUT_BEST)
        return tensor_amax(value, -1, false);
    if (how != CUT_WHOLE)
        value = tensor_slice(value, 1, 0, INT64_MAX, step);
    return how == CUT_ROWS_64 ? tensor_slice(value, 2, 0, 64, 1) : value;
}

static void record_stage(void *user, const char *point, struct tensor *value)
{
    char name[64];

    (void)user;
    for (int s = 0; s < STAGES; s++)
        for (int part = 0; part < MAX_PARTS; part++) {
            struct record *record = &records[s][part];
            char *number = strstr(stages[s].point, "%d");

            (void)snprintf(name, sizeof name, number ? "%.*s%d%s" : "%.*s",
                           (int)(number ? number - stages[s].point : 63), stages[s].point, part,
                           number ? number + 2 : "");
            if (strcmp(name, point) != 0)
                continue;
            append(&record->whole, &record->whole_count, value);
            append(&record->cut, &record->cut_count, cut(value, stages[s].cut, stages[s].step));
            if (!number)
                break;
        }
}

static void record_topk(void *user, const char *point, struct tensor *value)
{
    (void)user;
    if (strcmp(point, "topk_indices") == 0)
        topk_indices = value;
    if (strcmp(point, "enc_class") == 0)
        topk_scores = tensor_sort_stable(tensor_amax(value, -1, false), -1, NULL);
}

static void stats(const float *values, size_t count, double out[3])
{
    double sum = 0, square = 0, spread = 0;

    for (size_t i = 0; i < count; i++) {
        sum += values[i];
        square += (double)values[i] * values[i];
    }
    for (size_t i = 0; i < count; i++)
        spread += (values[i] - sum / (double)count) * (values[i] - sum / (double)count);
    out[0] = sum / (double)count;
    out[1] = sqrt(spread / (double)(count - 1));
    out[2] = sqrt(square);
}

static bool check_stage(struct fixture *fixture, int s, int part)
{
    const struct record *record = &records[s][part];
    char name[64], full[96];
    const struct st_tensor *want;
    double got[3];
    bool ok;

    (void)snprintf(name, sizeof name, "%s", stages[s].fixture);
    if (strstr(name, "%02d"))
        (void)snprintf(name, sizeof name, "block.%02d", part);
    else if (strchr(name, '%'))
        (void)snprintf(name, sizeof name, "%.*s%d%s", (int)(strchr(stages[s].fixture, '%') - stages[s].fixture),
                       stages[s].fixture, part, strchr(stages[s].fixture, '%') + 2);
    want = fixture_get_or_null(fixture, "mid.%s", name);
    if (!want)
        return part > 0; /* fewer blocks than MAX_PARTS */
    (void)snprintf(full, sizeof full, "mid.%s", name);
    ck_assert_msg(record->cut_count == fixture_elements(want), "%s: %zu values, the fixture has %zu", full,
                  record->cut_count, fixture_elements(want));
    ok = compare_floats(full, record->cut, fixture_floats(fixture, want), record->cut_count,
                        fixture_tolerance(fixture, full));
    stats(record->whole, record->whole_count, got);
    (void)snprintf(full, sizeof full, "mid.%s.stats", name);
    return compare_doubles(full, got, fixture_doubles(fixture, fixture_get(fixture, "%s", full)), 3,
                           fixture_tolerance(fixture, full)) &&
           ok;
}

static bool check_tensor(struct fixture *fixture, struct tensor *got, const char *name)
{
    const struct st_tensor *want = fixture_get(fixture, "%s", name);
    float *values;
    bool ok;

    ck_assert_uint_eq((size_t)tensor_numel(got), fixture_elements(want));
    values = tensor_floats(got);
    ok = compare_floats(name, values, fixture_floats(fixture, want), fixture_elements(want),
                        fixture_tolerance(fixture, name));
    free(values);
    return ok;
}

static bool check_outputs(struct fixture *fixture, const struct model_output *out)
{
    const struct st_tensor *want = fixture_get(fixture, "enc.topk_indices");
    int64_t *index = malloc(fixture_elements(want) * sizeof *index);
    int last = out->layers - 1;
    bool ok = true;
    char name[64];

    ok &= check_tensor(fixture, out->logits[last], "pred_logits");
    ok &= check_tensor(fixture, out->boxes[last], "pred_boxes");
    for (int i = 0; i < last; i++) {
        (void)snprintf(name, sizeof name, "aux.%d.pred_logits", i);
        ok &= check_tensor(fixture, out->logits[i], name);
        (void)snprintf(name, sizeof name, "aux.%d.pred_boxes", i);
        ok &= check_tensor(fixture, out->boxes[i], name);
    }
    ok &= check_tensor(fixture, out->enc_logits, "enc.pred_logits");
    ok &= check_tensor(fixture, out->enc_boxes, "enc.pred_boxes");
    ok &= check_tensor(fixture, tensor_slice(topk_scores, -1, 0, fixture_get(fixture, "enc.topk_scores")->dims[1], 1),
                       "enc.topk_scores");
    (void)tensor_read(topk_indices, index, fixture_elements(want) * sizeof *index);
    ok &= compare_ints("enc.topk_indices", index, fixture_ints(fixture, want), fixture_elements(want));
    free(index);
    return ok;
}

START_TEST(every_stage_and_output_is_the_reference_s)
{
    struct model *model = model_from_manifest(names[_i]);
    const struct probe stages_probe = {.seen = record_stage}, topk_probe = {.seen = record_topk};
    struct model_output out;
    struct fixture *fixture;
    struct tensor *images;
    struct err err = {0};
    bool ok = true;
    char name[64];

    if (!model)
        return;
    (void)snprintf(name, sizeof name, "forward_%s", names[_i]);
    fixture = fixture_open(name, FIXTURE_TENSORS);
    if (!fixture)
        return;
    (void)tensor_scope_open();
    (void)tensor_grad_mode(false);
    model_fill(model, fixture_text(fixture->meta, "salt"));
    images = model_images(fixture_text(fixture->meta, "salt"), fixture_json(fixture->meta, "images"),
                          fixture_int(fixture->meta, "size"));
    if (fixture_get_or_null(fixture, "mid.patch_embed")) {
        (void)model_forward(model, tensor_narrow(images, 0, 0, 1), false, &stages_probe);
        ck_assert_msg(tensor_check(&err), "%s", err.msg);
        for (int s = 0; s < STAGES; s++)
            for (int part = 0; part < (strchr(stages[s].fixture, '%') ? MAX_PARTS : 1); part++)
                ok &= check_stage(fixture, s, part);
    }
    out = model_forward(model, images, false, &topk_probe);
    ck_assert_msg(tensor_check(&err), "%s", err.msg);
    ok &= check_outputs(fixture, &out);
    ck_assert(ok);
    fixture_close(fixture);
    model_free(model);
}
END_TEST

TEST_MAIN("forward", TEST_LOOP(every_stage_and_output_is_the_reference_s, sizeof names / sizeof *names))
