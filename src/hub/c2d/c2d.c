/* c2d.c - a core's part: verbs to a device's home and back, and the sweep for what has expired. */
#include "hub/c2d/c2d.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "hub/c2d/c2d_sql.h"
#include "hub/c2d/draft.h"
#include "hub/c2d/home.h"

#define SWEEP_AGAIN_US 100000ll /* after a full page */

/* ---- answers */

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct c2d_wait *w = slot_get(lane, m->to);
    const struct c2d_done_msg *done = (const void *)m->body;
    const struct c2d_delivery *d = &done->message;
    if (w == NULL) return;
    struct c2d_message message = {.sequence = d->sequence,
                                  .enqueued_us = d->enqueued_us,
                                  .expires_us = d->expires_us,
                                  .delivery_count = d->delivery_count,
                                  .sections = slice_of(d->sections, d->sections_len)};
    memcpy(message.lock, d->lock, sizeof message.lock);
    struct c2d_answer answer = {.status = done->status,
                                .text = done->text_len ? (const char *)d->sections + d->sections_len
                                                       : "",
                                .count = done->count,
                                .message = done->has_message ? &message : NULL};
    c2d_forget(ctx, w);
    w->fn(w, &answer);
}

static void on_page(void *ctx, struct lane *lane, struct msg *m)
{
    struct c2d_wait *w = slot_get(lane, m->to);
    const struct c2d_page_msg *page = (const void *)m->body;
    const uint8_t *at = page->sections;
    struct c2d_listed listed[C2D_PAGE_MAX] = {0};
    if (w == NULL) return;
    for (unsigned n = 0; n < page->count; n++) {
        const struct c2d_page_row *row = &page->rows[n];
        listed[n] = (struct c2d_listed){.message = {.sequence = row->sequence,
                                                    .enqueued_us = row->enqueued_us,
                                                    .expires_us = row->expires_us,
                                                    .delivery_count = row->delivery_count,
                                                    .sections = slice_of(at, row->sections_len)},
                                        .invisible = row->invisible};
        at += row->sections_len;
    }
    c2d_forget(ctx, w);
    w->fn(w, &(struct c2d_answer){.text = "",
                                  .count = page->count,
                                  .listed = listed,
                                  .last = page->last,
                                  .more = page->more});
}

void c2d_forget(struct c2d *c, struct c2d_wait *w)
{
    slot_free(c->lane, w->slot);
}

/* By post, so that nobody is called before the verb that he called has returned. */
static void refuse(struct c2d *c, struct c2d_wait *w, enum status status, const char *text)
{
    size_t len = strlen(text) + 1;
    struct msg *m = msg_new(C2D_DONE, sizeof(struct c2d_done_msg) + len);
    struct c2d_done_msg *done = (void *)m->body;
    *done = (struct c2d_done_msg){.status = status, .text_len = (uint32_t)len};
    memcpy(done->message.sections, text, len);
    post(c->lane, lane_addr(c->lane), w->slot, m);
}

/* ---- verbs */

static void ask(struct c2d *c, unsigned kind, struct slice who, const struct c2d_ask_msg *head,
                struct c2d_wait *w)
{
    size_t fixed = offsetof(struct c2d_ask_msg, who);
    struct msg *m = msg_new(kind, fixed + who.len);
    memcpy(m->body, head, fixed);
    memcpy(m->body + fixed, who.ptr, who.len);
    ON_LANE(c->lane);
    if (w) w->slot = slot_new(c->lane, w);
    post(c->lane, w ? w->slot : lane_addr(c->lane), hub_home(c->hub, who), m);
}

void c2d_send(struct c2d *c, struct slice who, const struct c2d_draft *draft, struct c2d_wait *w)
{
    struct msg *m;
    ON_LANE(c->lane);
    w->slot = slot_new(c->lane, w);
    enum status status = draft_message(who, draft, clock_wall_us(), &m);
    if (status == STATUS_OK)
        post(c->lane, w->slot, hub_home(c->hub, who), m);
    else
        refuse(c, w, status, fail_text());
}

void c2d_receive(struct c2d *c, struct slice who, int64_t lock_us, struct c2d_wait *w)
{
    lock_us = MIN(MAX(lock_us, C2D_LOCK_US_MIN), C2D_LOCK_US_MAX);
    ask(c, C2D_RECEIVE, who, &(struct c2d_ask_msg){.lock_us = lock_us}, w);
}

void c2d_settle(struct c2d *c, struct slice who, const uint8_t lock[C2D_TOKEN_LEN],
                enum c2d_outcome outcome, struct c2d_wait *w)
{
    struct c2d_ask_msg head = {.outcome = outcome};
    memcpy(head.lock, lock, sizeof head.lock);
    ask(c, C2D_SETTLE, who, &head, w);
}

void c2d_purge(struct c2d *c, struct slice who, struct c2d_wait *w)
{
    ask(c, C2D_PURGE, who, &(struct c2d_ask_msg){0}, w);
}

void c2d_drop(struct c2d *c, struct slice who, uint64_t sequence, struct c2d_wait *w)
{
    ask(c, C2D_DROP, who, &(struct c2d_ask_msg){.sequence = sequence}, w);
}

void c2d_list(struct c2d *c, struct slice who, uint64_t after, unsigned top, struct c2d_wait *w)
{
    ask(c, C2D_LIST, who, &(struct c2d_ask_msg){.sequence = after, .top = top}, w);
}

/* ---- the sweep: queues that are not in memory have no timers */

static void sweep(struct timer *t, int64_t now_us)
{
    struct c2d *c = CONTAINER_OF(t, struct c2d, sweep);
    struct store_request r;
    (void)now_us;
    store_begin_query(&r, &sql_c2d_expired);
    store_put_int(&r, "now_us", clock_wall_us());
    store_put_int(&r, "most", C2D_SWEEP_DEVICES);
    store_ask(c->hub->store, c->lane, &r, &c->sweeping);
}

static void on_swept(struct store_wait *w, struct store_answer *a)
{
    struct c2d *c = CONTAINER_OF(w, struct c2d, sweeping);
    unsigned found = 0;
    for (; a->err == OK && store_next(a); found++)
        ask(c, C2D_EXPIRE, a->col[0].bytes, &(struct c2d_ask_msg){0}, NULL);
    timer_set(&c->lane->timers, &c->sweep,
              clock_mono_us() + (found == C2D_SWEEP_DEVICES ? SWEEP_AGAIN_US : C2D_SWEEP_US));
}

static void start_sweeping(struct c2d *c)
{
    timer_init(&c->sweep, sweep);
    c->sweeping.fn = on_swept;
    timer_set(&c->lane->timers, &c->sweep, clock_mono_us() + C2D_SWEEP_US);
}

/* ---- life */

struct c2d *c2d_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                    struct session_home *sessions)
{
    struct c2d *c = NEW(struct c2d);
    *c = (struct c2d){.hub = hub, .lane = lane, .registry = registry, .sessions = sessions};
    list_init(&c->all);
    list_init(&c->idle);
    timer_init(&c->sweep, sweep);
    calls_join(c);
    deliveries_join(c);
    works_join(c);
    lane_on(lane, C2D_DONE, on_done, c);
    lane_on(lane, C2D_PAGE, on_page, c);
    c->feedback = notices_new(hub, lane, &feedback_source);
    if (lane->id == hub->cores[0]) start_sweeping(c);
    return c;
}

struct notices *c2d_feedback(struct c2d *c)
{
    return c->feedback;
}

void c2d_free(struct c2d *c)
{
    if (c == NULL) return;
    while (!list_empty(&c->all)) queue_free(CONTAINER_OF(c->all.next, struct queue, node_in_all));
    timer_stop(&c->sweep);
    notices_free(c->feedback);
    map_free(&c->queues);
    free(c);
}
