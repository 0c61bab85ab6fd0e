/* token.h - is this shared access signature good on this hub?
 *
 * The one place where sessions, services, edge hubs that speak for others and devices that ask about
 * their modules have their tokens judged: which names are ours, what time it is, which kinds of
 * identity may not use tokens at all (hub.device_sas_refused), and for how long those of devices may be
 * made out (hub.device_token_us).
 *
 * Runs on: any thread.
 * Source:  IoT Hub's management API, `disableDeviceSAS` and `disableModuleSAS`: they refuse what is
 *          signed with an identity's own key, not what a policy has signed.
 */
#ifndef HUB_TOKEN_H
#define HUB_TOKEN_H

#include "auth/auth.h"
#include "hub/hub.h"

/* The clock of a device may be ahead of ours by so much when it makes a token of the longest lifetime. */
#define HUB_TOKEN_AHEAD_US (60 * 1000000ll)

enum { HUB_TOKEN_PATH_MAX = sizeof "devices//modules/" + HUB_WHO_LEN_MAX };

/* What a token of that identity is for: devices/{id}[/modules/{id}], in `out`. */
struct slice hub_token_path(struct slice who, char out[HUB_TOKEN_PATH_MAX]);

/* Signed with one of the two keys of the identity `who`. */
enum auth_cause hub_token_of_identity(const struct hub *hub, const struct sas *t, struct slice who,
                                      const struct slice keys[2]);

/* Signed with a policy that has all of `rights` (enum auth_right) to that path. */
enum auth_cause hub_token_of_policy(const struct hub *hub, const struct sas *t, struct slice path,
                                    unsigned rights);

#endif
