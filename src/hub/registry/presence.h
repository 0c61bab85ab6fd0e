/* presence.h - who is connected and was active when; in memory.  Private to hub/registry.
 *
 * A device that is connected is always known; of those that are not, the REGISTRY_IDLE_MAX that
 * left last.  Who is not known was never there.
 */
#ifndef HUB_REGISTRY_PRESENCE_H
#define HUB_REGISTRY_PRESENCE_H

#include "base/list.h"
#include "base/map.h"

struct presence {
    bool connected;
    int64_t changed_us; /* connectionStateUpdatedTime, wall; 0: never */
    int64_t active_us;  /* lastActivityTime, wall; 0: never */
};

struct presences {
    struct map by_id;         /* by who */
    struct list idle;         /* disconnected, the one that left first is first */
    unsigned connected_count; /* devices, without modules */
    unsigned idle_count;
};

void presences_init(struct presences *p);
void presences_fini(struct presences *p);
struct presence presence_of(const struct presences *p, struct slice who);
void presence_set_connected(struct presences *p, struct slice who, bool connected, int64_t wall_us);
void presence_set_active(struct presences *p, struct slice who, int64_t wall_us);
void presence_forget(struct presences *p, struct slice who);

#endif
