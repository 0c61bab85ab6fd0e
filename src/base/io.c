/* io.c - checks paths, keeps the list of open files and passes on to the implementation. */
#include "base/io_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

enum { LOAD_MAX = 16 << 20 };

void io_init(struct io *io, const struct io_methods *methods)
{
    io->methods = methods;
    pthread_mutex_init(&io->files_lock, NULL);
    list_init(&io->files);
}

void io_fini(struct io *io)
{
    pthread_mutex_destroy(&io->files_lock);
}

/* Each component is a name: not empty, not "." or "..". */
static bool is_below_root(const char *path)
{
    struct slice rest = slice_str(path), name;
    if (rest.len == 0 || rest.len >= IO_NAME_MAX) return false;
    while (slice_split(&rest, '/', &name))
        if (name.len == 0 || slice_is(name, ".") || slice_is(name, "..")) return false;
    return true;
}

static enum err check_path(const char *path)
{
    return is_below_root(path) ? OK : fail(ERR_INVALID, "not a path below the root: %s", path);
}

/* "" and "." name the root where a directory is wanted. */
static enum err check_dir(const char **path)
{
    if (strcmp(*path, ".") == 0) *path = "";
    return **path == '\0' ? OK : check_path(*path);
}

void io_free(struct io *io)
{
    if (io == NULL) return;
    LIST_EACH(node, &io->files) io_close(CONTAINER_OF(node, struct io_file, node));
    io->methods->free(io);
}

enum err io_open_file(struct io *io, const char *path, int flags, struct io_file **out)
{
    assert(flags & (IO_READ | IO_WRITE));
    TRY(check_path(path));
    TRY(io->methods->open(io, path, flags, out));
    (*out)->io = io;
    pthread_mutex_lock(&io->files_lock);
    list_push(&io->files, &(*out)->node);
    pthread_mutex_unlock(&io->files_lock);
    return OK;
}

void io_close(struct io_file *f)
{
    if (f == NULL) return;
    pthread_mutex_lock(&f->io->files_lock);
    list_remove(&f->node);
    pthread_mutex_unlock(&f->io->files_lock);
    f->io->methods->close(f);
}

enum err io_read_at(struct io_file *f, uint64_t offset, void *out, size_t len, size_t *got)
{
    return f->io->methods->read_at(f, offset, out, len, got);
}

enum err io_write_at(struct io_file *f, uint64_t offset, struct slice bytes)
{
    return f->io->methods->writev_at(f, offset, &bytes, 1);
}

enum err io_writev_at(struct io_file *f, uint64_t offset, const struct slice *parts, size_t count)
{
    return f->io->methods->writev_at(f, offset, parts, count);
}

enum err io_sync(struct io_file *f)
{
    return f->io->methods->sync(f);
}

enum err io_size(struct io_file *f, uint64_t *size)
{
    return f->io->methods->size(f, size);
}

enum err io_truncate(struct io_file *f, uint64_t size)
{
    return f->io->methods->truncate(f, size);
}

enum err io_lock(struct io_file *f, uint64_t offset, uint64_t len)
{
    return f->io->methods->lock ? f->io->methods->lock(f, offset, len) : OK;
}

enum err io_allocate(struct io_file *f, uint64_t size)
{
    return size ? f->io->methods->allocate(f, size) : OK;
}

enum err io_rename(struct io *io, const char *from, const char *to)
{
    TRY(check_path(from));
    TRY(check_path(to));
    return io->methods->rename(io, from, to);
}

enum err io_remove(struct io *io, const char *path)
{
    TRY(check_path(path));
    return io->methods->remove(io, path);
}

enum err io_make_dir(struct io *io, const char *path)
{
    TRY(check_path(path));
    char upto[IO_NAME_MAX];
    size_t len = strlen(path);
    memcpy(upto, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        upto[i] = '\0';
        TRY(io->methods->make_dir(io, upto));
        upto[i] = path[i];
    }
    return OK;
}

enum err io_sync_dir(struct io *io, const char *path)
{
    TRY(check_dir(&path));
    return io->methods->sync_dir(io, path);
}

enum err io_list(struct io *io, const char *path, io_entry_fn fn, void *ctx)
{
    TRY(check_dir(&path));
    return io->methods->list(io, path, fn, ctx);
}

enum err io_free_bytes(struct io *io, uint64_t *out)
{
    return io->methods->free_bytes(io, out);
}

static enum err load_all(struct io_file *f, const char *path, struct buf *out)
{
    uint64_t size;
    TRY(io_size(f, &size));
    if (size > LOAD_MAX) return fail(ERR_TOO_BIG, "%s: larger than 16 MiB", path);
    size_t got;
    TRY(io_read_at(f, 0, buf_reserve(out, (size_t)size), (size_t)size, &got));
    buf_commit(out, got);
    return OK;
}

enum err io_load(struct io *io, const char *path, struct buf *out)
{
    struct io_file *f;
    TRY(io_open_file(io, path, IO_READ, &f));
    enum err err = load_all(f, path, out);
    io_close(f);
    return err;
}

bool io_exists(struct io *io, const char *path)
{
    struct io_file *f;
    enum err err = io_open_file(io, path, IO_READ, &f);
    if (err == OK) io_close(f);
    return err != ERR_NOT_FOUND;
}

static enum err store_all(struct io_file *f, struct slice bytes)
{
    TRY(io_truncate(f, 0));
    TRY(io_write_at(f, 0, bytes));
    return io_sync(f);
}

/* The directory part of a path, "" for the root. */
static void parent_of(const char *path, char out[IO_NAME_MAX])
{
    size_t cut = slice_rfind(slice_str(path), '/');
    size_t len = path[cut] == '/' ? cut : 0;
    memcpy(out, path, len);
    out[len] = '\0';
}

enum err io_store(struct io *io, const char *path, struct slice bytes)
{
    char temporary[IO_NAME_MAX], parent[IO_NAME_MAX];
    if (bytes.len > LOAD_MAX) return fail(ERR_TOO_BIG, "%s: larger than 16 MiB", path);
    TRY(check_path(path));
    int len = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (len >= IO_NAME_MAX) return fail(ERR_INVALID, "name too long: %s", path);
    struct io_file *f;
    TRY(io_open_file(io, temporary, IO_WRITE | IO_CREATE, &f));
    enum err err = store_all(f, bytes);
    io_close(f);
    TRY(err);
    TRY(io_rename(io, temporary, path));
    parent_of(path, parent);
    return io_sync_dir(io, parent);
}
