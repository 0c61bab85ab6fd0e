/* digital_twin.h - the twin of a device as IoT Plug and Play sees it: components and properties.
 *
 * A digital twin is no document of its own: it is the device's twin in another shape.  Reading reshapes
 * what hub/twin answers; updating makes a merge patch of desired properties out of a JSON Patch and
 * writes it, on condition that the twin is still the one it was made for.
 *
 *   {"$dtId": "d1", "thermostat1": {"target": 20, "$metadata": {"target": {"desiredValue": 21, ..}}},
 *    "serial": "s1", "$metadata": {"$model": "dtmi:..;1", "serial": {"lastUpdateTime": ..}}}
 *
 * Runs on: the core that asks; only hub/twin's verbs go elsewhere.
 * Life:    struct digital_twin_call is embedded in who asks, from a verb until its `fn` or
 *          digital_twin_forget().
 * Limits:  the constants below; beyond, and where a patch breaks a rule: STATUS_ARGUMENT_INVALID with
 *          the name that Azure has for it.
 * Source:  "Understand IoT Plug and Play digital twins"; "IoT Plug and Play conventions"; service REST
 *          API 2021-04-12; README.md has what is ours.
 */
#ifndef HUB_DIGITAL_TWIN_DIGITAL_TWIN_H
#define HUB_DIGITAL_TWIN_DIGITAL_TWIN_H

#include "base/arena.h"
#include "hub/hub.h"
#include "hub/status.h"
#include "hub/twin/twin.h"

enum {
    DIGITAL_TWIN_OPS_MAX = 1000,        /* of a JSON Patch */
    DIGITAL_TWIN_PATCH_MAX = 256 << 10, /* bytes of one; MessageTooLarge */
    DIGITAL_TWIN_TRIES = 4,             /* when others write the twin meanwhile */
};

/* Borrowed during the call. */
struct digital_twin_answer {
    enum status status;
    const char *error; /* Azure's name, where the status has another one; NULL: the status's */
    struct slice etag; /* without quotes */
    struct slice body; /* of a read: JSON */
    struct slice text; /* for people, when the status is not STATUS_OK */
};

struct digital_twin_call {
    void (*fn)(struct digital_twin_call *c, const struct digital_twin_answer *a);
    struct twins *twins;
    struct twin_wait wait;
    struct buf who, patch, if_match; /* of an update */
    bool has_match;
    unsigned tries;
};

/* c->fn follows, never from inside. */
void digital_twin_get(struct twins *t, struct slice device_id, struct digital_twin_call *c);

/* `patch` is a JSON Patch (RFC 6902) of add, replace and remove; `if_match` is the header's value,
 * SLICE_NONE (ptr NULL): there was none.  c->wait.by says who writes, and is kept until c->fn. */
void digital_twin_update(struct twins *t, struct slice device_id, struct slice if_match,
                         struct slice patch, struct digital_twin_call *c);

void digital_twin_forget(struct digital_twin_call *c);

/* Writes the JSON Patch that makes one digital twin out of the other; both are twins as twin_get() shows
 * them.  False, and nothing is written: there is no difference. */
bool digital_twin_put_change(struct buf *out, struct slice before, struct slice after);

/* A command of a component is called as a direct method "component*command", one of the device itself
 * by its name ("IoT Plug and Play conventions"). */
void digital_twin_put_method(struct buf *out, struct slice component, struct slice command);

#endif
