/* io_direct.c - O_DIRECT, one aligned piece after the other. */
#include "base/io_direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"

enum { PIECE_MIN = 64 << 10, PIECE_MAX = 1 << 20 };

void direct_open(struct direct *d, int root, const char *path)
{
    *d = (struct direct){.fd = openat(root, path, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW)};
    if (d->fd >= 0) posix_fadvise(d->fd, 0, 0, POSIX_FADV_DONTNEED);
}

void direct_close(struct direct *d)
{
    if (d->fd >= 0) close(d->fd);
    free(d->piece);
    *d = (struct direct){.fd = -1};
}

static bool make_room(struct direct *d, size_t len)
{
    size_t cap = PIECE_MIN;
    while (cap < len) cap *= 2;
    if (cap <= d->cap) return true;
    free(d->piece);
    d->piece = aligned_alloc(IO_BLOCK, cap);
    d->cap = d->piece ? cap : 0;
    return d->piece != NULL;
}

static bool write_bytes(const struct direct *d, uint64_t offset, const uint8_t *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(d->fd, bytes + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        done += (size_t)n;
    }
    return true;
}

static bool lies_aligned(const struct slice *part)
{
    return (uintptr_t)part->ptr % IO_BLOCK == 0;
}

bool direct_writev(struct direct *d, uint64_t offset, const struct slice *parts, size_t count)
{
    size_t total = 0, filled = 0;
    for (size_t i = 0; i < count; i++) total += parts[i].len;
    if (count == 1 && offset % IO_BLOCK == 0 && total % IO_BLOCK == 0 && lies_aligned(parts))
        return write_bytes(d, offset, parts->ptr, total);
    if (offset % IO_BLOCK || total % IO_BLOCK || !make_room(d, MIN(total, (size_t)PIECE_MAX))) {
        errno = EINVAL;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        for (struct slice rest = parts[i]; rest.len;) {
            size_t n = MIN(rest.len, d->cap - filled);
            memcpy(d->piece + filled, rest.ptr, n);
            rest = slice_from(rest, n);
            filled += n;
            if (filled < d->cap) continue;
            if (!write_bytes(d, offset, d->piece, filled)) return false;
            offset += filled;
            filled = 0;
        }
    return filled == 0 || write_bytes(d, offset, d->piece, filled);
}
