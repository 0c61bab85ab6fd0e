/* credential.c - tokens: signed with the identity's own key, or with a policy that may connect devices.
 * Certificates: one of the two that the identity is registered with, or one from a CA of the hub. */
#include "hub/session/credential.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"

COUNTER(certificates_refused, "azimuth_certificates_refused_total",
        "Client certificates that opened no session");

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
    struct auth_ask ask = {.path = resource_of(open_who(open), resource),
                           .rights = AUTH_DEVICE_CONNECT,
                           .now_us = clock_wall_us(),
                           .is_host = is_our_host,
                           .ctx = hub};
    if (sas_parse(open_token(open), &sas) != OK) {
        answer->auth = AUTH_MALFORMED;
        return SESSION_BAD_TOKEN;
    }
    answer->hub_scope = sas.policy[0] != '\0';
    answer->auth = answer->hub_scope ? auth_by_policy(&sas, &ask, hub->policies)
                                     : auth_by_keys(&sas, &ask, id->keys);
    answer->ends_us = sas_ends_us(&sas);
    return answer->auth == AUTH_OK ? SESSION_GRANTED : SESSION_BAD_TOKEN;
}

static enum session_cause check_certificate(const struct credential_judge *judge,
                                            const struct session_open_msg *open,
                                            const struct identity *id,
                                            struct session_opened *answer)
{
    const struct x509_facts *facts = open_certificate(open);
    int64_t now_us = clock_wall_us();
    answer->auth = id->auth == IDENTITY_SELF_SIGNED
                       ? x509_by_thumbprint(facts, id->thumbprints, now_us)
                       : x509_by_ca(facts, judge->cas, open_who(open), now_us, NULL);
    answer->certified = true;
    answer->ends_us = facts->until_us;
    if (answer->auth == AUTH_OK) return SESSION_GRANTED;
    metric_inc(&certificates_refused);
    say_debug("session.certificate", "who=%.*s cn=\"%s\" cause=%s reason=\"%s\"",
              SLICE_ARG(open_who(open)), facts->common_name, auth_cause_name(answer->auth),
              fail_text());
    return SESSION_BAD_CERTIFICATE;
}

/* A token, where there is one, is what counts: whoever shows both meant to use it. */
enum session_cause credential_check(const struct credential_judge *judge,
                                    const struct session_open_msg *open, const struct identity *id,
                                    struct session_opened *answer)
{
    bool with_token = open_certificate(open) == NULL;
    if (id->auth == IDENTITY_NONE) return SESSION_WRONG_KIND;
    if (with_token != (id->auth == IDENTITY_SAS)) return SESSION_WRONG_KIND;
    return with_token ? check_token(judge->hub, open, id, answer)
                      : check_certificate(judge, open, id, answer);
}
