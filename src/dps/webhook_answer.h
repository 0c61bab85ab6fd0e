/* webhook_answer.h - what a webhook answers: Azure's AllocationResponse.  Private to dps.
 *
 * Source: "Understand custom allocation policies". */
#ifndef DPS_WEBHOOK_ANSWER_H
#define DPS_WEBHOOK_ANSWER_H

#include "base/arena.h"
#include "dps/dps.h"

/* In the arena, or one of the hubs that the webhook was offered. */
struct webhook_answer {
    struct slice hub;
    struct slice twin, payload; /* JSON; empty: none */
};

/* DPS_OK; or the code of the registration that fails, with a fail_text(). */
unsigned webhook_answer_read(struct arena *a, struct slice text, const struct slice *hubs,
                             unsigned count, struct webhook_answer *out);

#endif
