/* clock.h - time, from one place, so that a test or the simulator can own it.
 *
 * Units: microseconds.  Monotonic time counts from an arbitrary start and never steps; wall time is
 * UTC since 1970 and may step either way.  Thread-safe; replacing the source is for start-up.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct clock_source {
    int64_t (*mono_us)(void);
    int64_t (*wall_us)(void);
};

int64_t clock_mono_us(void);
int64_t clock_wall_us(void);

/* NULL: the operating system's clocks again. */
void clock_use(const struct clock_source *source);

/* A second in the calendar of today, UTC; months and days from 1. */
struct clock_date {
    int year, month, day, hour, minute, second;
};

struct clock_date clock_date(int64_t wall_us);

/* Days since 1970 of a date; a day that its month has not counts on into the next. */
int64_t clock_days(int year, int month, int day);

enum { CLOCK_ISO_LEN = 28 };

/* "2026-11-23T04:05:06.1234567Z", .NET round-trip form (7 digits, the last always 0), plus NUL.  Of
 * times before the year 0 or after 9999 the nearest one. */
void clock_iso(int64_t wall_us, char out[CLOCK_ISO_LEN + 1]);

/* The same of milliseconds from outside, which may be any: the nearest time of the years 1000 to 9999. */
void clock_iso_ms(int64_t ms, char out[CLOCK_ISO_LEN + 1]);

/* ISO 8601 / RFC 3339 with optional fraction and 'Z' or an offset (none: UTC). */
enum err clock_parse_iso(struct slice text, int64_t *wall_us) MUST_USE;

/* The date of HTTP as it is written today (RFC 9110 section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". */
enum err clock_parse_http(struct slice text, int64_t *wall_us) MUST_USE;

#endif
