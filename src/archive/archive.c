/* archive.c - life of an archive: its rows, its parts, how it settles.
 *
 * Whatever the store or the log refuses is asked again, with growing pauses: an archive that was started
 * runs sooner or later. */
#include "archive/archive.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/archive_sql.h"
#include "archive/home.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/say.h"

/* ---- rows */

static void row_of(struct store_request *u, struct slice owner, unsigned partition)
{
    store_put_text(u, "owner", owner);
    store_put_int(u, "partition", partition);
}

void archive_add_row(struct store_request *unit, struct slice owner, unsigned partition,
                     uint64_t ordinal)
{
    store_add(unit, &sql_archive_put, 1);
    row_of(unit, owner, partition);
    store_put_int(unit, "ordinal", (int64_t)ordinal);
}

void archive_add_removal(struct store_request *unit, struct slice owner)
{
    store_add(unit, &sql_archive_delete, STORE_ANY);
    store_put_text(unit, "owner", owner);
}

static void take_rows(struct archive *a, struct store_answer *rows, unsigned most)
{
    a->parts = mem_zero(MAX(most, 1u) * sizeof *a->parts);
    while (a->part_count < most && store_next(rows)) {
        struct part *p = &a->parts[a->part_count++];
        p->archive = a;
        p->partition = (unsigned)rows->col[0].number;
        p->from = (uint64_t)rows->col[1].number;
        p->until = (uint64_t)rows->col[2].number;
        snprintf(p->name, sizeof p->name, "%.*s", SLICE_ARG(rows->col[3].bytes));
        p->named_us = rows->col[4].number;
    }
}

/* ---- starting */

static void load(struct archive *a);

static void tell_started(struct archive *a, enum err e)
{
    void (*started)(void *ctx, enum err e) = a->started;
    a->started = NULL;
    if (started) started(a->cfg.ctx, e);
}

static void wait_and_load(struct archive *a, enum err e)
{
    uint32_t pause_s = (uint32_t)ARCHIVE_RETRY_MIN_S << MIN(a->tries, 10u);
    if (a->tries++ == 0)
        say_warn("archive.not_started", "owner=%s why=%s next=\"tried again\"", a->owner,
                 err_name(e));
    a->state = ARCHIVE_LOADING;
    timer_set(&a->as->cfg.lane->timers, &a->again,
              clock_mono_us() +
                  archive_seconds_us(a->as, MIN(pause_s, (uint32_t)ARCHIVE_RETRY_MAX_S)));
    tell_started(a, e);
}

static void run(struct archive *a, struct store_answer *rows)
{
    take_rows(a, rows, log_partitions(a->as->cfg.log, a->cfg.stream));
    a->state = ARCHIVE_RUNNING;
    a->tries = 0;
    for (unsigned i = 0; i < a->part_count; i++) part_start(&a->parts[i]);
    tell_started(a, OK);
}

static void on_put(struct store_wait *w, struct store_answer *answer)
{
    struct archive *a = CONTAINER_OF(w, struct archive, wait);
    a->waiting = false;
    if (answer->err == OK)
        load(a);
    else
        wait_and_load(a, answer->err);
}

static void on_sought(struct archive_seek *s, enum err e)
{
    struct archive *a = CONTAINER_OF(s, struct archive, seek);
    struct store_request u;
    if (e != OK) {
        wait_and_load(a, e);
        return;
    }
    store_begin_unit(&u, STORE_INTERACTIVE);
    for (unsigned i = 0; i < s->count; i++) archive_add_row(&u, slice_str(a->owner), i, s->at[i]);
    a->state = ARCHIVE_STORING;
    a->wait.fn = on_put;
    a->waiting = true;
    store_ask(a->as->cfg.store, a->as->cfg.lane, &u, &a->wait);
}

static void seek(struct archive *a)
{
    a->state = ARCHIVE_SEEKING;
    a->seek.fn = on_sought;
    archives_seek(a->as, a->cfg.stream, LOG_TIME, a->cfg.start_us, &a->seek);
}

static void on_rows(struct store_wait *w, struct store_answer *rows)
{
    struct archive *a = CONTAINER_OF(w, struct archive, wait);
    a->waiting = false;
    if (rows->err != OK)
        wait_and_load(a, rows->err);
    else if (rows->rows_left == 0 && a->cfg.begins_by_time)
        seek(a);
    else
        run(a, rows);
}

static void load(struct archive *a)
{
    struct store_request q;
    a->state = ARCHIVE_LOADING;
    store_begin_query(&q, &sql_archive_page);
    store_put_text(&q, "owner", slice_str(a->owner));
    a->wait.fn = on_rows;
    a->waiting = true;
    store_ask(a->as->cfg.store, a->as->cfg.lane, &q, &a->wait);
}

static void on_again(struct timer *t, int64_t now_us)
{
    (void)now_us;
    load(CONTAINER_OF(t, struct archive, again));
}

void archive_start(struct archive *a, const struct archive_settings *settings,
                   void (*started)(void *ctx, enum err e))
{
    assert(a->state == ARCHIVE_STOPPED);
    a->settings = *settings;
    a->started = started;
    a->tries = 0;
    load(a);
}

/* ---- stopping */

void archive_stop(struct archive *a)
{
    struct lane *lane = a->as->cfg.lane;
    if (a->waiting) store_forget(lane, &a->wait);
    if (a->state == ARCHIVE_SEEKING) archives_forget(a->as, &a->seek);
    timer_stop(&a->again);
    timer_stop(&a->settling);
    for (unsigned i = 0; i < a->part_count; i++) part_stop(&a->parts[i]);
    free(a->parts);
    a->parts = NULL;
    a->part_count = 0;
    a->waiting = false;
    a->started = NULL;
    a->settled = NULL;
    a->state = ARCHIVE_STOPPED;
    mem_wipe(&a->settings, sizeof a->settings);
}

static bool is_busy(const struct archive *a)
{
    for (unsigned i = 0; i < a->part_count; i++)
        if (part_is_busy(&a->parts[i])) return true;
    return false;
}

/* By a timer: who is told stops the parts, and this may be one of them that asks. */
static void on_settling(struct timer *t, int64_t now_us)
{
    struct archive *a = CONTAINER_OF(t, struct archive, settling);
    void (*settled)(void *ctx) = a->settled;
    if (is_busy(a) && now_us < a->settle_until_us) {
        timer_set(&a->as->cfg.lane->timers, t, a->settle_until_us);
        return;
    }
    a->settled = NULL;
    settled(a->cfg.ctx);
}

void archive_settle_look(struct archive *a)
{
    if (a->settled && !is_busy(a))
        timer_set(&a->as->cfg.lane->timers, &a->settling, clock_mono_us());
}

void archive_settle(struct archive *a, void (*settled)(void *ctx))
{
    if (!is_busy(a)) {
        settled(a->cfg.ctx);
        return;
    }
    a->settled = settled;
    a->settle_until_us = clock_mono_us() + archive_seconds_us(a->as, ARCHIVE_SETTLE_S);
    timer_set(&a->as->cfg.lane->timers, &a->settling, a->settle_until_us);
}

/* ---- what is shown */

bool archive_is_starting(const struct archive *a)
{
    return a->state != ARCHIVE_STOPPED && a->state != ARCHIVE_RUNNING;
}

bool archive_part_status(const struct archive *a, unsigned i, struct archive_part_status *out)
{
    if (i >= a->part_count) return false;
    const struct part *p = &a->parts[i];
    *out = (struct archive_part_status){.partition = p->partition,
                                        .state = part_state_name(p->state),
                                        .files = p->files,
                                        .events = p->archived,
                                        .file_us = p->file_us,
                                        .error = p->error};
    cursor_status(p->cursor, &out->cursor);
    return true;
}

/* ---- all of them */

static bool is_same_place(const struct archive *a, const struct archive *b)
{
    const struct archive_target *x = &a->settings.target, *y = &b->settings.target;
    if (x->is_folder != y->is_folder) return false;
    if (x->is_folder)
        return strcmp(a->cfg.kind->root, b->cfg.kind->root) == 0 &&
               strcmp(x->folder, y->folder) == 0;
    return strcmp(x->account.endpoint, y->account.endpoint) == 0 &&
           strcmp(x->container, y->container) == 0;
}

static bool makes(const struct archive *a, const struct part *but, const char *name)
{
    for (unsigned i = 0; i < a->part_count; i++)
        if (&a->parts[i] != but && strcmp(a->parts[i].name, name) == 0) return true;
    return false;
}

bool archive_is_made(const struct part *p, const char *name)
{
    LIST_EACH(node, &p->archive->as->all)
    {
        const struct archive *a = CONTAINER_OF(node, struct archive, node);
        if (is_same_place(a, p->archive) && makes(a, p, name)) return true;
    }
    return false;
}

/* ---- life */

struct archive *archive_new(struct archives *as, const struct archive_config *cfg)
{
    struct archive *a = NEW(struct archive);
    assert(cfg->owner.len <= ARCHIVE_OWNER_MAX && cfg->label.len <= ARCHIVE_LABEL_MAX);
    a->as = as;
    a->cfg = *cfg;
    snprintf(a->owner, sizeof a->owner, "%.*s", SLICE_ARG(cfg->owner));
    snprintf(a->label, sizeof a->label, "%.*s", SLICE_ARG(cfg->label));
    timer_init(&a->again, on_again);
    timer_init(&a->settling, on_settling);
    list_push(&as->all, &a->node);
    return a;
}

void archive_free(struct archive *a)
{
    if (a == NULL) return;
    archive_stop(a);
    list_remove(&a->node);
    free(a);
}

void *archive_ctx(const struct archive *a)
{
    return a->cfg.ctx;
}

struct archives *archives_new(const struct archives_config *cfg)
{
    struct archives *as = NEW(struct archives);
    as->cfg = *cfg;
    list_init(&as->all);
    as->cursors = cursors_new(cfg->lane, cfg->log, NULL);
    return as;
}

void archives_free(struct archives *as)
{
    if (as == NULL) return;
    LIST_EACH(node, &as->all) archive_free(CONTAINER_OF(node, struct archive, node));
    cursors_free(as->cursors);
    free(as);
}
