/* part.h - one partition on its way into files.  Private to capture/. */
#ifndef CAPTURE_PART_H
#define CAPTURE_PART_H

#include "blob/remote.h"
#include "capture/description.h"
#include "cursor/cursor.h"
#include "store/store.h"

enum { PART_UPLOADS_PIECE = BLOBS_PIECE_MAX, PART_ERROR_MAX = 255 };

/*            ┌──────────────────────────────────────────────────────────┐
 *            ▼                                                          │
 *        FILLING ──old or large──▶ SEALING ──stored──▶ PLACING ──────▶ COMMITTING
 *            ▲                        ▲ │                │ ▲                │
 *            └──── WAITING ◀──────────┴─┴── failed ──────┴─┴────────────────┘            */
enum part_state { PART_FILLING, PART_SEALING, PART_PLACING, PART_COMMITTING, PART_WAITING };

struct captures;
struct capture;

struct part {
    struct capture *capture;
    unsigned partition;
    enum part_state state;
    struct cursor *cursor;

    /* As the store has it. */
    uint64_t from;                   /* everything below is in files */
    uint64_t until;                  /* of the file that is to be made; with `name` */
    char name[CAPTURE_NAME_MAX + 1]; /* empty: none is */
    int64_t named_us;                /* the time in the newest name */

    /* The window. */
    struct avro_writer writer;
    struct buf out; /* made and not written to the spool */
    struct buf scratch;
    struct io_file *spool;
    uint64_t written; /* to it */
    int64_t events;
    int64_t until_us; /* monotonic: when it is old enough */

    struct timer timer;             /* the window's end, or another try */
    enum part_state again;          /* WAITING: what is tried again */
    unsigned tries;                 /* that failed, one after the other */
    char error[PART_ERROR_MAX + 1]; /* why; empty: all is well */
    struct store_wait store_wait;
    bool storing;
    struct blobs_wait remote_wait;
    bool sending;
    uint64_t sent; /* of the spool, to the container */
    unsigned block;
    struct buf uri;

    uint64_t files, captured; /* since the start */
    int64_t file_us;          /* wall: the newest */
};

/* What the store has; begins to read.  Later: part_stop(). */
void part_start(struct part *p);
void part_stop(struct part *p);

/* ---- spool.c: the window on the disk, and a folder as its destination */

void spool_path(const struct part *p, char *out, size_t size);
enum err spool_write(struct part *p) MUST_USE;  /* what is in `out` */
enum err spool_finish(struct part *p) MUST_USE; /* likewise, and it is durable */
enum err spool_place(struct part *p) MUST_USE;  /* into the folder */
bool spool_is_placed(struct part *p);           /* is a file of that name in the folder? */
void spool_drop(struct part *p);

/* ---- upload.c: a container as its destination */

/* part_placed() follows.  `keeps`: a blob of that name that is there stays. */
void container_begin(struct part *p, bool keeps);
void container_forget(struct part *p);
void part_placed(struct part *p, enum err e);

#endif
