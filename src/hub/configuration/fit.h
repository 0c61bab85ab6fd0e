/* fit.h - what configurations make of one twin.  Private to hub/configuration. */
#ifndef HUB_CONFIGURATION_FIT_H
#define HUB_CONFIGURATION_FIT_H

#include "hub/configuration/item.h"

struct fit_item {
    const struct item *item; /* while conf_fit_make() runs */
    struct slice item_id;    /* in the arena */
    bool applied;            /* at least one of its properties counts; else it is only meant */
};

struct fit {
    struct fit_item items[CONFIGURATIONS_MAX]; /* those that mean the twin */
    unsigned count;
    bool changes;      /* the twin has to be written */
    struct slice json; /* for TWIN_CONFIGURE, in the arena */
};

/* `items`: struct item, the one that counts least first.  `twin` as services see it.  What a
 * configuration applied earlier and means no longer is taken away, unless another one says it. */
void conf_fit_make(struct arena *a, const struct list *items, const struct json *twin,
                   bool of_module, struct fit *out);

#endif
