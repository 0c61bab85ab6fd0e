/* transfer.c - life, and the verbs: every one is asked on the first core. */
#include "hub/transfer/transfer.h"

#include <stdlib.h>

#include "auth/blob_sas.h"
#include "base/clock.h"
#include "base/limit.h"
#include "hub/transfer/home.h"
#include "hub/transfer/transfer_sql.h"

LIMIT_REACHED(too_many_asks, "transfer-calls")
COUNTER(refused_total, "azimuth_transfers_refused_total",
        "Questions about import and export jobs that were refused");

/* ---- asking, on any core */

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct transfer_wait *w = slot_get(lane, m->to);
    const struct done_msg *d = (const void *)m->body;
    if (w == NULL) return;
    transfer_forget(ctx, w);
    w->fn(w, &(struct transfer_answer){.status = d->status,
                                       .body = slice_of(d->bytes, d->body_len),
                                       .text = slice_of(d->bytes + d->body_len, d->text_len)});
}

static void ask(struct transfers *t, enum verb verb, struct slice text, struct transfer_wait *w)
{
    struct msg *m = msg_new(TRANSFER_ASK, sizeof(struct ask_msg) + text.len);
    struct ask_msg *a = (void *)m->body;
    ON_LANE(t->lane);
    *a = (struct ask_msg){.verb = verb, .len = (uint32_t)text.len};
    if (text.len) memcpy(a->bytes, text.ptr, text.len);
    w->slot = slot_new(t->lane, w);
    post(t->lane, w->slot, (struct addr){.lane = t->hub->cores[0]}, m);
}

void transfer_create(struct transfers *t, struct slice json, struct transfer_wait *w)
{
    ask(t, VERB_CREATE, json, w);
}

void transfer_get(struct transfers *t, struct slice id, struct transfer_wait *w)
{
    ask(t, VERB_GET, id, w);
}

void transfer_list(struct transfers *t, struct transfer_wait *w)
{
    ask(t, VERB_LIST, SLICE_NONE, w);
}

void transfer_cancel(struct transfers *t, struct slice id, struct transfer_wait *w)
{
    ask(t, VERB_CANCEL, id, w);
}

void transfer_forget(struct transfers *t, struct transfer_wait *w)
{
    slot_free(t->lane, w->slot);
}

bool transfer_put_container(const struct transfers *t, struct slice host, struct buf *out)
{
    const struct transfer_config *cfg = t->cfg;
    int64_t now_us = clock_wall_us();
    if (cfg->blobs == NULL) return false;
    buf_printf(out, "https://%.*s/%s", SLICE_ARG(host), cfg->container);
    blob_sas_make_container(out, cfg->account, slice_str(cfg->container), now_us - TRANSFER_SKEW_US,
                            now_us + TRANSFER_SAS_US);
    return true;
}

/* ---- answering, on the first core */

static void reply(struct transfers *t, const struct msg *m, const struct transfer_answer *a)
{
    struct msg *done = msg_new(TRANSFER_DONE, sizeof(struct done_msg) + a->body.len + a->text.len);
    struct done_msg *d = (void *)done->body;
    *d = (struct done_msg){
        .status = a->status, .body_len = (uint32_t)a->body.len, .text_len = (uint32_t)a->text.len};
    if (a->body.len) memcpy(d->bytes, a->body.ptr, a->body.len);
    if (a->text.len) memcpy(d->bytes + a->body.len, a->text.ptr, a->text.len);
    if (a->status != STATUS_OK) metric_inc(&refused_total);
    post_reply(t->lane, m, done);
}

static struct asked *asked_new(struct transfers *t, struct msg *m)
{
    struct asked *a = NEW(struct asked);
    msg_keep(m);
    a->all = t;
    a->m = m;
    list_push(&t->asks, &a->node);
    t->ask_count++;
    return a;
}

static void asked_free(struct asked *a)
{
    list_remove(&a->node);
    a->all->ask_count--;
    msg_free(a->m);
    free(a);
}

void asked_done(struct asked *a, const struct transfer_answer *answer)
{
    reply(a->all, a->m, answer);
    asked_free(a);
}

void asked_refuse(struct asked *a, enum status s, const char *text)
{
    asked_done(a, &(struct transfer_answer){.status = s, .text = slice_str(text)});
}

/* ---- reading */

static bool store_failed(struct asked *a, const struct store_answer *answer)
{
    a->asks_store = false;
    if (answer->err == OK) return false;
    asked_refuse(a, status_of_err(answer->err), "the store does not answer");
    return true;
}

static void on_got(struct store_wait *w, struct store_answer *answer)
{
    struct asked *a = CONTAINER_OF(w, struct asked, wait);
    struct transfer_row row;
    struct buf json = {0};
    if (store_failed(a, answer)) return;
    if (!store_next(answer)) {
        asked_refuse(a, STATUS_JOB_NOT_FOUND, "there is no such job");
        return;
    }
    transfer_row_read(answer->col, &row);
    transfer_row_write(&json, &row);
    asked_done(a, &(struct transfer_answer){.body = buf_slice(&json)});
    buf_free(&json);
}

static void on_listed(struct store_wait *w, struct store_answer *answer)
{
    struct asked *a = CONTAINER_OF(w, struct asked, wait);
    struct transfer_row row;
    struct buf json = {0};
    if (store_failed(a, answer)) return;
    buf_put_u8(&json, '[');
    while (store_next(answer)) {
        if (buf_size(&json) > 1) buf_put_u8(&json, ',');
        transfer_row_read(answer->col, &row);
        transfer_row_write(&json, &row);
    }
    buf_put_u8(&json, ']');
    asked_done(a, &(struct transfer_answer){.body = buf_slice(&json)});
    buf_free(&json);
}

static void query(struct asked *a, struct store_request *q,
                  void (*fn)(struct store_wait *w, struct store_answer *answer))
{
    a->wait.fn = fn;
    a->asks_store = true;
    store_ask(a->all->hub->store, a->all->lane, q, &a->wait);
}

static void get(struct asked *a, struct slice id)
{
    struct store_request q;
    store_begin_query(&q, &sql_transfer_get);
    store_put_text(&q, "job_id", id);
    query(a, &q, on_got);
}

static void list_all(struct asked *a)
{
    struct store_request q;
    store_begin_query(&q, &sql_transfer_list);
    store_put_int(&q, "top", TRANSFER_LIST_MAX);
    query(a, &q, on_listed);
}

/* ---- cancelling */

static void cancel(struct asked *a, struct slice id)
{
    struct transfer *t = a->all->active;
    if (t == NULL || !t->runs || t->ended || !slice_eq(t->row.id, id)) {
        asked_refuse(a, STATUS_JOB_NOT_FOUND, "no such job is under way");
        return;
    }
    list_remove(&a->node);
    list_push(&t->cancels, &a->node);
    transfer_stop(t);
}

/* ---- what is asked */

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct transfers *t = ctx;
    const struct ask_msg *ask = (const void *)m->body;
    struct slice text = slice_of(ask->bytes, ask->len);
    (void)lane;
    if (t->ask_count == TRANSFER_ASKS_MAX) {
        metric_inc(&too_many_asks);
        reply(t, m,
              &(struct transfer_answer){.status = STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED,
                                        .text = SLICE_LIT("too many jobs are asked about now")});
        return;
    }
    struct asked *a = asked_new(t, m);
    switch (ask->verb) {
    case VERB_CREATE: transfer_create_begin(a, text); break;
    case VERB_GET: get(a, text); break;
    case VERB_LIST: list_all(a); break;
    case VERB_CANCEL: cancel(a, text); break;
    }
}

/* ---- old jobs */

static void on_cleaned(struct store_wait *w, struct store_answer *answer)
{
    struct transfers *t = CONTAINER_OF(w, struct transfers, clean_wait);
    (void)answer; /* what was refused is done the next time */
    t->cleans = false;
    timer_set(&t->lane->timers, &t->clean_timer, clock_mono_us() + TRANSFER_CLEAN_US);
}

static void on_clean(struct timer *timer, int64_t now_us)
{
    struct transfers *t = CONTAINER_OF(timer, struct transfers, clean_timer);
    struct store_request u;
    (void)now_us;
    store_begin_unit(&u, STORE_BULK);
    store_add(&u, &sql_transfer_expire, STORE_ANY);
    store_put_int(&u, "before_us", clock_wall_us() - TRANSFER_RETENTION_US);
    t->clean_wait.fn = on_cleaned;
    t->cleans = true;
    store_ask(t->hub->store, t->lane, &u, &t->clean_wait);
}

/* ---- life */

enum err transfers_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                       struct configurations *configurations, const struct transfer_config *cfg,
                       struct transfers **out)
{
    struct transfers *t = *out = NEW(struct transfers);
    *t = (struct transfers){.hub = hub,
                            .lane = lane,
                            .registry = registry,
                            .configurations = configurations,
                            .cfg = cfg};
    list_init(&t->asks);
    lane_on(lane, TRANSFER_DONE, on_done, t);
    if (lane->id != hub->cores[0]) return OK;
    lane_on(lane, TRANSFER_ASK, on_ask, t);
    timer_init(&t->clean_timer, on_clean);
    timer_set(&lane->timers, &t->clean_timer, clock_mono_us() + TRANSFER_CLEAN_US);
    return transfer_reopen(t);
}

void transfers_free(struct transfers *t)
{
    if (t == NULL) return;
    if (t->lane->id == t->hub->cores[0]) {
        timer_stop(&t->clean_timer);
        if (t->active) transfer_free(t->active);
    }
    LIST_EACH(node, &t->asks) asked_free(CONTAINER_OF(node, struct asked, node));
    free(t);
}
