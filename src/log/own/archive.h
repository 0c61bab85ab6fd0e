/* archive.h - all segments of all partitions of all streams: what is no longer only in memory and in the journal.
 *
 * Runs on: the logread lane; archive_open() and what recovery calls, at start, before it runs.
 * Life:    archive_open() finds what is there; archive_close() syncs nothing.
 * Errors:  after a failed archive_write() or archive_add() nothing was added: ERR_FULL may be tried again.  After any
 *          other failed write, sync or trim nothing is written any more: the disk may have dropped
 *          what was not synced, and a later sync would promise what is not there.
 */
#ifndef LOG_OWN_ARCHIVE_H
#define LOG_OWN_ARCHIVE_H

#include "log/own/meta.h"
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
    uint64_t told;    /* files.c: the first ordinal that the log lane knows of */
};

/* One stream's partitions. */
struct rack {
    uint16_t stream;
    unsigned partitions;
    struct shelf *shelves;
    uint64_t bytes; /* of its segments */
    uint64_t segment_bytes;
    struct log_retention keep;
};

/* A segment opened for reading. */
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
    bool look;   /* nothing is changed */
    bool broken; /* a write or sync failed: nothing is written any more */
    struct rack racks[LOG_STREAMS_MAX];
    unsigned rack_count;
    uint64_t bytes, segments; /* of all of them */
    uint64_t removals;        /* segments trimmed so far */
    struct buf room;          /* to write from */
    struct shelf_file files[ARCHIVE_FILES_MAX];
    uint64_t uses;
    struct shelf_hint hints[ARCHIVE_HINTS];
};

/* `look`: to read only; nothing is changed, not even what a crash left behind.  Else what belongs to
 * no stream of `meta` is removed. */
enum err archive_open(struct archive *a, struct io *io, const struct meta *meta,
                      uint64_t segment_bytes, bool look) MUST_USE;
void archive_close(struct archive *a);

/* A stream that `meta` does not have yet; after an error there is nothing of it. */
enum err archive_add(struct archive *a, unsigned stream, unsigned partitions) MUST_USE;

/* A stream that `meta` does not have any more; what cannot be removed goes at the next start. */
enum err archive_remove(struct archive *a, unsigned stream) MUST_USE;

/* Nothing if there is no such stream. */
void archive_keep(struct archive *a, unsigned stream, const struct log_retention *keep);

struct shelf *archive_shelf(const struct archive *a, struct shelf_id id); /* or NULL */

/* The partitions of all streams in a row: how many, and the place of one of them. */
unsigned archive_places(const struct archive *a);
unsigned archive_place(const struct archive *a, struct shelf_id id);

struct mark shelf_first(const struct shelf *s);

/* Whole frames of one partition; unsynced.  ERR_AGAIN: they do not follow what is here. */
enum err archive_write(struct archive *a, struct shelf *s, struct slice frames) MUST_USE;
enum err archive_sync(struct archive *a) MUST_USE;

/* Whole frames from `from` on in *blob, about `max` bytes.  ERR_NOT_FOUND: trimmed; ERR_CORRUPT:
 * damaged, *next is behind the damage. */
enum err archive_read(struct archive *a, struct shelf *s, uint64_t from, size_t max,
                      struct blob **blob, uint32_t *len, uint64_t *next) MUST_USE;

/* The first record that hits, or the end. */
enum err archive_seek(struct archive *a, struct shelf *s, const struct target *t,
                      uint64_t *ordinal) MUST_USE;

/* Removes whole segments of each stream as its retention says: those whose records are all too old,
 * then the oldest until they are not too many bytes.  Never the one that grows; one that has not
 * grown for a quarter of the time is sealed so that it can go later.  *trimmed: whether any went. */
enum err archive_trim(struct archive *a, int64_t wall_us, bool *trimmed) MUST_USE;

/* For archive.c: the segment is about to go. */
void archive_forget_file(struct archive *a, struct shelf_id id, uint64_t ordinal);

/* Every record of a partition, oldest first, with all that can be checked. */
typedef enum err (*archive_record_fn)(void *ctx, const struct record *r);
enum err archive_walk(struct archive *a, struct shelf *s, archive_record_fn fn, void *ctx) MUST_USE;

#endif
