/* create.c - a request becomes a job: its containers are looked at, then it is put on disk. */
#include <stdio.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/rand.h"
#include "hub/transfer/home.h"

LIMIT_REACHED(under_way, "transfers")
COUNTER(created_total, "azimuth_transfers_created_total", "Import and export jobs created");

static void give_up(struct transfer *t, enum status s, const char *text)
{
    struct asked *a = t->asked;
    sink_abort(&t->sink);
    transfer_free(t);
    asked_refuse(a, s, text);
}

static void refuse_container(struct transfer *t, const char *which, const struct blobs_answer *a)
{
    char text[256];
    if (a->err == ERR_THROTTLED || a->err == ERR_FULL) {
        give_up(t, status_of_err(a->err), a->text);
        return;
    }
    snprintf(text, sizeof text, "the %s container %s: %s", which,
             a->err == ERR_NOT_FOUND ? "or its blob is not there" : "cannot be used", a->text);
    give_up(t, STATUS_BLOB_CONTAINER_VALIDATION_ERROR, text);
}

static void on_stored(struct store_wait *w, struct store_answer *answer)
{
    struct transfer *t = CONTAINER_OF(w, struct transfer, store_wait);
    struct buf json = {0};
    t->asks_store = false;
    if (answer->err != OK) {
        give_up(t, status_of_err(answer->err), "the store refuses the job");
        return;
    }
    metric_inc(&created_total);
    transfer_row_write(&json, &t->row);
    asked_done(t->asked, &(struct transfer_answer){.body = buf_slice(&json)});
    t->asked = NULL;
    buf_free(&json);
    transfer_begin(t);
}

static void store(struct transfer *t)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    transfer_row_put_insert(&u, &t->row);
    t->store_wait.fn = on_stored;
    t->asks_store = true;
    store_ask(t->all->hub->store, t->all->lane, &u, &t->store_wait);
}

static void on_writable(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    if (a->err != OK) {
        refuse_container(t, "output", a);
        return;
    }
    sink_begun(&t->sink, a);
    sink_abort(&t->sink); /* the run begins its own */
    store(t);
}

static void probe_output(struct transfer *t)
{
    sink_begin(&t->sink, &t->to, transfer_wait_blob(t, on_writable));
}

static void on_configurations(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    if (a->err == OK)
        probe_output(t);
    else
        refuse_container(t, "input", a);
}

static void on_readable(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    if (a->err != OK)
        refuse_container(t, "input", a);
    else if (t->row.configurations)
        source_open(&t->configurations, true, transfer_wait_blob(t, on_configurations));
    else
        probe_output(t);
}

static void begin(struct asked *a, const struct transfer_row *row)
{
    struct transfer *t = transfer_new(a->all, row);
    enum err e = transfer_open_places(t);
    t->asked = a;
    if (e != OK)
        give_up(t,
                e == ERR_DENIED ? STATUS_BLOB_CONTAINER_VALIDATION_ERROR : STATUS_ARGUMENT_INVALID,
                fail_text());
    else if (row->type == TRANSFER_IMPORT)
        source_open(&t->from, true, transfer_wait_blob(t, on_readable));
    else
        probe_output(t);
}

void transfer_create_begin(struct asked *a, struct slice json)
{
    struct arena arena = {0};
    struct transfer_row row;
    char id[RAND_GUID_LEN + 1];
    if (transfer_row_of_request(&arena, json, &row) != OK) {
        asked_refuse(a, STATUS_ARGUMENT_INVALID, fail_text());
    } else if (a->all->active) {
        metric_inc(&under_way);
        asked_refuse(a, STATUS_JOB_QUOTA_EXCEEDED,
                     "an import or export job is under way: a hub has one at a time");
    } else {
        rand_guid(id);
        row.id = slice_str(id);
        row.created_us = clock_wall_us();
        begin(a, &row);
    }
    arena_wipe(&arena); /* URIs have signatures */
}
