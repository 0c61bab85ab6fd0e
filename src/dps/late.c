/* late.c - answers for those who begin to wait for them a moment after they have asked (struct dps_wait). */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dps/call.h"

struct late {
    struct list node;
    struct timer timer;
    struct dps *dps;
    struct msg *m;
};

static void end(struct late *l)
{
    list_remove(&l->node);
    timer_stop(&l->timer);
    msg_free(l->m);
    free(l);
}

static void on_due(struct timer *t, int64_t now_us)
{
    struct late *l = CONTAINER_OF(t, struct late, timer);
    (void)now_us;
    dps_answer(l->dps, l->m);
    end(l);
}

void answer_late(struct dps *d, struct msg *m)
{
    struct late *l = NEW(struct late);
    msg_keep(m);
    *l = (struct late){.dps = d, .m = m};
    list_push(&d->late, &l->node);
    timer_init(&l->timer, on_due);
    timer_set(&d->lane->timers, &l->timer, clock_mono_us() + DPS_LATE_US);
}

void late_free(struct dps *d)
{
    LIST_EACH(node, &d->late) end(CONTAINER_OF(node, struct late, node));
}
