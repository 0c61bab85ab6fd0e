/* walk.h - what a plan says is written into the twins of a device's modules, one after the other.  Private
 * to hub/configuration.
 *
 *   next module ──twin read──▶ patch ──none──▶ next module, or done
 *        ▲           │ none        └──▶ twin written ──▶ "
 *        └── made ◀──┘
 *
 * The plan stays the caller's and lives until the walk is done or ended with conf_walk_stop().
 */
#ifndef HUB_CONFIGURATION_WALK_H
#define HUB_CONFIGURATION_WALK_H

#include "hub/configuration/home.h"
#include "hub/configuration/plan.h"

struct walk {
    struct configurations *configurations;
    struct slice device_id;
    const struct plan *plan;
    /* STATUS_OK, or what a twin or the registry said, with a text. */
    void (*done)(struct walk *w, enum status s, struct slice text);

    unsigned at;  /* of plan->modules */
    bool made;    /* that module was missing, and we made it */
    bool changed; /* a twin was written */
    struct arena arena;
    struct buf who;
    bool asks_twin, asks_registry;
    struct twin_wait twin_wait;
    struct registry_wait registry_wait;
};

/* The four members above are set, the rest is zero.  `done` may be called before it returns. */
void conf_walk_start(struct walk *w);
void conf_walk_stop(struct walk *w); /* frees it; also when it is done */

#endif
