/* reader_share.c - a queue of readers, and an account of the turn's time. */
#include "front/amqp/reader_share.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "front/amqp/owners.h"

COUNTER(put_off, "azimuth_stream_readers_put_off_total",
        "Times that a reader of the stream waited for the next turn, so that it does not hold up "
        "others");

bool reader_share_left(const struct reader_share *s)
{
    return s->used_us + (clock_mono_us() - s->began_us) < s->may_us;
}

static void call_again(struct reader_share *s)
{
    if (s->called) return;
    s->called = true;
    post(s->lane, lane_addr(s->lane), lane_addr(s->lane), msg_new(READERS_GO_ON, 0));
}

void reader_share_wait(struct reader_share *s, struct list *waiting)
{
    if (list_linked(waiting)) return;
    metric_inc(&put_off);
    list_push(&s->waiting, waiting);
    call_again(s);
}

bool reader_share_begin(struct reader_share *s, struct list *waiting)
{
    s->began_us = clock_mono_us();
    if (list_empty(&s->waiting) && s->used_us < s->may_us) return true;
    reader_share_wait(s, waiting);
    return false;
}

void reader_share_end(struct reader_share *s)
{
    s->used_us += clock_mono_us() - s->began_us;
}

/* One at least, or who waits beside endless work would for ever; each at most once. */
static void on_go_on(void *ctx, struct lane *lane, struct msg *m)
{
    struct reader_share *s = ctx;
    struct list now, *node;
    (void)lane, (void)m;
    s->called = false;
    list_init(&now);
    list_splice(&now, &s->waiting);
    while ((node = list_shift(&now)) != NULL) {
        s->began_us = clock_mono_us();
        s->go_on(node);
        if (s->used_us >= s->may_us) break;
    }
    list_splice(&now,
                &s->waiting); /* who was called and has not finished stands behind who was not */
    list_splice(&s->waiting, &now);
    if (!list_empty(&s->waiting)) call_again(s);
}

static void begin_turn(struct turn_hook *hook, int64_t began_us)
{
    enum { COSTS = 2 }; /* ciphers and the kernel */
    struct reader_share *s = CONTAINER_OF(hook, struct reader_share, hook);
    (void)began_us;
    int64_t now_us = clock_mono_us();
    int64_t others_us = now_us - s->turn_us - COSTS * s->used_us;
    s->may_us =
        others_us < READER_ALONE_US ? READER_TURN_US : MIN(others_us / READER_NTH, READER_TURN_US);
    s->turn_us = now_us;
    s->used_us = 0;
}

void reader_share_init(struct reader_share *s, struct lane *lane,
                       void (*go_on)(struct list *waiting))
{
    *s = (struct reader_share){
        .lane = lane, .hook.fn = begin_turn, .go_on = go_on, .may_us = READER_TURN_US};
    list_init(&s->waiting);
    s->turn_us = clock_mono_us();
    lane_on_turn_end(lane, &s->hook);
    lane_on(lane, READERS_GO_ON, on_go_on, s);
}

void reader_share_fini(struct reader_share *s)
{
    list_remove(&s->hook.node);
}
