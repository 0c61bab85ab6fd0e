/* event_hub.c - the copies and how they change.
 *
 *   any core ──CHANGE──▶ first core: queue, one at a time
 *     create:  log makes a stream ──▶ store ──▶ every core's copy ──▶ answer
 *     update:  store ──▶ log ──▶ every core's copy ──▶ answer
 *     delete:  store ──▶ every core's copy, writers flushed ──▶ log drops the stream ──▶ answer
 *
 * The store says which event hubs there are.  A crash leaves at most a stream without one, which the
 * next start drops; an event hub without its stream cannot be.
 */
#include "hub/event_hub/event_hub.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/say.h"
#include "hub/event_hub/event_hub_sql.h"
#include "hub/event_hub/table.h"
#include "hub/rollout.h"
#include "store/store.h"

GAUGE(event_hubs_now, "azimuth_event_hubs", "Event hubs besides the built-in one");
LIMIT_REACHED(too_many_hubs, "event-hubs")

enum event_hub_kind {
    EVENT_HUB_CHANGE = HUB_EVENT_HUB, /* struct change -> EVENT_HUB_DONE */
    EVENT_HUB_DONE,                   /* struct outcome */
    EVENT_HUB_APPLY,                  /* struct change -> EVENT_HUB_APPLIED */
    EVENT_HUB_APPLIED,
};

struct change {
    bool remove, create;       /* neither: another retention */
    bool says_age, says_bytes; /* as in struct event_hub_wish */
    struct event_hub hub;
};

struct outcome {
    enum err err;
    bool created;
};

struct event_hubs {
    const struct hub *hub;
    struct lane *lane;
    struct log_writer *writer;
    struct consumer_groups *groups;
    struct hub_table table;
    struct {
        event_hub_fn fn;
        void *ctx;
    } gone[EVENT_HUB_LISTENERS_MAX];
    unsigned gone_count;
    /* on the first core: */
    struct rollout changes; /* EVENT_HUB_CHANGE */
    enum err refused;       /* a creation that the store refused: its stream is being dropped */
    struct store_wait wait;
};

/* ---- reading the copy */

const struct event_hub *event_hub_find(const struct event_hubs *e, struct slice name)
{
    return hub_table_find(&e->table, name);
}

const struct event_hub *event_hub_of_stream(const struct event_hubs *e, unsigned stream)
{
    return hub_table_of_stream(&e->table, stream);
}

void event_hub_list(const struct event_hubs *e, event_hub_fn fn, void *ctx)
{
    for (unsigned i = 0; i < e->table.count; i++) fn(ctx, e->table.items[i]);
}

void event_hubs_on_gone(struct event_hubs *e, event_hub_fn fn, void *ctx)
{
    assert(e->gone_count < EVENT_HUB_LISTENERS_MAX);
    e->gone[e->gone_count].fn = fn;
    e->gone[e->gone_count++].ctx = ctx;
}

/* ---- on the first core */

static struct change *change_of(const struct msg *m)
{
    return (void *)m->body;
}

static void answer(struct event_hubs *e, const struct msg *m, enum err err, bool created)
{
    struct outcome result = {err, created};
    struct msg *reply = msg_new(EVENT_HUB_DONE, sizeof result);
    memcpy(reply->body, &result, sizeof result);
    post_reply(e->lane, m, reply);
}

static void start_first(struct event_hubs *e);

static void finish_first(struct event_hubs *e, enum err result)
{
    const struct msg *m = e->changes.first;
    answer(e, m, result, result == OK && change_of(m)->create);
    rollout_shift(&e->changes);
    start_first(e);
}

static void tell_cores(struct event_hubs *e)
{
    rollout_tell(&e->changes, e->hub, e->lane, EVENT_HUB_APPLY, msg_body(e->changes.first));
}

static void ask_log(struct event_hubs *e, unsigned kind, const struct event_hub *h)
{
    struct log_stream_msg body = {{h->stream, h->partitions, h->keep}};
    struct msg *m = msg_new(kind, sizeof body);
    memcpy(m->body, &body, sizeof body);
    post(e->lane, lane_addr(e->lane), log_addr(e->hub->log), m);
}

/* A stream that nobody knows of is not to stay. */
static void take_back(struct event_hubs *e, enum err err)
{
    e->refused = err;
    ask_log(e, LOG_STREAM_DROP, &change_of(e->changes.first)->hub);
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct event_hubs *e = CONTAINER_OF(w, struct event_hubs, wait);
    const struct change *c = change_of(e->changes.first);
    if (a->err != OK && c->create)
        take_back(e, a->err);
    else if (a->err != OK)
        finish_first(e, a->err);
    else if (c->create || c->remove)
        tell_cores(e);
    else
        ask_log(e, LOG_STREAM_KEEP, &c->hub);
}

static void put_row(struct store_request *u, const struct event_hub *h)
{
    store_add(u, &sql_event_hub_insert, 1);
    store_put_text(u, "name_lower", slice_str(h->lower));
    store_put_text(u, "name", slice_str(h->name));
    store_put_int(u, "stream", h->stream);
    store_put_int(u, "partitions", h->partitions);
    store_put_int(u, "retention_us", h->keep.age_us);
    store_put_int(u, "retention_bytes", (int64_t)h->keep.bytes);
    store_put_int(u, "created_us", h->created_us);
    store_put_int(u, "updated_us", h->updated_us);
}

static void put_update(struct store_request *u, const struct event_hub *h)
{
    store_add(u, &sql_event_hub_update, 1);
    store_put_int(u, "retention_us", h->keep.age_us);
    store_put_int(u, "retention_bytes", (int64_t)h->keep.bytes);
    store_put_int(u, "updated_us", h->updated_us);
    store_put_int(u, "stream", h->stream);
}

static void put_removal(struct store_request *u, const struct event_hub *h)
{
    store_add(u, &sql_event_hub_remove, 1);
    store_put_int(u, "stream", h->stream);
    store_add(u, &sql_event_hub_remove_groups, STORE_ANY);
    store_put_int(u, "stream", h->stream);
    store_add(u, &sql_event_hub_remove_cursors, STORE_ANY);
    store_put_int(u, "stream", h->stream);
}

static void ask_store(struct event_hubs *e)
{
    const struct change *c = change_of(e->changes.first);
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    if (c->create)
        put_row(&u, &c->hub);
    else if (c->remove)
        put_removal(&u, &c->hub);
    else
        put_update(&u, &c->hub);
    e->wait.fn = on_stored;
    store_ask(e->hub->store, e->lane, &u, &e->wait);
}

static void on_log_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct event_hubs *e = ctx;
    struct change *c = change_of(e->changes.first);
    struct log_stream_done done;
    (void)lane;
    memcpy(&done, m->body, sizeof done);
    if (e->refused) {
        enum err refused = e->refused;
        e->refused = OK;
        finish_first(e, refused);
    } else if (c->remove) {
        if (done.err)
            say_warn("event_hub.leftover",
                     "name=%s err=%s effect=\"its records go at the "
                     "next start\"",
                     c->hub.name, err_name(done.err));
        finish_first(e, OK);
    } else if (done.err != OK) {
        finish_first(e, done.err);
    } else if (c->create) {
        c->hub.stream = done.stream;
        ask_store(e);
    } else {
        tell_cores(e);
    }
}

static void on_applied(void *ctx, struct lane *lane, struct msg *m)
{
    struct event_hubs *e = ctx;
    (void)lane, (void)m;
    if (!rollout_applied(&e->changes)) return;
    const struct change *c = change_of(e->changes.first);
    if (c->remove)
        ask_log(e, LOG_STREAM_DROP, &c->hub);
    else
        finish_first(e, OK);
}

static void start_removal(struct event_hubs *e, struct change *c, const struct event_hub *old)
{
    if (old == NULL) {
        finish_first(e, ERR_NOT_FOUND);
        return;
    }
    c->hub = *old;
    ask_store(e);
}

/* What the change does not say stays as it was. */
static struct log_retention retention_after(const struct change *c, struct log_retention before)
{
    if (c->says_age) before.age_us = c->hub.keep.age_us;
    if (c->says_bytes) before.bytes = c->hub.keep.bytes;
    return before;
}

static void start_creation(struct event_hubs *e, struct change *c)
{
    struct log_retention usual = {EVENT_HUB_HOURS_DEFAULT * EVENT_HUB_HOUR_US, 0};
    c->create = true;
    if (c->hub.partitions == 0) c->hub.partitions = EVENT_HUB_PARTITIONS_DEFAULT;
    c->hub.keep = retention_after(c, usual);
    c->hub.created_us = c->hub.updated_us = clock_wall_us();
    if (e->table.count == EVENT_HUBS_MAX) metric_inc(&too_many_hubs);
    if (e->table.count == EVENT_HUBS_MAX)
        finish_first(e, ERR_FULL);
    else
        ask_log(e, LOG_STREAM_MAKE, &c->hub);
}

static bool same_retention(const struct log_retention *a, const struct log_retention *b)
{
    return a->age_us == b->age_us && a->bytes == b->bytes;
}

static void start_update(struct event_hubs *e, struct change *c, const struct event_hub *old)
{
    if (c->hub.partitions && c->hub.partitions != old->partitions) {
        finish_first(e, ERR_EXISTS);
        return;
    }
    struct log_retention keep = retention_after(c, old->keep);
    c->hub = *old;
    c->hub.keep = keep;
    c->hub.updated_us = clock_wall_us();
    if (same_retention(&keep, &old->keep))
        finish_first(e, OK);
    else
        ask_store(e);
}

static void start_first(struct event_hubs *e)
{
    if (e->changes.first == NULL) return;
    struct change *c = change_of(e->changes.first);
    const struct event_hub *old = hub_table_find(&e->table, slice_str(c->hub.name));
    if (c->remove)
        start_removal(e, c, old);
    else if (old)
        start_update(e, c, old);
    else
        start_creation(e, c);
}

static void on_change(void *ctx, struct lane *lane, struct msg *m)
{
    struct event_hubs *e = ctx;
    (void)lane;
    enum err err = rollout_add(&e->changes, m, EVENT_HUB_CHANGES_MAX);
    if (err != OK)
        answer(e, m, err, false);
    else if (e->changes.waiting == 1)
        start_first(e);
}

/* ---- on every core */

/* What was appended before this is posted before the answer, and so comes to the log before the drop. */
static void remove_here(struct event_hubs *e, const struct event_hub *h)
{
    hub_table_remove(&e->table, h->stream);
    consumer_groups_drop_stream(e->groups, h->stream);
    for (unsigned i = 0; i < e->gone_count; i++) e->gone[i].fn(e->gone[i].ctx, h);
    log_flush(e->writer);
}

static void on_apply(void *ctx, struct lane *lane, struct msg *m)
{
    struct event_hubs *e = ctx;
    const struct change *c = change_of(m);
    if (c->remove)
        remove_here(e, &c->hub);
    else
        hub_table_put(&e->table, &c->hub);
    if (lane->id == e->hub->cores[0]) metric_set(&event_hubs_now, e->table.count);
    post_reply(lane, m, msg_new(EVENT_HUB_APPLIED, 0));
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct event_hub_wait *w = slot_get(lane, m->to);
    struct outcome result;
    if (w == NULL) return;
    memcpy(&result, m->body, sizeof result);
    event_hub_forget(ctx, w);
    w->fn(w, result.err, result.created);
}

void event_hub_forget(struct event_hubs *e, struct event_hub_wait *w)
{
    slot_free(e->lane, w->slot);
}

static void ask_first_core(struct event_hubs *e, const struct change *c, struct event_hub_wait *w)
{
    struct msg *m = msg_new(EVENT_HUB_CHANGE, sizeof *c);
    memcpy(m->body, c, sizeof *c);
    post(e->lane, w->slot, (struct addr){.lane = e->hub->cores[0]}, m);
}

/* Answered at the end of the turn, as everything is. */
static void refuse(struct event_hubs *e, struct event_hub_wait *w, enum err err)
{
    struct outcome result = {err, false};
    struct msg *m = msg_new(EVENT_HUB_DONE, sizeof result);
    memcpy(m->body, &result, sizeof result);
    post(e->lane, lane_addr(e->lane), w->slot, m);
}

/* Link addresses and paths begin with these. */
static bool is_taken(const struct hub *hub, struct slice name)
{
    return slice_eq_nocase(name, slice_str(hub->name)) ||
           slice_eq_nocase(name, slice_str(hub->id_scope)) ||
           slice_eq_nocase(name, SLICE_LIT("messages")) ||
           slice_eq_nocase(name, SLICE_LIT("devices"));
}

static enum err check_wish(const struct hub *hub, const struct event_hub_wish *wish)
{
    if (!event_hub_name_valid(wish->name) || wish->partitions > EVENT_HUB_PARTITIONS_MAX ||
        wish->keep.age_us < 0 || wish->keep.age_us > EVENT_HUB_HOURS_MAX * EVENT_HUB_HOUR_US ||
        wish->keep.bytes > INT64_MAX)
        return ERR_INVALID;
    return is_taken(hub, wish->name) ? ERR_EXISTS : OK;
}

void event_hub_put(struct event_hubs *e, const struct event_hub_wish *wish,
                   struct event_hub_wait *w)
{
    ON_LANE(e->lane);
    w->slot = slot_new(e->lane, w);
    enum err err = check_wish(e->hub, wish);
    if (err != OK) {
        refuse(e, w, err);
        return;
    }
    struct change c = {.says_age = wish->says_age, .says_bytes = wish->says_bytes};
    c.hub.partitions = (uint16_t)wish->partitions;
    c.hub.keep = wish->keep;
    event_hub_set_name(&c.hub, wish->name);
    ask_first_core(e, &c, w);
}

void event_hub_delete(struct event_hubs *e, struct slice name, struct event_hub_wait *w)
{
    ON_LANE(e->lane);
    w->slot = slot_new(e->lane, w);
    if (!event_hub_name_valid(name)) {
        refuse(e, w, ERR_NOT_FOUND);
        return;
    }
    struct change c = {.remove = true};
    event_hub_set_name(&c.hub, name);
    ask_first_core(e, &c, w);
}

/* ---- life */

static void take_row(struct event_hubs *e, const struct store_answer *a)
{
    struct event_hub h = {.stream = (uint16_t)a->col[1].number,
                          .partitions = (uint16_t)a->col[2].number,
                          .keep = {a->col[3].number, (uint64_t)a->col[4].number},
                          .created_us = a->col[5].number,
                          .updated_us = a->col[6].number};
    event_hub_set_name(&h, a->col[0].bytes);
    hub_table_put(&e->table, &h);
}

static enum err load_page(struct event_hubs *e, int64_t *last, bool *more)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_event_hub_page);
    store_put_int(&q, "after", *last);
    enum err err = store_now_query(e->hub->store, &q, &a, &page);
    while (err == OK && store_next(&a)) {
        *last = a.col[1].number;
        take_row(e, &a);
    }
    *more = a.more;
    msg_free(page);
    return err;
}

static enum err load_all(struct event_hubs *e)
{
    int64_t last = 0;
    bool more = true;
    while (more) TRY(load_page(e, &last, &more));
    return OK;
}

static enum err tell_log(const struct event_hubs *e)
{
    struct log_stream streams[EVENT_HUBS_MAX];
    for (unsigned i = 0; i < e->table.count; i++) {
        const struct event_hub *h = e->table.items[i];
        streams[i] = (struct log_stream){h->stream, h->partitions, h->keep};
    }
    return log_streams_set(e->hub->log, streams, e->table.count);
}

static enum err start(struct event_hubs *e)
{
    TRY(load_all(e));
    if (e->lane->id != e->hub->cores[0]) return OK;
    metric_set(&event_hubs_now, e->table.count);
    return tell_log(e);
}

enum err event_hubs_new(const struct hub *hub, struct lane *lane, struct log_writer *writer,
                        struct consumer_groups *groups, struct event_hubs **out)
{
    struct event_hubs *e = NEW(struct event_hubs);
    *e = (struct event_hubs){.hub = hub, .lane = lane, .writer = writer, .groups = groups};
    enum err err = start(e);
    if (err != OK) {
        event_hubs_free(e);
        return err;
    }
    lane_on(lane, EVENT_HUB_CHANGE, on_change, e);
    lane_on(lane, EVENT_HUB_DONE, on_done, e);
    lane_on(lane, EVENT_HUB_APPLY, on_apply, e);
    lane_on(lane, EVENT_HUB_APPLIED, on_applied, e);
    lane_on(lane, LOG_STREAM_DONE, on_log_done, e);
    *out = e;
    return OK;
}

void event_hubs_free(struct event_hubs *e)
{
    if (e == NULL) return;
    rollout_free(&e->changes);
    hub_table_free(&e->table);
    free(e);
}
