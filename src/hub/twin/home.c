/* home.c - the cache and the queues (drawn in home.h). */
#include "hub/twin/home.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "hub/key.h"
#include "hub/twin/twin_sql.h"

LIMIT_REACHED(json_too_large, "twin-json")
GAUGE(cached_bytes, "azimuth_twin_cache_bytes", "Twins in memory");
COUNTER(loads_total, "azimuth_twin_loads_total", "Twins asked of the store");
COUNTER(evictions_total, "azimuth_twin_evictions_total", "Twins that left the cache");
GAUGE(waiting_now, "azimuth_twin_waiting", "Calls under way at twins");
COUNTER(reads_total, "azimuth_twin_reads_total", "Twins read by devices and services");
COUNTER(throttled_total, "azimuth_twin_throttled_total",
        "Calls refused because too many waited for twins");
COUNTER(refused_total, "azimuth_twin_refused_total", "Calls on twins that were refused");

/* ---- entries */

static struct entry *make_entry(struct twins *t, struct slice who)
{
    struct entry *e = mem_zero(sizeof *e + who.len);
    memcpy(e + 1, who.ptr, who.len);
    e->who = slice_of(e + 1, who.len);
    e->twins = t;
    e->bytes = sizeof *e + who.len;
    list_init(&e->idle);
    list_init(&e->queue);
    map_put(&t->entries, e->who, e);
    t->bytes += e->bytes;
    return e;
}

static void drop_entry(struct entry *e)
{
    struct twins *t = e->twins;
    map_remove(&t->entries, e->who);
    t->bytes -= e->bytes;
    free(e->twin);
    free(e);
}

void twin_entry_set(struct entry *e, struct twin *next)
{
    size_t bytes = sizeof *e + e->who.len + (next ? twin_bytes(next) : 0);
    free(e->twin);
    e->twin = next;
    e->twins->bytes += bytes - e->bytes;
    e->bytes = bytes;
}

/* Nobody needs the entry now; it or older ones may go. */
static void rest(struct entry *e)
{
    struct twins *t = e->twins;
    struct list *oldest;
    list_remove(&e->idle);
    list_push(&t->idle, &e->idle);
    while (t->bytes > t->cache_bytes && (oldest = list_shift(&t->idle)) != NULL) {
        metric_inc(&evictions_total);
        drop_entry(CONTAINER_OF(oldest, struct entry, idle));
    }
    metric_set(&cached_bytes, (int64_t)t->bytes);
}

/* ---- answers */

void twin_op_answer(struct op *op, const struct twin_answer *a)
{
    if (a->status != STATUS_OK) metric_inc(&refused_total);
    twin_diagnose(op->entry->twins, &op->ask, a);
    post_reply(op->entry->twins->lane, op->m, twin_done_new(a));
}

void twin_op_refuse(struct op *op, enum status status, const char *text)
{
    twin_op_answer(op, &(struct twin_answer){.status = status, .text = slice_str(text)});
}

static const char throttled_text[] =
    "too many calls wait, or the disk is nearly full; try again later";

void twin_op_refuse_err(struct op *op, enum err e)
{
    if (e == ERR_NOT_FOUND)
        twin_op_refuse(op, STATUS_DEVICE_NOT_FOUND, "the device or module is not registered");
    else if (e == ERR_THROTTLED)
        twin_op_refuse(op, STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED, throttled_text);
    else
        twin_op_refuse(op, status_of_err(e), "the store does not answer");
}

void twin_op_answer_twin(struct op *op)
{
    const struct twin *twin = op->entry->twin;
    struct buf json = {0};
    char etag[TWIN_ETAG_LEN + 1];
    twin_etag(twin, etag);
    enum err e = twin_put_for_service(&json, twin, buf_slice(&op->identity));
    if (e == OK)
        twin_op_answer(op,
                       &(struct twin_answer){.etag = slice_str(etag), .body = buf_slice(&json)});
    else
        twin_op_refuse_err(op, e);
    buf_free(&json);
}

static void answer_device(struct op *op)
{
    struct buf json = {0};
    twin_put_for_device(&json, op->entry->twin);
    twin_op_answer(op, &(struct twin_answer){.body = buf_slice(&json)});
    buf_free(&json);
    twin_tell_read(op);
}

/* ---- ops */

static void free_op(struct op *op)
{
    buf_free(&op->identity);
    buf_free(&op->desired);
    twin_event_drop(op);
    free(op->next);
    msg_free(op->m);
    free(op);
}

static void serve(struct entry *e);

void twin_op_end(struct op *op)
{
    struct entry *e = op->entry;
    struct twins *t = e->twins;
    assert(e->current == op);
    e->current = NULL;
    t->waiting_bytes -= op->m->len;
    metric_set(&waiting_now, (int64_t)--t->waiting);
    free_op(op);
    serve(e);
}

/* The twin is loaded. */
static void act(struct op *op)
{
    switch (op->ask.verb) {
    case ASK_READ:
        metric_inc(&reads_total);
        answer_device(op);
        twin_op_end(op);
        break;
    case ASK_GET:
        metric_inc(&reads_total);
        twin_op_answer_twin(op);
        twin_op_end(op);
        break;
    case ASK_REPORT:
    case ASK_WRITE: twin_op_write(op); break;
    case ASK_HISTORY: twin_op_history(op); break;
    }
}

static void on_row(struct store_wait *w, struct store_answer *a)
{
    struct op *op = CONTAINER_OF(w, struct op, wait);
    struct arena arena = {0};
    struct twin twin;
    if (a->err != OK) {
        twin_op_refuse_err(op, a->err);
        twin_op_end(op);
        return;
    }
    if (store_next(a))
        twin_of_row(a->col, &twin);
    else
        twin_fresh(&arena, slice_str(op->entry->generation), &twin);
    twin_entry_set(op->entry, twin_copy(&twin));
    arena_free(&arena);
    act(op);
}

static void ask_row(struct op *op)
{
    struct twins *t = op->entry->twins;
    struct store_request q;
    store_begin_query(&q, &sql_twin_get);
    hub_put_key(&q, op->entry->who);
    op->wait.fn = on_row;
    metric_inc(&loads_total);
    store_ask(t->hub->store, t->lane, &q, &op->wait);
}

/* An identity that was deleted and made again has another twin. */
static void check_generation(struct entry *e, struct slice generation)
{
    if (slice_is(generation, e->generation)) return;
    twin_entry_set(e, NULL);
    snprintf(e->generation, sizeof e->generation, "%.*s", SLICE_ARG(generation));
}

static void on_identity(struct registry_load *load, const struct identity *id, enum err err)
{
    struct op *op = CONTAINER_OF(load, struct op, load);
    struct entry *e = op->entry;
    if (err != OK) {
        if (err == ERR_NOT_FOUND) twin_entry_set(e, NULL);
        twin_op_refuse_err(op, err);
        twin_op_end(op);
        return;
    }
    check_generation(e, id->generation);
    bool service = op->ask.verb == ASK_GET || op->ask.verb == ASK_WRITE;
    buf_clear(&op->identity);
    if (service) registry_put_twin_members(e->twins->registry, id, &op->identity);
    if (e->twin)
        act(op);
    else
        ask_row(op);
}

static void begin(struct op *op)
{
    registry_load(op->entry->twins->registry, op->entry->who, &op->load, on_identity);
}

void twin_op_retry(struct op *op)
{
    twin_entry_set(op->entry, NULL);
    free(op->next);
    op->next = NULL;
    buf_clear(&op->desired);
    twin_event_drop(op);
    op->again = true;
    begin(op);
}

static void serve(struct entry *e)
{
    if (e->serving) return;
    e->serving = true;
    while (e->current == NULL && !list_empty(&e->queue)) {
        struct op *first = CONTAINER_OF(list_take(&e->queue), struct op, node);
        e->current = first;
        begin(first);
    }
    e->serving = false;
    if (e->current == NULL) rest(e);
}

/* ---- asked */

/* Why it may not even wait; NULL: it may. */
static const char *what_is_too_much(const struct twins *t, const struct msg *m)
{
    bool full =
        t->waiting >= TWIN_WAITING_MAX || t->waiting_bytes + m->len > TWIN_WAITING_BYTES_MAX;
    return full ? throttled_text : NULL;
}

static void refuse_unseen(struct twins *t, const struct msg *m, enum status status,
                          const char *text)
{
    struct ask ask = twin_ask_read(m);
    struct twin_answer a = {.status = status, .text = slice_str(text)};
    metric_inc(&refused_total);
    twin_diagnose(t, &ask, &a);
    post_reply(t->lane, m, twin_done_new(&a));
}

static bool too_large(const struct ask *ask)
{
    return ask->json.len > (ask->verb == ASK_REPORT ? TWIN_PATCH_BYTES_MAX : TWIN_BODY_BYTES_MAX);
}

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct twins *t = ctx;
    struct ask ask = twin_ask_read(m);
    const char *much = what_is_too_much(t, m);
    (void)lane;
    if (!hub_who_valid(ask.who)) {
        refuse_unseen(t, m, STATUS_ARGUMENT_INVALID, "the device or module id is not one");
    } else if (too_large(&ask)) {
        metric_inc(&json_too_large);
        refuse_unseen(t, m, STATUS_MESSAGE_TOO_LARGE, "the JSON is too large for a twin");
    } else if (much) {
        metric_inc(&throttled_total);
        refuse_unseen(t, m, STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED, much);
    } else {
        struct entry *e = map_get(&t->entries, ask.who);
        struct op *op = NEW(struct op);
        if (e == NULL) e = make_entry(t, ask.who);
        msg_keep(m);
        *op = (struct op){.entry = e, .m = m, .ask = ask};
        t->waiting_bytes += m->len;
        metric_set(&waiting_now, (int64_t)++t->waiting);
        list_remove(&e->idle);
        list_push(&e->queue, &op->node);
        serve(e);
    }
}

void twin_home_join(struct twins *t)
{
    list_init(&t->idle);
    t->cache_bytes = TWIN_CACHE_BYTES;
    lane_on(t->lane, TWIN_ASK, on_ask, t);
}

void twins_limit_cache(struct twins *t, size_t bytes)
{
    t->cache_bytes = bytes;
}

void twin_home_fini(struct twins *t)
{
    struct entry *e;
    for (size_t at = 0; (e = map_next(&t->entries, &at)) != NULL;) {
        if (e->current) free_op(e->current);
        for (struct list *node; (node = list_shift(&e->queue)) != NULL;)
            free_op(CONTAINER_OF(node, struct op, node));
        free(e->twin);
        free(e);
    }
    map_free(&t->entries);
}
