/* upload.c - a window becomes a blob: its spool block by block, then all of them at once.
 *
 * Blocks have numbers and the blob's name is in the store before the first of them is sent, so whoever
 * begins again, in this life or the next, makes the same blob once more. */
#include "archive/home.h"
#include "base/clock.h"
#include "base/text.h"

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
    const struct archive_target *d = &p->archive->settings.target;
    int64_t now_us = clock_wall_us(), second_us = 1000000;
    buf_wipe(&p->uri);
    buf_put_str(&p->uri, d->plain ? "http://" : "https://");
    buf_put_str(&p->uri, d->account.endpoint);
    put_path(&p->uri, d->container);
    put_path(&p->uri, p->name);
    blob_sas_make(&p->uri, &d->account, slice_str(d->container), slice_str(p->name),
                  now_us - ARCHIVE_SAS_S * second_us, now_us + ARCHIVE_SAS_S * second_us);
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
    const struct archives *cs = p->archive->as;
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

/* ---- is there a blob of that name? */

static void ask_for(struct part *p, void (*fn)(struct blobs_wait *, const struct blobs_answer *))
{
    p->sending = true;
    p->remote_wait.fn = fn;
    remote_get(p->archive->as->cfg.remote, p->archive->as->cfg.lane, buf_slice(&p->uri), false,
               &p->remote_wait);
}

static enum err open_container(struct part *p)
{
    if (p->archive->as->cfg.remote == NULL)
        return fail(ERR_UNSUPPORTED, "this server speaks to no containers elsewhere");
    make_uri(p);
    return OK;
}

static void on_looked(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, remote_wait);
    p->sending = false;
    buf_wipe(&p->uri);
    part_looked(p, a->err == OK ? OK : fail(a->err, "%s", a->text));
}

void container_look(struct part *p)
{
    enum err e = open_container(p);
    if (e != OK)
        part_looked(p, e);
    else
        ask_for(p, on_looked);
}

/* ---- placing it */

static void on_kept(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, remote_wait);
    p->sending = false;
    if (a->err == ERR_NOT_FOUND)
        send_next(p);
    else
        end(p, a->err == OK ? OK : fail(a->err, "%s", a->text));
}

void container_begin(struct part *p, bool keeps)
{
    enum err e = open_container(p);
    p->sent = p->block = 0;
    if (e != OK)
        part_placed(p, e);
    else if (keeps)
        ask_for(p, on_kept);
    else
        send_next(p);
}

void container_forget(struct part *p)
{
    if (p->sending) blobs_forget(p->archive->as->cfg.lane, &p->remote_wait);
    p->sending = false;
    buf_wipe(&p->uri);
}
