/* rollout.h - changes to what every core has a copy of, one after the other, on the first core.
 *
 * A change is the message that asks for it.  It waits for those that came before; while it is the first
 * it is under way: its owner checks it, has it stored, tells all cores and answers.
 */
#ifndef HUB_ROLLOUT_H
#define HUB_ROLLOUT_H

#include "hub/hub.h"

struct rollout {
    struct msg *first, *last; /* oldest first; the first is under way */
    unsigned waiting;         /* with the first */
    unsigned cores_left;      /* that have not applied it yet */
};

/* Keeps the message.  ERR_THROTTLED: `max` of them wait already. */
enum err rollout_add(struct rollout *r, struct msg *m, unsigned max) MUST_USE;

/* The first one was answered: it is freed, and the next one, if there is one, is the first. */
void rollout_shift(struct rollout *r);

/* Posts the body to all cores, which answer when they have applied it. */
void rollout_tell(struct rollout *r, const struct hub *hub, struct lane *lane, unsigned kind,
                  struct slice body);

/* A core has applied it.  True: it was the last one. */
bool rollout_applied(struct rollout *r);

void rollout_free(struct rollout *r);

#endif
