/* testing.h - the AMQP front without sockets and disk: a connection that is a buffer, a log that is a
 * list, two cores that run in the test, a clock that stands still.  Frames are text
 * (proto/amqp/testing).  For tests only: it defines what net/, log/ and hub/consumer_group define in
 * the product.
 */
#ifndef FRONT_AMQP_TESTING_TESTING_H
#define FRONT_AMQP_TESTING_TESTING_H

#include "auth/auth.h"
#include "front/amqp/amqp.h"
#include "front/amqp/testing/fake_c2d.h"
#include "front/amqp/testing/fake_event_hub.h"
#include "log/log.h"
#include "proto/amqp/amqp.h"

enum { RIG_CORES = 2, RIG_PARTITIONS = 3, RIG_WAITING = 16 };

struct conn {
    struct lane *lane;
    struct buf out;
    void *self; /* the front's */
    const char *sni;
    bool congested, owes_drained, closing, paused;
};

/* One partition of the log that the test plays. */
struct rig_partition {
    struct buf frames;
    struct log_ends ends;
    struct msg *waiting[RIG_WAITING]; /* LOG_READ */
    unsigned waiting_count;
};

struct log {
    struct lane lane;
    struct rig_partition partitions[FAKE_STREAM_PARTITIONS]; /* the built-in event hub has fewer */
    enum err fail;                                           /* the next read is answered so */
    uint64_t fail_next;                                      /* ... with this as `next` */
    unsigned reads;                                          /* LOG_READ that have come */
    unsigned blobs; /* pieces given out whose readers still hold them: see rig_blobs() */
    struct blob *given[64];
};

struct front_rig {
    struct office office;
    struct lane cores[RIG_CORES];
    struct log log;
    struct policies policies;
    struct hub hub;
    struct session_desk desks[RIG_CORES];
    struct amqp_service *services[RIG_CORES];
};

extern int64_t rig_now_us;              /* monotonic; wall time is RIG_EPOCH_US more */
#define RIG_EPOCH_US 1767225600000000ll /* 2026-01-01 */
#define RIG_DAY_US   (24ll * 3600 * 1000000)

void front_rig_init(struct front_rig *r);
void front_rig_fini(struct front_rig *r);

/* Runs every lane until nothing is left to do; time stands still, or goes on first. */
void front_rig_run(struct front_rig *r);
void front_rig_sleep(struct front_rig *r, int64_t us);

/* ---- connections */

void rig_open(struct front_rig *r, struct conn *c, unsigned core);
void rig_close(struct front_rig *r, struct conn *c); /* the peer is gone; its output is freed */
void rig_feed(struct front_rig *r, struct conn *c, const char *text);
void rig_feed_only(struct conn *c, const char *text); /* lanes do not run afterwards */
void rig_feed_format(struct front_rig *r, struct conn *c, const char *fmt, ...) PRINTF(3, 4);
void rig_drain(struct front_rig *r, struct conn *c); /* the peer has read: there is room again */

/* What was sent since the last time, as lines; borrowed until the next call. */
const char *rig_output(struct conn *c);

/* Without SASL to a session on channel 0. */
void rig_greet(struct front_rig *r, struct conn *c);

/* A token of that policy for `resource` ("hub.test/hub"), good for that long; static. */
const char *rig_token(struct front_rig *r, const char *policy, const char *resource,
                      int64_t lifetime_us);

/* Links to $cbs (handles 8 and 9) and a token put there. */
void rig_authorise(struct front_rig *r, struct conn *c, const char *token);

/* A connection on that core that may read the stream. */
void rig_welcome(struct front_rig *r, struct conn *c, unsigned core);

/* ---- the log */

/* A record with that body and an annotation; without a sequence, readers of the stream skip it. */
void rig_append(struct front_rig *r, unsigned partition, const char *body, bool for_stream);
void rig_trim(struct front_rig *r, unsigned partition, unsigned records);

/* Pieces that some reader holds. */
unsigned rig_blobs(struct front_rig *r);

#endif
