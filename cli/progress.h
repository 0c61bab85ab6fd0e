/* progress.h - how far long work is: a bar on a terminal, or lines of JSON for programs, on stderr.
 *
 *     {"step":"copying","done":1048576,"total":4194304,"unit":"bytes","percent":25}
 *     {"step":"copying","done":4194304,"total":4194304,"unit":"bytes","percent":100,"ended":true}
 *
 * A step's beginning and its end are always told as JSON, in between what PROGRESS_EVERY_US let through.
 *
 * Runs on: the main thread.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

enum { PROGRESS_EVERY_US = 200000 };

enum progress_how { PROGRESS_NONE, PROGRESS_BAR, PROGRESS_JSON };

struct progress {
    enum progress_how how;
    const char *step; /* the last one; NULL: none yet, or it has ended */
    int64_t shown_us;
};

struct progress_at {
    const char *step;             /* "copying"; a constant */
    const char *unit;             /* "devices", "bytes", "percent" */
    uint64_t done, total, failed; /* total 0: not known */
    double part;         /* 0 to 1 of the whole, where `total` is not known; 0: neither is that */
    struct slice status; /* of a job: "running"; or empty */
    bool ended;
};

/* `format` NULL or "auto": a bar, if stderr is a terminal.  ERR_INVALID: it is not auto, json or none. */
enum err progress_init(struct progress *p, const char *format, bool quiet) MUST_USE;

void progress_show(struct progress *p, const struct progress_at *at);

/* A bar goes, before something else is said. */
void progress_clear(struct progress *p);

#endif
