/* sweep.c - uploads that nobody ended: their row goes, and so do blocks that were never joined. */
#include "base/clock.h"
#include "base/metrics.h"
#include "hub/upload/internal.h"
#include "hub/upload/upload_sql.h"

COUNTER(expired, "azimuth_uploads_expired_total", "Uploads that were begun and never ended");

/* Where as many were found as are looked for at a time, there may be more. */
static void arm(struct uploads *u)
{
    int64_t pause_us = u->swept == UPLOAD_SWEEP_MAX ? 1000 : UPLOAD_SWEEP_US;
    timer_set(&u->lane->timers, &u->sweep, clock_mono_us() + pause_us);
}

static void on_removed(struct store_wait *w, struct store_answer *a)
{
    struct uploads *u = CONTAINER_OF(w, struct uploads, removing);
    if (a->err != OK) u->swept = 0; /* what is left is found again, later */
    arm(u);
}

static void on_found(struct store_wait *w, struct store_answer *a)
{
    struct uploads *u = CONTAINER_OF(w, struct uploads, sweeping);
    struct store_request unit;
    unsigned count = 0;
    store_begin_unit(&unit, STORE_BULK);
    while (a->err == OK && store_next(a)) {
        bool tried_again = a->col[3].number > 0;
        if (u->cfg->blobs && !tried_again)
            blobs_discard(u->cfg->blobs, u->lane, upload_blob(u, a->col[2].bytes));
        store_add(&unit, &sql_upload_remove, STORE_ANY);
        store_put_text(&unit, "device_id", a->col[0].bytes);
        store_put_text(&unit, "correlation_id", a->col[1].bytes);
        count++;
    }
    metric_add(&expired, count);
    u->swept = count;
    if (count)
        store_ask(u->hub->store, u->lane, &unit, &u->removing);
    else
        arm(u);
    if (count == 0) buf_free(&unit.body);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct uploads *u = CONTAINER_OF(t, struct uploads, sweep);
    struct store_request r;
    (void)now_us;
    store_begin_query(&r, &sql_upload_expired);
    store_put_int(&r, "now_us", clock_wall_us());
    store_put_int(&r, "most", UPLOAD_SWEEP_MAX);
    store_ask(u->hub->store, u->lane, &r, &u->sweeping);
}

void sweep_start(struct uploads *u)
{
    timer_init(&u->sweep, on_timer);
    u->sweeping.fn = on_found;
    u->removing.fn = on_removed;
    if (u->lane->id == u->hub->cores[0]) arm(u);
}
