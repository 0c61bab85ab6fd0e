/* credential.c - tokens: signed with the identity's own key, or with a policy that may connect devices. */
#include "hub/session/credential.h"

#include <stdio.h>

#include "base/clock.h"

enum { RESOURCE_LEN_MAX = sizeof "devices//modules/" + HUB_WHO_LEN_MAX };

static bool is_our_host(const void *hub, struct slice host)
{
    return hub_is_host(hub, host);
}

/* devices/{id}[/modules/{id}] */
static struct slice resource_of(struct slice who, char out[RESOURCE_LEN_MAX])
{
    struct slice module_id = hub_module_of(who);
    int len = snprintf(out, RESOURCE_LEN_MAX, "devices/%.*s%s%.*s", SLICE_ARG(hub_device_of(who)),
                       module_id.len ? "/modules/" : "", SLICE_ARG(module_id));
    return slice_of(out, (size_t)len);
}

static enum session_cause check_token(const struct hub *hub, const struct session_open_msg *open,
                                      const struct identity *id, struct session_opened *answer)
{
    char resource[RESOURCE_LEN_MAX];
    struct sas sas;
    struct auth_ask ask = {.path = resource_of(slice_of(open->bytes, open->who_len), resource),
                           .rights = AUTH_DEVICE_CONNECT,
                           .now_us = clock_wall_us(),
                           .is_host = is_our_host,
                           .ctx = hub};
    if (sas_parse(slice_of(open->bytes + open->who_len, open->token_len), &sas) != OK) {
        answer->auth = AUTH_MALFORMED;
        return SESSION_BAD_TOKEN;
    }
    answer->hub_scope = sas.policy[0] != '\0';
    answer->auth = answer->hub_scope ? auth_by_policy(&sas, &ask, hub->policies)
                                     : auth_by_keys(&sas, &ask, id->keys);
    answer->ends_us = sas_ends_us(&sas);
    return answer->auth == AUTH_OK ? SESSION_GRANTED : SESSION_BAD_TOKEN;
}

enum session_cause credential_check(const struct hub *hub, const struct session_open_msg *open,
                                    const struct identity *id, struct session_opened *answer)
{
    if (id->auth != IDENTITY_SAS) return SESSION_WRONG_KIND;
    return check_token(hub, open, id, answer);
}
