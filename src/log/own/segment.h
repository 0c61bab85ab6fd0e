/* segment.h - one file of consecutive records of a partition, and its index file; their format
 * stands in segment.c.
 *
 * Runs on: the logread lane (at start: before the lanes run).
 * Life:    segment_create() or segment_open() for the one that grows; segment_append() any number of
 *          times, segment_sync() when told, segment_seal() when it is large enough.  Sealed segments
 *          are only read, through segment_info and a file opened for it.
 */
#ifndef LOG_OWN_SEGMENT_H
#define LOG_OWN_SEGMENT_H

#include "log/own/mark.h"

enum { SEGMENT_HEAD = 64, SEGMENT_INDEX_EVERY = 64 << 10 };

/* Which partition's. */
struct shelf_id {
    uint16_t stream, partition;
};

/* What is known of each segment without reading it. */
struct segment_info {
    struct mark first;
    uint64_t bytes; /* head and frames */
};

struct index_entry {
    struct mark mark;
    uint32_t offset; /* of the frame that the mark is for, or the end of what was synced */
};

/* The one that grows.  It is written in whole blocks, past the page cache: what stands behind `end` in the last one
 * is zero, and goes when the segment is sealed. */
struct segment {
    struct io *io;
    struct shelf_id id;
    struct io_file *file;
    struct mark first, next;
    struct buf rest;     /* what the last block has so far: to be written again with what comes */
    uint64_t end;        /* of the frames written */
    uint64_t synced;     /* of those that are durable */
    struct buf index;    /* struct index_entry, all of it */
    size_t index_stored; /* bytes of it that are in the index file */
    bool named;          /* its directory entry is durable */
    bool changed;        /* since the last sync */
};

/* "streams/S/P" and "streams/S/P/<ordinal><suffix>". */
void segment_dir(struct shelf_id id, char out[IO_NAME_MAX]);
void segment_path(struct shelf_id id, uint64_t ordinal, const char *suffix, char out[IO_NAME_MAX]);

enum err segment_create(struct segment *s, struct io *io, struct shelf_id id,
                        const struct mark *first) MUST_USE;

/* The newest one, after a crash perhaps: what is torn at its end is cut (not if `look`).
 * ERR_NOT_FOUND: nothing in it was ever durable.  ERR_CORRUPT: something that was is not there. */
enum err segment_open(struct segment *s, struct io *io, struct shelf_id id, uint64_t ordinal,
                      bool look) MUST_USE;

/* Whole frames that follow each other and the segment's end.  After an error nothing was added.  `room` is memory to
 * write from, of any segment's. */
enum err segment_append(struct segment *s, struct buf *room, struct slice frames) MUST_USE;
enum err segment_sync(struct segment *s) MUST_USE;
enum err segment_seal(struct segment *s) MUST_USE; /* syncs and closes; may be tried again */
void segment_close(struct segment *s);

/* Head of a sealed segment, and its length. */
enum err segment_info(struct io *io, struct shelf_id id, uint64_t ordinal,
                      struct segment_info *out) MUST_USE;
enum err segment_remove(struct io *io, struct shelf_id id, uint64_t ordinal) MUST_USE;

/* ---- looking up */

/* The index of a sealed segment; what cannot be read of it is absent. */
enum err segment_load_index(struct io *io, struct shelf_id id, uint64_t ordinal,
                            struct buf *out) MUST_USE;

/* The last entry before the target, else `start`; the first one behind an offset, else `end`. */
struct index_entry index_before(const struct buf *index, const struct target *t,
                                struct index_entry start);
struct index_entry index_behind(const struct buf *index, uint64_t offset, struct index_entry end);

#endif
