/* own.c - opens and closes the log. */
#include "log/own/own.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/say.h"

static enum err check_config(const struct log_config *c)
{
    if (c->partitions == 0 || c->partitions > LOG_PARTITIONS_MAX)
        return fail(ERR_INVALID, "a stream has 1 to %d partitions, not %u", LOG_PARTITIONS_MAX,
                    c->partitions);
    if (c->journal_bytes && c->journal_bytes < LOG_JOURNAL_MIN)
        return fail(ERR_INVALID, "the journal has at least %d bytes", LOG_JOURNAL_MIN);
    if (c->segment_bytes > LOG_SEGMENT_MAX)
        return fail(ERR_INVALID, "a segment has at most %d bytes", LOG_SEGMENT_MAX);
    return OK;
}

static struct log_config with_defaults(const struct log_config *cfg)
{
    struct log_config c = *cfg;
    if (c.journal_bytes == 0) c.journal_bytes = LOG_JOURNAL_DEFAULT;
    if (c.segment_bytes == 0) c.segment_bytes = LOG_SEGMENT_DEFAULT;
    if (c.tail_bytes == 0) c.tail_bytes = LOG_TAIL_DEFAULT;
    return c;
}

static void note_entry(void *ctx, const char *name)
{
    (void)name;
    *(bool *)ctx = true;
}

/* Records without the file that says what they are must not be taken for a new log. */
static enum err check_empty(struct io *io)
{
    bool any = false;
    enum err err = io_list(io, "streams", note_entry, &any);
    if (err != OK && err != ERR_NOT_FOUND) return err;
    return any ? fail(ERR_CORRUPT, "there are records, but log.meta is missing") : OK;
}

static enum err make_log(const struct log_config *cfg, struct meta *out)
{
    TRY(check_empty(cfg->io));
    *out = (struct meta){.partitions = cfg->partitions,
                         .created_us = clock_wall_us(),
                         .journal_bytes = cfg->journal_bytes,
                         .epoch = rand_u64(),
                         .next_stream = 1};
    TRY(journal_create(cfg->io, cfg->journal_bytes));
    return meta_store(cfg->io, out);
}

static enum err find_log(const struct log_config *cfg, struct meta *out)
{
    enum err err = meta_load(cfg->io, out);
    if (err == ERR_NOT_FOUND) return make_log(cfg, out);
    TRY(err);
    if (out->partitions == cfg->partitions) return OK;
    return fail(ERR_INVALID,
                "the log was made with %u partitions, which is fixed: it cannot be opened with %u",
                out->partitions, cfg->partitions);
}

static void start(struct log *l)
{
    tails_init(&l->tails, l->cfg.tail_bytes);
    streams_init(l);
    unsigned caller = metric_lane; /* gauges belong to the lane that changes them later */
    metric_lane = l->lane->id;
    commit_init(l);
    reads_init(l);
    metric_lane = l->read_lane->id;
    files_init(l);
    metric_lane = caller;
}

enum err log_open(const struct log_config *cfg, struct lane *log_lane, struct lane *read_lane,
                  struct log **out)
{
    TRY(check_config(cfg));
    struct log *l = NEW(struct log);
    l->cfg = with_defaults(cfg);
    l->lane = log_lane;
    l->read_lane = read_lane;
    enum err err = find_log(&l->cfg, &l->meta);
    if (err == OK) err = recover(l);
    if (err != OK) {
        free(l);
        return err;
    }
    start(l);
    *out = l;
    return OK;
}

void log_close(struct log *l)
{
    if (log_healthy(l) && settle(l) != OK)
        say_warn("log.close", "reason=\"%s\" effect=\"the next start replays the journal\"",
                 fail_text());
    files_fini(l);
    reads_fini(l);
    commit_fini(l);
    streams_fini(l);
    tails_fini(&l->tails);
    journal_close(&l->journal);
    archive_close(&l->archive);
    free(l);
}

struct addr log_addr(const struct log *l)
{
    return lane_addr(l->lane);
}

unsigned log_partitions(const struct log *l, unsigned stream)
{
    if (stream > LOG_STREAM_IDS_MAX) return 0;
    return atomic_load_explicit(&l->counts[stream], memory_order_relaxed);
}

bool log_healthy(const struct log *l)
{
    return atomic_load_explicit(&l->healthy, memory_order_relaxed);
}

bool log_accepting(const struct log *l)
{
    return log_healthy(l) && atomic_load_explicit(&l->roomy, memory_order_relaxed);
}
