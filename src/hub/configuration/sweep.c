/* sweep.c - all twins that a configuration means or meant are looked at: by its rows, then by its
 * condition. */
#include <stdlib.h>

#include "base/clock.h"
#include "hub/configuration/configuration_sql.h"
#include "hub/configuration/home.h"

struct sweep_of {
    struct list node;
    struct slice id;
};

static struct sweep_of *first(struct sweep *s)
{
    return list_empty(&s->waiting) ? NULL : CONTAINER_OF(s->waiting.next, struct sweep_of, node);
}

static void restart(struct sweep *s)
{
    s->rows_done = false;
    buf_clear(&s->device_id);
    buf_clear(&s->module_id);
    buf_clear(&s->after);
}

static void next_configuration(struct configurations *c)
{
    free(CONTAINER_OF(list_take(&c->sweep.waiting), struct sweep_of, node));
    restart(&c->sweep);
    conf_sweep_step(c);
}

/* ---- by rows */

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct configurations *c = CONTAINER_OF(w, struct configurations, sweep.store_wait);
    struct sweep *s = &c->sweep;
    struct slice id = first(s)->id;
    struct buf who = {0};
    unsigned count = 0;
    while (a->err == OK && store_next(a)) {
        buf_clear(&who);
        hub_put_who(&who, a->col[0].bytes, a->col[1].bytes);
        conf_look_at_row(c, buf_slice(&who), id);
        buf_clear(&s->device_id);
        buf_clear(&s->module_id);
        buf_put_slice(&s->device_id, a->col[0].bytes);
        buf_put_slice(&s->module_id, a->col[1].bytes);
        count++;
    }
    s->asks_store = false;
    s->rows_done = a->err == OK && !a->more && count < SWEEP_PAGE;
    buf_free(&who);
    if (a->err == OK)
        conf_sweep_step(c);
    else
        conf_sweep_soon(c, LOOK_AGAIN_US);
}

static struct slice or_empty(const struct buf *b)
{
    return buf_size(b) ? buf_slice(b) : SLICE_LIT("");
}

static void ask_rows(struct configurations *c, struct slice id)
{
    struct store_request q;
    store_begin_query(&q, &sql_configuration_twin_page);
    store_put_text(&q, "id", id);
    store_put_text(&q, "device_id", or_empty(&c->sweep.device_id));
    store_put_text(&q, "module_id", or_empty(&c->sweep.module_id));
    store_put_int(&q, "top", SWEEP_PAGE);
    c->sweep.store_wait.fn = on_rows;
    c->sweep.asks_store = true;
    store_ask(c->hub->store, c->lane, &q, &c->sweep.store_wait);
}

/* ---- by the condition */

static void on_found(struct query_wait *w, const struct query_answer *a)
{
    struct configurations *c = CONTAINER_OF(w, struct configurations, sweep.query_wait);
    struct sweep *s = &c->sweep;
    s->asks_query = false;
    if (a->status != STATUS_OK) {
        conf_sweep_soon(c, LOOK_AGAIN_US);
        return;
    }
    buf_clear(&s->after);
    buf_put_slice(&s->after, a->next);
    s->asks_query = true; /* conf_look_at() steps */
    for (unsigned i = 0; i < a->count; i++) conf_look_at(c, a->who[i]);
    s->asks_query = false;
    if (a->next.len)
        conf_sweep_step(c);
    else
        next_configuration(c);
}

static void ask_query(struct configurations *c, const struct item *it)
{
    struct query_ask ask = {
        .text = it->target, .after = buf_slice(&c->sweep.after), .max = SWEEP_PAGE};
    c->sweep.query_wait.fn = on_found;
    c->sweep.asks_query = true;
    query_find(c->queries, &ask, &c->sweep.query_wait);
}

/* ---- steps */

void conf_sweep_step(struct configurations *c)
{
    struct sweep *s = &c->sweep;
    struct sweep_of *of = first(s);
    if (of == NULL || s->asks_store || s->asks_query || timer_active(&c->again_timer)) return;
    if (c->queued + SWEEP_PAGE > CONFIGURATION_QUEUE_MAX / 2)
        return; /* conf_look_step() comes back */
    struct item *it = conf_items_find(c, of->id);
    if (!s->rows_done)
        ask_rows(c, of->id);
    else if (it && it->query)
        ask_query(c, it);
    else
        next_configuration(c);
}

/* Behind the first, which is under way and may have been at twins that have to be seen again. */
static bool waits(const struct sweep *s, struct slice id)
{
    if (list_empty(&s->waiting)) return false;
    for (const struct list *at = s->waiting.next->next; at != &s->waiting; at = at->next)
        if (slice_eq(CONTAINER_OF(at, struct sweep_of, node)->id, id)) return true;
    return false;
}

void conf_sweep_add(struct configurations *c, struct slice id)
{
    if (waits(&c->sweep, id)) return;
    struct sweep_of *of = mem_zero(sizeof *of + id.len);
    memcpy(of + 1, id.ptr, id.len);
    of->id = slice_of(of + 1, id.len);
    list_push(&c->sweep.waiting, &of->node);
}

void conf_sweep_start(struct configurations *c, struct slice id)
{
    conf_sweep_add(c, id);
    conf_sweep_step(c);
}

/* What was under way begins anew. */
void conf_sweep_all(struct configurations *c)
{
    struct sweep *s = &c->sweep;
    if (s->asks_store) store_forget(c->lane, &s->store_wait);
    if (s->asks_query) query_forget(c->queries, &s->query_wait);
    s->asks_store = s->asks_query = false;
    LIST_EACH(node, &s->waiting)
    {
        struct sweep_of *of = CONTAINER_OF(node, struct sweep_of, node);
        if (conf_items_find(c, of->id) == NULL)
            continue; /* deleted: its rows are still to be seen */
        list_remove(node);
        free(of);
    }
    restart(s);
    LIST_EACH(node, &c->items) conf_sweep_add(c, CONTAINER_OF(node, struct item, node)->id);
    conf_sweep_step(c);
}

void conf_sweep_soon(struct configurations *c, int64_t us)
{
    if (!timer_active(&c->again_timer))
        timer_set(&c->lane->timers, &c->again_timer, clock_mono_us() + us);
}

static void on_again(struct timer *timer, int64_t now_us)
{
    (void)now_us;
    conf_sweep_all(CONTAINER_OF(timer, struct configurations, again_timer));
}

void conf_sweep_join(struct configurations *c)
{
    timer_init(&c->again_timer, on_again);
    list_init(&c->sweep.waiting);
}

void conf_sweep_leave(struct configurations *c)
{
    struct sweep *s = &c->sweep;
    timer_stop(&c->again_timer);
    if (s->asks_query) query_forget(c->queries, &s->query_wait);
    LIST_EACH(node, &s->waiting) free(CONTAINER_OF(node, struct sweep_of, node));
    buf_free(&s->device_id);
    buf_free(&s->module_id);
    buf_free(&s->after);
}
