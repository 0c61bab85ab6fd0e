/* rows.c - who of many is connected: every home is asked for those that it owns. */
#include "hub/registry/rows.h"

#include <stdlib.h>

#include "hub/registry/message.h"

/* The question: u32 place in the list, u16 length, bytes; one after the other. */
struct who_is {
    uint32_t place;
    struct presence presence;
};

/* At home: of those that it was asked for, those that it knows. */
static void on_who(void *ctx, struct lane *lane, struct msg *m)
{
    struct registry *r = ctx;
    struct cur at = cur_of(msg_body(m));
    struct buf reply = {0};
    msg_buf_begin(&reply);
    while (cur_left(&at)) {
        struct who_is item = {.place = cur_le32(&at)};
        item.presence = presence_of(&r->presences, cur_take(&at, cur_le16(&at)));
        if (item.presence.active_us) buf_put(&reply, &item, sizeof item);
    }
    post_reply(lane, m, msg_buf_end(&reply, REGISTRY_WHO_IS));
}

void registry_presences_forget(struct registry *r, struct registry_presences_wait *w)
{
    slot_free(r->lane, w->slot);
    free(w->presences);
    w->presences = NULL;
}

static void finish(struct registry *r, struct registry_presences_wait *w)
{
    struct presence *presences = w->presences;
    w->presences = NULL;
    registry_presences_forget(r, w);
    w->fn(w, presences);
    free(presences);
}

static void on_who_is(void *ctx, struct lane *lane, struct msg *m)
{
    struct registry_presences_wait *w = slot_get(lane, m->to);
    const struct who_is *items = (const void *)m->body;
    if (w == NULL) return;
    for (size_t i = 0; i < m->len / sizeof *items; i++)
        w->presences[items[i].place] = items[i].presence;
    if (--w->cores_left == 0) finish(ctx, w);
}

static struct msg *question(const struct hub *hub, uint16_t core, const struct slice *who,
                            unsigned count)
{
    struct buf list = {0};
    msg_buf_begin(&list);
    for (unsigned i = 0; i < count; i++) {
        if (hub_home(hub, who[i]).lane != core) continue;
        buf_put_le32(&list, i);
        buf_put_le16(&list, (uint16_t)who[i].len);
        buf_put_slice(&list, who[i]);
    }
    return msg_buf_end(&list, REGISTRY_WHO);
}

void registry_presences(struct registry *r, const struct slice *who, unsigned count,
                        struct registry_presences_wait *w)
{
    ON_LANE(r->lane);
    assert(count <= REGISTRY_PRESENCES_MAX);
    w->slot = slot_new(r->lane, w);
    w->cores_left = r->hub->core_count;
    w->presences = mem_zero((count + 1) * sizeof *w->presences);
    for (unsigned i = 0; i < r->hub->core_count; i++) {
        uint16_t core = r->hub->cores[i];
        post(r->lane, w->slot, (struct addr){.lane = core}, question(r->hub, core, who, count));
    }
}

void rows_join(struct registry *r)
{
    lane_on(r->lane, REGISTRY_WHO, on_who, r);
    lane_on(r->lane, REGISTRY_WHO_IS, on_who_is, r);
}
