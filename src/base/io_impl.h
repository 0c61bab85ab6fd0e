/* io_impl.h - what an implementation of io.h provides; private to base/io*.c.
 *
 * Paths have been checked by io.c when they come here; "" is the root.
 */
#ifndef BASE_IO_IMPL_H
#define BASE_IO_IMPL_H

#include <pthread.h>

#include "base/io.h"
#include "base/list.h"

struct io_methods {
    enum err (*open)(struct io *io, const char *path, int flags, struct io_file **out);
    void (*close)(struct io_file *f);
    enum err (*read_at)(struct io_file *f, uint64_t offset, uint8_t *out, size_t len, size_t *got);
    enum err (*writev_at)(struct io_file *f, uint64_t offset, const struct slice *parts,
                          size_t count);
    enum err (*sync)(struct io_file *f);
    enum err (*size)(struct io_file *f, uint64_t *size);
    enum err (*truncate)(struct io_file *f, uint64_t size);
    enum err (*allocate)(struct io_file *f, uint64_t size);
    enum err (*lock)(struct io_file *f, uint64_t offset,
                     uint64_t len); /* NULL: there are no others */
    enum err (*rename)(struct io *io, const char *from, const char *to);
    enum err (*remove)(struct io *io, const char *path);
    enum err (*make_dir)(struct io *io, const char *path); /* one level */
    enum err (*sync_dir)(struct io *io, const char *path);
    enum err (*list)(struct io *io, const char *path, io_entry_fn fn, void *ctx);
    enum err (*free_bytes)(struct io *io, uint64_t *out);
    void (*free)(struct io *io);
};

/* First member of each implementation's io. */
struct io {
    const struct io_methods *methods;
    pthread_mutex_t files_lock;
    struct list files; /* struct io_file.node, open ones */
};

/* First member of each implementation's file. */
struct io_file {
    struct list node;
    struct io *io;
};

void io_init(struct io *io, const struct io_methods *methods);
void io_fini(struct io *io);

#endif
