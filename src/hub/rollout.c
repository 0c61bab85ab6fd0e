/* rollout.c - a queue of messages, and a count of cores. */
#include "hub/rollout.h"

enum err rollout_add(struct rollout *r, struct msg *m, unsigned max)
{
    if (r->waiting == max) return fail(ERR_THROTTLED, "too many changes wait already");
    msg_keep(m);
    m->next = NULL;
    if (r->waiting++)
        r->last->next = m;
    else
        r->first = m;
    r->last = m;
    return OK;
}

void rollout_shift(struct rollout *r)
{
    struct msg *m = r->first;
    r->first = m->next;
    r->waiting--;
    msg_free(m);
}

void rollout_tell(struct rollout *r, const struct hub *hub, struct lane *lane, unsigned kind,
                  struct slice body)
{
    r->cores_left = hub->core_count;
    for (unsigned core = 0; core < hub->core_count; core++) {
        struct msg *m = msg_new(kind, body.len);
        memcpy(m->body, body.ptr, body.len);
        post(lane, lane_addr(lane), (struct addr){.lane = hub->cores[core]}, m);
    }
}

bool rollout_applied(struct rollout *r)
{
    return --r->cores_left == 0;
}

void rollout_free(struct rollout *r)
{
    while (r->first) rollout_shift(r);
}
