/* sim.c - one run of the simulated world per seed.
 *
 *   sim [--seed N] [--seeds N | --hours N] [--devices N] [--messages N] [--lying-disk] [-v]
 *
 * A hub on one to three cores, devices that send, devices and services that share twins, links that
 * stall and break, syncs and writes that fail, a disk that runs full, and crashes that lose what was
 * not synced.  After every crash and at the end the whole log is read back and compared with what the
 * devices were told; the other actors compare with their models all the while.
 * --hours: seed after seed for that long, or until one fails.
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
#include "c2d.h"
#include "device.h"
#include "hub.h"
#include "hub/registry/registry.h"
#include "method.h"
#include "promise/judge.h"
#include "takeover.h"
#include "twin.h"

enum {
    RUN_US_MAX = 600 * 1000000,
    VERIFY_US_MAX = 60 * 1000000,
    CRASH_EVERY_US_MAX = 700000,
    CRASH_RARELY_US_MAX = 6000000, /* lives long enough to run full and have room again */
    CRASHES_OFTEN = 15,            /* then rarely: after each of them everything is read */
    FILLED_EVERY_US_MAX = 600000,
    FILLED_US_MAX = 200000,
    ROOM_LEFT_MAX = 100 << 10,
    TAKEOVERS = 30,
    PROGRESS_S = 10,
};

static struct sim_hub hub;
static struct ledger ledger;
static struct device *devices;
static struct twin_world twins;
static struct c2d_world c2d;
static struct method_world methods;
static struct takeover_world takeover;
static unsigned device_count = 12, crashes, faults, fillings;
static uint64_t messages = 600;
static unsigned twin_writes = 25;                        /* of each section */
static unsigned c2d_messages = 100, method_answers = 15; /* of each caller */
static uint64_t crash_every_us_max;
static bool lying_disk, verbose;

/* ---- how senders reach the hub */

static struct link *dial(struct device *d, const struct link_client *client)
{
    return sim_hub_dial(&hub, WIRE_MQTT, client, d);
}

static void credential(const struct device *d, struct buf *user_name, struct buf *token)
{
    const char *id = d->sender.account->id;
    char path[LEDGER_ID_MAX + 32];
    snprintf(path, sizeof path, "devices/%s", id);
    buf_printf(user_name, "hub.sim/%s/?api-version=2021-04-12", id);
    sim_hub_token(&hub, "device", path, token);
}

static const struct device_net device_net = {dial, credential};

/* ---- the operator: identities first, then crashes and restarts */

struct creation {
    struct registry_wait wait;
    unsigned left;
};

static void created(struct registry_wait *w, const struct registry_answer *a)
{
    struct creation *c = CONTAINER_OF(w, struct creation, wait);
    if (a->status != STATUS_OK) {
        fprintf(stderr, "device not created: %s\n", status_name(a->status));
        exit(1);
    }
    c->left--;
}

static void create_identity(const char *id)
{
    struct creation c = {.wait = {.fn = created}, .left = 1};
    char json[LEDGER_ID_MAX + 32];
    snprintf(json, sizeof json, "{\"deviceId\":\"%s\"}", id);
    lane_running = hub.wire.cores[0].lane;
    registry_put(hub.wire.cores[0].registry, slice_str(id), SLICE_NONE, slice_str(json), &c.wait);
    while (c.left)
        if (!world_step(hub.all, hub.all_count, world.now_us + 10000000)) abort();
}

static void create_identities(void)
{
    for (unsigned i = 0; i < device_count; i++) create_identity(ledger.accounts[i].id);
    for (unsigned i = 0; i < TWINS; i++) create_identity(twins.twins[i].id);
    for (unsigned i = 0; i < C2D_DEVICES; i++) create_identity(c2d_devices[i]);
    for (unsigned i = 0; i < METHOD_DEVICES; i++) create_identity(method_devices[i]);
    create_identity(takeover_device);
}

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

static void check_now(const char *when)
{
    struct judge judge = {.ledger = &ledger,
                          .reader = &hub.reader,
                          .log = hub.wire.log,
                          .step = judge_step,
                          .violated = violated};
    hub.closed = true;
    uint64_t violations = judge_log(&judge);
    hub.closed = false;
    if (verbose) fprintf(stderr, "%s: %" PRIu64 " violations\n", when, violations);
}

static bool all_done(void)
{
    for (unsigned i = 0; i < device_count; i++)
        if (!sender_done(&devices[i].sender)) return false;
    return twin_world_done(&twins) && c2d_world_done(&c2d) && method_world_done(&methods) &&
           takeover_world_done(&takeover);
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
    if (all_done()) return;
    if (hub.closed) {
        plan_crash();
        return;
    }
    crashes++;
    if (hub.alive) sim_hub_crash(&hub, world_chance(30) ? 0 : world_random(UINT64_MAX) | 1);
    world_at(world.now_us + 1000 + (int64_t)world_random(100000), restart, ctx, 0);
    plan_crash();
}

/* The disk fails once; the hub must stop acknowledging until it is restarted. */
static void fail_disk(void *ctx, uint64_t unused)
{
    (void)ctx;
    (void)unused;
    if (all_done() || hub.closed || !hub.alive) return;
    faults++;
    enum io_call call = world_chance(60) ? IO_CALL_SYNC : IO_CALL_WRITE;
    io_mem_fail(hub.disk, call, 1 + world_random(20), ERR_IO, world_chance(30));
}

/* Somebody else fills the disk, and makes room again. */
static void fill_disk(void *ctx, uint64_t unused)
{
    uint64_t room;
    (void)unused;
    if (all_done()) return;
    world_at(world.now_us + (int64_t)world_random(FILLED_EVERY_US_MAX), fill_disk, ctx, 0);
    if (hub.closed || !hub.alive) return;
    fillings++;
    io_mem_capacity(hub.disk, INT64_MAX);
    if (io_free_bytes(hub.disk, &room) != OK) abort();
    io_mem_capacity(hub.disk, (uint64_t)INT64_MAX - room + world_random(ROOM_LEFT_MAX));
    world_at(world.now_us + (int64_t)world_random(FILLED_US_MAX), make_room, ctx, 0);
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
    return twin_world_verified(&twins);
}

/* A last crash; then everything is read once more. */
static void finish(void)
{
    make_room(NULL, 0);
    if (hub.alive) sim_hub_crash(&hub, 0);
    if (!sim_hub_start(&hub)) return;
    check_now("at the end");
    if (lying_disk || world.violations) return;
    twin_world_verify(&twins);
    run_until(verified, world.now_us + VERIFY_US_MAX, "everybody reads everything");
}

static void set_up(uint64_t seed)
{
    world_init(seed);
    crashes = faults = fillings = 0;
    crash_every_us_max = world_chance(50) ? CRASH_EVERY_US_MAX : CRASH_RARELY_US_MAX;
    sim_hub_init(&hub, 1 + (unsigned)world_random(SIM_CORES_MAX));
    io_mem_ignore_sync(hub.disk, lying_disk);
    if (!sim_hub_start(&hub)) abort();
    devices = mem_zero(device_count * sizeof *devices);
    ledger_init(&ledger, device_count);
    for (unsigned i = 0; i < device_count; i++)
        device_init(&devices[i], &ledger, i, messages, &device_net);
    twin_world_init(&twins, &hub, twin_writes);
    c2d_world_init(&c2d, &hub, c2d_messages);
    method_world_init(&methods, &hub, method_answers);
    takeover_world_init(&takeover, &hub, TAKEOVERS);
    create_identities();
    for (unsigned i = 0; i < device_count; i++) device_start(&devices[i]);
    twin_world_start(&twins);
    c2d_world_start(&c2d);
    method_world_start(&methods);
    takeover_world_start(&takeover);
}

static void tear_down(void)
{
    for (unsigned i = 0; i < device_count; i++) device_fini(&devices[i]);
    twin_world_fini(&twins);
    c2d_world_fini(&c2d);
    method_world_fini(&methods);
    takeover_world_fini(&takeover);
    sim_hub_fini(&hub);
    world_fini();
    free(devices);
    ledger_fini(&ledger);
}

static unsigned run(uint64_t seed)
{
    set_up(seed);
    plan_crash();
    for (int i = 0; i < 3; i++)
        world_at(world.now_us + (int64_t)world_random(4000000), fail_disk, NULL, 0);
    if (world_chance(50)) fill_disk(NULL, 0);
    run_until(all_done, RUN_US_MAX, "devices and services");
    int64_t took_us = world.now_us;
    finish();
    tear_down();
    if (verbose)
        fprintf(stderr,
                "seed %" PRIu64 ": %u crashes, %u faults, %u full disks, %.1f s, %" PRIu64
                " steps\n",
                seed, crashes, faults, fillings, (double)took_us / 1e6, world.steps);
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
        printf("%s: %u seeds from %" PRIu64 ", %u failed\n", failed ? "not ok" : "ok", seeds, seed,
               failed);
    return lying_disk ? blind : failed != 0;
}

static void say_replay(uint64_t seed)
{
    printf("seed %" PRIu64 " failed; replay with: ./dev sim --seed %" PRIu64 " -v\n", seed, seed);
}

/* A line of progress now and then; the first seed that fails ends it. */
static int run_for(double hours, uint64_t first)
{
    time_t began = time(NULL), said = began;
    uint64_t seed = first;
    while (difftime(time(NULL), began) < hours * 3600) {
        if (run(seed)) {
            say_replay(seed);
            printf("not ok: seed %" PRIu64 " after %" PRIu64 " good ones\n", seed, seed - first);
            return 1;
        }
        seed++;
        if (difftime(time(NULL), said) < PROGRESS_S) continue;
        said = time(NULL);
        fprintf(stderr, "%" PRIu64 " seeds from %" PRIu64 ", %.0f s of %.0f s\n", seed - first,
                first, difftime(said, began), hours * 3600);
    }
    printf("ok: %" PRIu64 " seeds from %" PRIu64 " in %g hours, 0 failed\n", seed - first, first,
           hours);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},     {"seeds", required_argument, NULL, 'n'},
        {"hours", required_argument, NULL, 'h'},    {"devices", required_argument, NULL, 'd'},
        {"messages", required_argument, NULL, 'm'}, {"lying-disk", no_argument, NULL, 'l'},
        {"verbose", no_argument, NULL, 'v'},        {0}};
    uint64_t seed = 1;
    unsigned seeds = 1, failed = 0;
    double hours = 0;
    int option;
    say_level_max = SAY_ERROR;
    while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
        switch (option) {
        case 's': seed = strtoull(optarg, NULL, 0); break;
        case 'n': seeds = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'h': hours = strtod(optarg, NULL); break;
        case 'd': device_count = (unsigned)strtoul(optarg, NULL, 0); break;
        case 'm': messages = strtoull(optarg, NULL, 0); break;
        case 'l': lying_disk = true; break;
        case 'v': verbose = true; break;
        default: return 2;
        }
    }
    if (hours > 0) return run_for(hours, seed > 1 ? seed : (uint64_t)time(NULL) * 1000);
    for (unsigned i = 0; i < seeds; i++) {
        unsigned violations = run(seed + i);
        failed += violations != 0;
        if (violations && !lying_disk) say_replay(seed + i);
    }
    return report(seed, seeds, failed);
}
