/* latency.c - see latency.h. */
#include "dps/latency.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

struct latency {
    struct dps *dps;
    struct hub_ask ask;
    char name[DPS_ID_MAX + 1]; /* of the hub that is asked */
    int64_t asked_us;
};

int64_t latency_us(const struct linked_hub *h)
{
    if (h->latency_ms) return h->latency_ms * INT64_C(1000);
    if (h->own) return 0;
    return h->measured_us ? h->measured_us : INT64_MAX;
}

/* One that does not answer is as far as it may be. */
static void on_answer(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct latency *l = CONTAINER_OF(ask, struct latency, ask);
    int64_t now_us = clock_mono_us(), took_us = MAX(now_us - l->asked_us, 1);
    if (reply->http == 0) took_us = HUB_TIMEOUT_MS * INT64_C(1000);
    linked_measured(&l->dps->linked, slice_str(l->name), took_us, now_us);
}

void latency_measure(struct latency *l, const struct linked_hub *h)
{
    int64_t now_us = clock_mono_us();
    bool fresh = h->measured_us && now_us - h->measured_at_us < LATENCY_FRESH_US;
    if (h->own || h->latency_ms || fresh || l->ask.waiting != HUB_ASKS_NOBODY) return;
    snprintf(l->name, sizeof l->name, "%.*s", SLICE_ARG(h->name));
    l->asked_us = now_us;
    l->ask.fn = on_answer;
    hub_get_identity(&l->ask, slice_str(l->name), SLICE_LIT("azimuth-latency"));
}

struct latency *latency_new(struct dps *d)
{
    struct latency *l = NEW(struct latency);
    l->dps = d;
    hub_ask_init(&l->ask, d);
    return l;
}

void latency_free(struct latency *l)
{
    if (l == NULL) return;
    hub_ask_forget(&l->ask);
    free(l);
}
