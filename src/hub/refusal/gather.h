/* gather.h - one question to all journals, one answer.  Private to hub/refusal. */
#ifndef HUB_REFUSAL_GATHER_H
#define HUB_REFUSAL_GATHER_H

#include "hub/refusal/journal.h"

/* What the first core says beside its records. */
struct gather_alerts {
    const struct refusal_alert *items;
    uint64_t count;
};

/* On a journal's core: the answer to REFUSAL_ASK. */
struct msg *gather_answer(const struct journal *j, unsigned core, const struct gather_alerts *now,
                          const struct msg *ask);

void gather_on_page(void *ctx, struct lane *lane, struct msg *m);

const struct hub *refusals_hub(const struct refusals *r);

#endif
