/* timer.c - six levels of 64 slots: level n counts in units of 64^n ticks.
 *
 * A timer goes to the level whose span covers its distance, in the slot of its due tick there.  When
 * the clock enters a slot of a higher level, its timers are put again and fall to a lower one.
 */
#include "post/timer.h"

#include "base/num.h"

static int64_t tick_of(int64_t us)
{
    return us / TIMER_TICK_US;
}

static unsigned slot_index(int64_t tick, int level)
{
    return (unsigned)(tick >> (TIMER_BITS * level)) & (TIMER_SLOTS - 1);
}

void timers_init(struct timers *w, int64_t now_us)
{
    w->tick = tick_of(now_us);
    for (int level = 0; level < TIMER_LEVELS; level++) {
        w->used[level] = 0;
        for (int i = 0; i < TIMER_SLOTS; i++) list_init(&w->slots[level][i]);
    }
}

void timer_init(struct timer *t, void (*fn)(struct timer *t, int64_t now_us))
{
    list_init(&t->node);
    t->fn = fn;
    t->due_us = 0;
}

static int level_for(int64_t distance)
{
    int level = 0;
    while (level < TIMER_LEVELS - 1 && distance >> (TIMER_BITS * (level + 1))) level++;
    return level;
}

void timer_set(struct timers *w, struct timer *t, int64_t due_us)
{
    list_remove(&t->node);
    t->due_us = due_us;
    int64_t longest = ((int64_t)1 << (TIMER_BITS * TIMER_LEVELS)) - 1;
    int64_t tick =
        due_us > INT64_MAX - TIMER_TICK_US ? INT64_MAX : tick_of(due_us + TIMER_TICK_US - 1);
    tick = MAX(tick, w->tick + 1);
    tick = MIN(tick, w->tick + longest);
    int level = level_for(tick - w->tick);
    unsigned index = slot_index(tick, level);
    list_push(&w->slots[level][index], &t->node);
    w->used[level] |= (uint64_t)1 << index;
}

void timer_stop(struct timer *t)
{
    list_remove(&t->node);
}

/* Takes all timers of a slot; what is not due yet goes to where it belongs now. */
static void empty_slot(struct timers *w, int level, unsigned index, int64_t now_us)
{
    struct list due;
    list_init(&due);
    list_splice(&due, &w->slots[level][index]);
    w->used[level] &= ~((uint64_t)1 << index);
    struct list *node;
    while ((node = list_shift(&due)) != NULL) {
        struct timer *t = CONTAINER_OF(node, struct timer, node);
        if (t->due_us <= now_us)
            t->fn(t, now_us);
        else
            timer_set(w, t, t->due_us);
    }
}

void timers_run(struct timers *w, int64_t now_us)
{
    int64_t target = tick_of(now_us);
    while (w->tick < target) {
        int64_t next = MIN(tick_of(timers_next(w)), target);
        w->tick = MAX(next, w->tick + 1);
        for (int level = TIMER_LEVELS - 1; level > 0; level--)
            if ((w->tick & (((int64_t)1 << (TIMER_BITS * level)) - 1)) == 0)
                empty_slot(w, level, slot_index(w->tick, level), now_us);
        empty_slot(w, 0, slot_index(w->tick, 0), now_us);
    }
}

/* The tick at which the clock enters the first used slot of a level, or INT64_MAX. */
static int64_t next_of_level(const struct timers *w, int level)
{
    if (w->used[level] == 0) return INT64_MAX;
    unsigned at = slot_index(w->tick, level);
    unsigned turn = (at + 1) & (TIMER_SLOTS - 1);
    uint64_t ahead =
        turn ? w->used[level] >> turn | w->used[level] << (TIMER_SLOTS - turn) : w->used[level];
    int64_t steps = __builtin_ctzll(ahead) + 1;
    int64_t unit = (int64_t)TIMER_BITS * level;
    return ((w->tick >> unit) + steps) << unit;
}

int64_t timers_next(const struct timers *w)
{
    int64_t next = INT64_MAX;
    for (int level = 0; level < TIMER_LEVELS; level++) next = MIN(next, next_of_level(w, level));
    return next == INT64_MAX ? INT64_MAX : next * TIMER_TICK_US;
}
