/* webhook.h - custom allocation: a program of the operator's chooses the hub.  Private to dps.
 *
 *   operation ─▶ POST AllocationRequest ─▶ 200: hub, initial twin, payload ─▶ operation_allocated()
 *                     ▲           │ 429 and more, no answer
 *                     └── later ◀─┘ ten times, then failed
 *
 * Source: "Understand custom allocation policies", "Use custom allocation policies" (troubleshooting). */
#ifndef DPS_WEBHOOK_H
#define DPS_WEBHOOK_H

#include "out/out.h"

enum {
    WEBHOOK_TIMEOUT_MS = 5000,
    WEBHOOK_ANSWER_MAX = 128 << 10, /* bytes: 400207 */
    WEBHOOK_RETRIES = 10,           /* DPS */
    WEBHOOK_RETRY_FIRST_S = 1,      /* DPS: the first after 1 s, each later one 9 s later */
    WEBHOOK_RETRY_MORE_S = 9,
};

struct operation;

/* Of an operation that asks. */
struct webhook {
    struct out_wait wait;
    struct timer again;
    unsigned tries;
    bool asked;               /* an answer is awaited */
    const struct slice *hubs; /* to choose from */
    unsigned hub_count;
};

void webhook_init(struct webhook *w);
void webhook_ask(struct operation *o, const struct slice *hubs, unsigned count);
void webhook_forget(struct operation *o);

#endif
