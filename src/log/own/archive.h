/* archive.h - all segments of all partitions: what is no longer only in memory and in the journal.
 *
 * Runs on: the logread lane; archive_open() and what recovery calls, at start, before it runs.
 * Life:    archive_open() finds what is there; archive_close() syncs nothing.
 * Errors:  after a failed archive_write() nothing was added: ERR_FULL may be tried again.  After any
 *          other failed write, sync or trim nothing is written any more: the disk may have dropped
 *          what was not synced, and a later sync would promise what is not there.
 */
#ifndef LOG_OWN_ARCHIVE_H
#define LOG_OWN_ARCHIVE_H

#include "log/own/segment.h"

enum { ARCHIVE_FILES_MAX = 16, ARCHIVE_HINTS = 64 };

/* One partition's segments. */
struct shelf {
    struct shelf_id id;
    struct segment_info *infos; /* by ordinal; the last one is `growing` if `grows` */
    size_t count, cap;
    struct segment growing;
    bool grows;
    struct mark next; /* behind the newest record here */
};

/* A sealed segment opened for reading. */
struct shelf_file {
    struct shelf_id id;
    uint64_t ordinal;
    struct io_file *file; /* NULL: free */
    uint64_t used;        /* when; the oldest is closed first */
};

/* Where a read ended: most readers go on there. */
struct shelf_hint {
    struct shelf_id id;
    uint64_t ordinal; /* of the next record; 0: none */
    uint64_t segment; /* first ordinal */
    uint64_t offset;
};

struct archive {
    struct io *io;
    uint64_t segment_bytes;
    bool look;             /* nothing is changed */
    bool broken;           /* a write or sync failed: nothing is written any more */
    struct shelf *shelves; /* of stream 0, by partition */
    unsigned partitions;
    uint64_t bytes, segments; /* of all of them */
    uint64_t removals;        /* segments trimmed so far */
    struct shelf_file files[ARCHIVE_FILES_MAX];
    uint64_t uses;
    struct shelf_hint hints[ARCHIVE_HINTS];
};

/* `look`: to read only; nothing is changed, not even what a crash left behind. */
enum err archive_open(struct archive *a, struct io *io, unsigned partitions, uint64_t segment_bytes,
                      bool look) MUST_USE;
void archive_close(struct archive *a);

struct mark archive_first(const struct archive *a, unsigned partition);
struct mark archive_next(const struct archive *a, unsigned partition);

/* Whole frames of one partition; unsynced.  ERR_AGAIN: they do not follow what is here. */
enum err archive_write(struct archive *a, unsigned partition, struct slice frames) MUST_USE;
enum err archive_sync(struct archive *a) MUST_USE;

/* Whole frames from `from` on in *blob, about `max` bytes.  ERR_NOT_FOUND: trimmed; ERR_CORRUPT:
 * damaged, *next is behind the damage. */
enum err archive_read(struct archive *a, unsigned partition, uint64_t from, size_t max,
                      struct blob **blob, uint32_t *len, uint64_t *next) MUST_USE;

/* The first record that hits, or the end. */
enum err archive_seek(struct archive *a, unsigned partition, const struct target *t,
                      uint64_t *ordinal) MUST_USE;

/* Removes whole segments: those whose records are all older than `before_us`, then the oldest of
 * all until there are no more than max_bytes (0: no limit).  Never the one that grows; one that has
 * not grown since `stale_us` is sealed so that it can go next time.  *trimmed: whether any went. */
struct retention {
    int64_t before_us, stale_us; /* INT64_MIN: no limit by time */
    uint64_t max_bytes;
};
enum err archive_trim(struct archive *a, const struct retention *r, bool *trimmed) MUST_USE;

/* For archive.c: the segment is about to go. */
void archive_forget_file(struct archive *a, struct shelf_id id, uint64_t ordinal);

/* Every record of a partition, oldest first, with all that can be checked. */
typedef enum err (*archive_record_fn)(void *ctx, const struct record *r);
enum err archive_walk(struct archive *a, unsigned partition, archive_record_fn fn,
                      void *ctx) MUST_USE;

#endif
