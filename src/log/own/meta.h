/* meta.h - what is fixed about a log, in the small file `log.meta`.
 *
 *   azimuth-log 1                 format version
 *   partitions 4                  of stream 0
 *   created 1700000000000000      wall microseconds
 *   journal 67108864              bytes of the journal file
 *   epoch 1f0c3a...               16 hex digits: of the journal's valid blocks
 *
 * It is replaced as a whole (io_store).  The file exists as soon as the log does.
 */
#ifndef LOG_OWN_META_H
#define LOG_OWN_META_H

#include "base/io.h"

enum { META_VERSION = 1 };

struct meta {
    unsigned partitions;
    int64_t created_us;
    uint64_t journal_bytes;
    uint64_t epoch;
};

/* ERR_NOT_FOUND: there is no log; ERR_VERSION; ERR_CORRUPT. */
enum err meta_load(struct io *io, struct meta *out) MUST_USE;
enum err meta_store(struct io *io, const struct meta *m) MUST_USE;

#endif
