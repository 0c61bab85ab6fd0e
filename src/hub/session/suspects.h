/* suspects.h - identities in whose name logins fail again and again: the refusals become slow.
 *
 * Credentials are judged at once, always: who has a good one is let in whatever others do in its name, so
 * that nobody can lock a device out by failing for it.  Only the answer to a bad one waits for
 * SUSPECT_HOLD_US, once SUSPECT_FAILURES_MAX of them came within SUSPECT_WINDOW_US: a device with a
 * wrong key that comes again at once costs a handshake every five seconds, not hundreds.
 *
 * Runs on: the identity's home core.
 * Life:    embedded; suspects_init() to suspects_fini(), before which the owner takes what waits.
 * Limits:  SUSPECTS_MAX identities, the one that failed longest ago is forgotten; SUSPECT_HELD_MAX
 *          answers wait, beyond them the oldest is given early.
 */
#ifndef HUB_SESSION_SUSPECTS_H
#define HUB_SESSION_SUSPECTS_H

#include "base/strikes.h"
#include "post/timer.h"

enum { SUSPECTS_MAX = 4096, SUSPECT_FAILURES_MAX = 10, SUSPECT_HELD_MAX = 1024 };
#define SUSPECT_WINDOW_US (60 * 1000000ll)
#define SUSPECT_HOLD_US   (5 * 1000000ll)

/* An answer that waits, embedded in what it answers. */
struct held {
    struct list node;
    int64_t due_us;
};

struct suspects {
    struct strikes strikes;
    struct timers *timers;
    struct list held; /* the next one first */
    size_t held_count;
    struct timer timer;
    void (*release)(struct held *one); /* its time has come; it is linked no more */
};

void suspects_init(struct suspects *s, struct timers *timers, void (*release)(struct held *one));
void suspects_fini(struct suspects *s);

/* One more.  True: it is one too many, let the answer wait. */
bool suspects_failed(struct suspects *s, struct slice who, int64_t now_us);

/* Lets an answer wait: release() gets it after SUSPECT_HOLD_US, or earlier if too many wait. */
void suspects_hold(struct suspects *s, struct held *one, int64_t now_us);

/* The next one that waits, without release(); NULL: there is none. */
struct held *suspects_take(struct suspects *s);

#endif
