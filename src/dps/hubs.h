/* hubs.h - the hubs that devices are assigned to, and what is done there.  Private to dps.
 *
 * One of them is this very server's, whose verbs are called; the others are asked over their REST API,
 * with tokens made of the key that they were linked with.  Each question is answered once, after it has
 * returned.
 *
 * Source: IoT Hub service REST API 2021-04-12, devices, bulk registry operations and twins. */
#ifndef DPS_HUBS_H
#define DPS_HUBS_H

#include "dps/call.h"
#include "hub/registry/registry.h"
#include "hub/twin/twin.h"
#include "out/out.h"

enum {
    HUB_TIMEOUT_MS = 10000,     /* of a question to another hub */
    HUB_ANSWER_MAX = 256 << 10, /* bytes of an answer */
    HUB_TOKEN_LIFE_S = 3600,
};

struct hub_reply {
    unsigned http;     /* 200, 404; 0: no answer */
    struct slice body; /* JSON; empty: none */
    struct slice text; /* for people, when it went wrong */
};

/* Who waits; embedded in its owner. */
struct hub_ask {
    void (*fn)(struct hub_ask *ask, const struct hub_reply *reply);
    struct dps *dps;
    enum {
        HUB_ASKS_NOBODY,
        HUB_ASKS_REGISTRY,
        HUB_ASKS_TWINS,
        HUB_ASKS_ANOTHER,
        HUB_ASKS_NONE
    } waiting;
    struct registry_wait registry;
    struct twin_wait twin;
    struct out_wait out;
    struct timer soon; /* HUB_ASKS_NONE: that hub is not linked any more */
};

void hub_ask_init(struct hub_ask *ask, struct dps *d);
void hub_ask_forget(struct hub_ask *ask);

/* Is that a hub to which devices may be assigned? */
bool hub_is_linked(const struct dps *d, struct slice hub);

/* Of a hub that is not linked any more the answer is 404: whatever it has is out of reach. */
void hub_get_identity(struct hub_ask *ask, struct slice hub, struct slice device_id);
void hub_put_identity(struct hub_ask *ask, struct slice hub, struct slice device_id,
                      struct slice json);
void hub_delete_identity(struct hub_ask *ask, struct slice hub, struct slice device_id);
void hub_get_twin(struct hub_ask *ask, struct slice hub, struct slice device_id);

/* One ExportImportDevice: identity and twin. */
void hub_import(struct hub_ask *ask, struct slice hub, struct slice json);

#endif
