/* token.c - tokens on this hub. */
#include "hub/token.h"

#include <stdio.h>

#include "base/clock.h"

static bool is_our_host(const void *hub, struct slice host)
{
    return hub_is_host(hub, host);
}

static struct auth_ask ask_for(const struct hub *hub, struct slice path, unsigned rights)
{
    return (struct auth_ask){.path = path,
                             .rights = rights,
                             .now_us = clock_wall_us(),
                             .is_host = is_our_host,
                             .ctx = hub};
}

struct slice hub_token_path(struct slice who, char out[HUB_TOKEN_PATH_MAX])
{
    struct slice module_id = hub_module_of(who);
    int len = snprintf(out, HUB_TOKEN_PATH_MAX, "devices/%.*s%s%.*s", SLICE_ARG(hub_device_of(who)),
                       module_id.len ? "/modules/" : "", SLICE_ARG(module_id));
    return slice_of(out, (size_t)len);
}

static bool is_too_long(const struct hub *hub, const struct sas *t)
{
    return hub->device_token_us &&
           t->expires_us > clock_wall_us() + hub->device_token_us + HUB_TOKEN_AHEAD_US;
}

/* The signature goes first: who cannot sign is not told what is switched off. */
enum auth_cause hub_token_of_identity(const struct hub *hub, const struct sas *t, struct slice who,
                                      const struct slice keys[2])
{
    char path[HUB_TOKEN_PATH_MAX];
    const struct auth_ask ask = ask_for(hub, hub_token_path(who, path), AUTH_DEVICE_CONNECT);
    enum auth_cause cause = auth_by_keys(t, &ask, keys);
    bool refused = hub_module_of(who).len ? hub->module_sas_refused : hub->device_sas_refused;
    if (cause != AUTH_OK) return cause;
    if (refused) return AUTH_SAS_REFUSED;
    return is_too_long(hub, t) ? AUTH_TOO_LONG : AUTH_OK;
}

enum auth_cause hub_token_of_policy(const struct hub *hub, const struct sas *t, struct slice path,
                                    unsigned rights)
{
    const struct auth_ask ask = ask_for(hub, path, rights);
    enum auth_cause cause = auth_by_policy(t, &ask, hub->policies);
    bool as_device = rights == AUTH_DEVICE_CONNECT;
    return cause == AUTH_OK && as_device && is_too_long(hub, t) ? AUTH_TOO_LONG : cause;
}
