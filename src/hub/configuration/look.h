/* look.h - a twin that is looked at (drawn in home.h).  Private to hub/configuration. */
#ifndef HUB_CONFIGURATION_LOOK_H
#define HUB_CONFIGURATION_LOOK_H

#include "hub/configuration/walk.h"

enum {
    LOOK_ROWS_MAX = 50
}; /* rows by which a twin is found while it waits; then they are swept again */

struct look {
    struct list node; /* in the queue, while it waits */
    struct configurations *configurations;
    struct slice who;
    struct buf row_ids; /* configurations by whose rows it was found: "ID,ID," */
    unsigned row_count;
    bool under_way, again; /* again: the twin changed meanwhile */
    bool refused;          /* by a twin: nothing of it counts */

    /* what was found out; in the arena */
    struct arena arena;
    struct json *twin, *agent; /* agent: of $edgeAgent, or NULL */
    struct fit *fit;
    struct plan *plan; /* of an edge device, else NULL */
    struct walk walk;  /* configurations NULL: none */

    bool asks_twin, asks_store;
    struct twin_wait twin_wait;
    struct store_wait store_wait;
};

#endif
