/* base/clock.h: time. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970-01-01 UTC; may jump when the machine's clock is set. */
int64_t clock_wall_ms(void);

/* Seconds since some fixed point; never goes back. */
double clock_monotonic_s(void);

enum { CLOCK_TEXT_SIZE = 32 };

/* Writes wall_ms as RFC 3339 in UTC with milliseconds, "2026-11-25T18:02:42.123Z", and returns text. */
char *clock_text(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);
