/* measure.c - results of metrics: how many rows their queries have, one query after the other. */
#include <assert.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "hub/configuration/home.h"

COUNTER(queries_total, "azimuth_configuration_metric_queries_total",
        "Pages of queries that metrics of configurations asked for");

static void step(struct configurations *c);

static struct item *current(const struct measure *m)
{
    return list_empty(&m->queue) ? NULL : CONTAINER_OF(m->queue.next, struct item, measuring);
}

static void restart(struct measure *m)
{
    m->sum = 0;
    buf_clear(&m->after);
}

static void on_page(struct query_wait *w, const struct query_answer *a)
{
    struct configurations *c = CONTAINER_OF(w, struct configurations, measure.wait);
    struct measure *m = &c->measure;
    struct item_metric *metric = &current(m)->metrics[m->at];
    m->asks = false;
    m->sum += a->count;
    buf_clear(&m->after);
    if (a->status == STATUS_OK) buf_put_slice(&m->after, a->next);
    if (buf_size(&m->after) == 0) {
        if (a->status == STATUS_OK) metric->value = m->sum;
        metric->known |= a->status == STATUS_OK;
        m->at++;
        restart(m);
    }
    step(c);
}

static void ask(struct configurations *c, const struct item *it)
{
    struct measure *m = &c->measure;
    struct query_ask ask = {
        .text = it->metrics[m->at].query, .after = buf_slice(&m->after), .max = QUERY_PAGE_MAX};
    metric_inc(&queries_total);
    m->wait.fn = on_page;
    m->asks = true;
    query_count_rows(c->queries, &ask, &m->wait);
}

static void step(struct configurations *c)
{
    struct measure *m = &c->measure;
    for (struct item *it; !m->asks && (it = current(m)) != NULL;) {
        if (m->at < it->metric_count) {
            ask(c, it);
            return;
        }
        it->measured_us = clock_mono_us();
        m->at = 0;
        list_remove(&it->measuring);
        conf_verb_measured(c, it->id);
    }
}

bool conf_measure_is_fresh(const struct item *it)
{
    return it->metric_count == 0 ||
           (it->measured_us && clock_mono_us() - it->measured_us < MEASURE_FRESH_US);
}

void conf_measure(struct configurations *c, struct item *it)
{
    if (!list_empty(&it->measuring)) return;
    list_push(&c->measure.queue, &it->measuring);
    step(c);
}

/* Who waits for it finds what has come in its place, or that it is gone. */
void conf_measure_forget(struct configurations *c, struct item *it)
{
    struct measure *m = &c->measure;
    assert(it);
    if (current(m) == it) {
        if (m->asks) query_forget(c->queries, &m->wait);
        m->asks = false;
        m->at = 0;
        restart(m);
    }
    list_remove(&it->measuring);
    conf_verb_measured(c, it->id);
    step(c);
}

static void on_time(struct timer *timer, int64_t now_us)
{
    struct configurations *c = CONTAINER_OF(timer, struct configurations, measure.timer);
    (void)now_us;
    LIST_EACH(node, &c->items)
    {
        struct item *it = CONTAINER_OF(node, struct item, node);
        if (it->metric_count) conf_measure(c, it);
    }
    timer_set(&c->lane->timers, timer, clock_mono_us() + MEASURE_EVERY_US);
}

void conf_measure_join(struct configurations *c)
{
    list_init(&c->measure.queue);
    timer_init(&c->measure.timer, on_time);
}

void conf_measure_start(struct configurations *c)
{
    timer_set(&c->lane->timers, &c->measure.timer, clock_mono_us() + MEASURE_FRESH_US);
}

void conf_measure_leave(struct configurations *c)
{
    timer_stop(&c->measure.timer);
    if (c->measure.asks) query_forget(c->queries, &c->measure.wait);
    buf_free(&c->measure.after);
}
