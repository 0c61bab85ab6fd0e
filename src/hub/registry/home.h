/* home.h - the home side of a registry: its cache and what waits there.  Private to hub/registry.
 *
 *   (not loaded) ──query──▶ loaded: an identity, or known to be absent ◀──┐
 *                              │ a write starts: others wait              │
 *                              ▼                                          │
 *                           writing ──the store answered──────────────────┘
 *
 * Who needs an identity stands in its entry's queue, first come first served; reading and writing
 * are the same queue, so that nobody sees what the store has not said yes to.
 */
#ifndef HUB_REGISTRY_HOME_H
#define HUB_REGISTRY_HOME_H

#include "base/mem.h"
#include "base/metrics.h"
#include "hub/etag.h"
#include "hub/registry/identity.h"
#include "store/store.h"

/* Anything that is under way, so that registry_free() finds it. */
struct op {
    struct list node;
    void (*drop)(struct op *op); /* frees it unanswered */
};

struct entry {
    struct list idle; /* in registry.idle while nobody needs it, the least recently used first */
    struct registry *registry;
    struct identity *identity; /* NULL: there is none */
    struct list queue;         /* struct registry_load */
    struct store_wait wait;
    bool loaded, asking, writing, serving;
    bool doubtful; /* what is being asked or written may be old */
    bool told;     /* while asking: `messages` is newer than what the store will say */
    unsigned messages;
    size_t bytes; /* what it counts for in the cache */
    struct slice who;
};

struct registry {
    const struct hub *hub;
    struct lane *lane;
    struct map entries; /* struct entry by who */
    struct list idle;
    size_t bytes; /* of all entries */
    size_t cache_bytes;
    unsigned waiting; /* loads and writes */
    struct presences presences;
    struct list listeners; /* struct registry_listener */
    struct list ops;
    struct registry_twins *twins; /* NULL: nobody keeps them */
};

static inline void op_begin(struct registry *r, struct op *op, void (*drop)(struct op *op))
{
    op->drop = drop;
    list_push(&r->ops, &op->node);
}

static inline void op_end(struct op *op)
{
    list_remove(&op->node);
}

/* The entry a load is being served for; valid inside registry_loaded_fn. */
struct entry *registry_entry(struct registry *r, struct slice who);

/* A write began inside its load's turn: the entry serves nobody until entry_written(). */
void entry_write(struct entry *e);

/* The store said yes: `next` (NULL: deleted) is the identity from now on; the entry owns it. */
void entry_set(struct entry *e, struct identity *next);

/* The store has something else than we believed: ask it again. */
void entry_forget(struct entry *e);

/* Likewise for an entry that others may be using, by name, if it is there. */
void registry_doubt(struct registry *r, struct slice who);

void entry_written(struct entry *e); /* serves those who wait; `e` may be gone afterwards */

/* What is known of the identity's connections. */
struct presence identity_presence(const struct registry *r, const struct identity *id);

/* Tells the listeners. */
void registry_tell(struct registry *r, struct slice who, enum registry_change change);
void registry_tell_rekeying(struct registry *r, const struct identity *old);

/* The handlers of one file each. */
void verbs_join(struct registry *r);
void write_join(struct registry *r);
void list_join(struct registry *r);
void modules_join(struct registry *r);
void rows_join(struct registry *r);
void known_join(struct registry *r);

extern struct metric registry_devices; /* list.c: IoT Hub's totalDeviceCount */

#endif
