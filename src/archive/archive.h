/* archive.h - records of a stream become files, in a folder or in a container elsewhere.
 *
 *   log ──cursor──▶ window of a partition ──time or size──▶ file ──▶ folder, or a container elsewhere
 *
 * What Capture and the storage endpoints of routing have in common.  Each partition has windows of its
 * own: one ends when it is old or large enough, and becomes one file.  No record is in two files and none
 * is in none, whatever crashes when: part.c says how.  What a record looks like in a file, and what files
 * are called, is the owner's (struct archive_kind).
 *
 * Runs on: one lane, which may block on the disk and is attached to the store and to blobs.
 * Life:    archives_new() once on its lane; then archive_new(), archive_start() .. archive_free().  An open window is not kept over a restart: its records are
 *          read from the log again.
 * Limits:  the constants below.
 */
#ifndef ARCHIVE_ARCHIVE_H
#define ARCHIVE_ARCHIVE_H

#include "archive/target.h"
#include "avro/avro.h"
#include "base/io.h"
#include "base/metrics.h"
#include "blob/remote.h"
#include "cursor/cursor.h"

enum {
    ARCHIVE_OWNER_MAX = 128, /* bytes of what rows in the store are kept under */
    ARCHIVE_LABEL_MAX = 256, /* of what lines in the log call it */
    ARCHIVE_NAME_MAX = 368,  /* of a file's name */
    ARCHIVE_ERROR_MAX = 255, /* of what went wrong */
    ARCHIVE_TAKEN_MAX =
        1000, /* names that are tried, one after the other, while there are such files */
    ARCHIVE_RETRY_MIN_S = 1, /* after a failure, then twice as long each time */
    ARCHIVE_RETRY_MAX_S = 60,
    ARCHIVE_READS_A_SECOND =
        20,               /* of a partition whose newest record was read; each takes all there is */
    ARCHIVE_SAS_S = 3600, /* what opens a container is good for so long */
    ARCHIVE_SETTLE_S = 20, /* that archive_settle() waits for files that are being made */
};

struct archive;
struct archives;

struct archives_config {
    struct lane *lane;
    struct log *log;
    const struct store *store;
    struct io *io;         /* folders and windows lie here */
    struct remote *remote; /* for containers elsewhere; NULL: there are none */
    int64_t second_us; /* how long a second of intervals and pauses is; 0: a second; for tests */
};

struct archives *archives_new(const struct archives_config *cfg);
void archives_free(
    struct archives *as); /* after the lane has stopped, with all archives; NULL is fine */

/* ---- what archives of a kind have in common */

struct archive_counters {
    struct metric *files, *events, *bytes, *failures, *damaged;
    struct metric *failing; /* partitions whose file cannot be made now */
};

/* What happens to an archive's records. */
enum archive_news { ARCHIVE_PLACED, ARCHIVE_FAILED, ARCHIVE_DAMAGED };

struct archive_kind {
    const char *failing, *recovered, *file; /* lines in the log: "capture.failing" */
    const char *label;                      /* what is in them: "event_hub" */
    const char *root;                       /* folders lie below it, in the io */
    const char *schema; /* of the files, Avro; NULL: records are put one after the other */
    struct archive_counters counters;

    /* Which event hub its files are of, as they note it (AVRO_NOTE_SOURCE); NULL: they do not. */
    void (*source)(const struct archive *a, struct buf *out);

    /* Appends a record.  ERR_CORRUPT: it cannot be read; it is counted and passed over.  `scratch` is for
     * whatever it likes. */
    enum err (*put)(const struct archive *a, const struct record *r, struct buf *scratch,
                    struct buf *out);

    /* What the next name is made of, later than what the one before was made of (0: there is none). */
    int64_t (*next_us)(int64_t wall_us, int64_t before_us);
    enum err (*name)(const struct archive *a, unsigned partition, int64_t named_us,
                     char out[ARCHIVE_NAME_MAX + 1]);

    /* NULL: nobody listens.  It must not free the archive. */
    void (*news)(const struct archive *a, enum archive_news what,
                 const struct record_tally *records, const char *text);
};

/* ---- one of them */

/* What can be another one between archive_stop() and archive_start(). */
struct archive_settings {
    enum avro_codec codec;
    unsigned interval_s;
    uint64_t size_limit;
    bool skip_empty; /* no files without records */
    struct archive_target target;
};

struct archive_config {
    const struct archive_kind *kind;
    void *ctx;                 /* the owner's */
    struct slice owner, label; /* copied */
    unsigned stream;
    uint64_t destinations; /* records with one of these bits only */
    bool begins_by_time;   /* a partition without a row begins with what was enqueued at ... */
    int64_t start_us;      /* ... or after that; else it is left out */
};

struct archive *archive_new(struct archives *as, const struct archive_config *cfg);
void archive_free(struct archive *a); /* NULL is fine */
void *archive_ctx(const struct archive *a);

/* Reads its rows and begins, at once or when the store has them; `started` (NULL: nobody cares) hears how
 * the first try ended. */
void archive_start(struct archive *a, const struct archive_settings *settings,
                   void (*started)(void *ctx, enum err e));

/* Windows that are open come again with the next start. */
void archive_stop(struct archive *a);

/* No file is begun any more; `settled` is called when none is being made, or cannot be now, or after
 * ARCHIVE_SETTLE_S; perhaps at once.  Whoever changes the target stops then: no file is in the old one and in the new. */
void archive_settle(struct archive *a, void (*settled)(void *ctx));

/* ---- its rows */

/* The partition begins at that ordinal; nothing is known of files before. */
void archive_add_row(struct store_request *unit, struct slice owner, unsigned partition,
                     uint64_t ordinal);
void archive_add_removal(struct store_request *unit, struct slice owner);

/* ---- what is shown */

struct archive_part_status {
    unsigned partition;
    const char *state;
    uint64_t files, events; /* since the start of the server */
    int64_t file_us;        /* wall: the newest file; 0: none */
    const char *error;      /* why there is none now; empty: all is well */
    struct cursor_status cursor;
};

/* False: there is no i-th partition. */
bool archive_part_status(const struct archive *a, unsigned i, struct archive_part_status *out);

/* Has begun, and does not know all of its parts yet. */
bool archive_is_starting(const struct archive *a);

/* ---- where partitions of a stream begin or end */

/* Embedded in who wants to know; `fn` is called once, unless forgotten. */
struct archive_seek {
    void (*fn)(struct archive_seek *s, enum err e);
    struct log_asker asker;
    enum err err;
    unsigned count, left;
    uint64_t at[LOG_PARTITIONS_MAX]; /* ordinals */
};

/* ERR_NOT_FOUND: there is no such stream (any more). */
void archives_seek(struct archives *as, unsigned stream, enum log_where where, int64_t value,
                   struct archive_seek *s);
void archives_forget(struct archives *as, struct archive_seek *s);

#endif
