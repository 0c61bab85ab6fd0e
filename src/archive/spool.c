/* spool.c - a window on the disk: written as it fills, then renamed to where it belongs.
 *
 * Folder and spool lie in one file system, so a file of a folder is there whole or not at all. */
#include <inttypes.h>
#include <stdio.h>

#include "archive/home.h"
#include "base/map.h"

#define SPOOL "archive-spool"

static struct io *io_of(const struct part *p)
{
    return p->archive->as->cfg.io;
}

/* Owners have names that are none of files. */
static void spool_path(const struct part *p, char *out, size_t size)
{
    snprintf(out, size, SPOOL "/%016" PRIx64 "-%u", map_hash(slice_str(p->archive->owner)),
             p->partition);
}

/* What goes to a container is read again; a file of a folder is not. */
static enum err open_spool(struct part *p)
{
    char path[IO_NAME_MAX];
    int past_cache = p->archive->settings.target.is_folder ? IO_DIRECT : 0;
    if (p->spool) return OK;
    spool_path(p, path, sizeof path);
    TRY(io_make_dir(io_of(p), SPOOL));
    TRY(io_open_file(io_of(p), path, IO_READ | IO_WRITE | IO_CREATE | past_cache, &p->spool));
    return io_truncate(p->spool, 0);
}

/* Little is left, and the next write has all of the room again; else half of it would be copied when it is full. */
static void move_to_front(struct buf *b)
{
    if (b->off == 0) return;
    memmove(b->ptr, b->ptr + b->off, buf_size(b));
    b->len -= b->off;
    b->off = 0;
}

static enum err write_head(struct part *p, size_t len)
{
    TRY(open_spool(p));
    TRY(io_write_at(p->spool, p->written, slice_head(buf_slice(&p->out), len)));
    p->written += len;
    buf_consume(&p->out, len);
    move_to_front(&p->out);
    return OK;
}

/* Idle partitions keep the few pages that they have touched. */
static void use_large_pages(struct part *p)
{
    if (p->has_large_pages || p->out.cap != SPOOL_ROOM) return;
    mem_large_pages(p->out.ptr, SPOOL_ROOM, buf_size(&p->out));
    p->has_large_pages = true;
}

enum err spool_write(struct part *p)
{
    size_t len = buf_size(&p->out) / SPOOL_WRITE * SPOOL_WRITE;
    if (len == 0) return OK;
    TRY(write_head(p, len));
    use_large_pages(p);
    return OK;
}

enum err spool_finish(struct part *p)
{
    TRY(spool_write(p));
    TRY(write_head(p, buf_size(&p->out)));
    return io_sync(p->spool);
}

void spool_drop(struct part *p)
{
    char path[IO_NAME_MAX];
    if (p->spool == NULL) return;
    io_close(p->spool);
    p->spool = NULL;
    spool_path(p, path, sizeof path);
    enum err e = io_remove(io_of(p), path);
    (void)e; /* it was renamed, or is truncated the next time */
}

/* ---- the folder */

static void place_path(const struct part *p, char *out, size_t size)
{
    const char *folder = p->archive->settings.target.folder;
    snprintf(out, size, "%s/%s%s%s", p->archive->cfg.kind->root, folder, folder[0] ? "/" : "",
             p->name);
}

/* Each directory on the way is made, and made durable in the one above it. */
static enum err make_way(struct io *io, const char *path)
{
    char dir[IO_NAME_MAX], above[IO_NAME_MAX] = ".";
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
        TRY(io_make_dir(io, dir));
        TRY(io_sync_dir(io, above));
        snprintf(above, sizeof above, "%s", dir);
    }
    return OK;
}

static void parent_of(const char *path, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)(strrchr(path, '/') - path), path);
}

/* Most files have the directory of the one before. */
static enum err find_way(struct part *p, const char *to, const char *dir)
{
    if (strcmp(dir, p->way) == 0) return OK;
    p->way[0] = '\0';
    TRY(make_way(io_of(p), to));
    snprintf(p->way, sizeof p->way, "%s", dir);
    return OK;
}

enum err spool_place(struct part *p)
{
    char from[IO_NAME_MAX], to[IO_NAME_MAX], dir[IO_NAME_MAX];
    spool_path(p, from, sizeof from);
    place_path(p, to, sizeof to);
    parent_of(to, dir, sizeof dir);
    TRY(find_way(p, to, dir));
    enum err e = io_rename(io_of(p), from, to);
    if (e != OK) p->way[0] = '\0'; /* somebody may have removed it: the next try makes it again */
    if (e != OK && !(e == ERR_NOT_FOUND && spool_is_placed(p))) return e;
    return io_sync_dir(io_of(p), dir);
}

bool spool_is_placed(struct part *p)
{
    char path[IO_NAME_MAX];
    struct io_file *f;
    place_path(p, path, sizeof path);
    if (io_open_file(io_of(p), path, IO_READ, &f) != OK) return false;
    io_close(f);
    return true;
}
