/* blob.c - the routes, and a transfer's life. */
#include "front/blob/blob.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "front/blob/transfer.h"

static void forget(struct call *c)
{
    struct transfer *t = c->own;
    struct blobs *blobs = t->service->cfg->blobs;
    struct lane *lane = t->service->lane;
    if (t->waits && t->beginning)
        blobs_forget_begin(blobs, lane, &t->wait);
    else if (t->waits)
        blobs_forget(lane, &t->wait);
    if (t->writer) blobs_abort(blobs, lane, t->writer);
    EVP_MD_CTX_free(t->md5);
    buf_free(&t->name);
    buf_free(&t->block_id);
    buf_free(&t->body);
    free(t);
}

static void on_begin(struct call *c)
{
    struct transfer *t = NEW(struct transfer);
    t->call = c;
    t->service = c->ctx;
    c->own = t;
    c->forget = forget;
    if (!transfer_open(t)) return;
    if (t->operation <= PUT_BLOCK_LIST) transfer_write_begin(t);
}

static void on_body(struct call *c, struct slice piece)
{
    struct transfer *t = c->own;
    if (t->operation <= PUT_BLOCK_LIST) transfer_write_body(t, piece);
}

static void on_end(struct call *c)
{
    struct transfer *t = c->own;
    t->complete = true;
    switch (t->operation) {
    case PUT_BLOB:
    case PUT_BLOCK:
    case PUT_BLOCK_LIST: transfer_write_end(t); break;
    case GET_BLOB: transfer_read(t); break;
    case DELETE_BLOB: transfer_delete(t); break;
    }
}

void transfer_stall(struct transfer *t,
                    void (*fn)(struct blobs_wait *w, const struct blobs_answer *a))
{
    t->wait.fn = fn;
    t->waits = true;
    if (t->complete)
        rest_call_wait(t->call, WAITING_SITE);
    else
        rest_call_stall(t->call);
}

struct transfer *transfer_of(struct blobs_wait *w)
{
    struct transfer *t = CONTAINER_OF(w, struct transfer, wait);
    t->waits = t->beginning = false;
    rest_call_resume(t->call);
    return t;
}

/* Paths are not looked at: whatever begins with BLOB_PREFIX is a blob. */
static const struct route routes[] = {
    {"GET", BLOB_PREFIX "{container}/{blob}", ACCESS_PUBLIC, 0, THROTTLE_FREE, REST_SMALL_BODY_MAX,
     on_end, "Get a blob, or its properties"},
    {"PUT", BLOB_PREFIX "{container}/{blob}", ACCESS_PUBLIC, 0, THROTTLE_FREE, BLOB_PUT_MAX, on_end,
     "Put a blob, a block or a block list"},
    {"DELETE", BLOB_PREFIX "{container}/{blob}", ACCESS_PUBLIC, 0, THROTTLE_FREE,
     REST_SMALL_BODY_MAX, on_end, "Delete a blob"},
};

struct blob_service *blob_service_new(const struct blob_config *cfg, struct lane *lane,
                                      struct rest_service *rest)
{
    struct blob_service *s = NEW(struct blob_service);
    s->cfg = cfg;
    s->lane = lane;
    s->site = (struct rest_site){.routes = routes,
                                 .route_count = sizeof routes / sizeof *routes,
                                 .prefix = BLOB_PREFIX,
                                 .ctx = s,
                                 .begin = on_begin,
                                 .body = on_body};
    rest_add_site(rest, &s->site);
    return s;
}

void blob_service_free(struct blob_service *s)
{
    free(s);
}
