/* former.h - keys that were replaced, for a while: whoever still signs with one is told so.
 *
 * They open nothing.  Kept in memory only, apart from the journal of refusals, and wiped.  Private to
 * hub/session; on the home core.
 * Limits: FORMER_MAX identities for each core; the first that came goes.
 */
#ifndef HUB_SESSION_FORMER_H
#define HUB_SESSION_FORMER_H

#include "hub/registry/registry.h"

enum { FORMER_MAX = 512 };

struct formers {
    struct map by_who;
    struct list all; /* struct former, oldest first */
};

void formers_init(struct formers *f);
void formers_fini(struct formers *f);
void formers_add(struct formers *f, const struct identity *old, int64_t wall_us);

/* When the key that this token is signed with was replaced, wall time; 0: it is none of them. */
int64_t formers_signed(const struct formers *f, struct slice who, const struct sas *t);

#endif
