/* own.h - the log on our own files: what its parts share; private to log/own.
 *
 *   cores ──LOG_APPEND──▶ log lane                      logread lane
 *         ◀─LOG_APPENDED─ commit.c: journal, tails ──LOG_FLUSH, LOG_SYNC──▶ files.c: segments
 *                                                  ◀─LOG_FLUSHED, LOG_SYNCED, LOG_TRIMMED─
 *         ──LOG_READ ..─▶ reads.c: from memory ────LOG_READ_FILE, LOG_SEEK_FILE──▶
 *         ◀───────────────LOG_READ_DONE, LOG_SEEK_DONE───────────────────────┘
 *
 * A record is durable when its commit is synced in the journal.  It is in a segment file some time
 * later, and a section of the journal is written again only when all of its records are durable in
 * segments.  So the log lane waits for nothing but its own fdatasync, and log.meta's when a stream
 * comes or goes.
 */
#ifndef LOG_OWN_OWN_H
#define LOG_OWN_OWN_H

#include "log/own/archive.h"
#include "log/own/journal.h"
#include "log/own/meta.h"
#include "log/own/tail.h"

enum {
    OWN_GROUP_MAX = 512,              /* batches in one commit */
    OWN_ROOM_EVERY_US = 250 * 1000,   /* free disk is looked at so often while records come, */
    OWN_ROOM_IDLE_US = 5 * 1000000,   /* ... while none do: others fill it, too, */
    OWN_ROOM_EVERY_PART = 16,         /* and whenever this part of the reserve was appended */
    OWN_TRIM_EVERY_US = 10 * 1000000, /* and retention applied */
};

/* A stretch of journal that is recycled as a whole. */
struct recycling {
    bool clean;           /* nothing in it is needed */
    uint64_t last_commit; /* in it */
};

struct log {
    struct log_config cfg; /* with defaults filled in */
    struct meta meta;
    struct lane *lane, *read_lane;
    atomic_bool healthy; /* no write or sync has failed */
    atomic_bool roomy;   /* the disk is not at its reserve */

    /* the log lane's */
    struct turn_hook hook;
    struct msg *waiting, *waiting_last; /* LOG_APPEND, oldest first */
    uint32_t refusals[LANES_MAX]; /* by writer's lane: told, but for those that followed one */
    struct journal journal;
    struct recycling sections[JOURNAL_SECTIONS];
    struct slice parts[OWN_GROUP_MAX + 2];
    struct tails tails;
    struct timer room_timer;
    int64_t room_checked_us;
    uint64_t unchecked_bytes;    /* committed since then */
    unsigned flushes;            /* LOG_FLUSH without an answer */
    bool full;                   /* segments could not grow: retried with the room timer */
    struct msg *change;          /* LOG_STREAM_*, under way; NULL: none */
    struct tail_stream *leaving; /* being dropped; NULL: none */
    _Atomic uint16_t *counts;    /* partitions by stream, for any thread */

    /* the logread lane's */
    struct archive archive;
    struct timer trim_timer;
};

enum own_kind {
    LOG_FLUSH = LOG_INTERNAL, /* struct flush_msg -> LOG_FLUSHED: write, without sync */
    LOG_FLUSHED,              /* struct flushed_msg */
    LOG_SYNC,                 /* no body -> LOG_SYNCED: make all that was written durable */
    LOG_SYNCED,               /* struct synced_msg; with an error also unasked */
    LOG_TRIMMED,              /* struct trimmed_msg */
    LOG_READ_FILE,            /* struct read_file_msg -> LOG_READ_DONE, to who sent the LOG_READ */
    LOG_SEEK_FILE,            /* struct seek_file_msg -> LOG_SEEK_DONE, likewise */
    LOG_FILES,      /* struct files_msg -> LOG_FILES_DONE: a stream comes, stays or goes */
    LOG_FILES_DONE, /* struct files_done */
};

struct flush_msg {
    struct shelf_id id;
    struct slice frames; /* in a chunk, which stays until the answer */
};

struct flushed_msg {
    enum err err;
    struct shelf_id id;
    uint64_t next;
};

struct synced_msg {
    enum err err;
};

struct trimmed_msg {
    struct shelf_id id;
    struct mark first;
};

struct read_file_msg {
    struct log_read_msg read;
    struct log_ends ends;
};

struct seek_file_msg {
    struct log_seek_msg seek;
    struct log_ends ends;
};

struct files_msg {
    unsigned kind; /* LOG_STREAM_MAKE, _KEEP or _DROP */
    struct log_stream stream;
};

struct files_done {
    enum err err;
};

/* Each registers its handlers; at start. */
void commit_init(struct log *l);
void commit_fini(struct log *l);
void reads_init(struct log *l);
void reads_fini(struct log *l);
void files_init(struct log *l);
void files_fini(struct log *l);
void streams_init(struct log *l);
void streams_fini(struct log *l);

/* Its retention, on the logread lane or before it runs. */
void files_keep(struct log *l, unsigned stream, const struct log_retention *keep);

/* Whoever waits for records of it waits in vain. */
void reads_refuse(struct log *l, struct tail_stream *s);

/* New records are durable: answers who waits for them. */
void reads_wake(struct log *l, struct partition *p);

/* The log stops for good; the reason is fail_text(). */
void own_poison(struct log *l);

/* recover.c: opens archive and journal, writes what only the journal has to segments and begins a
 * new epoch.  Leaves both empty handed on error. */
enum err recover(struct log *l) MUST_USE;

/* Everything to segments, synced; the next start finds nothing to replay. */
enum err settle(struct log *l) MUST_USE;

#endif
