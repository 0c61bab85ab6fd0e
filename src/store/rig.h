/* rig.h - a store on lanes without threads, for *_test.c files only.
 *
 *   struct rig rig;
 *   rig_init(&rig, io_mem_new());      the lanes `store`, `storeread`, `storecheck` and one `core`
 *   rig_run(&rig);                     until nobody has mail
 *   rig_restart(&rig);                 closes and opens the store again, on new lanes
 *   rig_pass(&rig, us);                time goes on; it does so only here
 *   rig_fini(&rig);                    frees the io, too
 *   rig_before(io, 16, sql)            what a store was like before that migration, for rig_init() to open
 */
#ifndef STORE_RIG_H
#define STORE_RIG_H

#include "base/test.h"

#include "base/clock.h"
#include "base/io_mem.h"
#include "base/metrics.h"
#include "base/say.h"
#include "store/engine.h"
#include "store/sqlite/sqlite.h"

enum { RIG_CORES_MAX = 4 };

struct rig {
    struct office office;
    struct lane *write, *read, *check, *cores[RIG_CORES_MAX];
    unsigned core_count;
    struct io *io;
    struct store *store;
    uint64_t reserve_bytes;
};

static int64_t rig_mono_us = 1000000;

enum { RIG_EPOCH_S = 1700000000 };

static inline int64_t rig_mono(void)
{
    return rig_mono_us;
}

static inline int64_t rig_wall(void)
{
    return RIG_EPOCH_S * INT64_C(1000000) + rig_mono_us;
}

static inline struct lane *rig_lane(struct rig *r, const char *name)
{
    struct lane *lane = NEW(struct lane);
    lane_init(lane, &r->office, name);
    return lane;
}

/* What store_open() says; the lanes are there either way. */
static inline enum err rig_open(struct rig *r)
{
    r->office = (struct office){0};
    r->write = rig_lane(r, "store");
    r->read = rig_lane(r, "storeread");
    r->check = rig_lane(r, "storecheck");
    for (unsigned i = 0; i < r->core_count; i++) {
        r->cores[i] = rig_lane(r, "core");
        store_attach(r->cores[i]);
    }
    struct store_config cfg = {.io = r->io,
                               .write = r->write,
                               .read = r->read,
                               .check = r->check,
                               .reserve_bytes = r->reserve_bytes};
    r->store = NULL;
    return store_open(&cfg, &r->store);
}

static inline void rig_close(struct rig *r)
{
    store_close(r->store);
    r->store = NULL;
    for (unsigned i = 0; i < r->office.count; i++) {
        lane_fini(r->office.lanes[i]);
        free(r->office.lanes[i]);
    }
    r->office.count = 0;
}

static inline void rig_init_cores(struct rig *r, struct io *io, unsigned cores)
{
    static const struct clock_source clock = {rig_mono, rig_wall};
    clock_use(&clock);
    say_level_max = SAY_ERROR;
    *r = (struct rig){.io = io, .core_count = cores};
    assert_int_equal(rig_open(r), OK);
}

static inline void rig_init(struct rig *r, struct io *io)
{
    rig_init_cores(r, io, 1);
}

enum { RIG_MIGRATIONS_MAX = 256 };

static inline void rig_before(struct io *io, unsigned number, const char *sql)
{
    struct store_migration list[RIG_MIGRATIONS_MAX] = {{0}};
    struct engine *e;
    for (unsigned i = 0; store_migrations[i].number < number; i++) {
        assert_true(store_migrations[i].number && i + 1 < RIG_MIGRATIONS_MAX);
        list[i] = store_migrations[i];
    }
    assert_int_equal(store_sqlite.open(io, &e), OK);
    assert_int_equal(store_migrate(&store_sqlite, e, list), OK);
    assert_int_equal(store_sqlite.begin(e), OK);
    assert_int_equal(store_sqlite.script(e, sql), OK);
    assert_int_equal(store_sqlite.commit(e), OK);
    store_sqlite.close(e);
}

static inline void rig_restart(struct rig *r)
{
    rig_close(r);
    assert_int_equal(rig_open(r), OK);
}

static inline void rig_fini(struct rig *r)
{
    rig_close(r);
    io_free(r->io);
    clock_use(NULL);
}

/* One turn of every lane that has mail; false when none had. */
static inline bool rig_step(struct rig *r)
{
    bool ran = false;
    for (unsigned i = 0; i < r->office.count; i++) {
        if (!lane_has_mail(r->office.lanes[i])) continue;
        lane_run_once(r->office.lanes[i], rig_mono_us);
        ran = true;
    }
    return ran;
}

/* Until no lane has mail.  What comes next is later: no two generation ids are from one moment. */
static inline void rig_run(struct rig *r)
{
    while (rig_step(r)) {
    }
    rig_mono_us++;
}

/* The clock goes on by `us`; timers of all lanes that are due fire. */
static inline void rig_pass(struct rig *r, int64_t us)
{
    rig_mono_us += us;
    for (unsigned i = 0; i < r->office.count; i++) lane_run_once(r->office.lanes[i], rig_mono_us);
    rig_run(r);
}

/* The value of a metric of ours, by its name. */
static inline int64_t rig_metric(const char *name)
{
    static struct metric probe = {.name = "azimuth_", .help = "", .labels = NULL};
    metric_register(&probe);
    const struct metric *m = probe.next;
    while (strcmp(m->name, name) != 0) m = m->next;
    return metric_value(m);
}

/* As if the calling code ran on that lane. */
static inline struct lane *rig_on(struct lane *lane)
{
    lane_running = lane;
    return lane;
}

#endif
