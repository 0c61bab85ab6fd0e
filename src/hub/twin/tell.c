/* tell.c - desired properties on their way to the device: to its session, if that wants to be told. */
#include "base/metrics.h"
#include "hub/twin/home.h"

COUNTER(told_total, "azimuth_twin_desired_sent_total",
        "Changes of desired properties sent to sessions");
COUNTER(told_bytes, "azimuth_twin_desired_sent_bytes_total",
        "Bytes of changes of desired properties sent to sessions");

static void send(struct twins *t, struct addr session, int64_t version, struct slice json)
{
    metric_inc(&told_total);
    metric_add(&told_bytes, (int64_t)json.len);
    post(t->lane, lane_addr(t->lane), session, twin_desired_new(version, json));
}

void twin_tell_read(struct op *op)
{
    struct twins *t = op->entry->twins;
    struct session_link link;
    if (!session_home_find(t->sessions, op->ask.who, &link)) return;
    if (addr_eq(link.session, op->ask.session) && !(link.features & SESSION_DESIRED))
        twin_missed_read(&t->missed, op->ask.who, link.session);
}

void twin_tell_changed(struct op *op, const struct twin *before)
{
    struct twins *t = op->entry->twins;
    const struct twin *now = op->entry->twin;
    struct session_link link;
    if (!session_home_find(t->sessions, op->entry->who, &link)) return;
    if (link.features & SESSION_DESIRED)
        send(t, link.session, now->desired_version, buf_slice(&op->desired));
    else
        twin_missed_changed(&t->missed, op->entry->who, link.session, before->desired, now->desired,
                            now->desired_version);
}

/* A session opened, wants something else to be told from now on, or ended. */
static void on_session(struct session_listener *l, struct slice who,
                       const struct session_link *link)
{
    struct twins *t = CONTAINER_OF(l, struct twins, listener);
    struct buf patch = {0};
    int64_t version;
    if (link == NULL)
        twin_missed_forget(&t->missed, who);
    else if ((link->features & SESSION_DESIRED) &&
             twin_missed_take(&t->missed, who, link->session, &patch, &version))
        send(t, link->session, version, buf_slice(&patch));
    buf_free(&patch);
}

/* On the session's core. */
static void on_desired(void *ctx, struct lane *lane, struct msg *m)
{
    const struct desired_msg *body = (const void *)m->body;
    struct session *s = session_of(lane, m);
    struct twin_desired d = {body->version, slice_from(msg_body(m), sizeof *body)};
    (void)ctx;
    if (s && s->owner->desired) s->owner->desired(s, &d);
}

void twin_tell_join(struct twins *t)
{
    t->missed.bytes_max = MISSED_BYTES_MAX;
    t->listener.changed = on_session;
    session_home_listen(t->sessions, &t->listener);
    lane_on(t->lane, TWIN_DESIRED, on_desired, t);
}
