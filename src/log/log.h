/* log.h - the log: append once durably, read many times.
 *
 * A log holds streams (0: the built-in event hub; others come and go), each with a fixed number of
 * partitions and its own retention.  It runs on two lanes: `log` takes appends, commits them in groups with one fdatasync, answers reads of what
 * is still in memory and lets waiting readers know; `logread` reads older records from segment files.
 *
 * Runs on: log_open/log_close at start and stop; log_writer_* on the core that owns the writer; the
 *          messages below are posted by any lane to log_addr().
 * Promise: an append answered OK survives kill -9, a power cut and the loss of every unsynced write.
 *          After a failed write or sync the log is poisoned: every append from then on is answered
 *          ERR_IO and log_healthy() is false, until a restart has recovered.
 * Order:   appends of one writer keep their order; within a partition ordinals rise by one.  With an
 *          append all that its writer appended before it heard of the refusal is refused: what is
 *          sent again does not come behind what followed it.
 * Limits:  LOG_STREAMS_MAX streams at a time and LOG_STREAM_IDS_MAX in the log's life,
 *          LOG_PARTITIONS_MAX partitions each, LOG_PLACES_MAX of all streams, RECORD_MAX bytes a record
 *          (a larger one is answered ERR_TOO_BIG), LOG_INFLIGHT_MAX bytes unanswered per writer (then
 *          log_writer_full() is true and the caller stops reading its sources), LOG_READ_MAX bytes
 *          and LOG_WAITING_MAX waiting reads a partition (then ERR_FULL).
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include "base/blob.h"
#include "base/io.h"
#include "log/record.h"
#include "post/post.h"

enum {
    LOG_STREAMS_MAX = 64,       /* with stream 0 */
    LOG_STREAM_IDS_MAX = 65535, /* a number is given once; cursors and journal may name it later */
    LOG_PARTITIONS_MAX = 256,
    LOG_PLACES_MAX = 1024,      /* partitions of all streams; each that grows holds a descriptor */
    LOG_INFLIGHT_MAX = 8 << 20, /* bytes per writer */
    LOG_IDLE_MAX = 4 << 20,     /* bytes of memory that a writer keeps for batches to come */
    LOG_BATCH_MAX = 1 << 20,    /* a batch this large does not wait for the end of the turn */
    LOG_READ_MAX = 4 << 20,     /* bytes per answer; a larger wish gets this much */
    LOG_WAITING_MAX = 4096,     /* reads that wait, per partition */
    LOG_JOURNAL_MIN = 256 << 10,
    LOG_JOURNAL_DEFAULT = 64 << 20,
    LOG_SEGMENT_DEFAULT = 64 << 20,
    LOG_SEGMENT_MAX = 1 << 30,
    LOG_TAIL_DEFAULT = 64 << 20,
};

struct log;

struct log_config {
    struct io *io;            /* its root holds journal and streams/ */
    unsigned partitions;      /* of stream 0; fixed when the log is first made */
    int64_t retention_us;     /* of stream 0; 0: no limit by time */
    uint64_t retention_bytes; /* of stream 0, all partitions; 0: no limit by size */
    uint64_t journal_bytes;   /* at least LOG_JOURNAL_MIN; 0: the default */
    uint64_t segment_bytes;   /* at most LOG_SEGMENT_MAX; 0: the default */
    uint64_t tail_bytes;      /* memory for the newest records; 0: the default */
    uint64_t reserve_bytes;   /* free disk kept back; appends are refused below; 0: none */
};

/* Recovers what is there or makes a new log.  Both lanes were initialised and do not run yet.
 * ERR_VERSION: written by a newer program; ERR_INVALID: another partition count was fixed, or a
 * limit of the configuration is exceeded; ERR_CORRUPT: what was durable is not there any more. */
enum err log_open(const struct log_config *cfg, struct lane *log_lane, struct lane *read_lane,
                  struct log **out) MUST_USE;

/* After both lanes have stopped.  Syncs what is cheap to sync; correctness does not depend on it. */
void log_close(struct log *log);

struct addr log_addr(const struct log *log);
unsigned log_partitions(const struct log *log, unsigned stream); /* any thread; 0: no such stream */
bool log_healthy(const struct log *log);                         /* any thread */
bool log_accepting(const struct log *log); /* healthy and above the reserve; any thread */

/* ---- streams */

/* How long records stay.  Whole segments go, the newest never does. */
struct log_retention {
    int64_t age_us; /* 0: no limit by time */
    uint64_t bytes; /* of all partitions of the stream; 0: no limit by size */
};

struct log_stream {
    uint16_t stream; /* from 1 on */
    uint16_t partitions;
    struct log_retention keep;
};

/* Before the lanes run: besides stream 0 the log has exactly these.  Others that are there are
 * dropped, missing ones are made empty under their number.  ERR_CORRUPT: one is there with another
 * partition count. */
enum err log_streams_set(struct log *log, const struct log_stream *streams,
                         unsigned count) MUST_USE;

/* ---- writing, on a core */

/* Called on the core when a record is durable (OK) or refused, in the order of the appends.
 * ERR_THROTTLED: below the reserve, or behind a refusal; ERR_IO: poisoned; ERR_TOO_BIG: over
 * RECORD_MAX (this one alone), or with its batch over what the journal can take at once.  Whoever
 * keeps an order of his own sends nothing behind a refused append but that append again.  `who` and
 * `cookie` are the caller's; look `who` up with slot_get().  May append. */
typedef void (*log_done_fn)(struct lane *core, struct addr who, uint64_t cookie, enum err result);

struct log_batch;

/* One per core.  Records gather in a batch that is posted to the log at the end of the turn. */
struct log_writer {
    struct log *log;
    struct lane *core;
    struct turn_hook hook;
    struct log_batch *batch; /* gathering; NULL: nothing yet */
    size_t frame_at;         /* start of the record under construction, 0: none */
    size_t extra_at;         /* where its enrichments begin, 0: it has none */
    struct list posted;      /* batches, unanswered, oldest first */
    struct list returned;    /* answered in this turn: their memory is free at its end */
    struct list idle;        /* batches kept for their memory */
    unsigned idle_count;
    size_t idle_bytes;
    uint64_t last_call;
    uint32_t refusals;            /* heard of; tells the log which batches were made before one */
    size_t inflight;              /* bytes posted and gathered, unanswered */
    void (*on_relief)(void *ctx); /* inflight fell below half of the limit after it was full */
    void *relief_ctx;
    bool was_full;
};

void log_writer_init(struct log_writer *w, struct log *log, struct lane *core);

/* After its core has stopped; what is unanswered is forgotten. */
void log_writer_fini(struct log_writer *w);

/* Begins a record; the caller appends annotation pairs to the returned buf, then calls
 * log_pairs_done(), then appends message sections, then log_end(); enrichments (record.h, `extra`) come
 * last, after log_sections_done().  Nothing else may use the writer in between.  Partition <
 * log_partitions(), as it was in this turn.  A record for a stream that is dropped meanwhile is
 * answered as if it had come just before. */
struct buf *log_begin(struct log_writer *w, unsigned stream, unsigned partition,
                      enum record_source source, uint64_t destinations);
void log_pairs_done(struct log_writer *w, unsigned pair_count);
void log_sections_done(struct log_writer *w); /* what follows is extra */
void log_end(struct log_writer *w, log_done_fn done, struct addr who, uint64_t cookie);
void log_abort(struct log_writer *w); /* forgets the record under construction */

/* Posts what has gathered now instead of at the end of the turn: whoever is told of something after
 * this call and writes because of it comes later in the log. */
void log_flush(struct log_writer *w);

static inline bool log_writer_full(const struct log_writer *w)
{
    return w->inflight >= LOG_INFLIGHT_MAX;
}

/* ---- reading: log_ask_*() below send messages to log_addr() */

enum log_kind {
    LOG_APPEND = POST_LOG, /* internal to log/ */
    LOG_APPENDED,          /* internal to log/ */
    LOG_READ,              /* struct log_read_msg      -> LOG_READ_DONE */
    LOG_READ_DONE,         /* struct log_read_done */
    LOG_CANCEL,            /* struct log_cancel_msg, no answer: forget a waiting read */
    LOG_SEEK,              /* struct log_seek_msg      -> LOG_SEEK_DONE */
    LOG_SEEK_DONE,         /* struct log_seek_done */
    LOG_ENDS,              /* struct log_seek_msg (stream, partition) -> LOG_SEEK_DONE */
    LOG_STREAM_MAKE,       /* struct log_stream_msg    -> LOG_STREAM_DONE, with its number */
    LOG_STREAM_KEEP,       /* struct log_stream_msg    -> LOG_STREAM_DONE: another retention */
    LOG_STREAM_DROP,       /* struct log_stream_msg    -> LOG_STREAM_DONE: gone with its records */
    LOG_STREAM_DONE,       /* struct log_stream_done */
    LOG_INTERNAL,          /* from here on: between the log's own lanes */
};

/* Where a partition begins and ends. */
struct log_ends {
    uint64_t first_ordinal, next_ordinal;
    int64_t first_sequence; /* oldest retained; next_sequence when there is none */
    int64_t next_sequence;
    int64_t last_enqueued_us; /* of the newest record with a sequence; 0 when there never was one */
};

/* The answer to a LOG_APPEND, which is the message itself, sent back with its memory.  The generation
 * of a LOG_APPEND's sender is the number of refusals that it has heard of. */
struct log_appended {
    enum err err;
    uint32_t refusals;
};

struct log_read_msg {
    uint16_t stream, partition;
    uint32_t max_bytes; /* at least one record comes, whatever its size */
    uint64_t from_ordinal;
    bool wait; /* nothing there yet: answer when there is (else ERR_AGAIN) */
};

/* Whole frames, consecutive ordinals from `first`.  The receiver owns one reference of `blob`.
 * ERR_NOT_FOUND: from_ordinal was trimmed, see ends.first_ordinal; ERR_INVALID: no such partition, or
 * from_ordinal lies beyond its end; ERR_CORRUPT: damaged records follow, `next` is behind them. */
struct log_read_done {
    enum err err;
    uint16_t stream, partition;
    uint64_t first, next; /* next: where to read on */
    struct blob *blob;    /* NULL on error */
    uint32_t offset, len; /* frames within the blob */
    struct log_ends ends;
};

struct log_cancel_msg {
    uint16_t stream, partition;
    struct addr reader; /* who sent the LOG_READ */
};

enum log_where {
    LOG_EARLIEST,
    LOG_LATEST,   /* after the newest record */
    LOG_SEQUENCE, /* first record whose sequence is >= value */
    LOG_TIME,     /* first record enqueued at or after value (wall microseconds) */
    LOG_ORDINAL,  /* value itself, moved to the first retained one */
};

struct log_seek_msg {
    uint16_t stream, partition;
    enum log_where where;
    int64_t value;
};

struct log_seek_done {
    enum err err; /* ERR_NOT_FOUND: no such stream or partition */
    uint16_t stream, partition;
    uint64_t ordinal;
    struct log_ends ends;
};

/* Who asks: embedded in its owner, who sets the first four.  Each answer finds him on his lane by the
 * slot that the first question gives him; one that comes when he has forgotten finds nobody. */
struct log_asker {
    struct lane *lane;
    struct log *log;
    void (*read)(struct log_asker *a, const struct log_read_done *done); /* takes done->blob */
    void (*sought)(struct log_asker *a, const struct log_seek_done *done);

    struct addr slot;
    uint16_t stream, partition; /* of the read that is under way */
    bool reading;
};

void log_ask_read(struct log_asker *a, const struct log_read_msg *m); /* one at a time */
void log_ask_seek(struct log_asker *a, const struct log_seek_msg *m);
void log_ask_ends(struct log_asker *a, unsigned stream, unsigned partition);

/* No question is open any more; the next one may follow at once.  Before the asker goes. */
void log_ask_forget(struct log_asker *a);

/* One change at a time: another one meanwhile is answered ERR_THROTTLED.  What was answered OK is
 * durable; a crash before that leaves the stream whole or not at all.  Waiting reads of a stream that
 * is dropped are answered ERR_INVALID. */
struct log_stream_msg {
    struct log_stream stream; /* .stream: 0 for LOG_STREAM_MAKE */
};

/* ERR_INVALID: partitions; ERR_FULL: a limit above, or the disk; ERR_NOT_FOUND: no such stream, or
 * stream 0, which stays as it was configured. */
struct log_stream_done {
    enum err err;
    uint16_t stream;
};

/* For the CLI's offline check and for tests: reads everything, verifies every CRC and the order. */
struct log_check {
    uint64_t records, bytes;
    struct log_ends ends[LOG_PARTITIONS_MAX]; /* of stream 0 */
};
enum err log_check(struct io *io, struct log_check *out) MUST_USE;

#endif
