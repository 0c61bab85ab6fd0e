/* policy.h - what a hub is born with and keeps: its shared access policies, its DPS id scope, its
 * birthday; and how policies change while it runs.
 *
 * Runs on: policy_load() on the starting thread, after store_open() and before the lanes run;
 *          what changes policies on the lane that policy_keys_new() was given.
 * Life:    `policies` is an immutable snapshot, owned by the caller.  A change makes another one; those
 *          before are kept until the end, since whoever has logged in may look at his policy there.
 * Limits:  POLICY_CHANGES_MAX; AUTH_POLICIES_MAX policies.
 * Source:  `az iot hub policy create`, `delete`, `renew-key`; ARM SharedAccessSignatureAuthorizationRule
 *          (names of letters, digits, '-', '.', '_'; up to 64).
 */
#ifndef HUB_POLICY_POLICY_H
#define HUB_POLICY_POLICY_H

#include "auth/auth.h"
#include "hub/hub.h"

enum {
    POLICY_CHANGES_MAX = 256, /* in the life of the process, some 30 KiB each: ERR_FULL */
};

/* Loads what is in hub->store; at first start makes it (policies_make(), random keys) and stores it.
 * Fills *policies and hub->policies, hub->id_scope, hub->created_us. */
enum err policy_load(struct hub *hub, struct policies *policies) MUST_USE;

/* ---- changes
 *
 * One at a time.  OK: the waiter will be told; when he is told OK the store has the change and all cores go
 * by it.  Who has come with a token that is good no more stays until it ends; links of who logged in with a
 * key itself end within a minute, sessions of the console at once, unless policy and key are as they were.
 * ERR_NOT_FOUND: no such policy; ERR_THROTTLED: another change is under way; ERR_FULL; all with a
 * fail_text(). */

struct policy_keys;

/* `hub` as policy_load() filled it; its `policies` are exchanged as keys are. */
struct policy_keys *policy_keys_new(struct hub *hub, struct lane *lane);
void policy_keys_free(struct policy_keys *k); /* NULL is fine */

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten. */
struct policy_wait {
    void (*fn)(struct policy_wait *w, enum err result);
};

/* Makes a policy with two random keys and these rights (enum auth_right, not 0).
 * ERR_INVALID: that is no name; ERR_EXISTS: there is one of that name, in whatever case. */
enum err policy_add(struct policy_keys *k, struct slice name, unsigned rights,
                    struct policy_wait *w) MUST_USE;

/* Gives it other rights, or deletes it.  ERR_UNSUPPORTED: azimuth itself needs it as it is. */
enum err policy_set_rights(struct policy_keys *k, struct slice name, unsigned rights,
                           struct policy_wait *w) MUST_USE;
enum err policy_remove(struct policy_keys *k, struct slice name, struct policy_wait *w) MUST_USE;

/* Makes its key anew, 0: the primary one, 1: the secondary. */
enum err policy_renew(struct policy_keys *k, struct slice name, unsigned which,
                      struct policy_wait *w) MUST_USE;

void policy_forget(struct policy_keys *k, struct policy_wait *w);

#endif
