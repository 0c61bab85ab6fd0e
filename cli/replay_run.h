/* replay_run.h - a replay: from its source through filters to its target, at a pace.
 *
 * Runs on: the main thread, until the end, an error or a signal.
 */
#ifndef CLI_REPLAY_RUN_H
#define CLI_REPLAY_RUN_H

#include "cli/replay_back.h"
#include "cli/replay_filter.h"
#include "cli/replay_resume.h"
#include "cli/replay_stream.h"
#include "cli/replay_target.h"

#define REPLAY_READY_US (20 * 1000000ll) /* for both connections, until the first event can go */

#define REPLAY_RENEW_US (TARGET_TOKEN_S / 2 * 1000000ll)

enum replay_shift { REPLAY_NO_SHIFT, REPLAY_SHIFT_NOW, REPLAY_SHIFT_BY };

struct replay_result {
    int64_t read, matched,
        bytes; /* events, events that passed the filters, bytes of bodies and properties */
    int64_t first_us, last_us; /* enqueued times of those that matched */
    int64_t elapsed_us;
    int64_t reconnects;
    bool complete;
};

struct replay_run {
    struct cli *cli;
    struct replay_source source;
    struct replay_stream *stream; /* NULL: files, which are always there */
    struct replay_target *target; /* NULL: --dry-run */
    struct replay_filter filter;
    struct replay_resume resume;
    struct replay_mark mark;
    enum replay_shift shift;
    int64_t shift_us;
    double speed; /* 0: flat out */
    bool quiet;
    /* Called when source and target are known, before the first event; its error ends the run. */
    enum err (*ready)(void *ctx);
    enum err (*renew)(void *ctx); /* every REPLAY_RENEW_US: fresh tokens */
    /* NULL is fine: for each event, before it is put. */
    enum err (*before)(void *ctx, const struct replay_event *e);
    void *ctx;
    struct json *sample; /* of --dry-run; an array */
    /* ---- */
    struct replay_result result;
    struct replay_back target_back, stream_back;
    struct replay_event event;
    bool built;   /* `event` waits for room */
    bool blocked; /* there is none */
    bool over;    /* nothing more is to be read */
    bool began;
    bool may_save; /* `ready` said OK: the file of --resume is of this run */
    enum err fate; /* why it ended early */
    char why[512];
    int64_t start_us, first_due_us; /* monotonic; wall */
    int64_t next_us;                /* monotonic: when the next event is due; 0: now */
    int64_t shown_us, renew_us;
    int64_t *lanes; /* for saving */
    unsigned lane_cap;
};

/* ERR_CLOSED "interrupted" after a signal.  What was acknowledged is in r->target, also after an error. */
enum err replay_run(struct replay_run *r) MUST_USE;
void replay_run_fini(struct replay_run *r);

#endif
