/* count.c - SELECT COUNT() FROM devices: how many there are is known (hub/registry counts them). */
#include "base/text.h"
#include "hub/query/query_sql.h"
#include "hub/query/run.h"

bool run_is_count(const struct run *r)
{
    const struct query *q = r->query;
    const struct column *c = q->columns;
    return q->source == QUERY_DEVICES && q->where == NULL && q->groups == NULL && c &&
           c->aggregate == AGG_COUNT && c->expr == NULL && c->next == NULL;
}

static void on_count(struct store_wait *w, struct store_answer *a)
{
    struct run *r = CONTAINER_OF(w, struct run, store_wait);
    r->asks_store = false;
    if (a->err != OK || !store_next(a)) {
        run_refuse_err(r, a->err == OK ? ERR_CORRUPT : a->err);
        return;
    }
    buf_put_str(&r->body, "[{");
    text_json_string(&r->body, r->query->columns->name);
    buf_printf(&r->body, ":%lld}", (long long)a->col[0].number);
    r->count = 1;
    run_finish(r, false);
}

void run_count(struct run *r)
{
    struct store_request q;
    store_begin_query(&q, &sql_query_count);
    run_ask_store(r, &q, on_count);
}
