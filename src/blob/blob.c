/* blob.c - the blob lane: what is asked of it, and its answers. */
#include "blob/blob.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "blob/internal.h"

COUNTER(failures, "azimuth_blob_failures_total", "Reads and writes of blobs that the disk refused");

/* ---- asking, on any lane */

static void put_ask(struct buf *out, const struct blobs_ask *fixed, struct blob_name name,
                    const struct blobs_props *props)
{
    struct blobs_ask head = *fixed;
    head.container_len = (uint32_t)name.container.len;
    head.name_len = (uint32_t)name.name.len;
    for (unsigned i = 0; props && i < BLOBS_TEXTS; i++)
        head.text_len[i] = (uint32_t)props->text[i].len;
    msg_buf_begin(out);
    buf_put(out, &head, offsetof(struct blobs_ask, bytes));
    buf_put_slice(out, name.container);
    buf_put_slice(out, name.name);
    for (unsigned i = 0; props && i < BLOBS_TEXTS; i++) buf_put_slice(out, props->text[i]);
}

static void send(struct blobs *b, struct lane *core, struct buf *m, enum blobs_kind kind,
                 struct blobs_wait *w)
{
    ON_LANE(core);
    if (w) w->slot = slot_new(core, w);
    post(core, w ? w->slot : lane_addr(core), lane_addr(b->lane), msg_buf_end(m, kind));
}

void blobs_begin(struct blobs *b, struct lane *core, struct blobs_wait *w)
{
    struct buf m = {0};
    put_ask(&m, &(struct blobs_ask){0}, (struct blob_name){0}, NULL);
    send(b, core, &m, BLOBS_BEGIN, w);
}

void blobs_append(struct blobs *b, struct lane *core, uint64_t writer, struct slice piece,
                  struct blobs_wait *w)
{
    struct buf m = {0};
    assert(piece.len <= BLOBS_PIECE_MAX);
    put_ask(&m, &(struct blobs_ask){.writer = writer}, (struct blob_name){0}, NULL);
    buf_put_slice(&m, piece);
    send(b, core, &m, BLOBS_APPEND, w);
}

void blobs_put(struct blobs *b, struct lane *core, uint64_t writer, struct blob_name name,
               const struct blobs_props *props, struct blobs_wait *w)
{
    struct buf m = {0};
    put_ask(&m, &(struct blobs_ask){.writer = writer}, name, props);
    send(b, core, &m, BLOBS_PUT, w);
}

void blobs_stage(struct blobs *b, struct lane *core, uint64_t writer, struct blob_name name,
                 struct slice block_id, struct blobs_wait *w)
{
    struct buf m = {0};
    assert(block_id.len <= BLOBS_BLOCK_ID_MAX);
    put_ask(&m, &(struct blobs_ask){.writer = writer}, name, NULL);
    buf_put_slice(&m, block_id);
    send(b, core, &m, BLOBS_STAGE, w);
}

void blobs_abort(struct blobs *b, struct lane *core, uint64_t writer)
{
    struct buf m = {0};
    put_ask(&m, &(struct blobs_ask){.writer = writer}, (struct blob_name){0}, NULL);
    send(b, core, &m, BLOBS_ABORT, NULL);
}

void blobs_join(struct blobs *b, struct lane *core, struct blob_name name, const struct slice *ids,
                size_t count, const struct blobs_props *props, struct blobs_wait *w)
{
    struct buf m = {0};
    put_ask(&m, &(struct blobs_ask){0}, name, props);
    for (size_t i = 0; i < count; i++) {
        assert(ids[i].len <= BLOBS_BLOCK_ID_MAX);
        buf_put_u8(&m, (uint8_t)ids[i].len);
        buf_put_slice(&m, ids[i]);
    }
    send(b, core, &m, BLOBS_JOIN, w);
}

static void ask_about(struct blobs *b, struct lane *core, enum blobs_kind kind,
                      struct blob_name name, struct blobs_wait *w)
{
    struct buf m = {0};
    put_ask(&m, &(struct blobs_ask){0}, name, NULL);
    send(b, core, &m, kind, w);
}

void blobs_get(struct blobs *b, struct lane *core, struct blob_name name, struct blobs_wait *w)
{
    ask_about(b, core, BLOBS_GET, name, w);
}

void blobs_read(struct blobs *b, struct lane *core, struct blob_name name, int64_t modified_us,
                uint64_t offset, uint32_t len, struct blobs_wait *w)
{
    struct buf m = {0};
    put_ask(&m,
            &(struct blobs_ask){.modified_us = modified_us,
                                .offset = offset,
                                .len = MIN(len, (uint32_t)BLOBS_PIECE_MAX)},
            name, NULL);
    send(b, core, &m, BLOBS_READ, w);
}

void blobs_remove(struct blobs *b, struct lane *core, struct blob_name name, struct blobs_wait *w)
{
    ask_about(b, core, BLOBS_REMOVE, name, w);
}

void blobs_discard(struct blobs *b, struct lane *core, struct blob_name name)
{
    ask_about(b, core, BLOBS_DISCARD, name, NULL);
}

void blobs_forget(struct lane *core, struct blobs_wait *w)
{
    slot_free(core, w->slot);
}

void blobs_forget_begin(struct blobs *b, struct lane *core, struct blobs_wait *w)
{
    struct buf m = {0};
    put_ask(&m, &(struct blobs_ask){0}, (struct blob_name){0}, NULL);
    post(core, w->slot, lane_addr(b->lane), msg_buf_end(&m, BLOBS_ABORT));
    slot_free(core, w->slot);
}

/* ---- answers */

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_wait *w = slot_get(lane, m->to);
    const struct blobs_done *d = (const void *)m->body;
    struct cur c = cur_of(slice_from(msg_body(m), offsetof(struct blobs_done, bytes)));
    (void)ctx;
    if (w == NULL) return;
    struct blobs_answer a = {
        .err = d->err,
        .writer = d->writer,
        .props = {.size = d->size, .created_us = d->created_us, .modified_us = d->modified_us}};
    for (unsigned i = 0; i < BLOBS_TEXTS; i++) a.props.text[i] = cur_take(&c, d->text_len[i]);
    struct slice why = cur_take(&c, d->why_len);
    a.text = why.len ? (const char *)why.ptr : "";
    a.bytes = cur_rest(&c);
    blobs_forget(lane, w);
    w->fn(w, &a);
}

void blobs_attach(struct lane *lane)
{
    lane_on(lane, BLOBS_DONE, on_done, NULL);
}

static bool is_the_disks(enum err e)
{
    return e == ERR_IO || e == ERR_CORRUPT || e == ERR_FULL;
}

void blobs_answer_on(struct lane *lane, const struct msg *m, const struct blobs_answer *a)
{
    struct buf out = {0};
    struct blobs_done d = {.err = a->err,
                           .writer = a->writer,
                           .size = a->props.size,
                           .created_us = a->props.created_us,
                           .modified_us = a->props.modified_us,
                           .why_len = a->err != OK ? (uint32_t)strlen(a->text) + 1 : 0};
    for (unsigned i = 0; i < BLOBS_TEXTS; i++) d.text_len[i] = (uint32_t)a->props.text[i].len;
    msg_buf_begin(&out);
    buf_put(&out, &d, offsetof(struct blobs_done, bytes));
    for (unsigned i = 0; i < BLOBS_TEXTS; i++) buf_put_slice(&out, a->props.text[i]);
    buf_put(&out, a->text, d.why_len);
    buf_put_slice(&out, a->bytes);
    post_reply(lane, m, msg_buf_end(&out, BLOBS_DONE));
}

void blobs_reply(struct blobs *b, const struct msg *m, const struct blobs_answer *a)
{
    if (is_the_disks(a->err)) {
        metric_inc(&failures);
        say_warn("blob.failed", "error=%s reason=\"%s\"", err_name(a->err), a->text);
    }
    blobs_answer_on(b->lane, m, a);
}

/* ---- the lane */

static const struct blobs_ask *ask_of(const struct msg *m)
{
    return (const void *)m->body;
}

static struct blobs_call read_call(const struct msg *m)
{
    const struct blobs_ask *ask = ask_of(m);
    struct cur c = cur_of(slice_from(msg_body(m), offsetof(struct blobs_ask, bytes)));
    struct blobs_call call = {0};
    call.name.container = cur_take(&c, ask->container_len);
    call.name.name = cur_take(&c, ask->name_len);
    for (unsigned i = 0; i < BLOBS_TEXTS; i++) call.props.text[i] = cur_take(&c, ask->text_len[i]);
    call.rest = cur_rest(&c);
    return call;
}

static void finish(struct blobs *b, const struct msg *m, struct blobs_answer *a, enum err e)
{
    a->err = e;
    a->text = fail_text();
    blobs_reply(b, m, a);
}

static void on_begin(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_answer a = {0};
    (void)lane;
    finish(ctx, m, &a, writer_begin(ctx, m->from, &a.writer));
}

static void on_append(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_call call = read_call(m);
    struct blobs_answer a = {0};
    (void)lane;
    finish(ctx, m, &a, writer_append(ctx, ask_of(m)->writer, call.rest));
}

static void on_put(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_call call = read_call(m);
    struct blobs_answer a = {0};
    (void)lane;
    enum err e = writer_put(ctx, ask_of(m)->writer, call.name, &call.props);
    a.props = call.props;
    finish(ctx, m, &a, e);
}

static void on_stage(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_call call = read_call(m);
    struct blobs_answer a = {0};
    (void)lane;
    finish(ctx, m, &a, writer_stage(ctx, ask_of(m)->writer, call.name, call.rest));
}

static void on_abort(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    if (ask_of(m)->writer)
        writer_abort(ctx, ask_of(m)->writer);
    else
        writer_abort_of(ctx, m->from);
}

static void on_join(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_call call = read_call(m);
    (void)lane;
    join_start(ctx, m, &call);
}

static void on_go_on(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane, (void)m;
    joins_run(ctx);
}

static void on_get(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_call call = read_call(m);
    struct blobs_answer a = {0};
    uint8_t space[BLOBS_HEAD_SIZE];
    struct io_file *file;
    (void)lane;
    enum err e = blob_file_open(ctx, call.name, space, &file, &a.props);
    if (e == OK) io_close(file);
    finish(ctx, m, &a, e);
}

static enum err read_piece(struct io_file *file, const struct blobs_ask *ask,
                           const struct blobs_props *p, struct buf *out)
{
    size_t got;
    if (p->modified_us != ask->modified_us) return fail(ERR_CONFLICT, "the blob has changed");
    if (ask->offset >= p->size) return fail(ERR_INVALID, "the range begins behind the blob");
    size_t want = (size_t)MIN((uint64_t)ask->len, p->size - ask->offset);
    TRY(io_read_at(file, BLOBS_HEAD_SIZE + ask->offset, buf_reserve(out, want), want, &got));
    buf_commit(out, got);
    return got == want ? OK : fail(ERR_CORRUPT, "the blob is shorter than it was");
}

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_call call = read_call(m);
    struct blobs_answer a = {0};
    uint8_t space[BLOBS_HEAD_SIZE];
    struct io_file *file;
    struct buf bytes = {0};
    (void)lane;
    enum err e = blob_file_open(ctx, call.name, space, &file, &a.props);
    if (e == OK) {
        e = read_piece(file, ask_of(m), &a.props, &bytes);
        io_close(file);
    }
    a.bytes = buf_slice(&bytes);
    finish(ctx, m, &a, e);
    buf_free(&bytes);
}

static enum err remove_blob(struct blobs *b, struct blob_name name)
{
    uint8_t space[BLOBS_HEAD_SIZE];
    char path[PATH_MAX_LEN];
    struct io_file *file;
    struct blobs_props p;
    TRY(blob_file_open(b, name, space, &file, &p));
    io_close(file);
    path_of_blob(name, path);
    TRY(io_remove(b->io, path));
    return sync_directory_of(b, path);
}

static void on_remove(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_call call = read_call(m);
    struct blobs_answer a = {0};
    (void)lane;
    discard_blocks(ctx, call.name);
    finish(ctx, m, &a, remove_blob(ctx, call.name));
}

static void on_discard(void *ctx, struct lane *lane, struct msg *m)
{
    struct blobs_call call = read_call(m);
    (void)lane;
    discard_blocks(ctx, call.name);
}

/* ---- life */

static void remove_leftover(void *ctx, const char *name)
{
    struct io *io = ctx;
    char path[IO_NAME_MAX];
    snprintf(path, sizeof path, "blobs/new/%s", name);
    if (io_remove(io, path) == OK) say_info("blob.leftover", "file=%s", name);
}

static void join_lane(struct blobs *b)
{
    const struct {
        enum blobs_kind kind;
        msg_fn fn;
    } rows[] = {
        {BLOBS_BEGIN, on_begin},     {BLOBS_APPEND, on_append}, {BLOBS_PUT, on_put},
        {BLOBS_STAGE, on_stage},     {BLOBS_ABORT, on_abort},   {BLOBS_JOIN, on_join},
        {BLOBS_GET, on_get},         {BLOBS_READ, on_read},     {BLOBS_REMOVE, on_remove},
        {BLOBS_DISCARD, on_discard}, {BLOBS_GO_ON, on_go_on},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        lane_on(b->lane, rows[i].kind, rows[i].fn, b);
}

enum err blobs_open(const struct blobs_config *cfg, struct blobs **out)
{
    TRY(io_make_dir(cfg->io, "blobs/new"));
    TRY(io_sync_dir(cfg->io, "."));
    TRY(io_list(cfg->io, "blobs/new", remove_leftover, cfg->io));
    struct blobs *b = NEW(struct blobs);
    b->io = cfg->io;
    b->lane = cfg->lane;
    b->reserve_bytes = cfg->reserve_bytes;
    list_init(&b->joins);
    join_lane(b);
    *out = b;
    return OK;
}

void blobs_close(struct blobs *b)
{
    struct staging *s;
    if (b == NULL) return;
    joins_free(b);
    buf_free(&b->room);
    for (unsigned i = 0; i < BLOBS_WRITERS_MAX; i++)
        if (b->writers[i].file) io_close(b->writers[i].file);
    for (size_t at = 0; (s = map_next(&b->stagings, &at)) != NULL;) free(s);
    map_free(&b->stagings);
    free(b);
}
