/* owners.c - claims on partitions, on the core that decides about them. */
#include "front/amqp/owners.h"

#include <stdlib.h>

#include "base/metrics.h"

COUNTER(stolen, "azimuth_stream_readers_stolen_total",
        "Readers disconnected by one with a higher or equal owner level");

struct claim {
    struct list node;
    struct addr reader;
    struct owners_claim said;
};

struct owners {
    struct lane *lane;
    uint32_t readers_max;
    struct list claims[UINT8_MAX + 1]; /* by partition, modulo */
};

static struct list *claims_of(struct owners *o, const struct owners_claim *c)
{
    return &o->claims[c->partition & UINT8_MAX];
}

static bool same_place(const struct owners_claim *a, const struct owners_claim *b)
{
    return a->stream == b->stream && a->partition == b->partition &&
           slice_eq_nocase(slice_str(a->group), slice_str(b->group));
}

/* The claim that forbids this one, or NULL. */
static const struct claim *obstacle(struct owners *o, const struct owners_claim *want,
                                    struct owners_claimed *answer)
{
    uint32_t readers = 0;
    LIST_EACH(node, claims_of(o, want))
    {
        const struct claim *c = CONTAINER_OF(node, struct claim, node);
        if (!same_place(&c->said, want)) continue;
        if (c->said.level > want->level) {
            answer->err = ERR_DENIED;
            return c;
        }
        if (want->level == OWNER_NO_LEVEL && ++readers >= o->readers_max) {
            answer->err = ERR_FULL;
            return c;
        }
    }
    return NULL;
}

static void steal(struct owners *o, const struct owners_claim *thief)
{
    LIST_EACH(node, claims_of(o, thief))
    {
        struct claim *c = CONTAINER_OF(node, struct claim, node);
        if (!same_place(&c->said, thief)) continue;
        struct msg *m = msg_new(OWNERS_STOLEN, sizeof *thief);
        memcpy(m->body, thief, sizeof *thief);
        post(o->lane, lane_addr(o->lane), c->reader, m);
        metric_inc(&stolen);
        list_remove(&c->node);
        free(c);
    }
}

static void on_claim(void *ctx, struct lane *lane, struct msg *m)
{
    struct owners *o = ctx;
    struct owners_claim want;
    struct owners_claimed answer = {.err = OK};
    memcpy(&want, m->body, sizeof want);
    const struct claim *other = obstacle(o, &want, &answer);
    if (other) {
        answer.by = other->said;
    } else {
        if (want.level != OWNER_NO_LEVEL) steal(o, &want);
        struct claim *c = NEW(struct claim);
        c->reader = m->from;
        c->said = want;
        list_push(claims_of(o, &want), &c->node);
    }
    struct msg *reply = msg_new(OWNERS_CLAIMED, sizeof answer);
    memcpy(reply->body, &answer, sizeof answer);
    post_reply(lane, m, reply);
}

static void on_release(void *ctx, struct lane *lane, struct msg *m)
{
    struct owners *o = ctx;
    struct owners_claim said;
    (void)lane;
    memcpy(&said, m->body, sizeof said);
    LIST_EACH(node, claims_of(o, &said))
    {
        struct claim *c = CONTAINER_OF(node, struct claim, node);
        if (!addr_eq(c->reader, m->from)) continue;
        list_remove(&c->node);
        free(c);
    }
}

struct owners *owners_new(struct lane *lane, uint32_t readers_max)
{
    struct owners *o = NEW(struct owners);
    o->lane = lane;
    o->readers_max = readers_max;
    for (size_t i = 0; i <= UINT8_MAX; i++) list_init(&o->claims[i]);
    lane_on(lane, OWNERS_CLAIM, on_claim, o);
    lane_on(lane, OWNERS_RELEASE, on_release, o);
    return o;
}

void owners_free(struct owners *o)
{
    for (size_t i = 0; i <= UINT8_MAX; i++)
        LIST_EACH(node, &o->claims[i]) free(CONTAINER_OF(node, struct claim, node));
    free(o);
}
