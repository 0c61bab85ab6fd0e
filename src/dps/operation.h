/* operation.h - a device on its way to a hub.  Private to dps.
 *
 *   begin ─▶ allocate ─▶ [is it there already?] ─▶ remember hub and work ─┬─ keep ──────────▶ its keys
 *                             │ disabled, failed                          ├─ create ─▶ identity, twin
 *                             ▼                                           ├─ reset ──▶ delete, create
 *                       remember the end ◀── [leave the old hub] ◀────────┴─ migrate ─▶ old twin, create
 *
 * What was remembered as work is done again by whoever asks next, should the server have been killed:
 * each step may be repeated. */
#ifndef DPS_OPERATION_H
#define DPS_OPERATION_H

#include "dps/attest.h"
#include "dps/hubs.h"
#include "dps/webhook.h"

enum work { WORK_KEEP, WORK_CREATE, WORK_RESET, WORK_MIGRATE, WORKS };

struct operation {
    struct dps *dps;
    struct arena arena; /* all slices below */
    struct attested who;
    struct slice id_lower, peer;
    struct registration before; /* if has_before */
    struct registration next;
    bool has_before;
    struct slice device_payload; /* JSON; empty: none */
    enum work work;
    struct slice from;         /* the hub that it leaves; empty: none */
    struct slice initial_twin; /* JSON; empty: none */
    struct slice twin;         /* of the hub that it leaves: JSON */
    struct slice hub_status;   /* of the identity that is there: "disabled"; empty: none is there */
    struct slice identity_json; /* the identity that is there */
    struct store_wait wait;
    struct hub_ask ask;
    struct webhook webhook;
};

/* The one under way, or NULL. */
struct operation *operation_find(const struct dps *d, struct slice id_lower);

/* Begins one for an attested device, whose call it leaves without arena: answer it.  `resumed`: goes on
 * under the id that it had.  DPS_THROTTLED: too many are under way. */
unsigned operation_begin(struct call *c, const struct attested *who, struct slice payload,
                         bool resumed, struct operation **out);

/* Is `before` an assignment that stands? */
bool operation_was_assigned(const struct operation *o);

/* Does the device stay where it is, whatever else would be chosen? */
bool operation_sticks(const struct operation *o);

/* allocate.c: calls operation_allocated() or operation_failed(), perhaps before it returns. */
void operation_allocate(struct operation *o);
void operation_allocated(struct operation *o, struct slice hub);
void operation_failed(struct operation *o, unsigned code, struct slice text);

#endif
