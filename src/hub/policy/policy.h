/* policy.h - what a hub is born with and keeps: its shared access policies, its DPS id scope, its
 * birthday.
 *
 * Runs on: policy_load() on the starting thread, after store_open() and before the lanes run;
 *          policy_renew() on the lane that policy_keys_new() was given.
 * Life:    `policies` is an immutable snapshot, owned by the caller.  New keys make another one; those
 *          before are kept until the end, since whoever has logged in may look at his policy there.
 * Limits:  POLICY_RENEWALS_MAX.
 */
#ifndef HUB_POLICY_POLICY_H
#define HUB_POLICY_POLICY_H

#include "auth/auth.h"
#include "hub/hub.h"

enum {
    POLICY_RENEWALS_MAX = 256, /* new keys in the life of the process, some 20 KiB each: ERR_FULL */
};

/* Loads what is in hub->store; at first start makes it (policies_make(), random keys) and stores it.
 * Fills *policies and hub->policies, hub->id_scope, hub->created_us. */
enum err policy_load(struct hub *hub, struct policies *policies) MUST_USE;

/* ---- new keys */

struct policy_keys;

/* `hub` as policy_load() filled it; its `policies` are exchanged as keys are. */
struct policy_keys *policy_keys_new(struct hub *hub, struct lane *lane);
void policy_keys_free(struct policy_keys *k); /* NULL is fine */

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten. */
struct policy_wait {
    void (*fn)(struct policy_wait *w, enum err result);
};

/* Makes a policy's key anew, 0: the primary one, 1: the secondary.  When the waiter is told OK all cores
 * go by it and the store has it; who has a token by the one before stays until it ends.
 * OK: the waiter will be told.  ERR_NOT_FOUND: no such policy; ERR_THROTTLED: another change is under
 * way; ERR_FULL. */
enum err policy_renew(struct policy_keys *k, struct slice name, unsigned which,
                      struct policy_wait *w) MUST_USE;
void policy_renew_forget(struct policy_keys *k, struct policy_wait *w);

#endif
