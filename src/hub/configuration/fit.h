/* fit.h - what configurations make of one twin, and deployments of an edge device.  Private to
 * hub/configuration. */
#ifndef HUB_CONFIGURATION_FIT_H
#define HUB_CONFIGURATION_FIT_H

#include "hub/configuration/item.h"

/* Those that mean a twin, the one that counts least first.  Ids live in an arena. */
struct meant {
    struct {
        struct slice id;
        bool applied; /* something of it counts; else it is only meant */
    } of[CONFIGURATIONS_MAX];
    unsigned count;
};

bool conf_meant_has(const struct meant *m, struct slice id);
void conf_meant_put(struct buf *out, const struct meant *m); /* {"ID":{"status":"Applied"}} */
bool conf_meant_same(struct arena *a, const struct meant *m, const struct json *configurations);
bool conf_was_applied(const struct json *twin, const struct item *it);

struct fit {
    struct meant meant;
    bool changes;      /* the twin has to be written */
    struct slice json; /* for TWIN_CONFIGURE, in the arena */
    struct slice by; /* who writes: conf_by_add() of those that came or went, or of all; likewise */
};

/* Who writes, for the twin's history: "configuration A, B", and ", .." for those that TWIN_BY_MAX has no room for. */
void conf_by_add(struct buf *by, struct slice id);

/* `items`: struct item, the one that counts least first.  `twin` as services see it.  What a
 * configuration applied earlier and means no longer is taken away, unless another one says it. */
void conf_fit_make(struct arena *a, const struct list *items, const struct json *twin,
                   bool of_module, struct fit *out);

#endif
