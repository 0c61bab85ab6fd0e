/* remote_rig.h - an account elsewhere that knows names of blobs, without a network; for *_test.c files only.
 *
 * It answers on the lane that asks, and counts. */
#ifndef BLOB_REMOTE_RIG_H
#define BLOB_REMOTE_RIG_H

#include "blob/internal.h"
#include "blob/remote.h"

enum { REMOTE_RIG_BLOBS = 64 };

struct remote_rig {
    struct remote *remote; /* whoever opens it frees it */
    unsigned looks, stages, commits;
    uint64_t bytes;                   /* staged */
    bool has_all;                     /* whatever it is asked for */
    enum err refuses;                 /* everything, so */
    uint64_t blobs[REMOTE_RIG_BLOBS]; /* their names, hashed */
};

static inline void remote_rig_answer(const struct remote_rig *r, struct lane *lane,
                                     const struct msg *m, enum err e)
{
    blobs_answer_on(lane, m,
                    &(struct blobs_answer){.err = r->refuses ? r->refuses : e, .text = "rig"});
}

static inline const struct remote_ask *remote_rig_ask(const struct msg *m)
{
    return (const void *)m->body;
}

/* Without the signature. */
static inline uint64_t remote_rig_name(const struct msg *m)
{
    struct slice uri = slice_of(remote_rig_ask(m)->bytes, remote_rig_ask(m)->uri_len);
    return map_hash(slice_head(uri, slice_find(uri, '?')));
}

static inline bool remote_rig_has(const struct remote_rig *r, const struct msg *m)
{
    for (int i = 0; i < REMOTE_RIG_BLOBS; i++)
        if (r->blobs[i] == remote_rig_name(m)) return true;
    return r->has_all;
}

static inline void remote_rig_on_get(void *ctx, struct lane *lane, struct msg *m)
{
    struct remote_rig *r = ctx;
    r->looks++;
    remote_rig_answer(r, lane, m, remote_rig_has(r, m) ? OK : ERR_NOT_FOUND);
}

static inline void remote_rig_on_stage(void *ctx, struct lane *lane, struct msg *m)
{
    struct remote_rig *r = ctx;
    r->stages++;
    r->bytes += m->len - sizeof(struct remote_ask) - remote_rig_ask(m)->uri_len;
    remote_rig_answer(r, lane, m, OK);
}

static inline void remote_rig_on_commit(void *ctx, struct lane *lane, struct msg *m)
{
    struct remote_rig *r = ctx;
    if (r->refuses == OK) r->blobs[r->commits++ % REMOTE_RIG_BLOBS] = remote_rig_name(m);
    remote_rig_answer(r, lane, m, OK);
}

static inline void remote_rig_instead(struct remote_rig *r, struct lane *lane, unsigned kind,
                                      msg_fn fn)
{
    lane->handlers[kind].fn = NULL;
    lane_on(lane, kind, fn, r);
}

static inline void remote_rig_open(struct remote_rig *r, struct lane *lane)
{
    r->remote = remote_new(lane, NULL);
    remote_rig_instead(r, lane, REMOTE_GET, remote_rig_on_get);
    remote_rig_instead(r, lane, REMOTE_STAGE, remote_rig_on_stage);
    remote_rig_instead(r, lane, REMOTE_COMMIT, remote_rig_on_commit);
}

#endif
