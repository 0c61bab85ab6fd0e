/* say.c - log lines on stderr. */
#include "base/say.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"

_Atomic enum say_level say_level_max = SAY_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};

enum err say_level_parse(const char *name, enum say_level *out)
{
    for (int i = SAY_ERROR; i <= SAY_TRACE; i++)
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum say_level)i;
            return OK;
        }
    return ERR_INVALID;
}

/* How many lines of this site were swallowed before this one; -1: swallow this one too. */
static int folded(struct say_site *site, int64_t second)
{
    int64_t before = atomic_exchange(&site->second, second);
    if (before == second) return atomic_fetch_add(&site->count, 1) < SAY_BURST ? 0 : -1;
    unsigned count = atomic_exchange(&site->count, 1);
    return count > SAY_BURST ? (int)(count - SAY_BURST) : 0;
}

/* A pipe with room has room for PIPE_BUF bytes, if one asks and writes at a time: hence the lock. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static unsigned lost; /* lines that found no room */

static bool has_room(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) != 0; /* what is wrong with it, write() meets */
}

static void write_or_lose(struct buf *line)
{
    pthread_mutex_lock(&writing);
    if (has_room()) {
        if (lost) buf_printf(line, " lost=%u", lost);
        lost = 0;
        buf_put_u8(line, '\n');
        ssize_t ignored = write(STDERR_FILENO, line->ptr, MIN(buf_size(line), (size_t)PIPE_BUF));
        (void)ignored;
    } else {
        lost++;
    }
    pthread_mutex_unlock(&writing);
}

/* What peers say of themselves stands in lines that people read in terminals. */
static void write_line(struct slice line)
{
    struct buf shown = {0};
    text_shown(&shown, line);
    write_or_lose(&shown);
    buf_free(&shown);
}

void say_line(struct say_site *site, enum say_level level, const char *event, const char *fmt, ...)
{
    int64_t now = clock_wall_us();
    int hidden = folded(site, now / 1000000);
    if (hidden < 0) return;
    char line[SAY_LINE_MAX], when[CLOCK_ISO_LEN + 1];
    clock_iso(now, when);
    int n = snprintf(line, sizeof line, "%.23sZ %s %s ", when, level_names[level], event);
    va_list ap;
    va_start(ap, fmt);
    n += vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    va_end(ap);
    if (hidden && (size_t)n < sizeof line)
        n += snprintf(line + n, sizeof line - (size_t)n, " folded=%d", hidden);
    if ((size_t)n > sizeof line - 2) n = (int)sizeof line - 2;
    write_line(slice_of(line, (size_t)n));
}
