/* world.c - time, chance and what comes next. */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/rand.h"

enum { STALLS_ONE_IN = 500, STALL_US_MAX = 400000 };

struct world world;

/* xorshift128+ */
static uint64_t next_random(void)
{
    uint64_t a = world.random[0], b = world.random[1];
    world.random[0] = b;
    a ^= a << 23;
    world.random[1] = a ^ b ^ a >> 17 ^ b >> 26;
    return world.random[1] + b;
}

static int64_t mono_us(void)
{
    return world.now_us;
}

static int64_t wall_us(void)
{
    return world.now_us + world.wall_us;
}

static void random_bytes(void *out, size_t len)
{
    uint8_t *p = out;
    while (len--) *p++ = (uint8_t)(next_random() >> 24);
}

void world_init(uint64_t seed)
{
    static const struct clock_source source = {mono_us, wall_us};
    world = (struct world){.seed = seed,
                           .random = {seed * 0x9e3779b97f4a7c15u + 1, ~seed},
                           .now_us = 1000000,
                           .wall_us = 1800000000000000};
    for (int i = 0; i < 16; i++) next_random();
    clock_use(&source);
    rand_use(random_bytes);
}

void world_fini(void)
{
    free(world.events);
    clock_use(NULL);
    rand_use(NULL);
}

void world_violated(const char *fmt, ...)
{
    char what[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    fprintf(stderr, "seed %" PRIu64 ", %.6f s: %s\n", world.seed, (double)world.now_us / 1e6, what);
    world.violations++;
}

void world_trace_number(uint64_t n)
{
    world.trace = (world.trace ^ n) * 0x9e3779b97f4a7c15u;
    world.trace ^= world.trace >> 29;
}

void world_trace(struct slice bytes)
{
    world_trace_number(map_hash(bytes));
}

uint64_t world_random(uint64_t below)
{
    return below ? next_random() % below : 0;
}

bool world_chance(unsigned percent)
{
    return world_random(100) < percent;
}

void world_name(char out[WORLD_NAME_MAX + 1], const char *stem, unsigned index)
{
    snprintf(out, WORLD_NAME_MAX + 1, "%s-%02u-%02u", stem, world.casts, index);
}

void world_step_clock(int64_t by_us)
{
    world.wall_us += by_us;
    world.stepped_us = world.now_us;
    if (by_us > 0) world.forward_us = world.now_us;
}

/* ---- events, earliest first */

static bool earlier(const struct event *a, const struct event *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void swap(size_t a, size_t b)
{
    struct event e = world.events[a];
    world.events[a] = world.events[b];
    world.events[b] = e;
}

static void sift_up(size_t i)
{
    for (; i && earlier(&world.events[i], &world.events[(i - 1) / 2]); i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static void sift_down(size_t i)
{
    while (true) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < world.event_count && earlier(&world.events[child], &world.events[least]))
                least = child;
        if (least == i) return;
        swap(i, least);
        i = least;
    }
}

void world_at(int64_t due_us, void (*fn)(void *ctx, uint64_t arg), void *ctx, uint64_t arg)
{
    if (world.event_count == world.event_cap) {
        world.event_cap = world.event_cap ? 2 * world.event_cap : 256;
        world.events = mem_grow(world.events, world.event_cap * sizeof *world.events);
    }
    due_us = MAX(due_us, world.now_us);
    world.events[world.event_count] = (struct event){due_us, world.event_order++, fn, ctx, arg};
    sift_up(world.event_count++);
}

static void run_event(void)
{
    struct event e = world.events[0];
    swap(0, --world.event_count);
    sift_down(0);
    e.fn(e.ctx, e.arg);
}

/* ---- steps */

static int64_t end_of(const struct stall *s, const struct lane *lane)
{
    return s->lane == lane ? s->until_us : 0;
}

int64_t world_stalled_until(const struct lane *lane)
{
    return end_of(&world.stall, lane);
}

bool world_stalls(const struct lane *lane)
{
    return world.now_us < world_stalled_until(lane);
}

void world_prolong_turn(const struct lane *lane, int64_t us)
{
    world.turn = (struct stall){lane, world.now_us + us};
}

bool world_in_turn(const struct lane *lane)
{
    return world.now_us < end_of(&world.turn, lane);
}

static int64_t lane_due_us(const struct lane *lane)
{
    int64_t due_us = lane_has_mail(lane) ? world.now_us : timers_next(&lane->timers);
    if (world_stalls(lane)) due_us = MAX(due_us, world.stall.until_us);
    if (world_in_turn(lane)) due_us = MAX(due_us, world.turn.until_us);
    return due_us;
}

static void stall_sometimes(const struct lane *lane)
{
    if (world_random(STALLS_ONE_IN)) return;
    world.stall = (struct stall){lane, world.now_us + (int64_t)world_random(STALL_US_MAX)};
}

/* To the next moment at which something is due; false when that is not before `end_us`. */
static bool advance(struct lane *const *lanes, unsigned count, int64_t end_us)
{
    int64_t next = world.event_count ? world.events[0].due_us : INT64_MAX;
    for (unsigned i = 0; i < count; i++) next = MIN(next, lane_due_us(lanes[i]));
    if (next >= end_us) return false;
    world.now_us = MAX(world.now_us, next);
    return true;
}

bool world_step(struct lane *const *lanes, unsigned count, int64_t end_us)
{
    unsigned ready[LANES_MAX], ready_count = 0;
    for (unsigned i = 0; i < count; i++)
        if (lane_due_us(lanes[i]) <= world.now_us) ready[ready_count++] = i;
    bool event_due = world.event_count && world.events[0].due_us <= world.now_us;
    unsigned choices = ready_count + event_due;
    if (choices == 0) return advance(lanes, count, end_us);
    uint64_t choice = world_random(choices);
    world.steps++;
    world_trace_number((uint64_t)world.now_us ^ choice);
    world.now_us += (int64_t)world_random(20);
    if (choice < ready_count) {
        lane_run_once(lanes[ready[choice]], world.now_us);
        stall_sometimes(lanes[ready[choice]]);
    } else {
        run_event();
    }
    return true;
}
