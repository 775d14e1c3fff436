/* keeper/ending.h: how a job ended, from what its trainer said and from what its process did.
 * The trainer's own last word, `bye`, counts; a crash after it is only a warning. */
#pragma once
#include "keeper/child.h"
#include "spec/job_state.h"
#include "spec/message.h"

enum { ENDING_DETAIL_SIZE = 1024 };

struct ending {
    bool is_success;                 /* finished, or stopped on request with a checkpoint */
    enum job_cause cause;            /* CAUSE_NONE: none is told */
    char detail[ENDING_DETAIL_SIZE]; /* one line for the person who must act, or "" */
};

/* Settles ending.  bye is the message of that type, or NULL; status is waitpid's. */
void ending_settle(struct ending *ending, const struct message *bye, int status, const struct child *child);

/* Reads the last line of the spool in dir.  False unless it is a whole `bye`; message_done frees it. */
bool ending_read_bye(int dir, struct message *bye);
