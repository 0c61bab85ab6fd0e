/* join.c - blocks become a blob: copied into a new file, a few megabytes at a time, so that others
 * have their turn in between. */
#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"
#include "blob/internal.h"

COUNTER(joins_total, "azimuth_blob_joins_total", "Block lists that became blobs");
LIMIT_REACHED(too_many_joins, "blob-joins")

enum { COPY_BYTES = 256 << 10 };

struct join {
    struct list node;
    struct msg *m; /* who waits; the name, texts and ids are in it */
    struct blobs_call call;
    struct cur ids;       /* those that are left */
    struct io_file *from; /* the block at hand; NULL: none */
    uint64_t id, at;      /* of the new file; in the block */
};

static void close_block(struct join *j)
{
    if (j->from) io_close(j->from);
    j->from = NULL;
}

static void join_end(struct blobs *b, struct join *j, enum err e)
{
    struct blobs_answer a = {.err = e, .text = fail_text(), .props = j->call.props};
    close_block(j);
    writer_abort(b, j->id); /* harmless when it was put */
    blobs_reply(b, j->m, &a);
    list_remove(&j->node);
    b->join_count--;
    msg_free(j->m);
    free(j);
}

/* ---- copying */

static enum err open_next(struct blobs *b, struct join *j)
{
    char path[PATH_MAX_LEN];
    struct slice id = cur_take(&j->ids, cur_u8(&j->ids));
    path_of_block(j->call.name, id, path);
    j->at = 0;
    enum err e = io_open_file(b->io, path, IO_READ, &j->from);
    return e == ERR_NOT_FOUND ? fail(e, "a block of the list was not uploaded") : e;
}

/* `*copied` is 0 at the end of the block. */
static enum err copy_some(struct blobs *b, struct join *j, size_t *copied)
{
    uint8_t *bytes = buf_reserve(&b->room, COPY_BYTES);
    TRY(io_read_at(j->from, BLOBS_HEAD_SIZE + j->at, bytes, COPY_BYTES, copied));
    TRY(writer_append(b, j->id, slice_of(bytes, *copied)));
    j->at += *copied;
    return OK;
}

/* ERR_AGAIN: there is more to do. */
static enum err turn(struct blobs *b, struct join *j)
{
    size_t copied;
    for (size_t done = 0; done < BLOBS_JOIN_TURN; done += copied) {
        if (j->from == NULL && cur_left(&j->ids) == 0) return OK;
        if (j->from == NULL) TRY(open_next(b, j));
        TRY(copy_some(b, j, &copied));
        if (copied == 0) close_block(j);
    }
    return ERR_AGAIN;
}

/* ---- life */

static void go_on(struct blobs *b)
{
    if (b->going_on || list_empty(&b->joins)) return;
    b->going_on = true;
    post(b->lane, lane_addr(b->lane), lane_addr(b->lane), msg_new(BLOBS_GO_ON, 0));
}

void joins_run(struct blobs *b)
{
    b->going_on = false;
    LIST_EACH(node, &b->joins)
    {
        struct join *j = CONTAINER_OF(node, struct join, node);
        enum err e = turn(b, j);
        if (e == ERR_AGAIN) continue;
        if (e == OK) e = writer_put(b, j->id, j->call.name, &j->call.props);
        if (e == OK) metric_inc(&joins_total);
        join_end(b, j, e);
    }
    go_on(b);
}

/* Every block is there before the first is copied. */
static enum err check_blocks(struct blobs *b, const struct blobs_call *c)
{
    struct cur ids = cur_of(c->rest);
    char path[PATH_MAX_LEN];
    struct io_file *file;
    while (cur_left(&ids)) {
        struct slice id = cur_take(&ids, cur_u8(&ids));
        path_of_block(c->name, id, path);
        enum err e = io_open_file(b->io, path, IO_READ, &file);
        if (e == ERR_NOT_FOUND) return fail(e, "a block of the list was not uploaded");
        TRY(e);
        io_close(file);
    }
    return OK;
}

static enum err begin(struct blobs *b, struct addr owner, const struct blobs_call *c, uint64_t *id)
{
    if (b->join_count == BLOBS_JOINS_MAX) {
        metric_inc(&too_many_joins);
        return fail(ERR_THROTTLED, "%d block lists are being joined", BLOBS_JOINS_MAX);
    }
    TRY(check_blocks(b, c));
    return writer_begin(b, owner, id);
}

void join_start(struct blobs *b, struct msg *m, const struct blobs_call *c)
{
    uint64_t id;
    enum err e = begin(b, m->from, c, &id);
    if (e != OK) {
        blobs_reply(b, m, &(struct blobs_answer){.err = e, .text = fail_text()});
        return;
    }
    struct join *j = NEW(struct join);
    msg_keep(m);
    *j = (struct join){.m = m, .call = *c, .ids = cur_of(c->rest), .id = id};
    list_push(&b->joins, &j->node);
    b->join_count++;
    go_on(b);
}

/* What was written is removed at the next start. */
void joins_free(struct blobs *b)
{
    LIST_EACH(node, &b->joins)
    {
        struct join *j = CONTAINER_OF(node, struct join, node);
        close_block(j);
        msg_free(j->m);
        free(j);
    }
}
