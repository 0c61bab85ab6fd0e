/* sim.c - one run of the simulated world per seed.
 *
 *   sim [--seed N] [--seeds N | --hours N | --cpu SECONDS] [--devices N] [--lying-disk] [-v]
 *
 * A hub on one to three cores, devices that send, devices and services that share twins, links that
 * stall and break, syncs and writes that fail, a disk that runs full, and crashes that lose what was
 * not synced.  After every crash and at the end the whole log is read back and compared with what the
 * devices were told; the other actors compare with their models all the while.
 * Most seeds have few devices and a deep history, some have thousands that come, send and go.
 * --devices: so many of them send, whatever the seed says.
 * --hours, --cpu: seed after seed for that long, or until one fails.
 * --lying-disk: syncs do nothing; then acknowledged messages must be found missing, or the simulator
 * itself is blind: the exit status is 0 only if it noticed.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/say.h"
#include "baseline.h"
#include "cast.h"
#include "promise/judge.h"

enum {
    RUN_US_MAX = 600 * 1000000,
    VERIFY_US_MAX = 60 * 1000000,
    CRASH_EVERY_US_MAX = 700000,
    CRASH_RARELY_US_MAX = 6000000, /* lives long enough to run full and have room again */
    CRASHES_OFTEN = 15,            /* then rarely: after each of them everything is read */
    FILLED_EVERY_US_MAX = 600000,
    FILLED_US_MAX = 200000,
    STEPS_PERCENT = 40,   /* of the seeds */
    TIGHT_PERCENT = 50,   /* have small caches */
    TIGHT_BYTES_MIN = 64, /* ... or twice, four times, ... as many */
    TIGHT_DOUBLINGS_MAX = 11,
    CROWDS_PERCENT = 10,
    CROWD_MIN = 1000,
    CROWD_MAX = 4000,
    CROWD_AGAIN_MAX = 1000, /* that come and go while memory is watched */
    STEP_EVERY_US_MAX = 3000000,
    NOTICED_US_MAX = 75 * 1000000, /* sessions look at the time once a minute */
    ROOM_LEFT_MAX = 100 << 10,
    PROGRESS_S = 10,
};

static struct sim_hub hub;
static struct cast cast;
static unsigned devices_asked, crowd; /* 0: the seed says it; 0: few */
static unsigned crashes, faults, fillings, steps;
static uint64_t crash_every_us_max;
static bool lying_disk, verbose, calm; /* calm: no crashes and faults any more */
static uint64_t records;               /* in the log when it was read last */
static uint64_t traces;                /* of all seeds */
static int64_t virtual_us;             /* that have passed in all of them */

/* ---- the judge */

static bool judge_step(void *ctx)
{
    (void)ctx;
    return world_step(hub.all, hub.all_count, world.now_us + 10000000);
}

static void violated(void *ctx, enum judge_kind kind, const char *what)
{
    (void)ctx;
    world_violated("%s: %s", judge_kind_name(kind), what);
}

/* What those sent who are one device has a model of its own. */
static bool judge_other(void *ctx, struct slice sender, struct slice body)
{
    (void)ctx;
    return takeover_world_stored(&cast.takeover, sender, body);
}

static void check_now(const char *when)
{
    struct judge judge = {.ledger = &cast.ledger,
                          .reader = &hub.reader,
                          .log = hub.wire.log,
                          .step = judge_step,
                          .violated = violated,
                          .other = judge_other};
    hub.closed = true;
    takeover_world_read(&cast.takeover);
    uint64_t violations = judge_log(&judge);
    takeover_world_read_all(&cast.takeover);
    records = judge.records;
    hub.closed = false;
    if (verbose) fprintf(stderr, "%s: %" PRIu64 " violations\n", when, violations);
}

static bool all_done(void)
{
    return cast_done(&cast);
}

static void make_room(void *ctx, uint64_t unused)
{
    (void)ctx;
    (void)unused;
    io_mem_capacity(hub.disk, UINT64_MAX);
}

static void restart(void *ctx, uint64_t unused)
{
    (void)ctx;
    (void)unused;
    if (hub.alive) return;
    make_room(NULL, 0);
    if (sim_hub_start(&hub)) check_now("after a crash");
}

static void crash(void *ctx, uint64_t unused);

static void plan_crash(void)
{
    if (crashes >= CRASHES_OFTEN) crash_every_us_max = CRASH_RARELY_US_MAX;
    world_at(world.now_us + (int64_t)world_random(crash_every_us_max), crash, NULL, 0);
}

static void crash(void *ctx, uint64_t unused)
{
    (void)unused;
    if (calm) return;
    if (hub.closed) {
        plan_crash();
        return;
    }
    crashes++;
    if (hub.alive) sim_hub_crash(&hub, world_chance(30) ? 0 : world_random(UINT64_MAX) | 1);
    world_at(world.now_us + 1000 + (int64_t)world_random(100000), restart, ctx, 0);
    plan_crash();
}

/* The disk fails, once or from then on: a sync, a write of which half is done, a file that does not grow, a read,
 * a name.  After a sync or a write the hub must stop acknowledging until it is restarted. */
static void fail_disk(void *ctx, uint64_t unused)
{
    (void)ctx;
    (void)unused;
    if (calm || hub.closed || !hub.alive) return;
    faults++;
    static const enum io_call calls[] = {IO_CALL_SYNC,  IO_CALL_SYNC,  IO_CALL_SYNC,
                                         IO_CALL_WRITE, IO_CALL_WRITE, IO_CALL_ALLOCATE,
                                         IO_CALL_READ,  IO_CALL_OPEN};
    enum io_call call = calls[world_random(sizeof calls / sizeof *calls)];
    io_mem_fail(hub.disk, call, 1 + world_random(20), ERR_IO, world_chance(30));
}

/* Somebody else fills the disk, and makes room again. */
static void fill_disk(void *ctx, uint64_t unused)
{
    uint64_t room;
    (void)unused;
    if (calm) return;
    world_at(world.now_us + (int64_t)world_random(FILLED_EVERY_US_MAX), fill_disk, ctx, 0);
    if (hub.closed || !hub.alive) return;
    fillings++;
    io_mem_capacity(hub.disk, INT64_MAX);
    if (io_free_bytes(hub.disk, &room) != OK) abort();
    io_mem_capacity(hub.disk, (uint64_t)INT64_MAX - room + world_random(ROOM_LEFT_MAX));
    world_at(world.now_us + (int64_t)world_random(FILLED_US_MAX), make_room, ctx, 0);
}

/* From a second to a day, either way. */
static int64_t random_step_us(void)
{
    static const int64_t most_s[] = {10, 300, 3600, 3 * 3600, 24 * 3600};
    int64_t s = 1 + (int64_t)world_random((uint64_t)most_s[world_random(5)]);
    return (world_chance(50) ? s : -s) * 1000000;
}

static void step_clock(void *ctx, uint64_t unused)
{
    (void)unused;
    if (calm) return;
    int64_t by_us = random_step_us();
    steps++;
    model_c2d_step(&cast.c2d.model, by_us);
    world_step_clock(by_us);
    world_at(world.now_us + (int64_t)world_random(STEP_EVERY_US_MAX), step_clock, ctx, 0);
}

/* ---- a run */

/* Lets the world go on until `over`, or until a promise was broken. */
static void run_until(bool (*over)(void), int64_t end_us, const char *what)
{
    while (!over() && world.now_us < end_us && world.violations == 0)
        if (!world_step(hub.all, hub.alive ? hub.all_count : 0, end_us)) break;
    if (!over() && world.violations == 0) world_violated("not done after all that time: %s", what);
}

static bool verified(void)
{
    return twin_world_verified(&cast.twins) && reader_world_seen(&cast.readers) >= records;
}

/* A connection ends with its token, also when the clock was set past that. */
static void outlive_credentials(void)
{
    int64_t by_us = 3 * 3600 * 1000000ll, end_us = world.now_us + NOTICED_US_MAX;
    clients_note();
    model_c2d_step(&cast.c2d.model, by_us);
    world_step_clock(by_us);
    while (world.violations == 0 && world_step(hub.all, hub.all_count, end_us)) {
    }
    if (world.violations == 0) clients_must_be_gone();
}

/* A last crash; then everything is read once more. */
static void finish(void)
{
    calm = true;
    make_room(NULL, 0);
    if (hub.alive) sim_hub_crash(&hub, 0);
    if (!sim_hub_start(&hub)) return;
    check_now("at the end");
    if (lying_disk || world.violations) return;
    twin_world_verify(&cast.twins);
    reader_world_verify(&cast.readers);
    clients_stay();
    run_until(verified, world.now_us + VERIFY_US_MAX, "everybody reads everything");
    if (steps) outlive_credentials();
    clients_leave();
}

/* Memory is given back when those are gone for whom it was taken. */
static void return_to_baseline(void)
{
    cast_delete(&cast);
    baseline_check(&hub, MIN(crowd, CROWD_AGAIN_MAX));
}

static unsigned choose_crowd(void)
{
    if (devices_asked) return devices_asked;
    if (!world_chance(CROWDS_PERCENT)) return 0;
    return CROWD_MIN + (unsigned)world_random(CROWD_MAX - CROWD_MIN + 1);
}

static void set_up(uint64_t seed)
{
    struct cast_goals goals = cast_few(false);
    world_init(seed);
    crashes = faults = fillings = steps = 0;
    calm = false;
    crash_every_us_max = world_chance(50) ? CRASH_EVERY_US_MAX : CRASH_RARELY_US_MAX;
    sim_hub_init(&hub, 1 + (unsigned)world_random(SIM_CORES_MAX));
    if (world_chance(TIGHT_PERCENT))
        hub.cache_bytes = (size_t)TIGHT_BYTES_MIN << world_random(TIGHT_DOUBLINGS_MAX + 1);
    io_mem_ignore_sync(hub.disk, lying_disk);
    if (!sim_hub_start(&hub)) abort();
    crowd = choose_crowd();
    if (crowd) cast_crowd(&goals, crowd);
    goals.disk_fills = world_chance(50);
    cast_init(&cast, &hub, &goals);
    cast_create(&cast);
    cast_start(&cast);
}

static void tear_down(void)
{
    cast_fini(&cast);
    sim_hub_fini(&hub);
    world_fini();
}

static unsigned run(uint64_t seed)
{
    set_up(seed);
    plan_crash();
    for (int i = 0; i < 3; i++)
        world_at(world.now_us + (int64_t)world_random(4000000), fail_disk, NULL, 0);
    if (cast.goals.disk_fills) fill_disk(NULL, 0);
    if (world_chance(STEPS_PERCENT))
        world_at(world.now_us + (int64_t)world_random(STEP_EVERY_US_MAX), step_clock, NULL, 0);
    run_until(all_done, RUN_US_MAX, "devices and services");
    int64_t took_us = world.now_us;
    finish();
    if (!lying_disk && world.violations == 0) return_to_baseline();
    tear_down();
    world_trace_number(traces);
    traces = world.trace;
    virtual_us += world.now_us;
    if (verbose)
        fprintf(stderr,
                "seed %" PRIu64 ": %u devices that send, %u connections at once, %u crashes, "
                "%u faults, %u full disks, %u steps of the clock, %.1f s, %" PRIu64 " steps\n",
                seed, cast_senders(&cast.goals), world.links_most, crashes, faults, fillings, steps,
                (double)took_us / 1e6, world.steps);
    return world.violations;
}

/* ---- the command line */

static int report(uint64_t seed, unsigned seeds, unsigned failed)
{
    bool blind = lying_disk && failed == 0;
    if (lying_disk)
        printf("%s: a disk that loses synced writes was noticed with %u of %u seeds\n",
               blind ? "not ok" : "ok", failed, seeds);
    else
        printf("%s: %u seeds from %" PRIu64 ", %u failed, trace %016" PRIx64 "\n",
               failed ? "not ok" : "ok", seeds, seed, failed, traces);
    return lying_disk ? blind : failed != 0;
}

static void say_replay(uint64_t seed)
{
    printf("seed %" PRIu64 " failed; replay with: ./dev sim --seed %" PRIu64 " -v\n", seed, seed);
}

/* Real time, or CPU time of ours. */
static double elapsed_s(bool cpu)
{
    struct timespec t;
    clock_gettime(cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A line of progress now and then; the first seed that fails ends it. */
static int run_for(double seconds, bool cpu, uint64_t first)
{
    double began = elapsed_s(cpu), said = began, now = began;
    uint64_t seed = first;
    for (; now - began < seconds; now = elapsed_s(cpu)) {
        if (run(seed)) {
            say_replay(seed);
            printf("not ok: seed %" PRIu64 " after %" PRIu64 " good ones\n", seed, seed - first);
            return 1;
        }
        seed++;
        if (now - said < PROGRESS_S) continue;
        said = now;
        fprintf(stderr, "%" PRIu64 " seeds from %" PRIu64 ", %.0f s of %.0f s\n", seed - first,
                first, now - began, seconds);
    }
    printf("ok: %" PRIu64 " seeds from %" PRIu64 " in %g s%s, %.1f virtual hours, 0 failed\n",
           seed - first, first, seconds, cpu ? " of CPU" : "", (double)virtual_us / 3.6e9);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},    {"seeds", required_argument, NULL, 'n'},
        {"hours", required_argument, NULL, 'h'},   {"cpu", required_argument, NULL, 'c'},
        {"devices", required_argument, NULL, 'd'}, {"lying-disk", no_argument, NULL, 'l'},
        {"verbose", no_argument, NULL, 'v'},       {0}};
    uint64_t seed = 1;
    unsigned seeds = 1, failed = 0;
    double hours = 0, cpu_s = 0;
    int option;
    say_level_max = SAY_ERROR;
    while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
        switch (option) {
        case 's': seed = strtoull(optarg, NULL, 0); break;
        case 'n': seeds = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'h': hours = strtod(optarg, NULL); break;
        case 'c': cpu_s = strtod(optarg, NULL); break;
        case 'd': devices_asked = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'l': lying_disk = true; break;
        case 'v': verbose = true; break;
        default: return 2;
        }
    }
    if (hours > 0)
        return run_for(hours * 3600, false, seed > 1 ? seed : (uint64_t)time(NULL) * 1000);
    if (cpu_s > 0) return run_for(cpu_s, true, seed);
    for (unsigned i = 0; i < seeds; i++) {
        unsigned violations = run(seed + i);
        failed += violations != 0;
        if (violations && !lying_disk) say_replay(seed + i);
    }
    return report(seed, seeds, failed);
}
