/* transfer.h - a request to the upload target, from its head to its answer.  Private to front/blob. */
#ifndef FRONT_BLOB_TRANSFER_H
#define FRONT_BLOB_TRANSFER_H

#include "blob/blob.h"
#include "front/blob/blob.h"
#include "front/rest/call.h"

struct blob_service {
    const struct blob_config *cfg;
    struct lane *lane;
    struct rest_site site;
};

enum operation { PUT_BLOB, PUT_BLOCK, PUT_BLOCK_LIST, GET_BLOB, DELETE_BLOB };

struct transfer {
    struct call *call;
    struct blob_service *service;
    enum operation operation;
    unsigned rights; /* of the signature: enum blob_right */
    struct buf name, block_id;
    struct blobs_wait wait;
    bool waits;
    bool beginning;  /* what it waits for is a writer */
    uint64_t writer; /* 0: none */
    struct buf body; /* what has come and is not on its way to the disk; a list: all of it */
    bool complete;   /* the request is */
    void *md5;       /* EVP_MD_CTX, while Content-MD5 asks for it */
    struct blobs_props props; /* of an answer in pieces: its size and change */
    uint64_t at, left;        /* of a read */
};

static inline struct blob_name transfer_name(const struct transfer *t)
{
    return (struct blob_name){slice_str(t->service->cfg->container), buf_slice(&t->name)};
}

/* ---- request.c */

/* What is asked, by whom: fills the transfer, or answers. */
bool transfer_open(struct transfer *t);

/* Headers of a blob that is written; texts borrow from the request and from `space`. */
void transfer_props(const struct transfer *t, struct buf *space, struct blobs_props *out);

/* ---- answer.c: each ends the call */

void transfer_refuse(struct call *c, int status, const char *code, const char *text);
void transfer_refuse_err(struct call *c, enum err e, const char *text);
void transfer_created(struct transfer *t, const struct blobs_props *p); /* 201; NULL: a block */
void transfer_deleted(struct transfer *t);                              /* 202 */

/* The head of an answer with the blob; `status` 200 or 206. */
void transfer_begin_blob(struct transfer *t, int status, const struct blobs_props *p, uint64_t from,
                         uint64_t length);
void transfer_not_modified(struct transfer *t, const struct blobs_props *p); /* 304 */

/* `"0x..."` */
enum { BLOB_ETAG_MAX = 32 };
struct slice transfer_etag(int64_t modified_us, char out[BLOB_ETAG_MAX]);

/* ---- write.c, read.c */

/* Waits for `fn`; the request is read no further. */
void transfer_stall(struct transfer *t,
                    void (*fn)(struct blobs_wait *w, const struct blobs_answer *a));
struct transfer *transfer_of(struct blobs_wait *w); /* and it waits no more */

void transfer_write_begin(struct transfer *t);
void transfer_write_body(struct transfer *t, struct slice piece);
void transfer_write_end(struct transfer *t);
void transfer_read(struct transfer *t);
void transfer_delete(struct transfer *t);

/* ---- list.c */

/* The ids of a block list, decoded into `space`, in its order; ERR_INVALID, ERR_TOO_BIG with a text. */
enum err block_list_read(struct slice xml, struct buf *space, struct slice **ids,
                         size_t *count) MUST_USE;

#endif
