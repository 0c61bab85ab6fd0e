/* meta.h - what is fixed about a log, in the small file `log.meta`.
 *
 *   azimuth-log 1                 format version
 *   partitions 4                  of stream 0
 *   created 1700000000000000      wall microseconds
 *   journal 67108864              bytes of the journal file
 *   epoch 1f0c3a...               16 hex digits: of the journal's valid blocks
 *
 * and, in format 2, once there was a stream besides 0:
 *
 *   next-stream 7                 the number that the next one gets; none is given twice
 *   stream 3 8                    each that is there, by number: its number and partition count
 *
 * It is replaced as a whole (io_store).  The file exists as soon as the log does.
 */
#ifndef LOG_OWN_META_H
#define LOG_OWN_META_H

#include "base/io.h"
#include "log/log.h"

enum { META_VERSION = 2 };

struct meta_stream {
    uint16_t id, partitions;
};

struct meta {
    unsigned partitions;
    int64_t created_us;
    uint64_t journal_bytes;
    uint64_t epoch;
    unsigned next_stream;                            /* from 1 on */
    struct meta_stream streams[LOG_STREAMS_MAX - 1]; /* besides 0, by id */
    unsigned stream_count;
};

/* NULL: it is not there. */
const struct meta_stream *meta_find(const struct meta *m, unsigned stream);

/* The stream is not there yet, and there is room for it. */
void meta_add(struct meta *m, unsigned stream, unsigned partitions);
void meta_remove(struct meta *m, unsigned stream);
bool meta_was_dropped(const struct meta *m, unsigned stream); /* was there once */
unsigned meta_places(const struct meta *m);                   /* partitions of all streams */

/* ERR_NOT_FOUND: there is no log; ERR_VERSION; ERR_CORRUPT. */
enum err meta_load(struct io *io, struct meta *out) MUST_USE;
enum err meta_store(struct io *io, const struct meta *m) MUST_USE;

#endif
