/* owners.h - who may read a partition: owner levels ("epochs") and the number of readers.
 *
 * For each partition one core decides, so that readers on different cores steal from each other in
 * one order.  A reader claims before its attach is answered and releases when it is gone; a claim
 * with an owner level ends all others of that group and partition with a level not above its own.
 *
 * Runs on: owners_new on each core; claims and answers are messages.
 * Source:  Event Hubs: a receiver with an epoch disconnects those with a lower or no epoch, an equal
 *          epoch disconnects the older one, a lower or missing one is refused.
 * Private to front/amqp.
 */
#ifndef FRONT_AMQP_OWNERS_H
#define FRONT_AMQP_OWNERS_H

#include "front/amqp/amqp.h"

enum { OWNER_NAME_MAX = 64, OWNER_NO_LEVEL = -1 };

enum owners_kind {
    OWNERS_CLAIM = POST_FRONT, /* reader -> owners: struct owners_claim; from: the reader's slot */
    OWNERS_CLAIMED,            /* owners -> reader: struct owners_claimed */
    OWNERS_STOLEN,             /* owners -> reader: struct owners_claim of the thief */
    OWNERS_RELEASE,            /* reader -> owners: struct owners_claim */
    READERS_GO_ON,             /* of reader_share.c to itself */
};

struct owners_claim {
    uint16_t stream, partition;
    int64_t level; /* OWNER_NO_LEVEL: none */
    char group[CONSUMER_GROUP_NAME_MAX + 1];
    char name[OWNER_NAME_MAX + 1]; /* the receiver's, for messages */
};

struct owners_claimed {
    enum err err;           /* OK; ERR_DENIED: a higher level reads; ERR_FULL: too many readers */
    struct owners_claim by; /* who is in the way */
};

struct owners;

struct owners *owners_new(struct lane *lane, uint32_t readers_max);
void owners_free(struct owners *o);

/* The core that decides about a partition. */
static inline struct addr owners_home(const struct hub *hub, const struct owners_claim *c)
{
    return (struct addr){.lane =
                             hub->cores[((unsigned)c->stream + c->partition) % hub->core_count]};
}

#endif
