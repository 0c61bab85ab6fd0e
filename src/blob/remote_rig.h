/* remote_rig.h - an account elsewhere that has one blob or none, without a network; for *_test.c files only.
 *
 * It answers on the lane that asks, and counts. */
#ifndef BLOB_REMOTE_RIG_H
#define BLOB_REMOTE_RIG_H

#include "blob/internal.h"
#include "blob/remote.h"

struct remote_rig {
    struct remote *remote; /* whoever opens it frees it */
    unsigned looks, stages, commits;
    bool has_blob;
};

static inline void remote_rig_answer(struct lane *lane, const struct msg *m, enum err e)
{
    blobs_answer_on(lane, m, &(struct blobs_answer){.err = e, .text = "rig"});
}

static inline void remote_rig_on_get(void *ctx, struct lane *lane, struct msg *m)
{
    struct remote_rig *r = ctx;
    r->looks++;
    remote_rig_answer(lane, m, r->has_blob ? OK : ERR_NOT_FOUND);
}

static inline void remote_rig_on_stage(void *ctx, struct lane *lane, struct msg *m)
{
    struct remote_rig *r = ctx;
    r->stages++;
    remote_rig_answer(lane, m, OK);
}

static inline void remote_rig_on_commit(void *ctx, struct lane *lane, struct msg *m)
{
    struct remote_rig *r = ctx;
    r->commits++;
    r->has_blob = true;
    remote_rig_answer(lane, m, OK);
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
