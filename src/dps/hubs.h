/* hubs.h - the hubs that devices are assigned to, and what is done there.  Private to dps.
 *
 * One of them is this very server's.  Each question is answered once, after it has returned. */
#ifndef DPS_HUBS_H
#define DPS_HUBS_H

#include "dps/call.h"
#include "hub/registry/registry.h"
#include "hub/twin/twin.h"

struct hub_reply {
    unsigned http;     /* 200, 404; 0: no answer */
    struct slice body; /* JSON; empty: none */
    struct slice text; /* for people, when it went wrong */
};

/* Who waits; embedded in its owner. */
struct hub_ask {
    void (*fn)(struct hub_ask *ask, const struct hub_reply *reply);
    struct dps *dps;
    enum { HUB_ASKS_NOBODY, HUB_ASKS_REGISTRY, HUB_ASKS_TWINS } waiting;
    struct registry_wait registry;
    struct twin_wait twin;
};

void hub_ask_init(struct hub_ask *ask, struct dps *d);
void hub_ask_forget(struct hub_ask *ask);

/* The name under which devices know this server's hub. */
struct slice hub_own_name(const struct dps *d);

/* Is that a hub to which devices may be assigned? */
bool hub_is_linked(const struct dps *d, struct slice hub);

void hub_get_identity(struct hub_ask *ask, struct slice hub, struct slice device_id);
void hub_put_identity(struct hub_ask *ask, struct slice hub, struct slice device_id,
                      struct slice json);
void hub_delete_identity(struct hub_ask *ask, struct slice hub, struct slice device_id);
void hub_get_twin(struct hub_ask *ask, struct slice hub, struct slice device_id);

/* One ExportImportDevice: identity and twin. */
void hub_import(struct hub_ask *ask, struct slice hub, struct slice json);

#endif
