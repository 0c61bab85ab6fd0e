/* part.h - one partition on its way into files.  Private to archive/. */
#ifndef ARCHIVE_PART_H
#define ARCHIVE_PART_H

#include "archive/archive.h"
#include "base/mem.h"

/* What is written to the spool at a time, whole blocks of the disk, is all but the room for a block of records that is
 * not closed yet: fewer writes of more bytes, and little that has to move to the front behind each. */
enum { SPOOL_ROOM = MEM_LARGE, SPOOL_WRITE = SPOOL_ROOM - 2 * AVRO_BLOCK_TARGET };

enum { PART_UPLOADS_PIECE = BLOBS_PIECE_MAX };

/*            ┌────────────────────────────────────────────────────────────────────┐
 *            ▼                                                                    │
 *        FILLING ──old or large──▶ NAMING ──▶ SEALING ──stored──▶ PLACING ──▶ COMMITTING
 *            ▲                      ▲  │         │                  │ ▲           │
 *            └──── WAITING ◀────────┴──┴─────────┴───── failed ─────┴─┴───────────┘            */
enum part_state {
    PART_FILLING,
    PART_NAMING,
    PART_SEALING,
    PART_PLACING,
    PART_COMMITTING,
    PART_WAITING,
    PART_STATES
};

struct part {
    struct archive *archive;
    unsigned partition;
    enum part_state state;
    struct cursor *cursor;

    /* As the store has it. */
    uint64_t from;                   /* everything below is in files */
    uint64_t until;                  /* of the file that is to be made; with `name` */
    char name[ARCHIVE_NAME_MAX + 1]; /* empty: none is */
    int64_t named_us;                /* what the newest name was made of */

    /* The window. */
    struct avro_writer writer;
    struct buf out;       /* made and not written to the spool */
    bool has_large_pages; /* it has: all of it was used */
    struct buf scratch;
    struct io_file *spool;
    char way[IO_NAME_MAX]; /* a directory of the folder that was made; empty: none is known */
    uint64_t written;      /* to it */
    uint64_t events;
    struct record_tally taken; /* ... by source */
    struct record_tally damaged;
    int64_t until_us; /* monotonic: when it is old enough */

    struct timer timer;                /* the window's end, or another try */
    enum part_state again;             /* WAITING: what is tried again */
    unsigned tries;                    /* that failed, one after the other */
    unsigned names_taken;              /* names, one after the other, that there are files of */
    char error[ARCHIVE_ERROR_MAX + 1]; /* why; empty: all is well */
    struct store_wait store_wait;
    struct blobs_wait remote_wait;
    bool storing, sending; /* they wait */
    unsigned block;
    uint64_t sent; /* of the spool, to the container */
    struct buf uri;

    uint64_t files, archived; /* since the start */
    int64_t file_us;          /* wall: the newest */
};

const char *part_state_name(enum part_state state);

/* What the store has; begins to read.  Later: part_stop(). */
void part_start(struct part *p);
void part_stop(struct part *p);

/* Is a file being made, and may still be? */
bool part_is_busy(const struct part *p);

/* ---- what the two kinds of targets say */

void part_looked(struct part *p, enum err e); /* OK: there is a file of that name; ERR_NOT_FOUND */
void part_placed(struct part *p, enum err e);

/* ---- spool.c: the window on the disk, and a folder as its target */

enum err spool_write(struct part *p) MUST_USE;  /* of what is in `out`, multiples of SPOOL_WRITE */
enum err spool_finish(struct part *p) MUST_USE; /* all of it, and it is durable */
enum err spool_place(struct part *p) MUST_USE;  /* into the folder */
bool spool_is_placed(struct part *p);           /* is a file of that name in the folder? */
void spool_drop(struct part *p);

/* ---- upload.c: a container as its target */

void container_look(struct part *p); /* part_looked() follows */

/* part_placed() follows.  `keeps`: a blob of that name that is there stays. */
void container_begin(struct part *p, bool keeps);
void container_forget(struct part *p);

#endif
