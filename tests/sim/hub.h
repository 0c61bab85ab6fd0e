/* hub.h - the hub of the simulated world: started, killed with whatever its disk had not synced, and
 * started again.
 */
#ifndef SIM_HUB_H
#define SIM_HUB_H

#include "base/io_mem.h"
#include "link.h"
#include "net/stack.h"
#include "server/wire.h"

enum { SIM_CORES_MAX = 3 };

struct sim_hub {
    struct io *disk; /* survives the hub */
    unsigned core_count;
    size_t cache_bytes; /* of identities, and of twins, on each core; 0: as it always is */
    bool alive;
    unsigned lives; /* begun so far */
    bool closed;    /* takes no connections: what is judged would change meanwhile */
    struct wire wire;
    struct lane lanes[SIM_CORES_MAX];
    struct conn_host hosts[SIM_CORES_MAX];
    struct lane reader; /* the checker's address */
    struct lane *all[LANES_MAX];
    unsigned all_count;
};

void sim_hub_init(struct sim_hub *h, unsigned cores);
bool sim_hub_start(struct sim_hub *h); /* recovers; false: it cannot, which breaks a promise */

/* As kill -9 and a power cut at once: what the disk had not synced may be lost, seed 0 loses all.
 * Faults of the disk that were planned are over. */
void sim_hub_crash(struct sim_hub *h, uint64_t loss_seed);
/* A connection to some core, or NULL: nobody is there. */
struct link *sim_hub_dial(struct sim_hub *h, enum wire_protocol protocol,
                          const struct link_client *client, void *client_ctx);

/* A token of that policy for `path` below the hub's name, good for two hours. */
void sim_hub_token(const struct sim_hub *h, const char *policy, const char *path, struct buf *out);

void sim_hub_fini(struct sim_hub *h);

#endif
