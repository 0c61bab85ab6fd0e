/* feedback.c - what became of messages: records in batches, to the receivers of services.
 *
 *   records ──read──▶ batch ──▶ returned ──credit──▶ locked ──complete, reject──▶ deleted
 *                                  ▲                    │
 *                                  └── abandon, receiver gone, lock over
 *
 * Records are written by the homes, in the units that decide about messages (work.c); the first core
 * reads them, oldest first, and deletes them when a receiver has them.  Locks and counts of
 * deliveries are in memory: after a restart every record is new.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"
#include "hub/c2d/c2d_sql.h"
#include "hub/c2d/home.h"

COUNTER(records_written, "azimuth_c2d_feedback_records_total", "Feedback records written");
COUNTER(batches_sent, "azimuth_c2d_feedback_sent_total", "Feedback messages sent to receivers");
COUNTER(batches_dropped, "azimuth_c2d_feedback_dropped_total",
        "Feedback messages that were delivered too often and are gone");
GAUGE(receivers_now, "azimuth_c2d_feedback_receivers", "Receivers of feedback now");

#define EXPIRE_EVERY_US 60000000ll
#define RETRY_US        1000000ll

struct record {
    int64_t at_us;
    uint64_t sequence;
    enum c2d_status status;
    struct slice device_id, generation, message_id; /* in the batch's arena */
};

struct batch {
    struct list node; /* in returned, locked or settling */
    struct feedback *feedback;
    struct arena arena;
    struct store_wait wait;
    struct msg *m; /* who settles; NULL: nobody waits */
    struct addr receiver;
    uint8_t lock[C2D_TOKEN_LEN];
    int64_t made_us, until_us; /* wall; monotonic */
    unsigned deliveries, count;
    struct record records[C2D_FEEDBACK_BATCH_MAX];
};

struct receiver {
    struct list node;
    struct addr slot;
    uint32_t credit;
};

struct feedback {
    struct c2d *c2d;
    struct list receivers; /* who has waited longest is first */
    struct list returned, locked, settling;
    unsigned batch_count; /* in all three */
    struct store_wait asking, expiring;
    bool is_asking;
    bool news;        /* the store may have records that are in no batch */
    unsigned fresh;   /* times that was said since records were read */
    int64_t ready_us; /* monotonic: until then they gather */
    int64_t expire_us;
    struct timer timer;
};

static const char *const status_names[C2D_STATUSES] = {
    [C2D_SUCCESS] = "Success",
    [C2D_EXPIRED] = "Expired",
    [C2D_DELIVERY_COUNT_EXCEEDED] = "DeliveryCountExceeded",
    [C2D_REJECTED] = "Rejected",
    [C2D_PURGED] = "Purged",
};

static void serve(struct feedback *f);

/* ---- writing, at the homes */

bool feedback_wanted(enum c2d_ack ack, enum c2d_status status)
{
    return (ack & (status == C2D_SUCCESS ? ACK_POSITIVE : ACK_NEGATIVE)) != 0;
}

void feedback_add(struct store_request *u, const struct item *i, enum c2d_status status,
                  int64_t at_us)
{
    metric_inc(&records_written);
    store_add(u, &sql_c2d_feedback_insert, 1);
    store_put_int(u, "at_us", at_us);
    store_put_text(u, "device_id", queue_id(i->queue));
    store_put_text(u, "generation_id", slice_str(i->queue->generation));
    store_put_int(u, "sequence", (int64_t)i->sequence);
    store_put_int(u, "status", status);
    store_put_text(u, "message_id", item_id(i));
}

static struct addr first_core(const struct c2d *c)
{
    return (struct addr){.lane = c->hub->cores[0]};
}

void feedback_news(struct c2d *c)
{
    post(c->lane, lane_addr(c->lane), first_core(c), msg_new(C2D_FEEDBACK_NEWS, 0));
}

/* ---- batches */

static struct batch *batch_of(struct list *node)
{
    return CONTAINER_OF(node, struct batch, node);
}

static void batch_free(struct batch *b)
{
    b->feedback->batch_count--;
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

static bool batch_has(const struct batch *b, const struct record *r)
{
    for (unsigned i = 0; i < b->count; i++) {
        const struct record *o = &b->records[i];
        if (o->at_us == r->at_us && o->sequence == r->sequence &&
            slice_eq(o->device_id, r->device_id) && slice_eq(o->generation, r->generation))
            return true;
    }
    return false;
}

static bool is_taken(const struct feedback *f, const struct record *r)
{
    const struct list *const heads[] = {&f->returned, &f->locked, &f->settling};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) LIST_EACH(node, heads[i])
    if (batch_has(batch_of(node), r)) return true;
    return false;
}

static void batch_add(struct batch *b, const struct record *r)
{
    struct record *copy = &b->records[b->count++];
    *copy = *r;
    copy->device_id = arena_copy(&b->arena, r->device_id);
    copy->generation = arena_copy(&b->arena, r->generation);
    copy->message_id = arena_copy(&b->arena, r->message_id);
}

static void write_record(struct buf *out, const struct record *r)
{
    char at[CLOCK_ISO_LEN + 1];
    const char *status = status_names[r->status];
    clock_iso(r->at_us, at);
    buf_put_str(out, "{\"originalMessageId\":");
    text_json_string(out, r->message_id);
    buf_put_str(out, ",\"deviceGenerationId\":");
    text_json_string(out, r->generation);
    buf_put_str(out, ",\"deviceId\":");
    text_json_string(out, r->device_id);
    buf_printf(out, ",\"enqueuedTimeUtc\":\"%s\",\"statusCode\":\"%s\",\"description\":\"%s\"}", at,
               status, status); /* the C SDK reads the description */
}

static struct msg *batch_msg(const struct batch *b)
{
    struct buf out = {0};
    struct c2d_feedback_batch_msg head = {.enqueued_us = b->made_us};
    memcpy(head.lock, b->lock, sizeof head.lock);
    msg_buf_begin(&out);
    buf_put(&out, &head, offsetof(struct c2d_feedback_batch_msg, json));
    for (unsigned i = 0; i < b->count; i++) {
        buf_put_u8(&out, i ? ',' : '[');
        write_record(&out, &b->records[i]);
    }
    buf_put_u8(&out, ']');
    return msg_buf_end(&out, C2D_FEEDBACK_BATCH);
}

static void batch_send(struct batch *b, struct receiver *r, int64_t now_us)
{
    struct lane *lane = b->feedback->c2d->lane;
    rand_bytes(b->lock, sizeof b->lock);
    b->receiver = r->slot;
    b->until_us = now_us + C2D_FEEDBACK_LOCK_US;
    b->deliveries++;
    batch_move(b, &b->feedback->locked);
    r->credit--;
    list_remove(&r->node);
    list_push(&b->feedback->receivers, &r->node);
    metric_inc(&batches_sent);
    post(lane, lane_addr(lane), r->slot, batch_msg(b));
}

/* ---- reading records */

static bool read_row(const struct store_value *col, int64_t oldest_us, struct record *r)
{
    *r = (struct record){.at_us = col[0].number,
                         .device_id = col[1].bytes,
                         .generation = col[2].bytes,
                         .sequence = (uint64_t)col[3].number,
                         .message_id = col[5].bytes};
    if (col[4].number < 0 || col[4].number >= C2D_STATUSES) return false;
    r->status = (enum c2d_status)col[4].number;
    return r->at_us > oldest_us;
}

static void take_page(struct feedback *f, struct store_answer *a)
{
    struct batch *b = NEW(struct batch);
    struct record r;
    int64_t wall_us = clock_wall_us();
    bool left_over = a->more;
    b->feedback = f;
    b->made_us = wall_us;
    list_push(&f->returned, &b->node);
    f->batch_count++;
    while (store_next(a)) {
        if (!read_row(a->col, wall_us - C2D_FEEDBACK_TTL_US, &r) || is_taken(f, &r)) continue;
        if (b->count == C2D_FEEDBACK_BATCH_MAX)
            left_over = true;
        else
            batch_add(b, &r);
    }
    if (b->count == 0) batch_free(b);
    if (!left_over) return;
    f->news = true;
    f->ready_us = clock_mono_us();
}

static void on_page(struct store_wait *w, struct store_answer *a)
{
    struct feedback *f = CONTAINER_OF(w, struct feedback, asking);
    f->is_asking = false;
    if (a->err == OK) {
        take_page(f, a);
    } else {
        f->news = true;
        f->ready_us = clock_mono_us() + RETRY_US;
    }
    serve(f);
}

/* Those in batches are among the oldest, so a page has them and one more batch, and tells of more. */
static void ask_page(struct feedback *f)
{
    struct store_request r;
    store_begin_query(&r, &sql_c2d_feedback_page);
    store_put_int(&r, "most", (f->batch_count + 1) * C2D_FEEDBACK_BATCH_MAX + 1);
    f->is_asking = true;
    f->news = false;
    f->fresh = 0;
    store_ask(f->c2d->hub->store, f->c2d->lane, &r, &f->asking);
}

/* ---- serving */

static struct receiver *hungry(struct feedback *f)
{
    LIST_EACH(node, &f->receivers)
    {
        struct receiver *r = CONTAINER_OF(node, struct receiver, node);
        if (r->credit) return r;
    }
    return NULL;
}

static void unlock_those_over(struct feedback *f, int64_t now_us)
{
    LIST_EACH(node, &f->locked)
    if (batch_of(node)->until_us <= now_us) batch_move(batch_of(node), &f->returned);
}

static void expire_records(struct feedback *f, int64_t now_us)
{
    struct store_request u;
    if (now_us < f->expire_us) return;
    f->expire_us = INT64_MAX;
    store_begin_unit(&u, STORE_BULK);
    store_add(&u, &sql_c2d_feedback_expire, STORE_ANY);
    store_put_int(&u, "at_us", clock_wall_us() - C2D_FEEDBACK_TTL_US);
    store_ask(f->c2d->hub->store, f->c2d->lane, &u, &f->expiring);
}

static void on_expired(struct store_wait *w, struct store_answer *a)
{
    struct feedback *f = CONTAINER_OF(w, struct feedback, expiring);
    (void)a; /* if it did not work now, it will later */
    f->expire_us = clock_mono_us() + EXPIRE_EVERY_US;
    serve(f);
}

static void arm(struct feedback *f)
{
    int64_t due_us = f->expire_us;
    LIST_EACH(node, &f->locked) due_us = MIN(due_us, batch_of(node)->until_us);
    bool may_read = f->news && !f->is_asking && f->batch_count < C2D_FEEDBACK_LOCKED_MAX;
    if (may_read && hungry(f)) due_us = MIN(due_us, f->ready_us);
    timer_set(&f->c2d->lane->timers, &f->timer, due_us);
}

static void serve(struct feedback *f)
{
    struct receiver *r;
    int64_t now_us = clock_mono_us();
    unlock_those_over(f, now_us);
    expire_records(f, now_us);
    while (!list_empty(&f->returned) && (r = hungry(f)) != NULL)
        batch_send(batch_of(f->returned.next), r, now_us);
    bool due = now_us >= f->ready_us || f->fresh >= C2D_FEEDBACK_BATCH_MAX;
    if (f->news && due && !f->is_asking && f->batch_count < C2D_FEEDBACK_LOCKED_MAX && hungry(f))
        ask_page(f);
    arm(f);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    (void)now_us;
    serve(CONTAINER_OF(t, struct feedback, timer));
}

static void on_news(void *ctx, struct lane *lane, struct msg *m)
{
    struct feedback *f = ((struct c2d *)ctx)->feedback;
    (void)lane, (void)m;
    if (!f->news) f->ready_us = clock_mono_us() + C2D_FEEDBACK_WAIT_US;
    f->news = true;
    f->fresh++;
    serve(f);
}

/* ---- settling */

static void answer(struct batch *b, enum status status)
{
    struct msg *reply = msg_new(C2D_FEEDBACK_SETTLED, sizeof(struct c2d_feedback_settled_msg));
    struct c2d_feedback_settled_msg *body = (void *)reply->body;
    const struct c2d_feedback_settle_msg *ask = (const void *)b->m->body;
    body->status = status;
    memcpy(body->lock, ask->lock, sizeof body->lock);
    post_reply(b->feedback->c2d->lane, b->m, reply);
    msg_free(b->m);
    b->m = NULL;
}

static void on_deleted(struct store_wait *w, struct store_answer *a)
{
    struct batch *b = CONTAINER_OF(w, struct batch, wait);
    struct feedback *f = b->feedback;
    answer(b, status_of_err(a->err));
    if (a->err == OK)
        batch_free(b);
    else
        batch_move(b, &f->returned);
    serve(f);
}

static void delete_records(struct batch *b)
{
    struct c2d *c = b->feedback->c2d;
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    for (unsigned i = 0; i < b->count; i++) {
        const struct record *r = &b->records[i];
        store_add(&u, &sql_c2d_feedback_remove, STORE_ANY);
        store_put_int(&u, "at_us", r->at_us);
        store_put_text(&u, "device_id", r->device_id);
        store_put_text(&u, "generation_id", r->generation);
        store_put_int(&u, "sequence", (int64_t)r->sequence);
    }
    b->wait.fn = on_deleted;
    batch_move(b, &b->feedback->settling);
    store_ask(c->hub->store, c->lane, &u, &b->wait);
}

static struct batch *locked_batch(struct feedback *f, const uint8_t lock[C2D_TOKEN_LEN])
{
    LIST_EACH(node, &f->locked)
    if (memcmp(batch_of(node)->lock, lock, C2D_TOKEN_LEN) == 0) return batch_of(node);
    return NULL;
}

static void settle(struct batch *b, enum c2d_outcome outcome)
{
    struct feedback *f = b->feedback;
    bool too_often = b->deliveries >= C2D_FEEDBACK_DELIVERIES_MAX;
    if (outcome == C2D_ABANDON && !too_often) {
        answer(b, STATUS_OK);
        batch_move(b, &f->returned);
        serve(f);
        return;
    }
    if (outcome != C2D_COMPLETE) metric_inc(&batches_dropped);
    delete_records(b);
}

static void on_settle(void *ctx, struct lane *lane, struct msg *m)
{
    struct feedback *f = ((struct c2d *)ctx)->feedback;
    const struct c2d_feedback_settle_msg *ask = (const void *)m->body;
    struct batch *b = locked_batch(f, ask->lock);
    if (b) {
        msg_keep(m);
        b->m = m;
        settle(b, ask->outcome);
        return;
    }
    struct c2d_feedback_settled_msg lost = {.status = STATUS_DEVICE_MESSAGE_LOCK_LOST};
    struct msg *reply = msg_new(C2D_FEEDBACK_SETTLED, sizeof lost);
    memcpy(lost.lock, ask->lock, sizeof lost.lock);
    memcpy(reply->body, &lost, sizeof lost);
    post_reply(lane, m, reply);
}

/* ---- receivers */

static struct receiver *find_receiver(struct feedback *f, struct addr slot)
{
    LIST_EACH(node, &f->receivers)
    {
        struct receiver *r = CONTAINER_OF(node, struct receiver, node);
        if (addr_eq(r->slot, slot)) return r;
    }
    return NULL;
}

static void on_open(void *ctx, struct lane *lane, struct msg *m)
{
    struct feedback *f = ((struct c2d *)ctx)->feedback;
    struct receiver *r = NEW(struct receiver);
    (void)lane;
    r->slot = m->from;
    list_push(&f->receivers, &r->node);
    metric_add(&receivers_now, 1);
}

static void on_close(void *ctx, struct lane *lane, struct msg *m)
{
    struct feedback *f = ((struct c2d *)ctx)->feedback;
    struct receiver *r = find_receiver(f, m->from);
    (void)lane;
    if (r == NULL) return;
    list_remove(&r->node);
    free(r);
    metric_add(&receivers_now, -1);
    LIST_EACH(node, &f->locked)
    if (addr_eq(batch_of(node)->receiver, m->from)) batch_move(batch_of(node), &f->returned);
    serve(f);
}

static void on_credit(void *ctx, struct lane *lane, struct msg *m)
{
    struct feedback *f = ((struct c2d *)ctx)->feedback;
    struct receiver *r = find_receiver(f, m->from);
    (void)lane;
    if (r == NULL) return;
    memcpy(&r->credit, m->body, sizeof r->credit);
    serve(f);
}

/* ---- receivers' own side, on any core */

static void tell(struct c2d *c, struct c2d_feedback *f, unsigned kind, const void *body, size_t len)
{
    struct msg *m = msg_new(kind, len);
    if (len) memcpy(m->body, body, len);
    post(c->lane, f->slot, first_core(c), m);
}

void c2d_feedback_open(struct c2d *c, struct c2d_feedback *f)
{
    ON_LANE(c->lane);
    f->slot = slot_new(c->lane, f);
    tell(c, f, C2D_FEEDBACK_OPEN, NULL, 0);
}

void c2d_feedback_close(struct c2d *c, struct c2d_feedback *f)
{
    tell(c, f, C2D_FEEDBACK_CLOSE, NULL, 0);
    slot_free(c->lane, f->slot);
}

void c2d_feedback_credit(struct c2d *c, struct c2d_feedback *f, uint32_t credit)
{
    tell(c, f, C2D_FEEDBACK_CREDIT, &credit, sizeof credit);
}

void c2d_feedback_settle(struct c2d *c, struct c2d_feedback *f, const uint8_t lock[C2D_TOKEN_LEN],
                         enum c2d_outcome outcome)
{
    struct c2d_feedback_settle_msg m = {.outcome = outcome};
    memcpy(m.lock, lock, sizeof m.lock);
    tell(c, f, C2D_FEEDBACK_SETTLE, &m, sizeof m);
}

static void on_batch(void *ctx, struct lane *lane, struct msg *m)
{
    struct c2d_feedback *f = slot_get(lane, m->to);
    const struct c2d_feedback_batch_msg *b = (const void *)m->body;
    (void)ctx;
    if (f)
        f->batch(f, b->lock, b->enqueued_us,
                 slice_from(msg_body(m), offsetof(struct c2d_feedback_batch_msg, json)));
}

static void on_settled(void *ctx, struct lane *lane, struct msg *m)
{
    struct c2d_feedback *f = slot_get(lane, m->to);
    const struct c2d_feedback_settled_msg *s = (const void *)m->body;
    (void)ctx;
    if (f && f->settled) f->settled(f, s->lock, s->status);
}

/* ---- life */

void feedback_join(struct c2d *c)
{
    lane_on(c->lane, C2D_FEEDBACK_BATCH, on_batch, c);
    lane_on(c->lane, C2D_FEEDBACK_SETTLED, on_settled, c);
}

struct feedback *feedback_new(struct c2d *c)
{
    struct feedback *f = NEW(struct feedback);
    *f = (struct feedback){.c2d = c,
                           .news = true,
                           .asking.fn = on_page,
                           .expiring.fn = on_expired,
                           .expire_us = clock_mono_us() + EXPIRE_EVERY_US};
    list_init(&f->receivers);
    list_init(&f->returned);
    list_init(&f->locked);
    list_init(&f->settling);
    timer_init(&f->timer, on_timer);
    lane_on(c->lane, C2D_FEEDBACK_NEWS, on_news, c);
    lane_on(c->lane, C2D_FEEDBACK_OPEN, on_open, c);
    lane_on(c->lane, C2D_FEEDBACK_CLOSE, on_close, c);
    lane_on(c->lane, C2D_FEEDBACK_CREDIT, on_credit, c);
    lane_on(c->lane, C2D_FEEDBACK_SETTLE, on_settle, c);
    arm(f);
    return f;
}

static void free_batches(struct list *list)
{
    LIST_EACH(node, list) batch_free(batch_of(node));
}

void feedback_free(struct feedback *f)
{
    if (f == NULL) return;
    free_batches(&f->returned);
    free_batches(&f->locked);
    free_batches(&f->settling);
    for (struct list *node; (node = list_shift(&f->receivers)) != NULL;)
        free(CONTAINER_OF(node, struct receiver, node));
    timer_stop(&f->timer);
    free(f);
}
