/* plan.h - what deployments make of an edge device and its modules.  Private to hub/configuration.
 *
 * A base deployment says all of $edgeAgent; of those that mean a device one counts, the one with the
 * highest priority.  A layered deployment says paths; all that mean the device and have a higher
 * priority than the base count, the highest last.
 */
#ifndef HUB_CONFIGURATION_PLAN_H
#define HUB_CONFIGURATION_PLAN_H

#include "hub/configuration/fit.h"

#define PLAN_AGENT SLICE_LIT("$edgeAgent")
#define PLAN_HUB   SLICE_LIT("$edgeHub")

struct plan {
    struct meant meant;
    bool says; /* the configurations of $edgeAgent's twin are others */
    struct item *applied[CONFIGURATIONS_MAX]; /* the least important first; conf_item_keep() */
    struct item *left[CONFIGURATIONS_MAX];    /* they did, and do no longer; likewise */
    unsigned applied_count, left_count;
    struct slice *modules; /* whose twins are concerned, in the arena; $edgeAgent is the last */
    unsigned module_count;
};

static inline bool plan_is_system(struct slice module_id)
{
    return slice_eq(module_id, PLAN_AGENT) || slice_eq(module_id, PLAN_HUB);
}

bool plan_is_edge(const struct json *device); /* its twin */

/* `device` and `agent` are twins as services see them; `agent` may be NULL. */
void conf_plan_make(struct arena *a, const struct list *items, const struct json *device,
                    const struct json *agent, struct plan *out);

/* One content for one device, whatever deployments say: it is merged into what is there. */
void conf_plan_one(struct arena *a, struct item *it, struct plan *out);

/* Who writes a module's twin: conf_by_add() of those that say something of it, or did; else of all. */
void conf_plan_by(const struct plan *p, struct slice module_id, struct buf *by);

void conf_plan_drop(struct plan *p); /* what it keeps */

/* The patch of a module's desired properties; NULL: there is nothing to be changed. */
struct json *conf_plan_patch(struct arena *a, const struct plan *p, struct slice module_id,
                             const struct json *desired);

#endif
