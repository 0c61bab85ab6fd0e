/* linked.h - one core's copy of the hubs that devices may be assigned to.  Private to dps.
 *
 * One is this server's own: it is always there, and only its place in the allocation can be set.  The
 * others are azimuth or Azure hubs, known by a connection string of theirs.  The first core makes the
 * changes and sends each core the row, as with groups. */
#ifndef DPS_LINKED_H
#define DPS_LINKED_H

#include "base/json.h"
#include "dps/groups.h"

enum {
    LINKED_WEIGHT_MAX = 1000,
    LINKED_LATENCY_MAX = 60000, /* ms */
    LINKED_LOCATION_MAX = 64,   /* bytes */
    LINKED_PORT = 443,
};
#define LINKED_OWN ".own" /* the id of our own in the store: no host has that name */

/* All slices lie in `arena`. */
struct linked_hub {
    struct slice id;   /* in lower case; of our own LINKED_OWN */
    struct slice name; /* the host name that devices are told */
    struct slice connection_string, location;
    struct slice policy; /* of the connection string, as what follows */
    struct auth_key key;
    unsigned port;
    bool own, applies;      /* is it one of those that enrollments without hubs choose from? */
    unsigned weight;        /* of hashed allocation */
    unsigned latency_ms;    /* as somebody has set it; 0: nobody */
    int64_t measured_us;    /* how long it takes to answer this core (latency.c); 0: not known */
    int64_t measured_at_us; /* monotonic */
    uint64_t etag;          /* 0: our own, as nobody has set it yet */
    int64_t created_us, updated_us;
    struct arena arena;
};

struct linked {
    struct map by_id;
    const struct hub *hub;
};

enum err linked_load(struct linked *l, const struct hub *hub) MUST_USE;
void linked_fini(struct linked *l);

/* By its host name, any of our own for our own; NULL: it is not linked. */
const struct linked_hub *linked_find(const struct linked *l, struct slice name);

/* What was measured of a hub that is still linked. */
void linked_measured(struct linked *l, struct slice name, int64_t took_us, int64_t now_us);

void linked_apply(struct linked *l, const struct group_row *row);

/* What somebody PUTs, or what is stored, over `old` (NULL: none): what it does not say stays.
 * ERR_INVALID with a text. */
enum err linked_read(struct arena *a, const struct hub *hub, const struct json *doc,
                     const struct linked_hub *old, struct linked_hub *out) MUST_USE;
void linked_write(struct buf *out, const struct linked_hub *h, bool stored);

#endif
