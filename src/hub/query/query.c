/* query.c - life, and how a page begins. */
#include "hub/query/query.h"

#include <stdlib.h>

#include "hub/query/run.h"

/* ---- the first step: the query and the cursor are read */

static enum err read_cursor(struct run *r)
{
    struct cursor c;
    enum err e = cursor_read(buf_slice(&r->after), &r->after_bytes, &c);
    r->outdated = e == ERR_VERSION;
    if (e != OK) return e;
    if (c.mark != r->query->mark)
        return fail(ERR_INVALID, "the continuation token is of another query");
    if (c.plan >= r->plans.count || c.range >= r->plans.plans[c.plan].count)
        return fail(ERR_INVALID, "this is no continuation token");
    r->plan = &r->plans.plans[c.plan];
    r->range = r->plan->ranges;
    for (unsigned i = 0; i < c.range; i++) r->range = r->range->next;
    r->place = c;
    return OK;
}

static enum err begin(struct run *r)
{
    struct slice text = buf_slice(&r->text);
    if (r->max < 1 || r->max > QUERY_PAGE_MAX)
        return fail(ERR_INVALID, "a page has 1 to %d items", QUERY_PAGE_MAX);
    if (r->answer == ANSWERS_WHO)
        TRY(query_target(&r->arena, text, &r->query));
    else
        TRY(query_read(&r->arena, text, &r->query));
    if (r->answer == ANSWERS_WHO) TRY(query_names_whom(r->query));
    plans_make(&r->arena, r->query, &r->plans);
    r->tries = row_can_be_tried(r->plans.simple);
    r->place = (struct cursor){.mark = r->query->mark};
    if (r->answer == ANSWERS_WHO) r->who = mem_zero(r->max * sizeof *r->who);
    return buf_size(&r->after) ? read_cursor(r) : OK;
}

static void on_begin(void *ctx, struct lane *lane, struct msg *m)
{
    struct run *r = slot_get(lane, m->to);
    (void)ctx;
    if (r == NULL) return;
    if (r->refused)
        run_refuse(r, STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED,
                   "too many queries run; try again later");
    else if (begin(r) != OK)
        run_refuse(r, STATUS_ARGUMENT_INVALID, fail_text());
    else if (r->query->source == QUERY_JOBS)
        run_jobs(r);
    else if (run_is_count(r))
        run_count(r);
    else if (r->plan == NULL)
        run_choose_plan(r);
    else
        run_close_filters(r);
}

static void start(struct queries *q, const struct query_ask *ask, enum run_answer answer,
                  struct query_wait *w)
{
    ON_LANE(q->lane);
    struct run *r = run_new(q, ask, answer, w);
    post(q->lane, lane_addr(q->lane), r->slot, msg_new(QUERY_BEGIN, 0));
}

/* ---- doors */

void query_page(struct queries *q, const struct query_ask *ask, struct query_wait *w)
{
    start(q, ask, ANSWERS_JSON, w);
}

void query_find(struct queries *q, const struct query_ask *ask, struct query_wait *w)
{
    start(q, ask, ANSWERS_WHO, w);
}

void query_count_rows(struct queries *q, const struct query_ask *ask, struct query_wait *w)
{
    start(q, ask, ANSWERS_COUNT, w);
}

void query_forget(struct queries *q, struct query_wait *w)
{
    slot_free(q->lane, w->slot);
    LIST_EACH(node, &q->running)
    {
        struct run *r = CONTAINER_OF(node, struct run, node);
        if (addr_eq(r->waiter, w->slot)) run_free(r);
    }
}

void query_set_jobs(struct queries *q, struct query_jobs *j)
{
    q->jobs = j;
}

struct queries *queries_new(const struct hub *hub, struct lane *lane, struct registry *registry)
{
    struct queries *q = NEW(struct queries);
    *q = (struct queries){.hub = hub,
                          .lane = lane,
                          .registry = registry,
                          .scan_max = QUERY_SCAN_MAX,
                          .window = PLAN_WINDOW};
    list_init(&q->running);
    lane_on(lane, QUERY_BEGIN, on_begin, q);
    return q;
}

void queries_free(struct queries *q)
{
    if (q == NULL) return;
    LIST_EACH(node, &q->running) run_free(CONTAINER_OF(node, struct run, node));
    free(q);
}
