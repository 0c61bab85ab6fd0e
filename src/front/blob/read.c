/* read.c - a blob, a range of it or its properties; and its removal. */
#include "base/num.h"
#include "front/blob/transfer.h"

static struct blobs *blobs_of(const struct transfer *t)
{
    return t->service->cfg->blobs;
}

/* ---- ranges: bytes=from-[to], in x-ms-range or Range */

enum range { RANGE_NONE, RANGE_GOOD, RANGE_BAD };

/* Forms that are not served (several ranges, a suffix) are none, as for Azure; then `from` and `length` stay. */
static enum range read_range(const struct call *c, uint64_t size, uint64_t *from, uint64_t *length)
{
    struct slice text = http1_header(c->request, "x-ms-range"), first;
    uint64_t begin, to;
    if (text.ptr == NULL) text = http1_header(c->request, "range");
    if (!slice_starts_nocase(text, SLICE_LIT("bytes="))) return RANGE_NONE;
    text = slice_from(text, strlen("bytes="));
    slice_split(&text, '-', &first);
    if (text.ptr == NULL || num_u64(first, &begin) != OK) return RANGE_NONE;
    if (text.len == 0)
        to = UINT64_MAX;
    else if (num_u64(text, &to) != OK || to < begin)
        return RANGE_NONE;
    if (begin >= size) return RANGE_BAD;
    *from = begin;
    *length = MIN(to, size - 1) - begin + 1;
    return RANGE_GOOD;
}

/* ---- pieces of an answer */

static void ask_piece(struct transfer *t);

static void on_drained(struct call *c)
{
    ask_piece(c->own);
}

static void on_piece(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_of(w);
    struct call *c = t->call;
    if (a->err != OK) {
        rest_answer_break_off(c);
        return;
    }
    rest_answer_piece(c, a->bytes);
    t->at += a->bytes.len;
    t->left -= a->bytes.len;
    if (t->left == 0)
        rest_answer_done(c);
    else if (conn_congested(c->conn))
        c->drained = on_drained;
    else
        ask_piece(t);
    rest_call_end(c);
}

static void ask_piece(struct transfer *t)
{
    transfer_stall(t, on_piece);
    blobs_read(blobs_of(t), t->service->lane, transfer_name(t), t->props.modified_us, t->at,
               (uint32_t)MIN(t->left, (uint64_t)BLOBS_PIECE_MAX), &t->wait);
}

static void answer_blob(struct transfer *t, const struct blobs_props *p)
{
    uint64_t from = 0, length = p->size;
    enum range range = read_range(t->call, p->size, &from, &length);
    if (range == RANGE_BAD) {
        transfer_refuse(t->call, 416, "InvalidRange", "the range begins behind the blob");
        return;
    }
    transfer_begin_blob(t, range == RANGE_GOOD ? 206 : 200, p, from, length);
    t->props = (struct blobs_props){.modified_us = p->modified_us};
    t->at = from;
    t->left = length;
    if (slice_is(t->call->request->method, "HEAD") || length == 0)
        rest_answer_done(t->call);
    else
        ask_piece(t);
}

static void answer(struct transfer *t, const struct blobs_props *p)
{
    char text[BLOB_ETAG_MAX];
    struct slice etag = transfer_etag(p->modified_us, text);
    struct slice match = http1_header(t->call->request, "if-match");
    struct slice none = http1_header(t->call->request, "if-none-match");
    if (match.ptr && !slice_is(match, "*") && !slice_eq(match, etag))
        transfer_refuse(t->call, 412, "ConditionNotMet", "the blob has changed");
    else if (slice_eq(none, etag) || slice_is(none, "*"))
        transfer_not_modified(t, p);
    else
        answer_blob(t, p);
}

static void on_got(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_of(w);
    struct call *c = t->call;
    if (a->err == OK)
        answer(t, &a->props);
    else
        transfer_refuse_err(c, a->err, a->text);
    rest_call_end(c);
}

void transfer_read(struct transfer *t)
{
    transfer_stall(t, on_got);
    blobs_get(blobs_of(t), t->service->lane, transfer_name(t), &t->wait);
}

/* ---- removal */

static void on_removed(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_of(w);
    struct call *c = t->call;
    if (a->err == OK)
        transfer_deleted(t);
    else
        transfer_refuse_err(c, a->err, a->text);
    rest_call_end(c);
}

void transfer_delete(struct transfer *t)
{
    transfer_stall(t, on_removed);
    blobs_remove(blobs_of(t), t->service->lane, transfer_name(t), &t->wait);
}
