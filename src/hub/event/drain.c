/* drain.c - rows that are not in memory: at start, and after there were too many for it.
 *
 * While `behind`, new events stay in the store.  Whenever memory has none, the oldest rows are read:
 * those before them were sent and deleted.  A page that has not all it could have is the last one, if
 * nothing was left in the store since it was asked for.
 */
#include <stdlib.h>

#include "hub/event/event_sql.h"
#include "hub/event/outbox.h"

static unsigned take_rows(struct events *e, struct store_answer *a)
{
    unsigned rows = 0;
    for (; store_next(a); rows++) {
        struct event *ev = event_of_row(a->col);
        if (map_get(&e->known, ev->key))
            event_drop(ev);
        else
            outbox_take(e, ev);
    }
    return rows;
}

static void on_page(struct store_wait *w, struct store_answer *a)
{
    struct events *e = CONTAINER_OF(w, struct events, page);
    e->asking = false;
    if (a->err != OK) {
        outbox_wait_a_moment(e);
        return;
    }
    bool last = take_rows(e, a) < EVENT_PAGE_ROWS && !a->more;
    if (last && e->skips == e->page_skips) e->behind = false;
    outbox_send(e);
    drain_more(e);
}

unsigned drain_core_index(const struct events *e)
{
    unsigned i = 0;
    while (e->hub->cores[i] != e->lane->id) i++;
    return i;
}

void drain_more(struct events *e)
{
    struct store_request q;
    bool empty = list_empty(&e->unsent) && list_empty(&e->sent) && list_empty(&e->done) &&
                 list_empty(&e->deleting);
    if (!e->behind || e->asking || !empty) return;
    e->asking = true;
    e->page_skips = e->skips;
    store_begin_query(&q, &sql_event_page);
    store_put_int(&q, "cores", e->hub->core_count);
    store_put_int(&q, "core", drain_core_index(e));
    store_put_int(&q, "top", EVENT_PAGE_ROWS);
    e->page.fn = on_page;
    store_ask(e->hub->store, e->lane, &q, &e->page);
}
