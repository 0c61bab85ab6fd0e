/* baseline.c - what is held after everybody has gone, time after time. */
#include "baseline.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cast.h"
#include "heap.h"
#include "symbol.h"

enum { TIMES = 4, TIMES_MAX = 12, CENSUS_MAX = 1 << 13 };
#define BATCHES_MAX  (4 * SIM_CORES_MAX) /* that log_writer keeps, for each lane that has one */
#define ROUND_US_MAX (300 * 1000000ll)
#define SILENCE_US                                                                                 \
    (150 * 1000000ll) /* more than a minute for failed logins and for sessions' reports */

/* ---- counting */

/* How many there are of one kind: by the name of a function or a lane. */
struct tally {
    const char *what, *name;
    const struct heap_owner *owner; /* one of those whose function it is; NULL: no memory */
    long count[TIMES_MAX];
};

static struct {
    struct tally tallies[CENSUS_MAX];
    size_t count;
    int times; /* that were counted */
} census;

static void count_in(const char *what, const char *name, const struct heap_owner *owner, long n)
{
    struct tally *t = census.tallies;
    while (t < census.tallies + census.count && (t->what != what || t->name != name)) t++;
    if (t == census.tallies + census.count) {
        assert(census.count < CENSUS_MAX);
        *t = (struct tally){.what = what, .name = name, .owner = owner};
        census.count++;
    }
    t->count[census.times] += n;
}

static void count_lane(const struct lane *lane)
{
    static const char slots[] = "slots of a lane", timers[] = "timers";
    for (uint32_t i = 0; i < lane->slot_count; i++)
        if (lane->slots[i].object) count_in(slots, lane->name, NULL, 1);
    for (int level = 0; level < TIMER_LEVELS; level++)
        for (int slot = 0; slot < TIMER_SLOTS; slot++)
            LIST_EACH(node, &lane->timers.slots[level][slot])
            {
                count_in(timers,
                         (const void *)(uintptr_t)CONTAINER_OF(node, struct timer, node)->fn, NULL,
                         1);
            }
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* A name, or with '_' at its end a folder's. */
static bool is_helper(const char *function)
{
    static const char *const helpers[] = {"mem_",  "buf_",  "map_",    "msg_", "arena_",
                                          "list_", "blob_", "checked", "grow", "add"};
    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
        bool folder = helpers[i][strlen(helpers[i]) - 1] == '_';
        if (folder ? starts(function, helpers[i]) : strcmp(function, helpers[i]) == 0) return true;
    }
    return false;
}

/* Who asked: the first in the chain that is not there to help everybody. */
static const char *name_of(const struct heap_owner *o)
{
    const char *name = "?";
    for (int i = 0; i < HEAP_FRAMES_MAX && o->frames[i]; i++) {
        const char *function = symbol_of(o->frames[i]);
        if (function == NULL) return name;
        name = function;
        if (!is_helper(name)) return name;
    }
    return name;
}

/* The content of the disk is not memory of the hub. */
static bool is_disk(const struct heap_owner *o)
{
    for (int i = 0; i < HEAP_FRAMES_MAX && o->frames[i]; i++) {
        const char *name = symbol_of(o->frames[i]);
        if (name && (starts(name, "mem_node_") || starts(name, "mem_names_"))) return true;
    }
    return false;
}

static void take_census(const struct sim_hub *hub)
{
    size_t count;
    const struct heap_owner *owners = heap_owners(&count);
    for (size_t i = 0; i < count; i++) {
        const struct heap_owner *o = &owners[i];
        if (o->count && !is_disk(o)) count_in(o->what, name_of(o), o, o->count);
    }
    for (unsigned i = 0; i < hub->all_count; i++) count_lane(hub->all[i]);
}

/* ---- judging */

/* Caches that know names for longer than these are there, and memory that is kept for the next.  Each has a
 * limit of its own; `most` is that, where somebody here may reach it. */
static bool has_limit(const struct tally *t)
{
    static const struct {
        const char *name;
        long most;
    } owners[] = {
        {"registry_entry", LONG_MAX}, /* REGISTRY_CACHE_BYTES */
        {"on_ask", LONG_MAX},         /* TWIN_CACHE_BYTES: entries; the next: what is in them */
        {"twin_copy", LONG_MAX},
        {"journal_note", LONG_MAX}, /* REFUSAL_RECORDS_MAX, REFUSAL_STRANGERS_MAX */
        {"tails_add", LONG_MAX},    /* the newest records of each partition, log/own/tail.h */
        {"log_begin", 2 * BATCHES_MAX},
        {"log_end", BATCHES_MAX},
    };
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        if (strcmp(t->name, owners[i].name) == 0)
            return t->count[census.times - 1] <= owners[i].most;
    return false;
}

/* It never shrank, and grew nearly every time. */
static bool always_grew(const struct tally *t)
{
    int growths = 0;
    for (int i = 1; i < census.times; i++) {
        if (t->count[i] < t->count[i - 1]) return false;
        growths += t->count[i] > t->count[i - 1];
    }
    return growths >= (census.times - 1) * 2 / 3 && !has_limit(t);
}

static bool is_suspicious(void)
{
    for (size_t i = 0; i < census.count; i++)
        if (always_grew(&census.tallies[i])) return true;
    return false;
}

static void put_chain(struct buf *out, const struct heap_owner *o)
{
    for (int i = 0; o && i < HEAP_FRAMES_MAX && o->frames[i]; i++) {
        const char *function = symbol_of(o->frames[i]);
        buf_printf(out, "%s%s", i ? " < " : ", by ", function ? function : "?");
    }
}

static void judge(void)
{
    for (size_t i = 0; i < census.count; i++) {
        const struct tally *t = &census.tallies[i];
        struct buf text = {0};
        if (!always_grew(t)) continue;
        for (int k = 0; k < census.times; k++)
            buf_printf(&text, "%s%ld", k ? ", " : "", t->count[k]);
        put_chain(&text, t->owner);
        world_violated("whenever everybody had gone there were more %s of %s: %s", t->what, t->name,
                       buf_cstr(&text));
        buf_free(&text);
    }
}

/* ---- coming and going */

static void let_pass(struct sim_hub *hub, int64_t us)
{
    int64_t end_us = world.now_us + us;
    while (world_step(hub->all, hub->all_count, end_us)) {
    }
    world.now_us = end_us;
}

static void come_and_go(struct sim_hub *hub, const struct cast_goals *goals)
{
    static struct cast cast;
    int64_t end_us = world.now_us + ROUND_US_MAX;
    cast_init(&cast, hub, goals);
    cast_create(&cast);
    cast_start(&cast);
    while (!cast_done(&cast) && world.violations == 0 &&
           world_step(hub->all, hub->all_count, end_us)) {
    }
    if (!cast_done(&cast)) world_violated("those who come and go are not done");
    clients_leave();
    let_pass(hub, SILENCE_US);
    cast_delete(&cast);
    let_pass(hub, SILENCE_US);
    cast_fini(&cast);
}

void baseline_check(struct sim_hub *hub, unsigned crowd)
{
    struct cast_goals goals = cast_few(true);
    if (crowd) cast_crowd(&goals, crowd);
    memset(&census, 0, sizeof census);
    heap_watch();
    while (world.violations == 0 &&
           (census.times < TIMES || (census.times < TIMES_MAX && is_suspicious()))) {
        come_and_go(hub, &goals);
        take_census(hub);
        census.times++;
    }
    if (world.violations == 0) judge();
    heap_unwatch();
}
