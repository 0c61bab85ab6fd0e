/* crowd.c - more than a few ids with one cause within five minutes. */
#include "hub/refusal/crowd.h"

#include <stdio.h>

#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"

static struct metric alerts_total[REFUSAL_CAUSES];

__attribute__((constructor)) static void register_alerts(void)
{
    static char labels[REFUSAL_CAUSES][24];
    for (int i = 0; i < REFUSAL_CAUSES; i++) {
        snprintf(labels[i], sizeof labels[i], "cause=\"%s\"",
                 refusal_text((enum refusal_cause)i)->code);
        alerts_total[i] =
            (struct metric){.name = "azimuth_refusal_alerts_total",
                            .labels = labels[i],
                            .help = "Times that more than 3 identities began to be refused for one "
                                    "cause within 5 minutes (docs/reference/why.md)"};
        if (refusal_text((enum refusal_cause)i)->severity <= SEVERITY_CLOSED)
            metric_register(&alerts_total[i]);
    }
}

static bool is_fresh(int64_t last_us, int64_t wall_us)
{
    return wall_us - last_us <= REFUSAL_ALERT_S * 1000000ll;
}

static void forget_stale(struct crowd *c, int64_t wall_us)
{
    for (unsigned i = 0; i < c->count;) {
        if (is_fresh(c->ids[i].last_us, wall_us))
            i++;
        else
            c->ids[i] = c->ids[--c->count];
    }
    if (c->count <= REFUSAL_ALERT_IDS) c->since_us = 0;
}

/* The place of that id: its own, a new one, or that of who was quiet for longest. */
static unsigned place_of(struct crowd *c, uint64_t who)
{
    unsigned oldest = 0;
    for (unsigned i = 0; i < c->count; i++) {
        if (c->ids[i].who == who) return i;
        if (c->ids[i].last_us < c->ids[oldest].last_us) oldest = i;
    }
    return c->count < REFUSAL_ALERT_COUNTED ? c->count++ : oldest;
}

static int64_t first_of(const struct crowd *c)
{
    int64_t first_us = c->ids[0].last_us;
    for (unsigned i = 1; i < c->count; i++) first_us = MIN(first_us, c->ids[i].last_us);
    return first_us;
}

bool crowd_add(struct crowds *all, const struct crowd_member *m, int64_t wall_us)
{
    struct crowd *c = &all->of[m->cause];
    forget_stale(c, wall_us);
    unsigned i = place_of(c, m->who);
    c->ids[i].who = m->who;
    c->ids[i].last_us = wall_us;
    if (c->since_us || c->count <= REFUSAL_ALERT_IDS) return false;
    c->since_us = first_of(c);
    metric_inc(&alerts_total[m->cause]);
    say_warn("refusal.alert", "cause=%s name=%s ids=%u within_s=%d note=\"azimuth why --refused\"",
             refusal_text(m->cause)->code, refusal_text(m->cause)->name, c->count, REFUSAL_ALERT_S);
    return true;
}

size_t crowd_alerts(const struct crowds *all, int64_t wall_us,
                    struct refusal_alert out[REFUSAL_CAUSES])
{
    size_t n = 0;
    for (int cause = 0; cause < REFUSAL_CAUSES; cause++) {
        const struct crowd *c = &all->of[cause];
        struct refusal_alert a = {.cause = (enum refusal_cause)cause, .since_us = c->since_us};
        for (unsigned i = 0; i < c->count; i++) {
            a.ids += is_fresh(c->ids[i].last_us, wall_us);
            a.last_us = MAX(a.last_us, c->ids[i].last_us);
        }
        if (a.since_us && a.ids > REFUSAL_ALERT_IDS) out[n++] = a;
    }
    return n;
}
