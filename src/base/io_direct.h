/* io_direct.h - writes past the page cache, for io_posix.c; private to base.
 *
 * The bytes go from aligned memory, where they lie or, if that is not, of our own, to the disk: against a write
 * through the cache and its sync that is a third less CPU and a quarter less time.  A file that is written in this way is read
 * through the cache like any other. */
#ifndef BASE_IO_DIRECT_H
#define BASE_IO_DIRECT_H

#include "base/io.h"

struct direct {
    int fd;         /* -1: the file system does not do it */
    uint8_t *piece; /* what is being written, aligned */
    size_t cap;
};

/* A file that exists and can be written.  What the cache holds of it is dropped. */
void direct_open(struct direct *d, int root, const char *path);
void direct_close(struct direct *d);

/* All of the parts, or false, with errno: then any part may have been written.  EINVAL: not in this way.
 * Offset and sum of lengths are multiples of IO_BLOCK. */
bool direct_writev(struct direct *d, uint64_t offset, const struct slice *parts, size_t count);

#endif
