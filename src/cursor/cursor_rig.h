/* cursor_rig.h - a log, a store and a lane that reads, in one thread; for *_test.c files only.
 *
 *   struct cursor_rig r;
 *   cursor_rig_init(&r, partitions)    a disk in memory
 *   cursor_rig_open(&r)                after it, and after cursor_rig_close() or a crash of r.io
 *   cursor_rig_run(&r, us)             that much time passes, in steps
 *   cursor_rig_fini(&r)
 */
#ifndef CURSOR_CURSOR_RIG_H
#define CURSOR_CURSOR_RIG_H

#include "base/test.h"

#include "base/io_mem.h"
#include "base/num.h"
#include "base/say.h"
#include "cursor/cursor.h"
#include "log/log_rig.h"

struct cursor_rig {
    struct io *io;
    struct rig *rig; /* its first core writes */
    struct log_config log;
    struct lane lane; /* reads */
    struct lane store_write, store_read, store_check;
    struct store *store;
    struct cursors *cursors;
    bool is_open;
};

enum { CURSOR_RIG_STEP_US = 250000 };

static inline void cursor_rig_init(struct cursor_rig *r, unsigned partitions)
{
    *r = (struct cursor_rig){.io = io_mem_new()};
    r->log = (struct log_config){.io = r->io,
                                 .partitions = partitions,
                                 .journal_bytes = LOG_JOURNAL_MIN,
                                 .segment_bytes = 64 << 10,
                                 .tail_bytes = 64 << 10};
    rig_mono_us = 1000000;
    rig_wall_us = INT64_C(1700000000000000);
    say_level_max = SAY_ERROR;
    r->rig = rig_new();
}

static inline enum err cursor_rig_open(struct cursor_rig *r)
{
    struct office *office = &r->rig->office;
    enum err err = rig_open(r->rig, &r->log);
    if (err != OK) return err;
    lane_init(&r->store_write, office, "store");
    lane_init(&r->store_read, office, "storeread");
    lane_init(&r->store_check, office, "storecheck");
    lane_init(&r->lane, office, "reader");
    store_attach(&r->lane);
    r->is_open = true;
    r->store = NULL;
    r->cursors = NULL;
    err = store_open(&(struct store_config){.io = r->io,
                                            .write = &r->store_write,
                                            .read = &r->store_read,
                                            .check = &r->store_check},
                     &r->store);
    if (err == OK) r->cursors = cursors_new(&r->lane, r->rig->log, r->store);
    return err;
}

static inline void cursor_rig_close(struct cursor_rig *r)
{
    if (!r->is_open) return;
    r->is_open = false;
    rig_run(r->rig);
    cursors_free(r->cursors);
    store_close(r->store);
    r->rig->office.count = RIG_CORES + 2; /* the rig's own lanes run once more */
    rig_close(r->rig);
    lane_fini(&r->store_write);
    lane_fini(&r->store_read);
    lane_fini(&r->store_check);
    lane_fini(&r->lane);
}

static inline void cursor_rig_fini(struct cursor_rig *r)
{
    cursor_rig_close(r);
    rig_free(r->rig);
    io_free(r->io);
}

static inline void cursor_rig_run(struct cursor_rig *r, int64_t us)
{
    rig_run(r->rig);
    for (int64_t at = 0; at < us; at += CURSOR_RIG_STEP_US)
        rig_advance(r->rig, MIN(us - at, (int64_t)CURSOR_RIG_STEP_US));
}

/* As if the calling code ran on the lane that reads. */
static inline struct cursors *cursor_rig_on(struct cursor_rig *r)
{
    lane_running = &r->lane;
    return r->cursors;
}

static inline void cursor_rig_append(struct cursor_rig *r, unsigned partition, uint64_t id,
                                     size_t size, uint64_t destinations)
{
    rig_append(r->rig, 0, partition, id, size, destinations);
    rig_run(r->rig);
}

#endif
