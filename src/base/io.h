/* io.h - files behind a table of methods, so that a test can fail the N-th call and the simulator
 * can lose what was never synced.
 *
 * Runs on: any lane that may block (log, store).  A `struct io` is thread-safe; a `struct io_file`
 * belongs to one thread at a time except for io_read_at, which any thread may call.
 * Errors: ERR_IO with a text that names the file; ERR_NOT_FOUND, ERR_EXISTS, ERR_FULL (no space,
 * beyond a quota or `ulimit -f`, no descriptor: all pass) where they apply.
 * Paths are relative to the io's root, '/' separated, no "..".
 *
 * Durability, what callers may rely on: io_sync() makes a file's bytes and length durable;
 * io_sync_dir() makes creations, renames and removals in that directory durable.  Nothing else is.
 * ERR_FULL of io_sync_dir() means that it was not tried; whatever else a sync says may mean a loss.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include "base/err.h"
#include "base/slice.h"

struct io;
struct io_file;

enum io_open {
    IO_READ = 1,
    IO_WRITE = 2,
    IO_CREATE = 4, /* make it if absent (mode 0600) */
    IO_EXCL = 8,   /* with IO_CREATE: ERR_EXISTS if present */
    IO_DIRECT =
        16, /* what is written is not read again soon: past the cache, where offset and length of
                       a write are multiples of IO_BLOCK and the file system can */
};

enum { IO_NAME_MAX = 512, IO_BLOCK = 4096 };

/* Below `root` on the real file system; the directory is made if absent (mode 0700). */
enum err io_posix_new(const char *root, struct io **out) MUST_USE;

/* In memory: for --ephemeral, tests and the simulator.  Every write is kept as unsynced until
 * io_sync(); see io_mem.h for crashes and injected faults. */
struct io *io_mem_new(void);

void io_free(struct io *io); /* all its files are closed */

enum err io_open_file(struct io *io, const char *path, int flags, struct io_file **out) MUST_USE;
void io_close(struct io_file *f);

/* Reads up to `len` bytes at `offset`; *got < len only at the end of the file. */
enum err io_read_at(struct io_file *f, uint64_t offset, void *out, size_t len,
                    size_t *got) MUST_USE;

/* Writes all bytes or returns an error; after an error any part may have been written. */
enum err io_write_at(struct io_file *f, uint64_t offset, struct slice bytes) MUST_USE;
enum err io_writev_at(struct io_file *f, uint64_t offset, const struct slice *parts,
                      size_t count) MUST_USE;

enum err io_sync(struct io_file *f) MUST_USE; /* fdatasync */
enum err io_size(struct io_file *f, uint64_t *size) MUST_USE;
enum err io_truncate(struct io_file *f, uint64_t size) MUST_USE;

/* Until `f`, opened to write, is closed no other program gets a lock (fcntl) on these bytes, which need not be
 * there.  ERR_CONFLICT: one has it now.  OK also where nobody can lock: in memory, and on some file systems. */
enum err io_lock(struct io_file *f, uint64_t offset, uint64_t len) MUST_USE;

/* Makes [0, size) real blocks, zeroes written beyond the old end: writing inside it later cannot meet a
 * full disk, and changes no metadata.  ERR_FULL when the disk has no room. */
enum err io_allocate(struct io_file *f, uint64_t size) MUST_USE;

/* Of a file; replaces `to`. */
enum err io_rename(struct io *io, const char *from, const char *to) MUST_USE;
enum err io_remove(struct io *io, const char *path) MUST_USE;   /* a file or an empty directory */
enum err io_make_dir(struct io *io, const char *path) MUST_USE; /* OK if it is there; parents too */
enum err io_sync_dir(struct io *io, const char *path) MUST_USE; /* ".": the root */

/* False: it was not found.  Also true when nobody can say, as without descriptors. */
bool io_exists(struct io *io, const char *path);

/* Calls back for each entry (not "." and ".."), in any order; `name` is borrowed. */
typedef void (*io_entry_fn)(void *ctx, const char *name);
enum err io_list(struct io *io, const char *path, io_entry_fn fn, void *ctx) MUST_USE;

/* Bytes free for us on that file system. */
enum err io_free_bytes(struct io *io, uint64_t *out) MUST_USE;

/* Whole small files (at most 16 MiB): read; or write to a temporary name, sync, rename, sync dir. */
struct buf;
enum err io_load(struct io *io, const char *path, struct buf *out) MUST_USE;
enum err io_store(struct io *io, const char *path, struct slice bytes) MUST_USE;

#endif
