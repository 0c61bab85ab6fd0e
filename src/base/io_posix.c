/* io_posix.c - io.h on a real file system, below one directory. */
#include "base/io_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/io_direct.h"
#include "base/num.h"

enum { WRITEV_PARTS = 256 };
_Static_assert(WRITEV_PARTS <= IOV_MAX, "more parts than the kernel takes");

struct posix_io {
    struct io io;
    int root;
    char *root_path;
};

struct posix_file {
    struct io_file file;
    int fd;
    struct direct direct;
    char *path; /* for texts */
};

static struct posix_io *posix_of(struct io *io)
{
    return (struct posix_io *)io;
}

static struct posix_file *file_of(struct io_file *f)
{
    return (struct posix_file *)f;
}

static enum err said_no(const char *what, const char *path)
{
    int saved = errno;
    enum err code = fail_errno("%s %s", what, path);
    switch (saved) {
    case ENOENT: return ERR_NOT_FOUND;
    case EEXIST: return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE: return ERR_FULL;
    default: return code;
    }
}

static const char *or_dot(const char *path)
{
    return *path ? path : ".";
}

static enum err posix_open(struct io *io, const char *path, int flags, struct io_file **out)
{
    int how = O_CLOEXEC | O_NOFOLLOW;
    how |= (flags & IO_WRITE) ? (flags & IO_READ ? O_RDWR : O_WRONLY) : O_RDONLY;
    if (flags & IO_CREATE) how |= O_CREAT;
    if (flags & IO_EXCL) how |= O_EXCL;
    int fd;
    do fd = openat(posix_of(io)->root, path, how, 0600);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return said_no("open", path);
    struct posix_file *f = NEW(struct posix_file);
    f->fd = fd;
    f->path = mem_str(path);
    f->direct.fd = -1;
    if (flags & IO_DIRECT) direct_open(&f->direct, posix_of(io)->root, path);
    *out = &f->file;
    return OK;
}

static void posix_close(struct io_file *file)
{
    struct posix_file *f = file_of(file);
    close(f->fd);
    direct_close(&f->direct);
    free(f->path);
    free(f);
}

static enum err posix_read_at(struct io_file *file, uint64_t offset, uint8_t *out, size_t len,
                              size_t *got)
{
    struct posix_file *f = file_of(file);
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(f->fd, out + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return said_no("read", f->path);
        if (n == 0) break;
        done += (size_t)n;
    }
    *got = done;
    if (f->direct.fd >= 0) posix_fadvise(f->fd, (off_t)offset, (off_t)done, POSIX_FADV_DONTNEED);
    return OK;
}

/* All of `count` <= WRITEV_PARTS parts. */
static enum err write_parts(struct posix_file *f, uint64_t offset, struct iovec *parts,
                            size_t count)
{
    while (count) {
        ssize_t n = pwritev(f->fd, parts, (int)count, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return said_no("write", f->path);
        offset += (uint64_t)n;
        size_t left = (size_t)n;
        while (count && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            count--;
        }
        if (count == 0) break;
        parts->iov_base = (char *)parts->iov_base + left;
        parts->iov_len -= left;
    }
    return OK;
}

/* False: not in this way. */
static bool write_direct(struct posix_file *f, uint64_t offset, const struct slice *parts,
                         size_t count, enum err *err)
{
    if (f->direct.fd < 0) return false;
    *err = OK;
    if (direct_writev(&f->direct, offset, parts, count)) return true;
    if (errno == EINVAL) return false;
    *err = said_no("write", f->path);
    return true;
}

static enum err write_through_cache(struct posix_file *f, uint64_t offset,
                                    const struct slice *parts, size_t count)
{
    struct iovec group[WRITEV_PARTS];
    while (count) {
        size_t n = MIN(count, (size_t)WRITEV_PARTS);
        uint64_t bytes = 0;
        for (size_t i = 0; i < n; i++) {
            group[i] = (struct iovec){(void *)parts[i].ptr, parts[i].len};
            bytes += parts[i].len;
        }
        TRY(write_parts(f, offset, group, n));
        offset += bytes;
        parts += n;
        count -= n;
    }
    return OK;
}

static enum err posix_writev_at(struct io_file *file, uint64_t offset, const struct slice *parts,
                                size_t count)
{
    struct posix_file *f = file_of(file);
    enum err err;
    if (write_direct(f, offset, parts, count, &err)) return err;
    return write_through_cache(f, offset, parts, count);
}

static enum err posix_sync(struct io_file *file)
{
    struct posix_file *f = file_of(file);
    int failed;
    do failed = fdatasync(f->fd);
    while (failed && errno == EINTR);
    return failed ? fail_errno("sync %s", f->path) : OK;
}

static enum err posix_size(struct io_file *file, uint64_t *size)
{
    struct posix_file *f = file_of(file);
    struct stat st;
    if (fstat(f->fd, &st)) return said_no("stat", f->path);
    *size = (uint64_t)st.st_size;
    return OK;
}

static enum err posix_truncate(struct io_file *file, uint64_t size)
{
    struct posix_file *f = file_of(file);
    int failed;
    do failed = ftruncate(f->fd, (off_t)size);
    while (failed && errno == EINTR);
    return failed ? said_no("truncate", f->path) : OK;
}

/* Written zeros, not only reserved blocks: the first write to a reserved block changes metadata. */
static enum err write_zeros(struct io_file *f, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[64 << 10];
    while (from < to) {
        struct slice part = {zeros, (size_t)MIN(to - from, sizeof zeros)};
        TRY(posix_writev_at(f, from, &part, 1));
        from += part.len;
    }
    return OK;
}

static enum err posix_allocate(struct io_file *file, uint64_t size)
{
    struct posix_file *f = file_of(file);
    uint64_t old = 0;
    int failure;
    TRY(posix_size(file, &old));
    do failure = posix_fallocate(f->fd, 0, (off_t)size);
    while (failure == EINTR);
    errno = failure;
    if (failure) return said_no("allocate", f->path);
    return write_zeros(file, old, size);
}

/* Of the open file: those of a process would end with the first of its descriptors that is closed. */
static enum err posix_lock(struct io_file *file, uint64_t offset, uint64_t len)
{
    struct posix_file *f = file_of(file);
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = (off_t)len};
    if (fcntl(f->fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES)) return OK;
    return fail(ERR_CONFLICT, "another program has locked %s", f->path);
}

static enum err posix_rename(struct io *io, const char *from, const char *to)
{
    int root = posix_of(io)->root;
    return renameat(root, from, root, to) ? said_no("rename", from) : OK;
}

static enum err posix_remove(struct io *io, const char *path)
{
    int root = posix_of(io)->root;
    if (unlinkat(root, path, 0) == 0) return OK;
    if (errno == EISDIR && unlinkat(root, path, AT_REMOVEDIR) == 0) return OK;
    return said_no("remove", path);
}

static enum err posix_make_dir(struct io *io, const char *path)
{
    if (mkdirat(posix_of(io)->root, path, 0700) == 0) return OK;
    if (errno != EEXIST) return said_no("make directory", path);
    struct stat st;
    if (fstatat(posix_of(io)->root, path, &st, 0)) return said_no("stat", path);
    return S_ISDIR(st.st_mode) ? OK : fail(ERR_EXISTS, "%s is a file", path);
}

static enum err open_dir(struct io *io, const char *path, int *fd)
{
    *fd = openat(posix_of(io)->root, or_dot(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? said_no("open directory", or_dot(path)) : OK;
}

static enum err posix_sync_dir(struct io *io, const char *path)
{
    int fd = -1, failed;
    TRY(open_dir(io, path, &fd));
    do failed = fsync(fd);
    while (failed && errno == EINTR);
    enum err err = failed ? fail_errno("sync directory %s", or_dot(path)) : OK;
    close(fd);
    return err;
}

static enum err posix_list(struct io *io, const char *path, io_entry_fn fn, void *ctx)
{
    int fd = -1;
    TRY(open_dir(io, path, &fd));
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return said_no("list", or_dot(path));
    }
    struct dirent *entry;
    while (errno = 0, (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fn(ctx, entry->d_name);
    enum err err = errno ? said_no("list", or_dot(path)) : OK;
    closedir(dir);
    return err;
}

static enum err posix_free_bytes(struct io *io, uint64_t *out)
{
    struct statvfs st;
    if (fstatvfs(posix_of(io)->root, &st)) return said_no("statvfs", posix_of(io)->root_path);
    *out = (uint64_t)st.f_bavail * st.f_frsize;
    return OK;
}

static void posix_free(struct io *io)
{
    struct posix_io *p = posix_of(io);
    close(p->root);
    free(p->root_path);
    io_fini(io);
    free(p);
}

static const struct io_methods posix_methods = {
    .open = posix_open,
    .close = posix_close,
    .read_at = posix_read_at,
    .writev_at = posix_writev_at,
    .sync = posix_sync,
    .size = posix_size,
    .truncate = posix_truncate,
    .allocate = posix_allocate,
    .lock = posix_lock,
    .rename = posix_rename,
    .remove = posix_remove,
    .make_dir = posix_make_dir,
    .sync_dir = posix_sync_dir,
    .list = posix_list,
    .free_bytes = posix_free_bytes,
    .free = posix_free,
};

/* Makes the directory above `path` remember that `path` is there. */
static enum err sync_parent_of(const char *path)
{
    struct slice parent = slice_head(slice_str(path), slice_rfind(slice_str(path), '/'));
    char *name = parent.len == strlen(path) ? mem_str(".") : slice_dup(parent);
    int fd = open(*name ? name : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = fd < 0 || fsync(fd) ? said_no("sync directory", name) : OK;
    if (fd >= 0) close(fd);
    free(name);
    return err;
}

static enum err make_level(const char *path)
{
    if (mkdir(path, 0700) == 0) return sync_parent_of(path);
    return errno == EEXIST ? OK : said_no("make directory", path);
}

/* Makes `path` with the parents it lacks. */
static enum err make_root(const char *path)
{
    char *upto = mem_str(path);
    enum err err = OK;
    for (size_t i = 1; err == OK && i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        upto[i] = '\0';
        err = make_level(upto);
        upto[i] = path[i];
    }
    free(upto);
    return err;
}

enum err io_posix_new(const char *root, struct io **out)
{
    TRY(make_root(root));
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return said_no("open directory", root);
    struct posix_io *p = NEW(struct posix_io);
    io_init(&p->io, &posix_methods);
    p->root = fd;
    p->root_path = mem_str(root);
    *out = &p->io;
    return OK;
}
