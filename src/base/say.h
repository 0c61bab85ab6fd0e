/* say.h - one line of logging: event name first, then key=value.
 *
 *   say_warn("method.timeout", "device=%.*s ms=%d", SLICE_ARG(id), ms);
 *
 * Levels say who must act: error = a person now, warn = a person this week, info = state changes of
 * the service and devices that were turned away, debug = per connection, trace = per message.  Never
 * a body, key or token.
 * Thread-safe: one write(2) per line to stderr; while nobody reads it and it is full, lines are lost, and the
 * next one says how many: nothing waits for a log.  A call site that repeats itself more than
 * SAY_BURST times within a second is folded into one line with a count.
 */
#ifndef BASE_SAY_H
#define BASE_SAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum say_level { SAY_ERROR, SAY_WARN, SAY_INFO, SAY_DEBUG, SAY_TRACE };

enum { SAY_BURST = 10, SAY_LINE_MAX = 1024 };

extern _Atomic enum say_level say_level_max; /* default SAY_INFO; may change at any time */

struct say_site {
    _Atomic int64_t second;
    atomic_uint count;
};

enum err say_level_parse(const char *name, enum say_level *out) MUST_USE;

void say_line(struct say_site *site, enum say_level level, const char *event, const char *fmt, ...)
    PRINTF(4, 5);

#define SAY(level, event, ...)                                                                     \
    do {                                                                                           \
        static struct say_site say_site_;                                                          \
        if ((level) <= say_level_max) say_line(&say_site_, level, event, __VA_ARGS__);             \
    } while (0)

#define say_error(event, ...) SAY(SAY_ERROR, event, __VA_ARGS__)
#define say_warn(event, ...)  SAY(SAY_WARN, event, __VA_ARGS__)
#define say_info(event, ...)  SAY(SAY_INFO, event, __VA_ARGS__)
#define say_debug(event, ...) SAY(SAY_DEBUG, event, __VA_ARGS__)
#define say_trace(event, ...) SAY(SAY_TRACE, event, __VA_ARGS__)

#endif
