/* series.h - numbers in the bodies of telemetry, as lines of buckets: the least, the largest and the mean of
 * each span of time.  Private to front/console.
 *
 *   > {"devices":["d1"],"paths":["temperature","motor.rpm"],"from":"-1h","to":1795640000000,"buckets":600}
 *   < {"from":ms,"to":ms,"buckets":600,"complete":true,"next":{...},"lost":0,"records":3600,"skipped":0,"bytes":812000,
 *      "series":[{"device":"d1","path":"temperature","values":3600,"points":[[0,6,20.1,21.0,20.4],...]}]}
 *
 * A point is its bucket, how many values it has, the least, the largest, the mean; buckets without a value
 * are left out.  Without `devices` a line is of all of them; without `paths` the answer has `found`, the
 * paths of numbers there are.  A path is the keys of a body with dots between them; elements of arrays count
 * from 0.  `from` and `to` are milliseconds or a time ago; `to` is now if it is absent.
 *
 * Runs on: any thread; it has no clock and reads no log (scan.h does).
 * Life:    series_init() to series_fini(); what a request says is copied.
 * Limits:  the constants below; a request beyond them is none, and the text says which.
 */
#ifndef FRONT_CONSOLE_SERIES_H
#define FRONT_CONSOLE_SERIES_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    SERIES_DEVICES_MAX = 8,
    SERIES_PATHS_MAX = 8,
    SERIES_LINES_MAX = 16, /* devices times paths */
    SERIES_PATH_MAX = 256, /* bytes of a path */
    SERIES_BUCKETS_MAX = 2000,
    SERIES_BUCKETS_DEFAULT = 600,
    SERIES_NAMES_MAX = 64,       /* paths that are found; the rest is left out */
    SERIES_LOOK_MAX = 2000,      /* records that are looked at for them */
    SERIES_PLACES_MAX = 256,     /* partitions: LOG_PARTITIONS_MAX */
    SERIES_BYTES_MAX = 32 << 20, /* of the log, read for one answer; the next goes on from there */
    SERIES_REQUEST_MAX = 32 << 10, /* bytes */
};

struct series_bucket {
    uint64_t count;
    double least, largest, mean;
};

struct series_line {
    struct slice device; /* ptr NULL: all of them */
    struct slice path;
    struct series_bucket *buckets;
    uint64_t values;
};

struct series {
    struct arena arena;
    struct slice devices[SERIES_DEVICES_MAX];
    struct slice paths[SERIES_PATHS_MAX];
    unsigned device_count, path_count;
    struct series_line lines[SERIES_LINES_MAX];
    unsigned line_count;
    struct slice names[SERIES_NAMES_MAX];
    unsigned name_count;
    int64_t from_us, to_us; /* wall time */
    unsigned bucket_count;
    uint64_t places[SERIES_PLACES_MAX]; /* `next` of the answer before; UINT64_MAX: none */
    uint64_t records;                   /* of these devices, in this time */
    uint64_t skipped;                   /* of them: no JSON object */
    uint64_t bytes;                     /* of the log, that were read */
};

/* NULL, or what is wrong.  In both cases series_fini() follows. */
const char *series_init(struct series *s, struct slice request, int64_t now_us) MUST_USE;
void series_fini(struct series *s);

bool series_wants(const struct series *s, struct slice device);

/* A message of a device that is wanted. */
void series_take(struct series *s, struct slice device, struct slice body, int64_t at_us);

/* One answer reads no further. */
bool series_is_enough(const struct series *s);

/* The answer's members but `complete` and `next`, with the opening brace. */
void series_put(const struct series *s, struct buf *out);

#endif
