/* outbox.c - from memory to the log, and the rows that may go then.
 *
 *   unsent ──appended──▶ sent ──durable──▶ done ──unit──▶ deleting ──stored──▶ forgotten
 *     ▲                   │
 *     └──the log refused──┘ after EVENT_RETRY_US, in the old order
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/partition.h"
#include "base/say.h"
#include "hub/event/event_sql.h"
#include "hub/event/outbox.h"

COUNTER(appended_total, "azimuth_events_appended_total",
        "Events of identities and twins that the log took");
COUNTER(refused_total, "azimuth_events_refused_total",
        "Events that the log refused, to be sent again");
COUNTER(too_big_total, "azimuth_events_too_big_total",
        "Events that were dropped because no record of the log has room for them");
GAUGE(pending_bytes, "azimuth_events_pending_bytes", "Events in memory that wait for the log");

/* ---- rows that may go */

static void forget(struct events *e, struct event *ev)
{
    list_remove(&ev->node);
    map_remove(&e->known, ev->key);
    e->bytes -= event_bytes(ev);
    metric_set(&pending_bytes, (int64_t)e->bytes);
    free(ev);
}

static void delete_rows(struct events *e);

void outbox_wait_a_moment(struct events *e)
{
    e->refused = true;
    timer_set(&e->lane->timers, &e->retry, clock_mono_us() + EVENT_RETRY_US);
}

static void on_deleted(struct store_wait *w, struct store_answer *a)
{
    struct events *e = CONTAINER_OF(w, struct events, deletion);
    for (struct list *node; (node = e->deleting.next) != &e->deleting;) {
        struct event *ev = CONTAINER_OF(node, struct event, node);
        if (a->err == OK) {
            forget(e, ev);
        } else {
            list_remove(node);
            list_push(&e->done, node);
        }
    }
    if (a->err == OK)
        delete_rows(e);
    else
        outbox_wait_a_moment(e);
    drain_more(e);
}

static void delete_rows(struct events *e)
{
    struct store_request u;
    if (!list_empty(&e->deleting) || list_empty(&e->done)) return;
    store_begin_unit(&u, STORE_INTERACTIVE);
    for (unsigned i = 0; i < EVENT_DELETES_MAX && !list_empty(&e->done); i++) {
        struct event *ev = CONTAINER_OF(list_take(&e->done), struct event, node);
        store_add(&u, &sql_event_delete, STORE_ANY);
        store_put_text(&u, "device_id", ev->device_id);
        store_put_int(&u, "id", ev->id);
        list_push(&e->deleting, &ev->node);
    }
    e->deletion.fn = on_deleted;
    store_ask(e->hub->store, e->lane, &u, &e->deletion);
}

/* ---- the log */

/* Whoever was refused stands before those that were appended later. */
static void put_back(struct events *e, struct event *ev)
{
    struct list *at = e->unsent.next;
    while (at != &e->unsent && CONTAINER_OF(at, struct event, node)->place < ev->place)
        at = at->next;
    list_push(at, &ev->node);
    metric_inc(&refused_total);
    outbox_wait_a_moment(e);
}

static void on_logged(struct lane *core, struct addr who, uint64_t cookie, enum err result)
{
    struct events *e = slot_get(core, who);
    struct event *ev = (struct event *)(uintptr_t)cookie;
    if (e == NULL) return;
    list_remove(&ev->node);
    if (result != OK && result != ERR_TOO_BIG) {
        put_back(e, ev);
        return;
    }
    if (result == ERR_TOO_BIG)
        say_warn("event.too_big", "device=%.*s bytes=%zu", SLICE_ARG(ev->device_id),
                 ev->sections.len);
    metric_inc(result == ERR_TOO_BIG ? &too_big_total : &appended_total);
    list_push(&e->done, &ev->node);
    delete_rows(e);
}

static void append(struct events *e, const struct event *ev)
{
    unsigned partition = key_partition(ev->device_id, log_partitions(e->hub->log, 0));
    uint64_t destinations = routing_still(e->routing, ev->destinations, ev->id);
    struct buf *b = log_begin(e->writer, 0, partition, ev->source, destinations);
    buf_put_slice(b, ev->pairs);
    log_pairs_done(e->writer, ev->pair_count);
    buf_put_slice(b, ev->sections);
    if (ev->extra.len) {
        log_sections_done(e->writer);
        buf_put_slice(b, ev->extra);
    }
    log_end(e->writer, on_logged, e->slot, (uint64_t)(uintptr_t)ev);
}

void outbox_send(struct events *e)
{
    while (!e->refused && !list_empty(&e->unsent) && !log_writer_full(e->writer)) {
        struct event *ev = CONTAINER_OF(list_take(&e->unsent), struct event, node);
        list_push(&e->sent, &ev->node);
        append(e, ev);
    }
}

void outbox_take(struct events *e, struct event *ev)
{
    ev->place = e->next_place++;
    e->bytes += event_bytes(ev);
    metric_set(&pending_bytes, (int64_t)e->bytes);
    map_put(&e->known, ev->key, ev);
    list_push(&e->unsent, &ev->node);
}

/* ---- the door */

bool event_wanted(const struct events *e, enum record_source source)
{
    return e && (e->hub->events & 1u << source || routing_decides(e->routing, source));
}

bool event_wants_twin(const struct events *e, enum record_source source)
{
    return e && routing_wants_twin(e->routing, source);
}

void events_set_routing(struct events *e, struct routing *r)
{
    e->routing = r;
}

void events_set_twins(struct events *e, event_twin_fn fn, void *ctx)
{
    e->twin = fn;
    e->twin_ctx = ctx;
}

int64_t outbox_next_id(struct events *e)
{
    int64_t wall_us = clock_wall_us();
    e->next_id = e->next_id + 1 > wall_us ? e->next_id + 1 : wall_us;
    return e->next_id;
}

/* Jobs are at home on the first core. */
static unsigned shard_of(const struct event *ev)
{
    return ev->source == RECORD_JOB_LIFECYCLE ? 0 : hub_shard(ev->device_id);
}

struct event *event_add(struct events *e, struct store_request *unit, const struct event_draft *d)
{
    ON_LANE(e->lane);
    if (!event_wanted(e, d->source)) return NULL;
    struct event *ev = event_make(e, d, outbox_next_id(e), clock_wall_us());
    if (ev == NULL) return NULL;
    store_add(unit, &sql_event_insert, 1);
    store_put_text(unit, "device_id", ev->device_id);
    store_put_int(unit, "id", ev->id);
    store_put_int(unit, "shard", shard_of(ev));
    store_put_int(unit, "source", ev->source);
    store_put_int(unit, "pair_count", ev->pair_count);
    store_put_blob(unit, "pairs", ev->pairs);
    store_put_blob(unit, "sections", ev->sections);
    store_put_int(unit, "destinations", (int64_t)ev->destinations);
    store_put_blob(unit, "extra", ev->extra);
    return ev;
}

void event_drop(struct event *ev)
{
    free(ev);
}

void event_stored(struct events *e, struct event *ev)
{
    if (ev == NULL) return;
    bool room = !e->behind && e->bytes + event_bytes(ev) <= e->bytes_max;
    if (room && map_get(&e->known, ev->key) == NULL) {
        outbox_take(e, ev);
        outbox_send(e);
        return;
    }
    if (!room) e->behind = true, e->skips++;
    event_drop(ev); /* its row is there */
    drain_more(e);
}

/* ---- life */

static void on_retry(struct timer *t, int64_t now_us)
{
    struct events *e = CONTAINER_OF(t, struct events, retry);
    (void)now_us;
    e->refused = false;
    delete_rows(e);
    connection_tell(e);
    outbox_send(e);
    drain_more(e);
}

void events_relief(struct events *e)
{
    outbox_send(e);
}

/* New ids are above those of the rows, whatever the clock says. */
static enum err read_last_id(const struct hub *hub, int64_t *out)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_event_last);
    TRY(store_now_query(hub->store, &q, &a, &page));
    if (store_next(&a)) *out = a.col[0].number;
    msg_free(page);
    return OK;
}

enum err events_new(const struct hub *hub, struct lane *lane, struct log_writer *writer,
                    struct events **out)
{
    int64_t last_id = 0;
    TRY(read_last_id(hub, &last_id));
    struct events *e = NEW(struct events);
    *e = (struct events){.hub = hub,
                         .lane = lane,
                         .writer = writer,
                         .bytes_max = EVENT_PENDING_BYTES,
                         .next_id = last_id};
    list_init(&e->unsent);
    list_init(&e->sent);
    list_init(&e->done);
    list_init(&e->deleting);
    e->slot = slot_new(lane, e);
    timer_init(&e->retry, on_retry);
    e->behind = true;
    timer_set(&lane->timers, &e->retry, clock_mono_us()); /* rows, as soon as the lane runs */
    enum err err = connection_init(e);
    if (err != OK) {
        events_free(e);
        return err;
    }
    *out = e;
    return OK;
}

void events_free(struct events *e)
{
    struct event *ev;
    if (e == NULL) return;
    for (size_t at = 0; (ev = map_next(&e->known, &at)) != NULL;) free(ev);
    map_free(&e->known);
    connection_fini(e);
    timer_stop(&e->retry);
    slot_free(e->lane, e->slot);
    free(e);
}
