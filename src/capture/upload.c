/* upload.c - a window becomes a blob: its spool block by block, then all of them at once.
 *
 * Blocks have numbers and the blob's name is in the store before the first of them is sent, so whoever
 * begins again, in this life or the next, makes the same blob once more. */
#include "base/clock.h"
#include "base/text.h"
#include "capture/home.h"

static void put_path(struct buf *out, const char *path)
{
    struct slice rest = slice_str(path), part;
    while (slice_split(&rest, '/', &part)) {
        buf_put_u8(out, '/');
        text_percent(out, part);
    }
}

/* With a signature of its own: the account's key opens more than is needed. */
static void make_uri(struct part *p)
{
    const struct description *d = &p->capture->description;
    int64_t now_us = clock_wall_us(), second_us = 1000000;
    buf_wipe(&p->uri);
    buf_put_str(&p->uri, d->plain ? "http://" : "https://");
    buf_put_str(&p->uri, d->account.endpoint);
    put_path(&p->uri, d->container);
    put_path(&p->uri, p->name);
    blob_sas_make(&p->uri, &d->account, slice_str(d->container), slice_str(p->name),
                  now_us - CAPTURE_SAS_S * second_us, now_us + CAPTURE_SAS_S * second_us);
}

static void end(struct part *p, enum err e)
{
    buf_wipe(&p->uri);
    part_placed(p, e);
}

static void on_committed(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, remote_wait);
    p->sending = false;
    end(p, a->err == OK ? OK : fail(a->err, "%s", a->text));
}

static void send_next(struct part *p);

static void on_staged(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, remote_wait);
    p->sending = false;
    if (a->err != OK)
        end(p, fail(a->err, "%s", a->text));
    else
        send_next(p);
}

/* `out` is empty: all of the window is in the spool. */
static void send_next(struct part *p)
{
    struct captures *cs = p->capture->cs;
    uint8_t *piece = buf_reserve(&p->out, PART_UPLOADS_PIECE);
    size_t got = 0;
    enum err e = io_read_at(p->spool, p->sent, piece, PART_UPLOADS_PIECE, &got);
    if (e != OK) {
        end(p, e);
        return;
    }
    p->sending = true;
    p->remote_wait.fn = got ? on_staged : on_committed;
    if (got)
        remote_stage(cs->cfg.remote, cs->cfg.lane, buf_slice(&p->uri), p->block++,
                     slice_of(piece, got), &p->remote_wait);
    else
        remote_commit(cs->cfg.remote, cs->cfg.lane, buf_slice(&p->uri), p->block, &p->remote_wait);
    p->sent += got;
}

static void on_looked(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, remote_wait);
    p->sending = false;
    if (a->err == ERR_NOT_FOUND)
        send_next(p);
    else
        end(p, a->err == OK ? OK : fail(a->err, "%s", a->text));
}

static void look(struct part *p)
{
    p->sending = true;
    p->remote_wait.fn = on_looked;
    remote_get(p->capture->cs->cfg.remote, p->capture->cs->cfg.lane, buf_slice(&p->uri), false,
               &p->remote_wait);
}

void container_begin(struct part *p, bool keeps)
{
    if (p->capture->cs->cfg.remote == NULL) {
        part_placed(p, fail(ERR_UNSUPPORTED, "this server speaks to no containers elsewhere"));
        return;
    }
    make_uri(p);
    p->sent = p->block = 0;
    if (keeps)
        look(p);
    else
        send_next(p);
}

void container_forget(struct part *p)
{
    if (p->sending) blobs_forget(p->capture->cs->cfg.lane, &p->remote_wait);
    p->sending = false;
    buf_wipe(&p->uri);
}
