/* policy.h - what a hub is born with and keeps: its shared access policies, its DPS id scope, its
 * birthday.
 *
 * Runs on: the starting thread, after store_open() and before the lanes run.
 * Life:    `policies` is an immutable snapshot, owned by the caller.
 */
#ifndef HUB_POLICY_POLICY_H
#define HUB_POLICY_POLICY_H

#include "auth/auth.h"
#include "hub/hub.h"

/* Loads what is in hub->store; at first start makes it (policies_make(), random keys) and stores it.
 * Fills *policies and hub->policies, hub->id_scope, hub->created_us. */
enum err policy_load(struct hub *hub, struct policies *policies) MUST_USE;

#endif
