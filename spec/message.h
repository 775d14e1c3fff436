/* spec/message.h: what a worker says: the lines of its spool, events.jsonl.
 * One JSON object a line, {"seq": 1, "time_ms": 1795629762007, "type": "hello", ...}; seq counts from 1 without gaps.
 *
 *   hello       versions: {"detrd", "libtorch"}, device: {"type", "name"}, pid
 *   plan        epochs steps steps_per_epoch images: {train, valid} classes: [{id, index, name}] effective_batch seed
 *   metric      step epoch values: {series: number}
 *   amp_trace   pass ("train", "eval") points: [{point, device, dtype, depth}]
 *   eval        epoch step split weights definition metrics: {series: number} per_class: [...]
 *   checkpoint  name kind ("last", "best") epoch step sha256 bytes metrics
 *   warning     detail pointer file count, the last three where they apply
 *   bye         result ("done", "stopped", "failed") cause detail
 *
 * A number that is not finite is the string "nan", "inf" or "-inf". */
#pragma once
#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

enum { MESSAGE_MAX_BYTES = 1024 * 1024 }; /* a line, without its newline */

enum message_type {
    MESSAGE_NONE,
    MESSAGE_HELLO,
    MESSAGE_PLAN,
    MESSAGE_METRIC,
    MESSAGE_AMP_TRACE,
    MESSAGE_EVAL,
    MESSAGE_CHECKPOINT,
    MESSAGE_WARNING,
    MESSAGE_BYE,
    MESSAGE_TYPE_COUNT
};

struct message {
    int64_t seq, time_ms;
    enum message_type type;
    int64_t epoch, step; /* 0 where the type has none */
    json_t *json;        /* the whole object, its members checked */
};

/* Reads one line of size bytes.  ERR_BAD_SPEC, and a sentence that names the member, for whatever is not a known
 * message whole; message_done frees what a successful read holds. */
MUST_CHECK bool message_read(struct message *message, const char *line, size_t size, struct err *err);
void message_done(struct message *message);

const char *message_type_name(enum message_type type);

/* A member as text, or NULL; as an integer, or 0. */
const char *message_text(const struct message *message, const char *member);
int64_t message_int(const struct message *message, const char *member);

/* Reads a number of the spool, the three strings included.  False if value is neither. */
bool message_number(const json_t *value, double *number);
