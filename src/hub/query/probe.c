/* probe.c - which of several plans has the fewest rows: each of their ranges is counted, up to a bound.
 * What cannot be counted is taken for what it was guessed to be. */
#include "base/num.h"
#include "hub/query/run.h"

static void probe(struct run *r);

/* ---- values of filters */

static struct filter *open_filter(const struct plan *plan)
{
    for (const struct range *range = plan->ranges; range; range = range->next)
        for (unsigned i = 0; i < range->filter_count; i++)
            if (range->filters[i]->open) return range->filters[i];
    return NULL;
}

static void on_values(struct store_wait *w, struct store_answer *a)
{
    struct run *r = CONTAINER_OF(w, struct run, store_wait);
    r->asks_store = false;
    if (a->err != OK) {
        run_refuse_err(r, a->err);
        return;
    }
    filter_close(&r->arena, open_filter(r->plan), a);
    run_close_filters(r);
}

void run_close_filters(struct run *r)
{
    struct filter *f = open_filter(r->plan);
    struct store_request q;
    if (f) {
        filter_ask(&q, f);
        run_ask_store(r, &q, on_values);
        return;
    }
    for (struct range *range = r->plan->ranges; range; range = range->next) filters_drop(range);
    run_go_on(r);
}

/* ---- which plan */
static void ask_known(struct run *r);

static void begin(struct run *r, const struct plan *plan)
{
    r->plan = plan;
    r->range = plan->ranges;
    r->place.plan = (uint8_t)(plan - r->plans.plans);
    run_close_filters(r);
}

/* All that could be counted have more than was counted: once more, further. */
static bool count_further(struct run *r)
{
    if (r->probe.least < r->probe.max || r->probe.max == PLAN_PROBE_MAX) return false;
    r->probe.plan = 0;
    r->probe.best = NULL;
    r->probe.max = PLAN_PROBE_MAX;
    return true;
}

/* This plan is counted; the next one, or the best. */
static void plan_ends(struct run *r)
{
    const struct plan *plan = &r->plans.plans[r->probe.plan];
    if (r->probe.best == NULL || r->probe.count < r->probe.least) {
        r->probe.best = plan;
        r->probe.least = r->probe.count;
    }
    r->probe.plan++;
    r->probe.at = NULL;
    r->probe.count = 0;
    bool last = r->probe.plan == r->plans.count;
    if (r->probe.least == 0 || (last && !count_further(r)))
        begin(r, r->probe.best);
    else
        probe(r);
}

static void range_ends(struct run *r)
{
    r->probe.at = r->probe.at->next;
    if (r->probe.at)
        probe(r);
    else
        plan_ends(r);
}

static void on_count(struct store_wait *w, struct store_answer *a)
{
    struct run *r = CONTAINER_OF(w, struct run, store_wait);
    r->asks_store = false;
    if (a->err != OK || !store_next(a)) {
        run_refuse_err(r, a->err == OK ? ERR_CORRUPT : a->err);
        return;
    }
    r->probe.count += (uint64_t)a->col[0].number;
    range_ends(r);
}

/* Whom the cores know is counted by each. */
static void on_known(struct registry_known_wait *w, const struct registry_known *known)
{
    struct run *r = CONTAINER_OF(w, struct run, known_wait);
    r->asks_known = false;
    r->probe.count += known->total;
    if (++r->probe.core < r->queries->hub->core_count) {
        ask_known(r);
        return;
    }
    r->probe.core = 0;
    range_ends(r);
}

static void ask_known(struct run *r)
{
    const struct registry_known_ask ask = {.core = r->probe.core,
                                           .of_modules = r->query->source == QUERY_MODULES,
                                           .connected = r->probe.at->connected};
    r->known_wait.fn = on_known;
    r->asks_known = true;
    registry_known(r->queries->registry, &ask, &r->known_wait);
}

static void probe(struct run *r)
{
    const struct plan *plan = &r->plans.plans[r->probe.plan];
    uint64_t max = r->probe.best ? MIN(r->probe.max, r->probe.least) : r->probe.max;
    struct store_request q;
    if (r->probe.at == NULL) r->probe.at = plan->ranges;
    if (r->probe.at->kind == RANGE_KNOWN) {
        ask_known(r);
        return;
    }
    if (plan->count > PLAN_PROBES_MAX || !plan_probe(&q, r->probe.at, max)) {
        r->probe.count = plan->weight;
        plan_ends(r);
        return;
    }
    run_ask_store(r, &q, on_count);
}

void run_choose_plan(struct run *r)
{
    r->probe.max = PLAN_PROBE_FIRST;
    if (plans_need_probes(&r->plans))
        probe(r);
    else
        begin(r, &r->plans.plans[0]);
}
