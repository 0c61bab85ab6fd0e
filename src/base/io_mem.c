/* io_mem.c - io.h in memory, with the power to crash and to fail (io_mem.h). */
#include "base/io_mem.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/io_impl.h"
#include "base/io_mem_names.h"
#include "base/num.h"

struct mem_fault {
    uint64_t n; /* 0: none */
    enum err code;
    bool forever;
};

struct mem_io {
    struct io io;
    pthread_mutex_t lock; /* over everything below and all nodes */
    struct mem_names names;
    struct mem_fault faults[IO_CALLS];
    uint64_t capacity;
    bool ignore_sync;
    uint64_t fuse; /* power fails with that many changes; 0: it does not */
    bool dark;     /* it has failed */
};

struct mem_file {
    struct io_file file;
    struct mem_node *node;
    char *path; /* for texts */
    bool stale; /* from before a crash */
};

static struct mem_io *mem_of(struct io *io)
{
    return (struct mem_io *)io;
}

static struct mem_file *file_of(struct io_file *f)
{
    return (struct mem_file *)f;
}

static enum err leave(struct mem_io *m, enum err err)
{
    pthread_mutex_unlock(&m->lock);
    return err;
}

/* ---- faults and room */

static bool is_due(struct mem_fault *fault)
{
    if (fault->n == 0 || --fault->n > 0) return false;
    fault->n = fault->forever ? 1 : 0;
    return true;
}

static enum err inject(struct mem_io *m, enum io_call call, const char *path)
{
    struct mem_fault *fault = &m->faults[call];
    return is_due(fault) ? fail(fault->code, "injected fault: %s", path) : OK;
}

static enum err check_power(const struct mem_io *m, const char *path)
{
    return m->dark ? fail(ERR_IO, "%s: power failed", path) : OK;
}

/* Before each change of the disk. */
static enum err burn_fuse(struct mem_io *m, const char *path)
{
    if (m->fuse && --m->fuse == 0) m->dark = true;
    return check_power(m, path);
}

static enum err check_file(const struct mem_io *m, const struct mem_file *f)
{
    TRY(check_power(m, f->path));
    return f->stale ? fail(ERR_IO, "%s: opened before a crash", f->path) : OK;
}

static uint64_t free_bytes(const struct mem_io *m)
{
    if (m->capacity == UINT64_MAX) return UINT64_MAX;
    uint64_t used = mem_names_bytes(&m->names);
    return used < m->capacity ? m->capacity - used : 0;
}

/* May the file grow to `size`? */
static bool has_room(const struct mem_io *m, const struct mem_node *n, uint64_t size)
{
    return size <= n->size || size - n->size <= free_bytes(m);
}

static enum err not_found(const char *path)
{
    assert(path != NULL);
    return fail(ERR_NOT_FOUND, "%s: no such file or directory", path);
}

/* ---- files */

static struct mem_file *new_file(struct mem_node *node, const char *path)
{
    struct mem_file *f = NEW(struct mem_file);
    f->path = mem_str(path);
    f->node = node;
    mem_node_ref(node);
    return f;
}

static enum err open_node(struct mem_io *m, const char *path, int flags, struct mem_node **out)
{
    TRY(inject(m, IO_CALL_OPEN, path));
    TRY(check_power(m, path));
    if (!mem_names_has_dir(&m->names, mem_names_dir_of(path))) return not_found(path);
    *out = mem_names_get(&m->names, path);
    if (*out && (*out)->is_dir) return fail(ERR_IO, "%s is a directory", path);
    if (*out && (flags & IO_EXCL)) return fail(ERR_EXISTS, "%s exists", path);
    if (*out) return OK;
    if (!(flags & IO_CREATE)) return not_found(path);
    TRY(burn_fuse(m, path));
    *out = mem_node_new(false);
    mem_names_put(&m->names, path, *out);
    mem_node_drop(*out); /* the name holds it */
    return OK;
}

static enum err mem_open(struct io *io, const char *path, int flags, struct io_file **out)
{
    struct mem_io *m = mem_of(io);
    struct mem_node *node = NULL;
    pthread_mutex_lock(&m->lock);
    enum err err = open_node(m, path, flags, &node);
    if (err == OK) *out = &new_file(node, path)->file;
    return leave(m, err);
}

static void mem_close(struct io_file *file)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    mem_node_drop(f->node);
    pthread_mutex_unlock(&m->lock);
    free(f->path);
    free(f);
}

static enum err mem_read_at(struct io_file *file, uint64_t offset, uint8_t *out, size_t len,
                            size_t *got)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    enum err err = check_file(m, f);
    if (err == OK) err = inject(m, IO_CALL_READ, f->path);
    if (err == OK) *got = mem_node_read(f->node, offset, out, len);
    return leave(m, err);
}

/* A failing write may leave any part behind: half of it does. */
static enum err write_parts(struct mem_io *m, struct mem_file *f, uint64_t offset,
                            const struct slice *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) len += parts[i].len;
    enum err err = inject(m, IO_CALL_WRITE, f->path);
    if (err == OK && !has_room(m, f->node, offset + len))
        err = fail(ERR_FULL, "write %s: no space left", f->path);
    if (err != OK) len = has_room(m, f->node, offset + len / 2) ? len / 2 : 0;
    mem_node_write(f->node, offset, parts, len);
    return err != OK ? err : burn_fuse(m, f->path);
}

static enum err mem_writev_at(struct io_file *file, uint64_t offset, const struct slice *parts,
                              size_t count)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    enum err err = check_file(m, f);
    if (err == OK) err = write_parts(m, f, offset, parts, count);
    return leave(m, err);
}

static enum err sync_node(struct mem_io *m, struct mem_file *f)
{
    TRY(check_file(m, f));
    TRY(burn_fuse(m, f->path));
    enum err err = inject(m, IO_CALL_SYNC, f->path);
    if (err != OK)
        mem_node_forget(f->node);
    else if (!m->ignore_sync)
        mem_node_sync(f->node);
    return err;
}

static enum err mem_sync(struct io_file *file)
{
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    return leave(m, sync_node(m, file_of(file)));
}

static enum err mem_size(struct io_file *file, uint64_t *size)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    *size = f->node->size;
    return leave(m, check_file(m, f));
}

static enum err resize(struct mem_io *m, struct mem_file *f, uint64_t size)
{
    TRY(check_file(m, f));
    TRY(burn_fuse(m, f->path));
    if (!has_room(m, f->node, size)) return fail(ERR_FULL, "resize %s: no space left", f->path);
    if (size != f->node->size) mem_node_resize(f->node, size);
    return OK;
}

static enum err mem_truncate(struct io_file *file, uint64_t size)
{
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    return leave(m, resize(m, file_of(file), size));
}

static enum err mem_allocate(struct io_file *file, uint64_t size)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    enum err err = inject(m, IO_CALL_ALLOCATE, f->path);
    if (err == OK) err = resize(m, f, MAX(size, f->node->size));
    return leave(m, err);
}

/* ---- directories */

static enum err rename_name(struct mem_io *m, const char *from, const char *to)
{
    TRY(burn_fuse(m, from));
    const struct mem_node *node = mem_names_get(&m->names, from);
    const struct mem_node *old = mem_names_get(&m->names, to);
    if (node == NULL || !mem_names_has_dir(&m->names, mem_names_dir_of(to))) return not_found(from);
    if (node->is_dir || (old && old->is_dir))
        return fail(ERR_UNSUPPORTED, "rename %s: is a directory", from);
    if (strcmp(from, to) != 0) mem_names_move(&m->names, from, to);
    return OK;
}

static enum err mem_rename(struct io *io, const char *from, const char *to)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    return leave(m, rename_name(m, from, to));
}

static enum err remove_name(struct mem_io *m, const char *path)
{
    TRY(burn_fuse(m, path));
    const struct mem_node *node = mem_names_get(&m->names, path);
    if (node == NULL) return not_found(path);
    if (node->is_dir && mem_names_has_entries(&m->names, path))
        return fail(ERR_IO, "remove %s: directory not empty", path);
    mem_names_put(&m->names, path, NULL);
    return OK;
}

static enum err mem_remove(struct io *io, const char *path)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    return leave(m, remove_name(m, path));
}

static enum err make_dir(struct mem_io *m, const char *path)
{
    const struct mem_node *old = mem_names_get(&m->names, path);
    if (old) return old->is_dir ? OK : fail(ERR_EXISTS, "%s is a file", path);
    if (!mem_names_has_dir(&m->names, mem_names_dir_of(path))) return not_found(path);
    TRY(burn_fuse(m, path));
    struct mem_node *node = mem_node_new(true);
    mem_names_put(&m->names, path, node);
    mem_node_drop(node);
    return OK;
}

static enum err mem_make_dir(struct io *io, const char *path)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    return leave(m, make_dir(m, path));
}

static enum err sync_dir(struct mem_io *m, const char *path)
{
    if (!mem_names_has_dir(&m->names, slice_str(path))) return not_found(path);
    TRY(inject(m, IO_CALL_OPEN, path));
    TRY(burn_fuse(m, path));
    TRY(inject(m, IO_CALL_SYNC, path));
    if (m->ignore_sync) return OK;
    mem_names_sync(&m->names, slice_str(path));
    return OK;
}

static enum err mem_sync_dir(struct io *io, const char *path)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    return leave(m, sync_dir(m, path));
}

static enum err mem_list(struct io *io, const char *path, io_entry_fn fn, void *ctx)
{
    struct mem_io *m = mem_of(io);
    struct buf names = {0};
    pthread_mutex_lock(&m->lock);
    enum err err = mem_names_has_dir(&m->names, slice_str(path)) ? OK : not_found(path);
    if (err == OK) mem_names_list(&m->names, slice_str(path), &names);
    pthread_mutex_unlock(&m->lock);
    struct slice rest = buf_slice(&names), name;
    while (rest.len && slice_split(&rest, '\0', &name)) fn(ctx, (const char *)name.ptr);
    buf_free(&names);
    return err;
}

static enum err mem_free_bytes(struct io *io, uint64_t *out)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    *out = free_bytes(m);
    return leave(m, OK);
}

static void mem_free(struct io *io)
{
    struct mem_io *m = mem_of(io);
    mem_names_free(&m->names);
    pthread_mutex_destroy(&m->lock);
    io_fini(io);
    free(m);
}

static const struct io_methods mem_methods = {
    .open = mem_open,
    .close = mem_close,
    .read_at = mem_read_at,
    .writev_at = mem_writev_at,
    .sync = mem_sync,
    .size = mem_size,
    .truncate = mem_truncate,
    .allocate = mem_allocate,
    .rename = mem_rename,
    .remove = mem_remove,
    .make_dir = mem_make_dir,
    .sync_dir = mem_sync_dir,
    .list = mem_list,
    .free_bytes = mem_free_bytes,
    .free = mem_free,
};

struct io *io_mem_new(void)
{
    struct mem_io *m = NEW(struct mem_io);
    io_init(&m->io, &mem_methods);
    pthread_mutex_init(&m->lock, NULL);
    m->capacity = UINT64_MAX;
    return &m->io;
}

/* ---- powers */

void io_mem_crash(struct io *io, uint64_t seed)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&io->files_lock);
    pthread_mutex_lock(&m->lock);
    LIST_EACH(node, &io->files) file_of(CONTAINER_OF(node, struct io_file, node))->stale = true;
    mem_names_crash(&m->names, &seed);
    m->dark = false;
    m->fuse = 0;
    pthread_mutex_unlock(&m->lock);
    pthread_mutex_unlock(&io->files_lock);
}

void io_mem_fail(struct io *io, enum io_call call, uint64_t n, enum err code, bool forever)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    m->faults[call] = (struct mem_fault){n, code, forever};
    pthread_mutex_unlock(&m->lock);
}

void io_mem_cut_power(struct io *io, uint64_t n)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    m->fuse = n;
    pthread_mutex_unlock(&m->lock);
}

void io_mem_capacity(struct io *io, uint64_t bytes)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    m->capacity = bytes;
    pthread_mutex_unlock(&m->lock);
}

void io_mem_ignore_sync(struct io *io, bool ignore)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    m->ignore_sync = ignore;
    pthread_mutex_unlock(&m->lock);
}
