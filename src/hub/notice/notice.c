/* notice.c - the receivers' side, on any core. */
#include "hub/notice/notice.h"

#include <stdlib.h>

#include "hub/notice/message.h"

static void tell(struct notices *n, struct addr from, enum notice_kind kind, const void *body,
                 size_t len)
{
    struct msg *m = msg_new(n->source->first_kind + kind, len);
    ON_LANE(n->lane);
    if (len) memcpy(m->body, body, len);
    post(n->lane, from, (struct addr){.lane = n->hub->cores[0]}, m);
}

void notices_news(struct notices *n)
{
    tell(n, lane_addr(n->lane), NOTICE_NEWS, NULL, 0);
}

void notices_open(struct notices *n, struct notice_receiver *r)
{
    r->slot = slot_new(n->lane, r);
    tell(n, r->slot, NOTICE_OPEN, NULL, 0);
}

void notices_visit(struct notices *n, struct notice_receiver *r)
{
    r->slot = slot_new(n->lane, r);
}

void notices_take(struct notices *n, struct notice_receiver *r)
{
    tell(n, r->slot, NOTICE_TAKE, NULL, 0);
}

void notices_close(struct notices *n, struct notice_receiver *r)
{
    tell(n, r->slot, NOTICE_CLOSE, NULL, 0);
    slot_free(n->lane, r->slot);
}

void notices_credit(struct notices *n, struct notice_receiver *r, uint32_t credit)
{
    tell(n, r->slot, NOTICE_CREDIT, &credit, sizeof credit);
}

void notices_settle(struct notices *n, struct notice_receiver *r,
                    const uint8_t lock[NOTICE_LOCK_LEN], enum notice_outcome outcome)
{
    struct notice_settle_msg m = {.outcome = outcome};
    memcpy(m.lock, lock, sizeof m.lock);
    tell(n, r->slot, NOTICE_SETTLE, &m, sizeof m);
}

static void on_batch(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_receiver *r = slot_get(lane, m->to);
    const struct notice_batch_msg *b = (const void *)m->body;
    (void)ctx;
    if (r)
        r->batch(r, b->lock, b->enqueued_us,
                 slice_from(msg_body(m), offsetof(struct notice_batch_msg, json)));
}

static void on_settled(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_receiver *r = slot_get(lane, m->to);
    const struct notice_settled_msg *s = (const void *)m->body;
    (void)ctx;
    if (r && r->settled) r->settled(r, s->lock, s->status);
}

static void on_nothing(void *ctx, struct lane *lane, struct msg *m)
{
    struct notice_receiver *r = slot_get(lane, m->to);
    enum status status;
    (void)ctx;
    memcpy(&status, m->body, sizeof status);
    if (r) r->nothing(r, status);
}

struct notices *notices_new(const struct hub *hub, struct lane *lane,
                            const struct notice_source *source)
{
    struct notices *n = NEW(struct notices);
    *n = (struct notices){.hub = hub, .lane = lane, .source = source};
    lane_on(lane, source->first_kind + NOTICE_BATCH, on_batch, n);
    lane_on(lane, source->first_kind + NOTICE_SETTLED, on_settled, n);
    lane_on(lane, source->first_kind + NOTICE_NOTHING, on_nothing, n);
    if (lane->id == hub->cores[0]) n->desk = notice_desk_new(n);
    return n;
}

void notices_free(struct notices *n)
{
    if (n == NULL) return;
    notice_desk_free(n->desk);
    free(n);
}
