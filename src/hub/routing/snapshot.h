/* snapshot.h - a document as cores go by it: immutable, shared.  Private to hub/routing. */
#ifndef HUB_ROUTING_SNAPSHOT_H
#define HUB_ROUTING_SNAPSHOT_H

#include <stdatomic.h>

#include "hub/routing/bits.h"

struct snapshot {
    atomic_uint refs;
    struct arena arena; /* of all below */
    uint64_t etag;      /* 0: nobody changed it yet */
    int64_t changed_us;
    const struct json *document;
    struct routing_endpoint endpoints[ROUTE_ENDPOINTS_MAX]; /* by name within their kind */
    unsigned endpoint_count;
    unsigned routed;           /* sources (1 << enum record_source) that have an enabled route */
    struct route_table *table; /* NULL: nothing is decided here */
};

/* Takes the arena over, in which `document` lies.  ERR_INVALID: a condition. */
enum err snapshot_new(const struct hub *hub, const struct routing_config *config,
                      struct arena *arena, const struct json *document,
                      const struct routing_bits *bits, struct snapshot **out) MUST_USE;
struct snapshot *snapshot_ref(struct snapshot *s); /* any thread */
void snapshot_unref(struct snapshot *s);           /* NULL is fine */

#endif
