/* desk.c - the first core's side: batches, locks, receivers (drawn in notice.h). */
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/rand.h"
#include "hub/notice/message.h"

#define EXPIRE_EVERY_US 60000000ll
#define RETRY_US        1000000ll
#define NEVER_US        INT64_MAX /* expire_us: it is under way */

struct record {
    struct store_value col[NOTICE_COLUMNS_MAX]; /* bytes in the batch's arena */
};

struct batch {
    struct list node; /* in returned, locked or settling */
    struct notice_desk *desk;
    struct arena arena;
    struct store_wait wait;
    struct msg *m; /* who settles; NULL: nobody waits */
    struct addr receiver;
    uint8_t lock[NOTICE_LOCK_LEN];
    int64_t made_us, until_us; /* wall; monotonic */
    unsigned deliveries, count;
    struct record records[NOTICE_BATCH_MAX];
};

struct receiver {
    struct list node;
    struct addr slot;
    uint32_t credit;
    bool visits; /* it goes with its batch */
};

struct notice_desk {
    struct notices *notices;
    const struct notice_source *source;
    struct list receivers; /* who has waited longest is first */
    struct list returned, locked, settling;
    unsigned batch_count; /* in all three */
    struct store_wait asking, expiring;
    bool is_asking;
    unsigned most;    /* rows that were asked for */
    bool news;        /* the store may have records that are in no batch */
    unsigned fresh;   /* times that was said since records were read */
    int64_t ready_us; /* monotonic: until then they gather */
    int64_t expire_us;
    struct timer timer;
};

static void serve(struct notice_desk *d);

static struct lane *lane_of(const struct notice_desk *d)
{
    return d->notices->lane;
}

/* ---- batches */

static struct batch *batch_of(struct list *node)
{
    return CONTAINER_OF(node, struct batch, node);
}

static void batch_free(struct batch *b)
{
    b->desk->batch_count--;
    list_remove(&b->node);
    arena_free(&b->arena);
    msg_free(b->m);
    free(b);
}

static void batch_move(struct batch *b, struct list *to)
{
    list_remove(&b->node);
    list_push(to, &b->node);
}

/* The key columns of both are the same. */
static bool same_record(const struct notice_source *s, const struct record *a,
                        const struct store_value *col)
{
    for (unsigned i = 0; i < NOTICE_KEYS_MAX && s->keys[i]; i++)
        if (a->col[i].number != col[i].number || !slice_eq(a->col[i].bytes, col[i].bytes))
            return false;
    return true;
}

static bool batch_has(const struct batch *b, const struct store_value *col)
{
    for (unsigned i = 0; i < b->count; i++)
        if (same_record(b->desk->source, &b->records[i], col)) return true;
    return false;
}

static bool is_taken(const struct notice_desk *d, const struct store_value *col)
{
    const struct list *const heads[] = {&d->returned, &d->locked, &d->settling};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) LIST_EACH(node, heads[i])
    if (batch_has(batch_of(node), col)) return true;
    return false;
}

static void batch_add(struct batch *b, const struct store_value *col)
{
    struct record *copy = &b->records[b->count++];
    for (unsigned i = 0; i < b->desk->source->columns; i++) {
        copy->col[i] = col[i];
        copy->col[i].bytes = arena_copy(&b->arena, col[i].bytes);
    }
}

static struct msg *batch_msg(const struct batch *b)
{
    struct buf out = {0};
    const struct notice_source *s = b->desk->source;
    struct notice_batch_msg head = {.enqueued_us = b->made_us};
    memcpy(head.lock, b->lock, sizeof head.lock);
    msg_buf_begin(&out);
    buf_put(&out, &head, offsetof(struct notice_batch_msg, json));
    for (unsigned i = 0; i < b->count; i++) {
        if (s->batch_max > 1) buf_put_u8(&out, i ? ',' : '[');
        s->write(&out, b->records[i].col);
    }
    if (s->batch_max > 1) buf_put_u8(&out, ']');
    return msg_buf_end(&out, s->first_kind + NOTICE_BATCH);
}

/* Who waits longest is served first. */
static void use_credit(struct notice_desk *d, struct receiver *r)
{
    list_remove(&r->node);
    r->credit--;
    if (r->visits)
        free(r);
    else
        list_push(&d->receivers, &r->node);
}

static void batch_send(struct batch *b, struct receiver *r, int64_t now_us)
{
    struct lane *lane = lane_of(b->desk);
    rand_bytes(b->lock, sizeof b->lock);
    b->receiver = r->slot;
    b->until_us = now_us + b->desk->source->lock_us;
    b->deliveries++;
    batch_move(b, &b->desk->locked);
    use_credit(b->desk, r);
    metric_inc(b->desk->source->sent);
    post(lane, lane_addr(lane), b->receiver, batch_msg(b));
}

/* ---- visitors */

static struct receiver *find_visitor(const struct notice_desk *d)
{
    LIST_EACH(node, &d->receivers)
    {
        struct receiver *r = CONTAINER_OF(node, struct receiver, node);
        if (r->visits) return r;
    }
    return NULL;
}

/* There is nothing for those who still wait. */
static void send_away(struct notice_desk *d, enum status status)
{
    struct receiver *r;
    struct lane *lane = lane_of(d);
    while ((r = find_visitor(d)) != NULL) {
        struct msg *m = msg_new(d->source->first_kind + NOTICE_NOTHING, sizeof status);
        memcpy(m->body, &status, sizeof status);
        post(lane, lane_addr(lane), r->slot, m);
        list_remove(&r->node);
        free(r);
    }
}

/* ---- reading records */

static struct batch *batch_new(struct notice_desk *d)
{
    struct batch *b = NEW(struct batch);
    b->desk = d;
    b->made_us = clock_wall_us();
    list_push(&d->returned, &b->node);
    d->batch_count++;
    return b;
}

static void read_again(struct notice_desk *d, int64_t after_us)
{
    d->news = true;
    d->ready_us = clock_mono_us() + after_us;
}

/* Of a page that has only what is too old the rest is read when that is gone. */
static void take_page(struct notice_desk *d, struct store_answer *a)
{
    struct batch *b = batch_new(d);
    const struct notice_source *s = d->source;
    int64_t dead_us = b->made_us - s->ttl_us;
    unsigned seen = 0;
    bool left_over = a->more;
    for (; store_next(a); seen++) {
        if (a->col[0].number <= dead_us || !s->is_good(a->col) || is_taken(d, a->col)) continue;
        if (b->count == s->batch_max)
            left_over = true;
        else
            batch_add(b, a->col);
    }
    left_over = left_over || seen == d->most;
    if (left_over) read_again(d, b->count ? 0 : RETRY_US);
    if (b->count) return;
    if (left_over && d->expire_us != NEVER_US) d->expire_us = clock_mono_us();
    batch_free(b);
    send_away(d, STATUS_OK);
}

static void on_page(struct store_wait *w, struct store_answer *a)
{
    struct notice_desk *d = CONTAINER_OF(w, struct notice_desk, asking);
    d->is_asking = false;
    if (a->err == OK) {
        take_page(d, a);
    } else {
        read_again(d, RETRY_US);
        send_away(d, status_of_err(a->err));
    }
    serve(d);
}

/* Those in batches are among the oldest, so a page has them and one more batch, and tells of more. */
static void ask_page(struct notice_desk *d)
{
    struct store_request r;
    store_begin_query(&r, d->source->page);
    d->most = (d->batch_count + 1) * d->source->batch_max + 1;
    store_put_int(&r, "most", d->most);
    d->is_asking = true;
    d->news = false;
    d->fresh = 0;
    store_ask(d->notices->hub->store, lane_of(d), &r, &d->asking);
}

/* ---- serving */

static struct receiver *hungry(const struct notice_desk *d)
{
    LIST_EACH(node, &d->receivers)
    {
        struct receiver *r = CONTAINER_OF(node, struct receiver, node);
        if (r->credit) return r;
    }
    return NULL;
}

static void unlock_those_over(struct notice_desk *d, int64_t now_us)
{
    LIST_EACH(node, &d->locked)
    if (batch_of(node)->until_us <= now_us) batch_move(batch_of(node), &d->returned);
}

static void expire_records(struct notice_desk *d, int64_t now_us)
{
    struct store_request u;
    if (now_us < d->expire_us) return;
    d->expire_us = NEVER_US;
    store_begin_unit(&u, STORE_BULK);
    store_add(&u, d->source->expire, STORE_ANY);
    store_put_int(&u, "at_us", clock_wall_us() - d->source->ttl_us);
    store_ask(d->notices->hub->store, lane_of(d), &u, &d->expiring);
}

static void on_expired(struct store_wait *w, struct store_answer *a)
{
    struct notice_desk *d = CONTAINER_OF(w, struct notice_desk, expiring);
    (void)a; /* if it did not work now, it will later */
    d->expire_us = clock_mono_us() + EXPIRE_EVERY_US;
    serve(d);
}

static bool may_read(const struct notice_desk *d)
{
    return d->news && !d->is_asking && d->batch_count < d->source->locked_max && hungry(d);
}

static void arm(struct notice_desk *d)
{
    int64_t due_us = d->expire_us;
    LIST_EACH(node, &d->locked) due_us = MIN(due_us, batch_of(node)->until_us);
    if (may_read(d)) due_us = MIN(due_us, d->ready_us);
    timer_set(&lane_of(d)->timers, &d->timer, due_us);
}

/* A visitor does not wait for records to gather. */
static bool is_due(const struct notice_desk *d, int64_t now_us)
{
    return now_us >= d->ready_us || d->fresh >= d->source->batch_max || find_visitor(d);
}

static void serve(struct notice_desk *d)
{
    struct receiver *r;
    int64_t now_us = clock_mono_us();
    unlock_those_over(d, now_us);
    expire_records(d, now_us);
    while (!list_empty(&d->returned) && (r = hungry(d)) != NULL)
        batch_send(batch_of(d->returned.next), r, now_us);
    if (may_read(d) && is_due(d, now_us)) ask_page(d);
    if (!d->is_asking) send_away(d, STATUS_OK);
    arm(d);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    (void)now_us;
    serve(CONTAINER_OF(t, struct notice_desk, timer));
}

static void on_news(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_desk *d = ctx;
    (void)lane, (void)m;
    if (!d->news) d->ready_us = clock_mono_us() + d->source->wait_us;
    d->news = true;
    d->fresh++;
    serve(d);
}

/* ---- settling */

static void answer(struct batch *b, enum status status)
{
    struct msg *reply =
        msg_new(b->desk->source->first_kind + NOTICE_SETTLED, sizeof(struct notice_settled_msg));
    struct notice_settled_msg *body = (void *)reply->body;
    const struct notice_settle_msg *ask = (const void *)b->m->body;
    body->status = status;
    memcpy(body->lock, ask->lock, sizeof body->lock);
    post_reply(lane_of(b->desk), b->m, reply);
    msg_free(b->m);
    b->m = NULL;
}

static void on_deleted(struct store_wait *w, struct store_answer *a)
{
    struct batch *b = CONTAINER_OF(w, struct batch, wait);
    struct notice_desk *d = b->desk;
    answer(b, status_of_err(a->err));
    if (a->err == OK)
        batch_free(b);
    else
        batch_move(b, &d->returned);
    serve(d);
}

/* Each by its key columns. */
static void remove_record(struct store_request *u, const struct notice_source *s,
                          const struct store_value *col)
{
    store_add(u, s->remove, STORE_ANY);
    for (unsigned i = 0; i < NOTICE_KEYS_MAX && s->keys[i]; i++)
        if (col[i].type == STORE_INT)
            store_put_int(u, s->keys[i], col[i].number);
        else
            store_put_text(u, s->keys[i], col[i].bytes);
}

static void delete_records(struct batch *b)
{
    struct notice_desk *d = b->desk;
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    for (unsigned i = 0; i < b->count; i++) remove_record(&u, d->source, b->records[i].col);
    b->wait.fn = on_deleted;
    batch_move(b, &d->settling);
    store_ask(d->notices->hub->store, lane_of(d), &u, &b->wait);
}

static struct batch *locked_batch(struct notice_desk *d, const uint8_t lock[NOTICE_LOCK_LEN])
{
    LIST_EACH(node, &d->locked)
    if (memcmp(batch_of(node)->lock, lock, NOTICE_LOCK_LEN) == 0) return batch_of(node);
    return NULL;
}

static void settle(struct batch *b, enum notice_outcome outcome)
{
    struct notice_desk *d = b->desk;
    bool too_often = b->deliveries >= d->source->deliveries_max;
    if (outcome == NOTICE_ABANDON && !too_often) {
        answer(b, STATUS_OK);
        batch_move(b, &d->returned);
        serve(d);
        return;
    }
    if (outcome != NOTICE_COMPLETE) metric_inc(d->source->dropped);
    delete_records(b);
}

static void on_settle(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_desk *d = ctx;
    const struct notice_settle_msg *ask = (const void *)m->body;
    struct batch *b = locked_batch(d, ask->lock);
    if (b) {
        msg_keep(m);
        b->m = m;
        settle(b, ask->outcome);
        return;
    }
    struct notice_settled_msg lost = {.status = STATUS_DEVICE_MESSAGE_LOCK_LOST};
    struct msg *reply = msg_new(d->source->first_kind + NOTICE_SETTLED, sizeof lost);
    memcpy(lost.lock, ask->lock, sizeof lost.lock);
    memcpy(reply->body, &lost, sizeof lost);
    post_reply(lane, m, reply);
}

/* ---- receivers */

static struct receiver *find_receiver(struct notice_desk *d, struct addr slot)
{
    LIST_EACH(node, &d->receivers)
    {
        struct receiver *r = CONTAINER_OF(node, struct receiver, node);
        if (addr_eq(r->slot, slot)) return r;
    }
    return NULL;
}

static void on_open(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_desk *d = ctx;
    struct receiver *r = NEW(struct receiver);
    (void)lane;
    r->slot = m->from;
    list_push(&d->receivers, &r->node);
    metric_add(d->source->receivers, 1);
}

static void on_take(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_desk *d = ctx;
    struct receiver *r = NEW(struct receiver);
    (void)lane;
    *r = (struct receiver){.slot = m->from, .credit = 1, .visits = true};
    list_push(&d->receivers, &r->node);
    serve(d);
}

static void on_close(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_desk *d = ctx;
    struct receiver *r = find_receiver(d, m->from);
    (void)lane;
    if (r == NULL) return;
    if (!r->visits) metric_add(d->source->receivers, -1);
    list_remove(&r->node);
    free(r);
    LIST_EACH(node, &d->locked)
    if (addr_eq(batch_of(node)->receiver, m->from)) batch_move(batch_of(node), &d->returned);
    serve(d);
}

static void on_credit(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_desk *d = ctx;
    struct receiver *r = find_receiver(d, m->from);
    (void)lane;
    if (r == NULL) return;
    memcpy(&r->credit, m->body, sizeof r->credit);
    serve(d);
}

/* ---- life */

static void listen(struct notice_desk *d)
{
    static const struct {
        enum notice_kind kind;
        msg_fn fn;
    } rows[] = {{NOTICE_NEWS, on_news},     {NOTICE_OPEN, on_open},     {NOTICE_CLOSE, on_close},
                {NOTICE_CREDIT, on_credit}, {NOTICE_SETTLE, on_settle}, {NOTICE_TAKE, on_take}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        lane_on(lane_of(d), d->source->first_kind + rows[i].kind, rows[i].fn, d);
}

struct notice_desk *notice_desk_new(struct notices *n)
{
    struct notice_desk *d = NEW(struct notice_desk);
    assert(n->source->batch_max <= NOTICE_BATCH_MAX && n->source->columns <= NOTICE_COLUMNS_MAX);
    *d = (struct notice_desk){.notices = n,
                              .source = n->source,
                              .news = true,
                              .asking.fn = on_page,
                              .expiring.fn = on_expired,
                              .expire_us = clock_mono_us() + EXPIRE_EVERY_US};
    list_init(&d->receivers);
    list_init(&d->returned);
    list_init(&d->locked);
    list_init(&d->settling);
    timer_init(&d->timer, on_timer);
    listen(d);
    arm(d);
    return d;
}

static void free_batches(struct list *list)
{
    LIST_EACH(node, list) batch_free(batch_of(node));
}

void notice_desk_free(struct notice_desk *d)
{
    if (d == NULL) return;
    free_batches(&d->returned);
    free_batches(&d->locked);
    free_batches(&d->settling);
    for (struct list *node; (node = list_shift(&d->receivers)) != NULL;)
        free(CONTAINER_OF(node, struct receiver, node));
    timer_stop(&d->timer);
    free(d);
}
