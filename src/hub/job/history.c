/* history.c - jobs that ended 30 days ago are deleted, some rows at a time. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "hub/job/home.h"
#include "hub/job/job_sql.h"

COUNTER(dropped_total, "azimuth_jobs_dropped_total", "Jobs deleted because they ended long ago");

static void ask(struct clean *c, struct store_request *r,
                void (*fn)(struct store_wait *w, struct store_answer *a))
{
    struct jobs *j = CONTAINER_OF(c, struct jobs, clean);
    c->wait.fn = fn;
    c->asks_store = true;
    store_ask(j->hub->store, j->lane, r, &c->wait);
}

static void rest(struct clean *c)
{
    struct jobs *j = CONTAINER_OF(c, struct jobs, clean);
    timer_set(&j->lane->timers, &c->timer, clock_mono_us() + JOB_CLEAN_US);
}

static void find_old(struct clean *c);
static void find_rows(struct clean *c);

static void on_dropped(struct store_wait *w, struct store_answer *a)
{
    struct clean *c = CONTAINER_OF(w, struct clean, wait);
    c->asks_store = false;
    if (a->err != OK)
        rest(c);
    else if (buf_size(&c->device_id))
        find_rows(c);
    else
        find_old(c);
}

/* Up to the row that was found; without one all that are left, and the job. */
static void drop(struct clean *c)
{
    struct store_request u;
    store_begin_unit(&u, STORE_BULK);
    if (buf_size(&c->device_id)) {
        store_add(&u, &sql_job_device_drop_upto, STORE_ANY);
        store_put_text(&u, "job_id", buf_slice(&c->id));
        store_put_text(&u, "device_id", buf_slice(&c->device_id));
        store_put_text(&u, "module_id",
                       buf_size(&c->module_id) ? buf_slice(&c->module_id) : SLICE_LIT(""));
    } else {
        store_add(&u, &sql_job_device_drop, STORE_ANY);
        store_put_text(&u, "job_id", buf_slice(&c->id));
        store_add(&u, &sql_job_drop, STORE_ANY);
        store_put_text(&u, "job_id", buf_slice(&c->id));
        metric_inc(&dropped_total);
    }
    ask(c, &u, on_dropped);
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct clean *c = CONTAINER_OF(w, struct clean, wait);
    c->asks_store = false;
    if (a->err != OK) {
        rest(c);
        return;
    }
    buf_clear(&c->device_id);
    buf_clear(&c->module_id);
    if (store_next(a)) {
        buf_put_slice(&c->device_id, a->col[0].bytes);
        buf_put_slice(&c->module_id, a->col[1].bytes);
    }
    drop(c);
}

static void find_rows(struct clean *c)
{
    struct store_request q;
    store_begin_query(&q, &sql_job_device_nth);
    store_put_text(&q, "job_id", buf_slice(&c->id));
    store_put_int(&q, "skip", JOB_DROP_ROWS - 1);
    ask(c, &q, on_rows);
}

static void on_old(struct store_wait *w, struct store_answer *a)
{
    struct clean *c = CONTAINER_OF(w, struct clean, wait);
    c->asks_store = false;
    if (a->err != OK || !store_next(a)) {
        rest(c);
        return;
    }
    buf_clear(&c->id);
    buf_put_slice(&c->id, a->col[0].bytes);
    find_rows(c);
}

static void find_old(struct clean *c)
{
    struct store_request q;
    store_begin_query(&q, &sql_job_expired);
    store_put_int(&q, "before_us", clock_wall_us() - JOB_RETENTION_US);
    ask(c, &q, on_old);
}

static void on_timer(struct timer *timer, int64_t now_us)
{
    (void)now_us;
    find_old(CONTAINER_OF(timer, struct clean, timer));
}

void clean_start(struct jobs *j)
{
    timer_init(&j->clean.timer, on_timer);
    timer_set(&j->lane->timers, &j->clean.timer, clock_mono_us() + JOB_CLEAN_1_US);
}

void clean_stop(struct jobs *j)
{
    timer_stop(&j->clean.timer);
    buf_free(&j->clean.id);
    buf_free(&j->clean.device_id);
    buf_free(&j->clean.module_id);
}
