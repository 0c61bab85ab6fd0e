/* fixture_test.h - a small log of two partitions, on a disk in memory, that is closed and opened again; for
 * *_test.c files only. */
#ifndef LOG_OWN_FIXTURE_TEST_H
#define LOG_OWN_FIXTURE_TEST_H

#include "base/test.h"

#include "base/io_mem.h"
#include "log/log_rig.h"
#include "log/own/own.h"

enum { READ_MAX = 32 << 10 };

struct fixture {
    struct io *io;
    struct log_config cfg;
    struct rig *rig;
};

static inline struct fixture begin(void)
{
    struct fixture f = {.io = io_mem_new(), .rig = rig_new()};
    f.cfg = (struct log_config){.io = f.io,
                                .partitions = 2,
                                .journal_bytes = LOG_JOURNAL_MIN,
                                .segment_bytes = 100 << 10,
                                .tail_bytes = 64 << 10};
    rig_mono_us = 1000000;
    rig_wall_us = 1700000000000000;
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    return f;
}

static inline void reopen(struct fixture *f)
{
    rig_close(f->rig);
    assert_int_equal(rig_open(f->rig, &f->cfg), OK);
}

static inline void end(struct fixture *f)
{
    rig_free(f->rig);
    io_free(f->io);
}

#endif
