/* credential.c - tokens: signed with the identity's own key, or with a policy that may connect devices.
 * Certificates: one of the two that the identity is registered with, or one from a CA of the hub. */
#include "hub/session/credential.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "hub/token.h"

COUNTER(certificates_refused, "azimuth_certificates_refused_total",
        "Client certificates that opened no session");

static enum session_cause check_token(const struct hub *hub, const struct session_open_msg *open,
                                      const struct identity *id, struct session_opened *answer)
{
    struct slice who = open_who(open);
    char path[HUB_TOKEN_PATH_MAX];
    struct sas sas;
    if (sas_parse(open_token(open), &sas) != OK) {
        answer->auth = AUTH_MALFORMED;
        return SESSION_BAD_TOKEN;
    }
    answer->hub_scope = sas.policy[0] != '\0';
    answer->auth = answer->hub_scope ? hub_token_of_policy(hub, &sas, hub_token_path(who, path),
                                                           AUTH_DEVICE_CONNECT)
                                     : hub_token_of_identity(hub, &sas, who, id->keys);
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
    assert(facts != NULL);
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
