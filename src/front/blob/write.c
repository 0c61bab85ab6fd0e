/* write.c - bodies on their way to the disk.
 *
 *   head ─▶ (is it there? If-None-Match) ─▶ begin ─▶ pieces, one under way at a time ─▶ put or stage
 *
 * While a piece is under way the request is read no further.  A block list is gathered, and joined.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/limit.h"
#include "base/num.h"
#include "base/text.h"
#include "front/blob/transfer.h"

LIMIT_REACHED(list_too_long, "blob-list")

static void go_on(struct transfer *t);

static struct blobs *blobs_of(const struct transfer *t)
{
    return t->service->cfg->blobs;
}

static void fail_transfer(struct transfer *t, const struct blobs_answer *a)
{
    transfer_refuse_err(t->call, a->err, a->text);
}

/* ---- the file */

static void on_begun(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_of(w);
    struct call *c = t->call;
    if (a->err == OK)
        t->writer = a->writer;
    else
        fail_transfer(t, a);
    rest_call_end(c);
}

static void open_file(struct transfer *t)
{
    t->beginning = true;
    transfer_stall(t, on_begun);
    blobs_begin(blobs_of(t), t->service->lane, &t->wait);
}

/* Python refuses to overwrite unless it is told to; .NET and Node compare ETags. */
static const char *objection(const struct transfer *t, const struct blobs_answer *a)
{
    char etag[BLOB_ETAG_MAX];
    struct slice match = http1_header(t->call->request, "if-match");
    struct slice none = http1_header(t->call->request, "if-none-match");
    bool there = a->err == OK;
    struct slice have = there ? transfer_etag(a->props.modified_us, etag) : SLICE_NONE;
    if (there && (slice_is(none, "*") || slice_eq(none, have))) return "BlobAlreadyExists";
    if (match.ptr && !(there && (slice_is(match, "*") || slice_eq(match, have))))
        return "ConditionNotMet";
    return NULL;
}

static void after_conditions(struct transfer *t)
{
    if (t->operation != PUT_BLOCK_LIST) open_file(t);
}

static void on_looked(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_of(w);
    struct call *c = t->call;
    const char *code = NULL;
    if (a->err == OK || a->err == ERR_NOT_FOUND)
        code = objection(t, a);
    else
        fail_transfer(t, a);
    if (code)
        transfer_refuse(c, slice_is(slice_str(code), "ConditionNotMet") ? 412 : 409, code,
                        "a condition of the request is not met");
    else if (!c->answered)
        after_conditions(t);
    rest_call_end(c);
}

void transfer_write_begin(struct transfer *t)
{
    const struct http1_request *request = t->call->request;
    bool conditions =
        http1_header(request, "if-none-match").ptr || http1_header(request, "if-match").ptr;
    if (!conditions || t->operation == PUT_BLOCK) {
        after_conditions(t);
        return;
    }
    transfer_stall(t, on_looked);
    blobs_get(blobs_of(t), t->service->lane, transfer_name(t), &t->wait);
}

/* ---- pieces */

static void on_appended(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_of(w);
    struct call *c = t->call;
    if (a->err == OK)
        go_on(t);
    else
        fail_transfer(t, a);
    rest_call_end(c);
}

static void send_piece(struct transfer *t)
{
    struct slice piece = slice_head(buf_slice(&t->body), BLOBS_PIECE_MAX);
    transfer_stall(t, on_appended);
    blobs_append(blobs_of(t), t->service->lane, t->writer, piece, &t->wait);
    buf_consume(&t->body, piece.len);
}

void transfer_write_body(struct transfer *t, struct slice piece)
{
    if (t->md5) {
        int done = EVP_DigestUpdate(t->md5, piece.ptr, piece.len);
        assert(done);
    }
    if (t->operation == PUT_BLOCK_LIST && buf_size(&t->body) + piece.len > BLOB_LIST_MAX) {
        metric_inc(&list_too_long);
        transfer_refuse(t->call, 413, "RequestBodyTooLarge", "the block list is too long");
        return;
    }
    buf_put_slice(&t->body, piece);
    if (t->operation != PUT_BLOCK_LIST && buf_size(&t->body) >= BLOBS_PIECE_MAX) send_piece(t);
}

/* ---- the end */

static bool md5_fits(struct transfer *t)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct buf said = {0};
    if (t->md5 == NULL) return true;
    enum err e = text_unbase64(&said, http1_header(t->call->request, "content-md5"));
    bool fits = e == OK && EVP_DigestFinal_ex(t->md5, digest, &len) &&
                slice_eq(buf_slice(&said), slice_of(digest, len));
    buf_free(&said);
    return fits;
}

static void on_written(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_of(w);
    struct call *c = t->call;
    if (a->err == OK)
        transfer_created(t, t->operation == PUT_BLOCK ? NULL : &a->props);
    else if (a->err == ERR_FULL && t->operation == PUT_BLOCK)
        transfer_refuse(c, 409, "BlockCountExceedsLimit", a->text);
    else
        fail_transfer(t, a);
    rest_call_end(c);
}

static void finish_file(struct transfer *t)
{
    struct buf space = {0};
    struct blobs_props props;
    uint64_t writer = t->writer;
    if (!md5_fits(t)) {
        transfer_refuse(t->call, 400, "Md5Mismatch", "Content-MD5 is not that of the body");
        return;
    }
    t->writer = 0;
    transfer_stall(t, on_written);
    if (t->operation == PUT_BLOCK) {
        blobs_stage(blobs_of(t), t->service->lane, writer, transfer_name(t),
                    buf_slice(&t->block_id), &t->wait);
        return;
    }
    transfer_props(t, &space, &props);
    blobs_put(blobs_of(t), t->service->lane, writer, transfer_name(t), &props, &t->wait);
    buf_free(&space);
}

/* A piece is on the disk: the next, or the end. */
static void go_on(struct transfer *t)
{
    if (buf_size(&t->body) >= BLOBS_PIECE_MAX || (t->complete && buf_size(&t->body) > 0))
        send_piece(t);
    else if (t->complete)
        finish_file(t);
}

static void on_joined(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_of(w);
    struct call *c = t->call;
    if (a->err == OK)
        transfer_created(t, &a->props);
    else if (a->err == ERR_NOT_FOUND)
        transfer_refuse(c, 400, "InvalidBlockList", "a block of the list was not uploaded");
    else
        fail_transfer(t, a);
    rest_call_end(c);
}

static void join(struct transfer *t, const struct slice *ids, size_t count)
{
    struct buf space = {0};
    struct blobs_props props;
    transfer_props(t, &space, &props);
    transfer_stall(t, on_joined);
    rest_call_wait_long(t->call, WAITING_SITE, BLOB_JOIN_WAIT_US);
    blobs_join(blobs_of(t), t->service->lane, transfer_name(t), ids, count, &props, &t->wait);
    buf_free(&space);
}

void transfer_write_end(struct transfer *t)
{
    struct buf space = {0};
    struct slice *ids;
    size_t count;
    if (t->operation != PUT_BLOCK_LIST) {
        go_on(t);
        return;
    }
    enum err e = block_list_read(buf_slice(&t->body), &space, &ids, &count);
    if (e == OK)
        join(t, ids, count);
    else
        transfer_refuse(t->call, e == ERR_TOO_BIG ? 413 : 400,
                        e == ERR_TOO_BIG ? "BlockListTooLong" : "InvalidXmlDocument", fail_text());
    free(ids);
    buf_free(&space);
}
