/* post.c - mailboxes, turns and slots. */
#include "post/post.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "post/hold.h"

_Thread_local const struct lane *lane_running;

/* The message whose handler runs on this thread; NULL once the handler has kept it. */
static _Thread_local struct msg *delivering;

/* See hold.h: lanes that are to be woken, one bit each. */
static _Thread_local struct {
    bool on;
    uint64_t lanes;
} held;

static void wake_nobody(struct lane *lane)
{
    (void)lane;
}

void lane_init(struct lane *lane, struct office *office, const char *name)
{
    assert(office->count < LANES_MAX);
    *lane = (struct lane){.office = office, .name = name, .id = office->count, .wake = wake_nobody};
    office->lanes[office->count++] = lane;
    timers_init(&lane->timers, clock_mono_us());
    list_init(&lane->turn_hooks);
}

void lane_fini(struct lane *lane)
{
    struct msg *m = atomic_exchange(&lane->inbox, NULL);
    while (m) {
        struct msg *next = m->next;
        msg_free(m);
        m = next;
    }
    free(lane->slots);
    lane->slots = NULL;
    if (lane->wake_free) lane->wake_free(lane);
    lane->wake_free = NULL;
}

void lane_on(struct lane *lane, unsigned kind, msg_fn fn, void *ctx)
{
    assert(kind < POST_KINDS && lane->handlers[kind].fn == NULL);
    lane->handlers[kind].fn = fn;
    lane->handlers[kind].ctx = ctx;
}

void lane_on_turn_end(struct lane *lane, struct turn_hook *hook)
{
    list_push(&lane->turn_hooks, &hook->node);
}

bool lane_has_mail(const struct lane *lane)
{
    return atomic_load_explicit(&lane->inbox, memory_order_relaxed) != NULL;
}

/* The whole inbox, oldest first. */
static struct msg *take_mail(struct lane *lane)
{
    struct msg *newest = atomic_exchange_explicit(&lane->inbox, NULL, memory_order_acquire);
    struct msg *oldest = NULL;
    while (newest) {
        struct msg *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void deliver(struct lane *lane, struct msg *m)
{
    assert(m->kind < POST_KINDS && lane->handlers[m->kind].fn != NULL);
    delivering = m;
    lane->handlers[m->kind].fn(lane->handlers[m->kind].ctx, lane, m);
    msg_free(delivering);
}

int64_t lane_run_once(struct lane *lane, int64_t now_us)
{
    lane_running = lane;
    metric_lane = lane->id;
    struct msg *m = take_mail(lane);
    while (m) {
        struct msg *next = m->next;
        deliver(lane, m);
        m = next;
    }
    timers_run(&lane->timers, now_us);
    LIST_EACH(node, &lane->turn_hooks)
    {
        struct turn_hook *hook = CONTAINER_OF(node, struct turn_hook, node);
        hook->fn(hook, now_us);
    }
    return lane_has_mail(lane) ? now_us : timers_next(&lane->timers);
}

struct msg *msg_new(unsigned kind, size_t len)
{
    assert(len <= UINT32_MAX);
    struct msg *m = mem_new(sizeof *m + len);
    *m = (struct msg){.kind = (uint16_t)kind, .len = (uint32_t)len};
    return m;
}

void msg_buf_begin(struct buf *b)
{
    assert(b->cap == 0);
    memset(buf_reserve(b, sizeof(struct msg)), 0, sizeof(struct msg));
    buf_commit(b, sizeof(struct msg));
}

struct msg *msg_buf_end(struct buf *b, unsigned kind)
{
    assert(b->off == 0 && b->len >= sizeof(struct msg) &&
           b->len - sizeof(struct msg) <= UINT32_MAX);
    struct msg *m = (struct msg *)(void *)b->ptr;
    *m = (struct msg){.kind = (uint16_t)kind, .len = (uint32_t)(b->len - sizeof(struct msg))};
    *b = (struct buf){0};
    return m;
}

void msg_free(struct msg *m)
{
    free(m);
}

void msg_keep(struct msg *m)
{
    assert(m == delivering);
    delivering = NULL;
}

static void wake(struct lane *target)
{
    if (held.on)
        held.lanes |= UINT64_C(1) << target->id;
    else
        target->wake(target);
}

void post_hold(void)
{
    _Static_assert(LANES_MAX <= 64, "a bit for each lane");
    assert(!held.on);
    held.on = true;
}

void post_release(const struct office *office)
{
    assert(held.on);
    held.on = false;
    for (; held.lanes; held.lanes &= held.lanes - 1) {
        struct lane *target = office->lanes[__builtin_ctzll(held.lanes)];
        target->wake(target);
    }
}

void post(struct lane *lane, struct addr from, struct addr to, struct msg *m)
{
    assert(to.lane < lane->office->count);
    struct lane *target = lane->office->lanes[to.lane];
    m->from = from;
    m->to = to;
    m->flags = 0;
    struct msg *head = atomic_load_explicit(&target->inbox, memory_order_relaxed);
    do m->next = head;
    while (!atomic_compare_exchange_weak_explicit(&target->inbox, &head, m, memory_order_release,
                                                  memory_order_relaxed));
    if (head == NULL) wake(target);
}

void post_reply(struct lane *lane, const struct msg *m, struct msg *reply)
{
    reply->call = m->call;
    post(lane, m->to, m->from, reply);
}

struct addr slot_new(struct lane *lane, void *object)
{
    if (lane->slot_free == 0) {
        uint32_t old = lane->slot_count ? lane->slot_count : 1;
        lane->slot_count = old * 2;
        lane->slots = mem_grow(lane->slots, lane->slot_count * sizeof *lane->slots);
        for (uint32_t i = old == 1 ? 0 : old; i < lane->slot_count; i++)
            lane->slots[i] = (struct slot){.next_free = i + 1 < lane->slot_count ? i + 1 : 0};
        lane->slot_free = old;
    }
    uint32_t index = lane->slot_free;
    struct slot *s = &lane->slots[index];
    lane->slot_free = s->next_free;
    s->object = object;
    s->gen++;
    return (struct addr){.lane = lane->id, .slot = index, .gen = s->gen};
}

void *slot_get(const struct lane *lane, struct addr a)
{
    if (a.slot == 0 || a.slot >= lane->slot_count) return NULL;
    const struct slot *s = &lane->slots[a.slot];
    return s->gen == a.gen ? s->object : NULL;
}

void slot_free(struct lane *lane, struct addr a)
{
    if (slot_get(lane, a) == NULL) return;
    struct slot *s = &lane->slots[a.slot];
    s->object = NULL;
    s->next_free = lane->slot_free;
    lane->slot_free = a.slot;
}
