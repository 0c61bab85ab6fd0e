/* takeover.h - two clients that are one and the same device: each that connects takes over from the
 * other, who is closed, and what he asks from then on is not answered.
 */
#ifndef SIM_TAKEOVER_H
#define SIM_TAKEOVER_H

#include "mqtt_peer.h"

extern char takeover_device[WORLD_NAME_MAX + 1];

struct takeover_half {
    struct mqtt_peer peer;
    struct takeover_world *world;
    bool waits;
    int64_t connected_us; /* when the hub said yes */
    unsigned rid;
    int64_t asked_us; /* the question that waits */
    int64_t taken_us; /* when the other one was told that it has the session; INT64_MAX: not */
};

struct takeover_world {
    struct takeover_half halves[2];
    unsigned takeovers, goal;
};

void takeover_world_init(struct takeover_world *w, struct sim_hub *hub, unsigned goal);
void takeover_world_start(struct takeover_world *w);
bool takeover_world_done(const struct takeover_world *w);
void takeover_world_fini(struct takeover_world *w);

#endif
