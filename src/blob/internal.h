/* internal.h - the inside of the blob lane.  Private to blob. */
#ifndef BLOB_INTERNAL_H
#define BLOB_INTERNAL_H

#include "base/cur.h"
#include "base/map.h"
#include "blob/blob.h"

enum blobs_kind {
    BLOBS_BEGIN =
        POST_BLOB, /* core -> lane: struct blobs_ask -> BLOBS_DONE; so are the next ones */
    BLOBS_APPEND,
    BLOBS_PUT,
    BLOBS_STAGE,
    BLOBS_ABORT, /* no answer */
    BLOBS_JOIN,
    BLOBS_GET,
    BLOBS_READ,
    BLOBS_REMOVE,
    BLOBS_DISCARD, /* no answer */
    BLOBS_DONE,    /* lane -> core: struct blobs_done */
    BLOBS_GO_ON,   /* lane -> lane: joins are under way */
    REMOTE_STAGE,  /* to remote.c's lane: struct remote_ask -> BLOBS_DONE; so are the next ones */
    REMOTE_COMMIT,
    REMOTE_GET,
    REMOTE_READ,
};

struct blobs_ask {
    uint64_t writer, offset;
    int64_t modified_us;
    uint32_t len;
    uint32_t container_len, name_len, text_len[BLOBS_TEXTS];
    uint8_t bytes[]; /* container, name, texts; then the piece, the block's id, or the ids, each
                        behind a byte that is its length */
};

struct blobs_done {
    enum err err;
    uint64_t writer, size;
    int64_t created_us, modified_us;
    uint32_t text_len[BLOBS_TEXTS], why_len;
    uint8_t bytes[]; /* texts, why with its NUL, what was read */
};

/* ---- remote.c */

struct remote_ask {
    uint64_t offset;
    int64_t mark;
    uint32_t len, block, uri_len;
    bool probes;     /* somebody waits for it: REMOTE_PROBE_S */
    uint8_t bytes[]; /* the URI, the piece */
};

/* ---- blob.c */

/* An ask, read; slices borrow from its message. */
struct blobs_call {
    struct blob_name name;
    struct blobs_props props; /* texts only */
    struct slice rest;
};

enum { PATH_MAX_LEN = 256 };

struct writer {
    struct io_file *file; /* NULL: free */
    uint64_t id, size;
    struct addr owner; /* who waits for the answer of its begin */
};

/* Blocks that wait to be joined. */
struct staging {
    unsigned count;
    char path[PATH_MAX_LEN];
};

struct blobs {
    struct io *io;
    struct lane *lane;
    uint64_t reserve_bytes, last_id;
    struct writer writers[BLOBS_WRITERS_MAX];
    struct map stagings; /* by path; those that were touched since the start */
    struct list joins;
    unsigned join_count;
    struct buf room; /* that joins copy through; none until there was one */
    bool going_on;   /* BLOBS_GO_ON is under way */
};

/* ---- path.c */

void path_of_blob(struct blob_name name, char out[PATH_MAX_LEN]);
void path_of_blocks(struct blob_name name, char out[PATH_MAX_LEN]); /* a directory */
void path_of_block(struct blob_name name, struct slice id, char out[PATH_MAX_LEN]);

void path_of_new(uint64_t id, char out[PATH_MAX_LEN]);

/* ---- head.c: the first BLOBS_HEAD_SIZE bytes of a blob's file */

enum err head_write(struct io_file *f, struct blob_name name, const struct blobs_props *p) MUST_USE;

/* The blob's file and head, whose text borrows from `space`.  ERR_CORRUPT; ERR_NOT_FOUND: it is not there,
 * or the file is another blob's. */
enum err blob_file_open(struct blobs *b, struct blob_name name, uint8_t space[BLOBS_HEAD_SIZE],
                        struct io_file **file, struct blobs_props *out) MUST_USE;

/* ---- write.c */

enum err sync_directory_of(struct blobs *b, const char *path) MUST_USE;

enum err writer_begin(struct blobs *b, struct addr owner, uint64_t *id) MUST_USE;
enum err writer_append(struct blobs *b, uint64_t id, struct slice piece) MUST_USE;
enum err writer_put(struct blobs *b, uint64_t id, struct blob_name name,
                    struct blobs_props *props) MUST_USE;
enum err writer_stage(struct blobs *b, uint64_t id, struct blob_name name,
                      struct slice block_id) MUST_USE;
void writer_abort(struct blobs *b, uint64_t id);
void writer_abort_of(struct blobs *b, struct addr owner);

void discard_blocks(struct blobs *b, struct blob_name name);

/* ---- join.c */

/* `m` is kept until it is answered. */
void join_start(struct blobs *b, struct msg *m, const struct blobs_call *c);
void joins_run(struct blobs *b);
void joins_free(struct blobs *b);

/* ---- blob.c */

void blobs_answer_on(struct lane *lane, const struct msg *m, const struct blobs_answer *a);
void blobs_reply(struct blobs *b, const struct msg *m, const struct blobs_answer *a);

#endif
