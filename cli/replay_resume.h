/* replay_resume.h - how far a replay has come, in a file, so that another run goes on from there.
 *
 * {"run", "shiftMicroseconds", "source", "target", "events", "lanes": {"NAME": NEXT}}: of each file, or
 * partition, what was not acknowledged yet.  Lanes of two sources may have the same names: `source` is the path
 * without symbolic links, the container's URL without its signature, or the identity of the event hub.  What was on its way when the run ended is replayed again.
 */
#ifndef CLI_REPLAY_RESUME_H
#define CLI_REPLAY_RESUME_H

#include "cli/command.h"
#include "cli/replay.h"

struct replay_resume {
    const char *path;    /* NULL: nothing is kept */
    struct json *lanes;  /* as it was read; NULL: the run begins */
    struct json *at;     /* where the next lane is likely */
    struct slice target; /* as it was read */
    struct slice source; /* as it was read, then as it is written; empty: of an older version */
    char run[40];        /* its id, in every event */
    bool has_shift;
    int64_t shift_us;
    int64_t events;   /* of the runs before */
    int64_t saved_us; /* monotonic */
};

enum { REPLAY_SAVE_US = 1000000, REPLAY_RESUME_FILE_MAX = 64 << 20 };

/* `path` NULL, or no such file: the run begins.  ERR_INVALID: it is not what a run writes; nothing of it counts. */
enum err replay_resume_load(struct cli *c, const char *path, struct replay_resume *out) MUST_USE;

/* From now on it is of that source, borrowed.  `target` NULL: nothing is sent.  ERR_CONFLICT: the file is of
 * a replay of or into something else. */
enum err replay_resume_begin(struct replay_resume *r, struct slice source,
                             const char *target) MUST_USE;

/* What the file says of a lane; false: nothing. */
bool replay_resume_lane(struct replay_resume *r, const char *name, int64_t *next);

/* `next_of(ctx, lane)`: what was not acknowledged; -1: nothing is known of the lane. */
enum err replay_resume_save(struct replay_resume *r, const char *target, int64_t events,
                            const struct replay_source *s,
                            int64_t (*next_of)(void *ctx, unsigned lane), void *ctx) MUST_USE;

#endif
