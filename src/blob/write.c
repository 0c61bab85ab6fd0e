/* write.c - files that are being written, and how they get their names.
 *
 * A file lies below new/ until it is on disk; then a rename makes it the blob, or a block of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/num.h"
#include "blob/internal.h"

GAUGE(writers_now, "azimuth_blob_writers", "Blobs and blocks that are being written");
COUNTER(bytes_written, "azimuth_blob_written_bytes_total", "Bytes of blobs written");
LIMIT_REACHED(too_large, "blob-size")
LIMIT_REACHED(too_many_blocks, "blob-blocks")
LIMIT_REACHED(too_many_writers, "blob-writers")
COUNTER(no_room, "azimuth_blob_no_room_total", "Pieces of blobs refused for want of disk");

/* ERR_FULL */
static enum err disk_has_room(const struct blobs *b)
{
    uint64_t free_bytes;
    if (b->reserve_bytes == 0) return OK;
    TRY(io_free_bytes(b->io, &free_bytes));
    if (free_bytes >= b->reserve_bytes) return OK;
    metric_inc(&no_room);
    return fail(ERR_FULL, "the disk is nearly full");
}

/* ---- writers */

static struct writer *find(struct blobs *b, uint64_t id)
{
    struct writer *w = &b->writers[id % BLOBS_WRITERS_MAX];
    return w->file && w->id == id ? w : NULL;
}

static struct writer *free_writer(struct blobs *b)
{
    for (unsigned i = 0; i < BLOBS_WRITERS_MAX; i++)
        if (b->writers[i].file == NULL) return &b->writers[i];
    return NULL;
}

enum err writer_begin(struct blobs *b, struct addr owner, uint64_t *id)
{
    char path[PATH_MAX_LEN];
    struct writer *w = free_writer(b);
    if (w == NULL) {
        metric_inc(&too_many_writers);
        return fail(ERR_THROTTLED, "%d uploads are under way", BLOBS_WRITERS_MAX);
    }
    TRY(disk_has_room(b));
    uint64_t next = (b->last_id / BLOBS_WRITERS_MAX + 1) * BLOBS_WRITERS_MAX;
    next += (uint64_t)(w - b->writers);
    path_of_new(next, path);
    TRY(io_open_file(b->io, path, IO_READ | IO_WRITE | IO_CREATE | IO_EXCL, &w->file));
    b->last_id = w->id = *id = next;
    w->size = 0;
    w->owner = owner;
    metric_add(&writers_now, 1);
    return OK;
}

enum err writer_append(struct blobs *b, uint64_t id, struct slice piece)
{
    struct writer *w = find(b, id);
    if (w == NULL) return fail(ERR_CLOSED, "the upload is over");
    if (piece.len > BLOBS_SIZE_MAX - w->size) {
        metric_inc(&too_large);
        return fail(ERR_TOO_BIG, "the blob is too large");
    }
    TRY(disk_has_room(b));
    TRY(io_write_at(w->file, BLOBS_HEAD_SIZE + w->size, piece));
    w->size += piece.len;
    metric_add(&bytes_written, (int64_t)piece.len);
    return OK;
}

/* The file is somebody else's now. */
static struct io_file *release(struct writer *w)
{
    struct io_file *file = w->file;
    w->file = NULL;
    metric_add(&writers_now, -1);
    return file;
}

static void remove_new(struct blobs *b, uint64_t id)
{
    char path[PATH_MAX_LEN];
    path_of_new(id, path);
    enum err e = io_remove(b->io, path);
    (void)e; /* what is left is removed at the next start */
}

void writer_abort(struct blobs *b, uint64_t id)
{
    struct writer *w = find(b, id);
    if (w == NULL) return;
    io_close(release(w));
    remove_new(b, id);
}

void writer_abort_of(struct blobs *b, struct addr owner)
{
    for (unsigned i = 0; i < BLOBS_WRITERS_MAX; i++) {
        const struct writer *w = &b->writers[i];
        if (w->file && addr_eq(w->owner, owner)) writer_abort(b, w->id);
    }
}

/* ---- names */

static enum err make_directory(struct blobs *b, struct blob_name name)
{
    char path[PATH_MAX_LEN];
    snprintf(path, sizeof path, "blobs/%.*s", SLICE_ARG(name.container));
    TRY(io_make_dir(b->io, path));
    return io_sync_dir(b->io, "blobs");
}

enum err sync_directory_of(struct blobs *b, const char *path)
{
    char directory[PATH_MAX_LEN];
    size_t len = slice_rfind(slice_str(path), '/');
    snprintf(directory, sizeof directory, "%.*s", (int)len, path);
    return io_sync_dir(b->io, directory);
}

static enum err name_file(struct blobs *b, uint64_t id, const char *path)
{
    char from[PATH_MAX_LEN];
    path_of_new(id, from);
    TRY(io_rename(b->io, from, path));
    return sync_directory_of(b, path);
}

/* When it was made stays; when it was changed rises, whatever the clock does. */
static void set_times(struct blobs *b, struct blob_name name, struct blobs_props *p)
{
    uint8_t space[BLOBS_HEAD_SIZE];
    struct io_file *old;
    struct blobs_props before = {0};
    p->created_us = p->modified_us = clock_wall_us();
    if (blob_file_open(b, name, space, &old, &before) != OK) return;
    io_close(old);
    p->created_us = before.created_us;
    p->modified_us = MAX(p->modified_us, before.modified_us + 1);
}

static enum err finish(struct blobs *b, struct io_file *file, uint64_t id, struct blob_name name,
                       struct blobs_props *props)
{
    char path[PATH_MAX_LEN];
    path_of_blob(name, path);
    set_times(b, name, props);
    TRY(make_directory(b, name));
    TRY(head_write(file, name, props));
    TRY(io_sync(file));
    return name_file(b, id, path);
}

/* A file that was written below new/ becomes the blob.  Closes it. */
static enum err place_blob(struct blobs *b, struct io_file *file, uint64_t id,
                           struct blob_name name, struct blobs_props *props)
{
    enum err e = finish(b, file, id, name, props);
    io_close(file);
    if (e != OK) remove_new(b, id);
    return e;
}

enum err writer_put(struct blobs *b, uint64_t id, struct blob_name name, struct blobs_props *props)
{
    struct writer *w = find(b, id);
    if (w == NULL) return fail(ERR_CLOSED, "the upload is over");
    props->size = w->size;
    TRY(place_blob(b, release(w), id, name, props));
    discard_blocks(b, name);
    return OK;
}

/* ---- blocks */

static void count_one(void *ctx, const char *name)
{
    unsigned *count = ctx;
    (void)name;
    ++*count;
}

/* Its count is taken from the disk when it is first asked for. */
static enum err staging_of(struct blobs *b, struct blob_name name, struct staging **out)
{
    char path[PATH_MAX_LEN];
    path_of_blocks(name, path);
    struct staging *s = map_get(&b->stagings, slice_str(path));
    if (s == NULL) {
        unsigned count = 0;
        TRY(make_directory(b, name));
        TRY(io_make_dir(b->io, path));
        TRY(sync_directory_of(b, path));
        TRY(io_list(b->io, path, count_one, &count));
        s = NEW(struct staging);
        s->count = count;
        memcpy(s->path, path, sizeof path);
        map_put(&b->stagings, slice_str(s->path), s);
    }
    *out = s;
    return OK;
}

static enum err stage(struct blobs *b, struct io_file *file, uint64_t id, struct blob_name name,
                      struct slice block_id)
{
    char path[PATH_MAX_LEN];
    struct staging *s;
    path_of_block(name, block_id, path);
    TRY(staging_of(b, name, &s));
    bool again = io_exists(b->io, path);
    if (!again && s->count >= BLOBS_BLOCKS_MAX) {
        metric_inc(&too_many_blocks);
        return fail(ERR_FULL, "a blob has at most %d blocks", BLOBS_BLOCKS_MAX);
    }
    TRY(io_sync(file));
    TRY(name_file(b, id, path));
    s->count += !again;
    return OK;
}

enum err writer_stage(struct blobs *b, uint64_t id, struct blob_name name, struct slice block_id)
{
    struct writer *w = find(b, id);
    if (w == NULL) return fail(ERR_CLOSED, "the upload is over");
    struct io_file *file = release(w);
    enum err e = stage(b, file, id, name, block_id);
    io_close(file);
    if (e != OK) remove_new(b, id);
    return e;
}

struct sweep {
    struct blobs *b;
    const char *directory;
};

static void remove_one(void *ctx, const char *name)
{
    struct sweep *s = ctx;
    char path[2 * PATH_MAX_LEN];
    snprintf(path, sizeof path, "%s/%s", s->directory, name);
    enum err e = io_remove(s->b->io, path);
    (void)e; /* the directory stays then, and is tried again */
}

void discard_blocks(struct blobs *b, struct blob_name name)
{
    char path[PATH_MAX_LEN];
    path_of_blocks(name, path);
    free(map_remove(&b->stagings, slice_str(path)));
    struct sweep s = {b, path};
    if (io_list(b->io, path, remove_one, &s) != OK) return; /* there are none */
    enum err e = io_remove(b->io, path);
    (void)e;
}
