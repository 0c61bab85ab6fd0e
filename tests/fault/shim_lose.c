/* shim_lose.c - remembers what was written and is not synced yet, so that after a kill any of it can be taken back, as a
 * power cut would (lose.py).
 *
 * FAULT_LOSE names the file in which it is remembered, entry after entry; each has a head, and a write what was there
 * before and what was written:
 *
 *   u64 device, u64 inode
 *   u64 number            of a write, from 1; of a sync: the last that was made when it began
 *   u64 offset            of a write; the new length
 *   u64 size              of the file before
 *   u32 kind              0 write, 1 the file's length is set, 2 a sync ended well
 *   u32 old, u32 new      bytes that follow: what was there, what was written
 *   u32 0
 *
 * An entry stands before its write happens.  Names are not lost: files that were made, renamed or removed stay so.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KIND_WRITE, KIND_LENGTH, KIND_SYNC };

struct entry {
    uint64_t device, inode, number, offset, size;
    uint32_t kind, old_len, new_len, unused;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t numbers;
static int journal = -1;

/* The lock is held. */
static bool is_on(void)
{
    const char *path = getenv("FAULT_LOSE");
    if (path && journal < 0) journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (path && journal < 0) abort();
    return path != NULL;
}

static void put(const void *bytes, size_t len)
{
    REAL(ssize_t(*write_bytes)(int, const void *, size_t), "write", write_bytes);
    if (len && write_bytes(journal, bytes, len) != (ssize_t)len) abort();
}

/* False: no regular file. */
static bool describe(int fd, struct entry *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return false;
    e->device = st.st_dev;
    e->inode = st.st_ino;
    e->size = (uint64_t)st.st_size;
    return true;
}

/* What is there, over another descriptor: the file may be open for writing only, or without the cache. */
static char *read_old(int fd, uint64_t offset, size_t len, uint32_t *got)
{
    char path[64], *old = malloc(len ? len : 1);
    static const char digits[] = "0123456789";
    size_t at = sizeof path;
    path[--at] = '\0';
    for (unsigned v = (unsigned)fd; v || path[at] == '\0'; v /= 10) path[--at] = digits[v % 10];
    static const char folder[] = "/proc/self/fd/";
    at -= sizeof folder - 1;
    memcpy(path + at, folder, sizeof folder - 1);
    int copy = open(path + at, O_RDONLY | O_CLOEXEC);
    ssize_t n = copy < 0 ? 0 : pread(copy, old, len, (off_t)offset);
    if (copy >= 0) close(copy);
    *got = n > 0 ? (uint32_t)n : 0;
    return old;
}

static void note_write(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct entry e = {.kind = KIND_WRITE, .offset = (uint64_t)offset};
    size_t len = 0;
    if (!describe(fd, &e)) return;
    for (int i = 0; i < count; i++) len += parts[i].iov_len;
    e.number = ++numbers;
    e.new_len = (uint32_t)len;
    char *old = read_old(fd, e.offset, len, &e.old_len);
    put(&e, sizeof e);
    put(old, e.old_len);
    for (int i = 0; i < count; i++) put(parts[i].iov_base, parts[i].iov_len);
    free(old);
}

static ssize_t write_parts(const char *name, int fd, const struct iovec *parts, int count,
                           off_t offset)
{
    REAL(ssize_t(*real)(int, const struct iovec *, int, off_t), name, real);
    if (shim_refuses_write(fd)) return -1;
    pthread_mutex_lock(&lock);
    if (is_on()) note_write(fd, parts, count, offset);
    ssize_t n = real(fd, parts, count, offset);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return n;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return write_parts("pwritev", fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
{
    return write_parts("pwritev64", fd, parts, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return write_parts("pwritev", fd, &(struct iovec){(void *)bytes, len}, 1, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    return pwrite(fd, bytes, len, offset);
}

int ftruncate(int fd, off_t size)
{
    REAL(int (*real)(int, off_t), "ftruncate", real);
    struct entry e = {.kind = KIND_LENGTH, .offset = (uint64_t)size};
    if (shim_refuses_write(fd)) return -1;
    pthread_mutex_lock(&lock);
    if (is_on() && describe(fd, &e)) {
        e.number = ++numbers;
        char *old = NULL;
        if (e.size > e.offset) old = read_old(fd, e.offset, e.size - e.offset, &e.old_len);
        put(&e, sizeof e);
        put(old, e.old_len);
        free(old);
    }
    int result = real(fd, size);
    pthread_mutex_unlock(&lock);
    return result;
}

uint64_t lose_sync_begins(void)
{
    pthread_mutex_lock(&lock);
    uint64_t begun = numbers;
    pthread_mutex_unlock(&lock);
    return begun;
}

void lose_sync_succeeded(int fd, uint64_t begun)
{
    struct entry e = {.kind = KIND_SYNC, .number = begun};
    pthread_mutex_lock(&lock);
    if (is_on() && describe(fd, &e)) put(&e, sizeof e);
    pthread_mutex_unlock(&lock);
}
