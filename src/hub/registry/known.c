/* known.c - whom the cores know, a core at a time and in turns. */
#include "hub/registry/rows.h"

#include <stdlib.h>

#include "hub/registry/message.h"

/* The answer: this, then for each u64 number, u16 length, bytes, struct presence. */
struct known_head {
    uint64_t after, total;
    uint32_t count;
    bool more;
};

static uint64_t total(const struct presences *p, const struct registry_known_ask *ask)
{
    if (ask->of_modules) return p->place_count - p->holes;
    return ask->connected ? p->connected_count : p->connected_count + p->idle_count;
}

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct registry *r = ctx;
    const struct registry_known_ask *ask = (const void *)m->body;
    struct presence_seen seen[REGISTRY_KNOWN_MAX];
    struct presence_walk walk = {ask->after, ask->of_modules, ask->connected};
    struct known_head head = {.total = total(&r->presences, ask)};
    struct buf reply = {0};
    assert(ask->max <= REGISTRY_KNOWN_MAX);
    head.more = presences_walk(&r->presences, &walk, seen, ask->max, &head.count);
    head.after = walk.after;
    msg_buf_begin(&reply);
    buf_put(&reply, &head, sizeof head);
    for (unsigned i = 0; i < head.count; i++) {
        buf_put_le64(&reply, seen[i].number);
        buf_put_le16(&reply, (uint16_t)seen[i].who.len);
        buf_put_slice(&reply, seen[i].who);
        buf_put(&reply, &seen[i].presence, sizeof seen[i].presence);
    }
    post_reply(lane, m, msg_buf_end(&reply, REGISTRY_KNOWN_ARE));
}

static void read_seen(struct cur *at, struct presence_seen *out)
{
    out->number = cur_le64(at);
    out->who = cur_take(at, cur_le16(at));
    struct slice presence = cur_take(at, sizeof out->presence);
    slice_copy(&out->presence, presence);
}

static void on_answer(void *ctx, struct lane *lane, struct msg *m)
{
    struct registry *r = ctx;
    struct registry_known_wait *w = slot_get(lane, m->to);
    struct cur at = cur_of(msg_body(m));
    struct known_head head;
    struct presence_seen seen[REGISTRY_KNOWN_MAX];
    if (w == NULL) return;
    struct slice begin = cur_take(&at, sizeof head);
    assert(begin.ptr != NULL);
    memcpy(&head, begin.ptr, sizeof head);
    for (unsigned i = 0; i < head.count; i++) read_seen(&at, &seen[i]);
    registry_known_forget(r, w);
    w->fn(w, &(struct registry_known){seen, head.count, head.after, head.more, head.total});
}

void registry_known(struct registry *r, const struct registry_known_ask *ask,
                    struct registry_known_wait *w)
{
    ON_LANE(r->lane);
    struct msg *m = msg_new(REGISTRY_KNOWN, sizeof *ask);
    memcpy(m->body, ask, sizeof *ask);
    w->slot = slot_new(r->lane, w);
    post(r->lane, w->slot, (struct addr){.lane = r->hub->cores[ask->core]}, m);
}

void registry_known_forget(struct registry *r, struct registry_known_wait *w)
{
    slot_free(r->lane, w->slot);
}

void known_join(struct registry *r)
{
    lane_on(r->lane, REGISTRY_KNOWN, on_ask, r);
    lane_on(r->lane, REGISTRY_KNOWN_ARE, on_answer, r);
}
