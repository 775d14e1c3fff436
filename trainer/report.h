/* trainer/report.h: what the trainer says: whole lines of JSON appended to the job folder's events.jsonl.
 * One write() a line, so that a reader never sees half of one.  spec/message.h has the messages.  Training thread only.
 */
#pragma once
#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

struct report; /* opaque */

/* Returns a report that appends to events.jsonl in the directory dir, or NULL.  The file must be new or empty. */
MUST_CHECK struct report *report_open(int dir, struct err *err);
void report_close(struct report *report); /* NULL is fine */

/* Appends a message with the next seq and the time.  Takes members.  ERR_DISK_FULL when there is no room. */
MUST_CHECK bool report_send(struct report *report, const char *type, json_t *members, struct err *err);

/* A number as the spool holds it: the strings "nan", "inf" and "-inf" where JSON has none. */
json_t *report_number(double number);
