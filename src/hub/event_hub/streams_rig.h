/* streams_rig.h - a log, consumer groups and event hubs on every core of a rig, for *_test.c files only.
 *
 *   rig_init_cores(&f.rig, io_mem_new(), 2);
 *   streams_open(&f, &(struct log_config){.partitions = 2, .journal_bytes = LOG_JOURNAL_MIN});
 *   streams_close(&f);                 before rig_restart() and rig_fini()
 *
 * What stands on them is opened after and closed before.
 */
#ifndef HUB_EVENT_HUB_STREAMS_RIG_H
#define HUB_EVENT_HUB_STREAMS_RIG_H

#include "store/rig.h"

#include "hub/event_hub/event_hub.h"
#include "log/log.h"

struct streams {
    struct rig rig;
    struct hub hub;
    struct log *log;
    struct log_writer writers[RIG_CORES_MAX];
    struct consumer_groups *groups[RIG_CORES_MAX];
    struct event_hubs *hubs[RIG_CORES_MAX];
};

/* `config` without the io, which is the rig's. */
static inline void streams_open(struct streams *f, const struct log_config *config)
{
    struct log_config cfg = *config;
    struct lane *log_lane = rig_lane(&f->rig, "log"), *read_lane = rig_lane(&f->rig, "logread");
    cfg.io = f->rig.io;
    assert_int_equal(log_open(&cfg, log_lane, read_lane, &f->log), OK);
    f->hub = (struct hub){.office = &f->rig.office,
                          .core_count = f->rig.core_count,
                          .store = f->rig.store,
                          .log = f->log,
                          .name = "factory",
                          .id_scope = "0ne00000001",
                          .created_us = 12};
    for (unsigned i = 0; i < f->rig.core_count; i++) f->hub.cores[i] = f->rig.cores[i]->id;
    for (unsigned i = 0; i < f->rig.core_count; i++) {
        struct lane *lane = rig_on(f->rig.cores[i]);
        log_writer_init(&f->writers[i], f->log, lane);
        assert_int_equal(consumer_groups_new(&f->hub, lane, &f->groups[i]), OK);
        assert_int_equal(event_hubs_new(&f->hub, lane, &f->writers[i], f->groups[i], &f->hubs[i]),
                         OK);
    }
}

static inline void streams_close(struct streams *f)
{
    for (unsigned i = 0; i < f->rig.core_count; i++) {
        event_hubs_free(f->hubs[i]);
        consumer_groups_free(f->groups[i]);
        log_writer_fini(&f->writers[i]);
    }
    log_close(f->log);
}

#endif
