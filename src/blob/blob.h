/* blob.h - files that devices upload: written in pieces, whole or in blocks, and read in ranges.
 *
 *   begin ─▶ append ... ─▶ put ────────────▶ blob ─▶ get, read, remove
 *               │            └─▶ stage ─▶ block ─▶ join ─▶ blob
 *               └─▶ abort: nothing is left
 *
 * A blob is one file, named by a hash of its name, so nothing that a client calls it can lead out of
 * its directory; a block is a file beside it.  What is being written lies in a directory of its own,
 * which is emptied at the start.
 *
 * Runs on: a lane of its own, which may block on the disk.  The verbs are called on any lane that was
 *          attached; each answer comes to the wait there, once, unless it was forgotten.
 * Promise: what put, stage and join answered OK survives kill -9 and a power cut; a blob is replaced
 *          as a whole.
 * Order:   what one lane asks happens in the order in which it asked; a join under way lets others in
 *          between.
 * Limits:  the constants below.  ERR_THROTTLED: too many writers or joins; ERR_FULL: the disk is full or
 *          below the reserve; ERR_TOO_BIG: over a size.
 */
#ifndef BLOB_BLOB_H
#define BLOB_BLOB_H

#include "base/io.h"
#include "post/post.h"

enum {
    BLOBS_NAME_MAX = 1024,       /* bytes of a blob's name (Azure: characters) */
    BLOBS_PIECE_MAX = 256 << 10, /* of an append; of an answer to a read */
    BLOBS_WRITERS_MAX = 256,     /* open at a time: ERR_THROTTLED */
    BLOBS_JOINS_MAX = 16,        /* under way at a time: ERR_THROTTLED */
    BLOBS_BLOCKS_MAX = 50000,    /* of a blob (Azure): ERR_FULL */
    BLOBS_BLOCK_ID_MAX = 64,     /* bytes (Azure) */
    BLOBS_HEAD_SIZE = 8192,      /* of a file: its blob's name and properties */
    BLOBS_JOIN_TURN = 4 << 20,   /* bytes of a join before others have their turn */
};
#define BLOBS_SIZE_MAX ((uint64_t)64 << 30) /* of a blob, ours: ERR_TOO_BIG */

struct blobs;

struct blobs_config {
    struct io *io;          /* its root gets a directory "blobs" */
    struct lane *lane;      /* initialised, not running yet */
    uint64_t reserve_bytes; /* free disk kept back; 0: none */
};

enum err blobs_open(const struct blobs_config *cfg, struct blobs **out) MUST_USE;
void blobs_close(struct blobs *b); /* after the lane has stopped; NULL is fine */

/* Once per lane that asks. */
void blobs_attach(struct lane *lane);

/* ---- what is asked about */

struct blob_name {
    struct slice container; /* letters, digits and dashes */
    struct slice name;      /* 1 to BLOBS_NAME_MAX bytes, anything */
};

enum blobs_text {
    BLOBS_TYPE,
    BLOBS_ENCODING,
    BLOBS_LANGUAGE,
    BLOBS_CACHE_CONTROL,
    BLOBS_DISPOSITION,
    BLOBS_MD5,      /* as the client said it */
    BLOBS_METADATA, /* "name:value\n" each */
    BLOBS_TEXTS
};

struct blobs_props {
    uint64_t size;
    int64_t created_us, modified_us; /* wall; the second rises with every change */
    struct slice text[BLOBS_TEXTS];  /* together they fit into BLOBS_HEAD_SIZE, or ERR_TOO_BIG */
};

struct blobs_answer {
    enum err err;
    const char *text; /* why not */
    uint64_t writer;  /* of begin */
    struct blobs_props props;
    struct slice bytes; /* of read; borrowed, as is the text of `props` */
};

struct blobs_wait {
    void (*fn)(struct blobs_wait *w, const struct blobs_answer *a);
    struct addr slot;
};

void blobs_forget(struct lane *core, struct blobs_wait *w);

/* The same of a begin: the writer that it gets is aborted. */
void blobs_forget_begin(struct blobs *b, struct lane *core, struct blobs_wait *w);

/* ---- writing */

void blobs_begin(struct blobs *b, struct lane *core, struct blobs_wait *w);
void blobs_append(struct blobs *b, struct lane *core, uint64_t writer, struct slice piece,
                  struct blobs_wait *w);

/* The writer is gone after these, whatever the answer. */
void blobs_put(struct blobs *b, struct lane *core, uint64_t writer, struct blob_name name,
               const struct blobs_props *props, struct blobs_wait *w);
void blobs_stage(struct blobs *b, struct lane *core, uint64_t writer, struct blob_name name,
                 struct slice block_id, struct blobs_wait *w);
void blobs_abort(struct blobs *b, struct lane *core, uint64_t writer);

/* The blocks become the blob, in that order; all others of it are dropped.  ERR_NOT_FOUND: one of
 * them is not there, and nothing has changed. */
void blobs_join(struct blobs *b, struct lane *core, struct blob_name name, const struct slice *ids,
                size_t count, const struct blobs_props *props, struct blobs_wait *w);

/* ---- reading */

void blobs_get(struct blobs *b, struct lane *core, struct blob_name name, struct blobs_wait *w);

/* At most BLOBS_PIECE_MAX bytes.  ERR_CONFLICT: it was changed since `modified_us`. */
void blobs_read(struct blobs *b, struct lane *core, struct blob_name name, int64_t modified_us,
                uint64_t offset, uint32_t len, struct blobs_wait *w);

/* ---- removing */

void blobs_remove(struct blobs *b, struct lane *core, struct blob_name name, struct blobs_wait *w);
void blobs_discard(struct blobs *b, struct lane *core, struct blob_name name); /* its blocks */

#endif
