/* model_runs.h - what one device sent over one connection after the other, each message once, and what of it the
 * log may have.
 *
 * A new connection is let in once the older one has ended, with all that came over it in the log.  So the log has
 * what was sent over each connection in one run: in its order, with nothing of another connection between, and
 * behind that of every connection that is known to be older.  What is sent over a connection after another one's
 * client was told that it has the session is nowhere.
 */
#ifndef SIM_MODEL_RUNS_H
#define SIM_MODEL_RUNS_H

#include "base/slice.h"
#include "world.h"

enum { RUNS_NONE = UINT32_MAX };

/* A connection: made, and let in as its client heard. */
struct model_run {
    int64_t since_us, connected_us;
    bool taken; /* another one's client was told that it has the session */
    bool over;  /* in the log: something of another one stands behind it */
};

struct run_message {
    unsigned run;
    bool late; /* it was sent over a connection that had been taken over */
    bool acked, seen;
};

struct model_runs {
    const char *who;
    struct model_run *runs;
    struct run_message *messages; /* by number, in the order of sending */
    unsigned run_count, message_count;
    unsigned last_run, last_number; /* that was read; RUNS_NONE: nothing was */
    int64_t newest_us; /* when the newest connection of which something was read was made */
};

void model_runs_fini(struct model_runs *m);

unsigned model_runs_connected(struct model_runs *m, int64_t since_us); /* the run's number */
void model_runs_taken(struct model_runs *m, unsigned run);
unsigned model_runs_sent(struct model_runs *m, unsigned run); /* the message's number */
void model_runs_acked(struct model_runs *m, unsigned number);

void model_runs_put_body(struct buf *out, unsigned number);

/* The log is read from its beginning; then each of the device's messages; then the end of it. */
void model_runs_read(struct model_runs *m);
void model_runs_stored(struct model_runs *m, struct slice body);
void model_runs_read_all(const struct model_runs *m);

#endif
