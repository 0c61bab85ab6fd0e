/* connection.c - devices and modules that connect and leave, as their home sees it.
 *
 *   session opens or ends ──▶ changed ──▶ asked: unit { rows of events, who is connected } ──▶ told
 *                                ▲          │
 *                                └─refused──┘ after EVENT_RETRY_US; or it changed meanwhile
 *
 * What was told is in the store with the events.  So who was connected when the power went is told to
 * have left at the next start, and a consumer that counts is never one off.  One unit is under way
 * at a time: whoever comes and goes while it waits may not be told of at all.  A takeover is a leave and
 * a connect.  Light sessions (HTTPS) are none.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "hub/event/event_sql.h"
#include "hub/event/outbox.h"
#include "hub/key.h"

GAUGE(waiting, "azimuth_events_connections_waiting",
      "Devices and modules whose coming or going is not told of yet");

/* .NET's file time: 100 ns since 1601, as sequence numbers begin at Azure. */
static const int64_t filetime_us = INT64_C(11644473600) * 1000000;

struct connection {
    struct list node; /* in events.changed or .asked, or unlinked */
    uint64_t told;    /* which of its sessions; 0: none */
    uint64_t present; /* likewise, that is open */
    uint64_t asked;   /* of the unit under way: told, when it is stored */
    struct addr session;
    struct event *event; /* likewise */
    char who[];
};

static struct connection *make(struct events *e, struct slice who)
{
    struct connection *c = mem_zero(sizeof *c + who.len + 1);
    slice_copy(c->who, who);
    list_init(&c->node);
    map_put(&e->links, slice_str(c->who), c);
    return c;
}

static void drop(struct events *e, struct connection *c)
{
    map_remove(&e->links, slice_str(c->who));
    list_remove(&c->node);
    event_drop(c->event);
    free(c);
}

/* ---- telling */

/* Text that rises: 64 hex digits, of the time, the home and a number that is used once. */
static struct event *add_event(struct events *e, struct connection *c, const char *op,
                               struct store_request *unit)
{
    char body[EVENT_CONNECTION_BODY_MAX];
    int64_t id = outbox_next_id(e);
    int len = snprintf(body, sizeof body, "{\"sequenceNumber\":\"%032llX%016X%016llX\"}",
                       (unsigned long long)(id + filetime_us) * 10, (unsigned)e->lane->id,
                       (unsigned long long)id);
    struct buf twin = {0};
    if (e->twin && event_wants_twin(e, RECORD_CONNECTION_STATE))
        e->twin(e->twin_ctx, slice_str(c->who), &twin);
    struct event *ev = event_add(e, unit,
                                 &(struct event_draft){.source = RECORD_CONNECTION_STATE,
                                                       .who = slice_str(c->who),
                                                       .op = op,
                                                       .body = slice_of(body, (size_t)len),
                                                       .twin = buf_slice(&twin)});
    buf_free(&twin);
    return ev;
}

/* First that the session that was told of has ended, then that another one has begun. */
static void add(struct events *e, struct connection *c, struct store_request *unit)
{
    struct slice who = slice_str(c->who);
    bool leaves = c->told != 0;
    c->asked = leaves ? 0 : c->present;
    c->event = add_event(e, c, leaves ? "deviceDisconnected" : "deviceConnected", unit);
    store_add(unit, leaves ? &sql_event_disconnected : &sql_event_connected, STORE_ANY);
    hub_put_key(unit, who);
    if (!leaves) store_put_int(unit, "shard", hub_shard(who));
}

static void mark(struct events *e, struct connection *c)
{
    if (list_linked(&c->node)) return;
    list_push(&e->changed, &c->node);
    metric_add(&waiting, 1);
}

static void take_answer(struct events *e, struct connection *c, enum err result)
{
    metric_add(&waiting, -1);
    if (result == OK) {
        event_stored(e, c->event);
        c->told = c->asked;
    } else {
        event_drop(c->event);
    }
    c->event = NULL;
    if (c->told != c->present)
        mark(e, c);
    else if (c->told == 0)
        drop(e, c);
}

static void on_told(struct store_wait *w, struct store_answer *a)
{
    struct events *e = CONTAINER_OF(w, struct events, telling);
    for (struct list *node; (node = list_shift(&e->asked)) != NULL;)
        take_answer(e, CONTAINER_OF(node, struct connection, node), a->err);
    if (a->err == OK)
        connection_tell(e);
    else
        outbox_wait_a_moment(e);
}

/* Those with something to tell, to `asked`. */
static void pick(struct events *e)
{
    for (unsigned count = 0; count < EVENT_CONNECTIONS_MAX && !list_empty(&e->changed);) {
        struct connection *c = CONTAINER_OF(list_take(&e->changed), struct connection, node);
        if (c->told != c->present) {
            list_push(&e->asked, &c->node);
            count++;
            continue;
        }
        metric_add(&waiting, -1); /* it came and went, or the other way round */
        if (c->told == 0) drop(e, c);
    }
}

void connection_tell(struct events *e)
{
    struct store_request u;
    if (!list_empty(&e->asked) || e->refused) return;
    pick(e);
    if (list_empty(&e->asked)) return;
    store_begin_unit(&u, STORE_INTERACTIVE);
    LIST_EACH(node, &e->asked) add(e, CONTAINER_OF(node, struct connection, node), &u);
    store_add(&u, &sql_event_connection_number, STORE_ANY);
    store_put_int(&u, "id", e->next_id);
    e->telling.fn = on_told;
    store_ask(e->hub->store, e->lane, &u, &e->telling);
}

/* ---- sessions */

static void on_session(struct session_listener *l, struct slice who,
                       const struct session_link *link)
{
    struct events *e = CONTAINER_OF(l, struct events, listener);
    struct connection *c = map_get(&e->links, who);
    if (c == NULL && (link == NULL || !event_wanted(e, RECORD_CONNECTION_STATE))) return;
    if (c == NULL) c = make(e, who);
    if (link == NULL) {
        c->present = 0;
    } else if (c->present == 0 || !addr_eq(c->session, link->session)) {
        c->session = link->session;
        c->present = ++e->session_count;
    }
    if (c->present == c->told && c->event == NULL) return;
    mark(e, c);
    connection_tell(e);
}

void events_watch_sessions(struct events *e, struct session_home *sessions)
{
    e->listener.changed = on_session;
    session_home_listen(sessions, &e->listener);
}

/* ---- life */

/* Who was connected when the server ended is not now. */
static void take_row(struct events *e, struct slice device_id, struct slice module_id,
                     struct buf *who)
{
    buf_clear(who);
    hub_put_who(who, device_id, module_id);
    struct connection *c = make(e, buf_slice(who));
    c->told = ++e->session_count;
    mark(e, c);
}

static enum err read_page(struct events *e, struct buf *last, bool *more)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_event_connection_page);
    store_put_int(&q, "cores", e->hub->core_count);
    store_put_int(&q, "core", drain_core_index(e));
    store_put_int(&q, "top", STORE_PAGE_ROWS_MAX);
    hub_put_key(&q, buf_slice(last));
    TRY(store_now_query(e->hub->store, &q, &a, &page));
    unsigned rows = 0;
    for (; store_next(&a); rows++) take_row(e, a.col[0].bytes, a.col[1].bytes, last);
    *more = rows == STORE_PAGE_ROWS_MAX || a.more;
    msg_free(page);
    return OK;
}

enum err connection_init(struct events *e)
{
    struct buf last = {0};
    enum err err = OK;
    list_init(&e->changed);
    list_init(&e->asked);
    for (bool more = true; more && err == OK;) err = read_page(e, &last, &more);
    buf_free(&last);
    return err;
}

void connection_fini(struct events *e)
{
    struct connection *c;
    for (size_t at = 0; (c = map_next(&e->links, &at)) != NULL;) {
        event_drop(c->event);
        free(c);
    }
    map_free(&e->links);
}
