/* export.c - identities page by page, their lines piece by piece.
 *
 *   how many devices? ─▶ begin the blob ─▶ page ─▶ piece ─▶ piece ─▶ page ... ─▶ end the blob
 *                                                                             (─▶ configurations.c)
 * One of them is under way at any time; a cancellation takes effect when it is answered.
 */
#include <stdlib.h>

#include "base/metrics.h"
#include "base/num.h"
#include "hub/transfer/home.h"
#include "hub/transfer/line.h"
#include "hub/transfer/transfer_sql.h"

COUNTER(exported_total, "azimuth_transfer_exported_total", "Identities written by export jobs");

enum { EXPORT_PAGE = 250 }; /* identities that are made into lines before others have their turn */

struct export
{
    struct transfer *t;
    struct store_wait wait;
    bool asks_store, found_all;
    struct buf out; /* lines that are not on their way yet */
    struct buf device_id, module_id;
    int64_t devices, total;
};

void transfer_export_free(struct transfer *t)
{
    struct export *e = t->export;
    if (e == NULL) return;
    if (e->asks_store) store_forget(t->all->lane, &e->wait);
    buf_wipe(&e->out);
    buf_free(&e->device_id);
    buf_free(&e->module_id);
    free(e);
    t->export = NULL;
}

static void step(struct transfer *t);

static void end(struct transfer *t, enum transfer_status how, const char *reason)
{
    sink_abort(&t->sink);
    transfer_end(t, how, reason);
}

/* ---- the container */

static void on_written(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    if (a->err != OK)
        end(t, TRANSFER_FAILED, a->text);
    else
        step(t);
}

static void on_configurations(struct transfer *t, const char *failure)
{
    if (failure)
        end(t, TRANSFER_FAILED, failure);
    else
        end(t, t->stopping ? TRANSFER_CANCELLED : TRANSFER_COMPLETED, NULL);
}

static void on_ended(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    if (a->err != OK)
        end(t, TRANSFER_FAILED, a->text);
    else if (t->row.configurations)
        transfer_configurations_begin(t, on_configurations);
    else
        transfer_end(t, TRANSFER_COMPLETED, NULL);
}

static void write_piece(struct transfer *t)
{
    struct export *e = t->export;
    struct slice piece = slice_head(buf_slice(&e->out), PLACE_PIECE);
    sink_append(&t->sink, piece, transfer_wait_blob(t, on_written));
    buf_consume(&e->out, piece.len);
}

/* ---- the store */

static void ask(struct export *e, struct store_request *q,
                void (*fn)(struct store_wait *w, struct store_answer *a))
{
    struct transfers *all = e->t->all;
    e->wait.fn = fn;
    e->asks_store = true;
    store_ask(all->hub->store, all->lane, q, &e->wait);
}

static void keep(struct buf *out, struct slice text)
{
    buf_clear(out);
    buf_put_slice(out, text);
}

static struct slice or_empty(const struct buf *b)
{
    return buf_size(b) ? buf_slice(b) : SLICE_LIT("");
}

static enum err take_rows(struct export *e, struct store_answer *a)
{
    struct transfer *t = e->t;
    struct arena arena = {0};
    unsigned count = 0;
    enum err err = OK;
    for (; err == OK && store_next(a); count++) {
        err = transfer_line_put(&e->out, &arena, a->col, !t->row.exclude_keys);
        keep(&e->device_id, a->col[0].bytes);
        keep(&e->module_id, a->col[14].bytes);
        e->devices += buf_size(&e->module_id) == 0;
        arena_wipe(&arena);
    }
    e->found_all = !a->more && count < EXPORT_PAGE;
    t->row.lines += count;
    metric_add(&exported_total, count);
    transfer_progress(t, e->devices, e->total);
    return err;
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct export *e = CONTAINER_OF(w, struct export, wait);
    e->asks_store = false;
    if (a->err != OK)
        end(e->t, TRANSFER_FAILED, "the store does not answer");
    else if (take_rows(e, a) != OK)
        end(e->t, TRANSFER_FAILED, fail_text());
    else
        step(e->t);
}

static void ask_rows(struct export *e)
{
    struct store_request q;
    store_begin_query(&q, &sql_transfer_page);
    store_put_text(&q, "device_id", or_empty(&e->device_id));
    store_put_text(&q, "module_id", or_empty(&e->module_id));
    store_put_int(&q, "top", EXPORT_PAGE);
    ask(e, &q, on_rows);
}

/* ---- steps */

static void step(struct transfer *t)
{
    struct export *e = t->export;
    size_t waits = buf_size(&e->out);
    if (t->stopping)
        end(t, TRANSFER_CANCELLED, NULL);
    else if (waits >= PLACE_PIECE || (e->found_all && waits))
        write_piece(t);
    else if (!e->found_all)
        ask_rows(e);
    else
        sink_end(&t->sink, transfer_wait_blob(t, on_ended));
}

static void on_begun(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    if (a->err != OK) {
        end(t, TRANSFER_FAILED, a->text);
        return;
    }
    sink_begun(&t->sink, a);
    if (t->row.exclude_keys) buf_put_str(&t->export->out, LINE_NO_KEYS);
    step(t);
}

static void on_counted(struct store_wait *w, struct store_answer *a)
{
    struct export *e = CONTAINER_OF(w, struct export, wait);
    e->asks_store = false;
    if (a->err != OK || !store_next(a)) {
        end(e->t, TRANSFER_FAILED, "the store does not answer");
        return;
    }
    e->total = a->col[0].number;
    sink_begin(&e->t->sink, &e->t->to, transfer_wait_blob(e->t, on_begun));
}

void transfer_export_begin(struct transfer *t)
{
    struct store_request q;
    struct export *e = t->export = NEW(struct export);
    e->t = t;
    e->out = BUF_SECRET; /* keys of identities */
    store_begin_query(&q, &sql_transfer_devices);
    ask(e, &q, on_counted);
}
