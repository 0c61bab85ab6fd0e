/* suspects.h - identities in whose name logins fail again and again: the refusals become slow.
 *
 * Credentials are judged at once, always: who has a good one is let in whatever others do in its name, so
 * that nobody can lock a device out by failing for it.  Only the answer to a bad one waits for
 * SUSPECT_HOLD_US, once SUSPECT_FAILURES_MAX of them came within SUSPECT_WINDOW_US: a device with a
 * wrong key that comes again at once costs a handshake every five seconds, not hundreds.
 *
 * Runs on: the identity's home core.
 * Limits:  SUSPECTS_MAX identities, the one that failed longest ago is forgotten; SUSPECT_HELD_MAX
 *          answers wait, beyond them the oldest is given early.
 */
#ifndef HUB_SESSION_SUSPECTS_H
#define HUB_SESSION_SUSPECTS_H

#include "base/list.h"
#include "base/map.h"

enum { SUSPECTS_MAX = 4096, SUSPECT_FAILURES_MAX = 10, SUSPECT_HELD_MAX = 1024 };
#define SUSPECT_WINDOW_US (60 * 1000000ll)
#define SUSPECT_HOLD_US   (5 * 1000000ll)

struct suspects {
    struct map by_who;
    struct list oldest;
};

void suspects_init(struct suspects *s);
void suspects_fini(struct suspects *s);

/* One more.  True: it is one too many, let the answer wait. */
bool suspects_failed(struct suspects *s, struct slice who, int64_t now_us);

#endif
