/* run.c - the job under way: its beginning, its progress, its end, and what a restart makes of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/blob_sas.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "hub/transfer/home.h"
#include "hub/transfer/transfer_sql.h"

GAUGE(running_now, "azimuth_transfers_running", "Import and export jobs under way");
COUNTER(ended_total, "azimuth_transfers_ended_total", "Import and export jobs that have ended");

/* ---- life */

static void on_note(struct timer *timer, int64_t now_us);
static void on_begin(struct timer *timer, int64_t now_us);

struct transfer *transfer_new(struct transfers *all, const struct transfer_row *row)
{
    struct transfer *t = NEW(struct transfer);
    assert(all->active == NULL);
    all->active = t;
    t->all = all;
    t->row = transfer_row_copy(&t->arena, row);
    list_init(&t->cancels);
    timer_init(&t->note_timer, on_note);
    timer_init(&t->begin_timer, on_begin);
    return t;
}

void transfer_free(struct transfer *t)
{
    struct transfers *all = t->all;
    transfer_export_free(t);
    transfer_import_free(t);
    transfer_configurations_free(t);
    if (t->asks_store) store_forget(all->lane, &t->store_wait);
    if (t->asks_blob) blobs_forget(all->lane, &t->blobs_wait);
    timer_stop(&t->note_timer);
    timer_stop(&t->begin_timer);
    list_splice(&all->asks, &t->cancels);
    if (t->runs) metric_set(&running_now, 0);
    arena_wipe(&t->arena); /* URIs have signatures */
    all->active = NULL;
    free(t);
}

enum err transfer_open_places(struct transfer *t)
{
    struct transfers *all = t->all;
    const struct transfer_row *row = &t->row;
    bool import = row->type == TRANSFER_IMPORT;
    TRY(place_read(&t->arena, all->hub, all->cfg, all->lane, row->output_uri, row->output_blob,
                   BLOB_WRITE, &t->to));
    if (row->configurations)
        TRY(place_read(&t->arena, all->hub, all->cfg, all->lane,
                       import ? row->input_uri : row->output_uri, row->configurations_blob,
                       import ? BLOB_READ : BLOB_WRITE, &t->configurations));
    if (!import) return OK;
    return place_read(&t->arena, all->hub, all->cfg, all->lane, row->input_uri, row->input_blob,
                      BLOB_READ, &t->from);
}

struct blobs_wait *transfer_wait_blob(struct transfer *t, void (*fn)(struct blobs_wait *w,
                                                                     const struct blobs_answer *a))
{
    assert(!t->asks_blob);
    t->asks_blob = true;
    t->blobs_wait.fn = fn;
    return &t->blobs_wait;
}

struct transfer *transfer_answered(struct blobs_wait *w)
{
    struct transfer *t = CONTAINER_OF(w, struct transfer, blobs_wait);
    t->asks_blob = false;
    return t;
}

/* ---- what the store is told */

static void on_noted(struct store_wait *w, struct store_answer *a);

static void note(struct transfer *t)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    transfer_row_put_update(&u, &t->row);
    t->store_wait.fn = on_noted;
    t->asks_store = true;
    t->notes_end = t->ended;
    store_ask(t->all->hub->store, t->all->lane, &u, &t->store_wait);
}

static void note_later(struct transfer *t, int64_t in_us)
{
    timer_set(&t->all->lane->timers, &t->note_timer, clock_mono_us() + in_us);
}

static void on_note(struct timer *timer, int64_t now_us)
{
    struct transfer *t = CONTAINER_OF(timer, struct transfer, note_timer);
    (void)now_us;
    note(t);
}

static void answer_cancels(struct transfer *t)
{
    while (!list_empty(&t->cancels)) {
        struct asked *a = CONTAINER_OF(t->cancels.next, struct asked, node);
        if (t->row.status == TRANSFER_CANCELLED)
            asked_done(a, &(struct transfer_answer){.status = STATUS_OK});
        else
            asked_refuse(a, STATUS_JOB_NOT_FOUND, "the job has ended");
    }
}

/* A job's end must be on disk; its progress will be the next time. */
static void on_noted(struct store_wait *w, struct store_answer *a)
{
    struct transfer *t = CONTAINER_OF(w, struct transfer, store_wait);
    t->asks_store = false;
    if (a->err == OK && t->notes_end) {
        metric_inc(&ended_total);
        answer_cancels(t);
        transfer_free(t);
    } else if (a->err == OK && t->ended) {
        note_later(t, 0); /* progress was on its way when it ended */
    } else {
        if (a->err != OK)
            say_warn("transfer.refused", "job=%.*s reason=%s", SLICE_ARG(t->row.id),
                     err_name(a->err));
        int64_t after_us = TRANSFER_NOTE_US;
        if (t->ended) after_us = TRANSFER_AGAIN_US;
        note_later(t, after_us);
    }
}

void transfer_progress(struct transfer *t, int64_t done, int64_t of)
{
    int64_t percent = of > 0 ? done * 100 / of : 0;
    t->row.progress = percent > 99 ? 99 : percent; /* 100 is for who has completed */
}

void transfer_end(struct transfer *t, enum transfer_status how, const char *reason)
{
    assert(!t->ended && !t->asks_blob);
    t->ended = true;
    t->row.status = how;
    t->row.end_us = clock_wall_us();
    t->row.input_uri = t->row.output_uri = SLICE_LIT("");
    t->row.reason = reason ? arena_copy(&t->arena, slice_str(reason)) : SLICE_LIT("");
    if (how == TRANSFER_COMPLETED) t->row.progress = 100;
    say_info("transfer.ended", "job=%.*s status=%d lines=%" PRId64 " failed=%" PRId64,
             SLICE_ARG(t->row.id), how, t->row.lines, t->row.failed);
    timer_stop(&t->note_timer);
    if (!t->asks_store) note(t);
}

/* ---- beginning and stopping */

void transfer_begin(struct transfer *t)
{
    t->runs = true;
    metric_set(&running_now, 1);
    t->row.status = TRANSFER_RUNNING;
    if (t->row.start_us == 0) t->row.start_us = clock_wall_us();
    t->row.lines = t->row.failed = t->row.progress = 0;
    say_info("transfer.runs", "job=%.*s type=%s", SLICE_ARG(t->row.id),
             t->row.type == TRANSFER_EXPORT ? "export" : "import");
    note(t);
    if (t->row.type == TRANSFER_EXPORT)
        transfer_export_begin(t);
    else
        transfer_import_begin(t);
}

void transfer_stop(struct transfer *t)
{
    if (t->stopping) return;
    t->stopping = true;
    if (t->import) transfer_import_stop(t);
}

/* ---- after a start */

static void on_begin(struct timer *timer, int64_t now_us)
{
    struct transfer *t = CONTAINER_OF(timer, struct transfer, begin_timer);
    char reason[200];
    (void)now_us;
    if (t->row.type == TRANSFER_IMPORT && t->row.status == TRANSFER_RUNNING) {
        t->runs = true;
        snprintf(reason, sizeof reason,
                 "the server stopped while the job ran; at least %" PRId64
                 " lines had had their turn, %" PRId64 " of them failed",
                 t->row.lines, t->row.failed);
        transfer_end(t, TRANSFER_FAILED, reason);
    } else if (transfer_open_places(t) != OK) {
        t->runs = true;
        transfer_end(t, TRANSFER_FAILED, fail_text());
    } else {
        transfer_begin(t);
    }
}

enum err transfer_reopen(struct transfers *all)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    struct transfer_row row;
    store_begin_query(&q, &sql_transfer_active);
    TRY(store_now_query(all->hub->store, &q, &a, &page));
    if (store_next(&a)) {
        transfer_row_read(a.col, &row);
        struct transfer *t = transfer_new(all, &row);
        timer_set(&all->lane->timers, &t->begin_timer, clock_mono_us());
    }
    msg_free(page);
    return OK;
}
