/* auth.c - the checks every token goes through, cheapest first. */
#include "auth/auth.h"

static const struct {
    const char *name, *text;
} causes[AUTH_CAUSES] = {
    [AUTH_OK] = {"ok", "the token is good"},
    [AUTH_MALFORMED] = {"malformed", "the token is not a shared access signature"},
    [AUTH_EXPIRED] = {"expired", "the token has expired, or the client's clock is wrong"},
    [AUTH_WRONG_RESOURCE] = {"wrong-resource", "the token's sr names another host, device or path"},
    [AUTH_UNKNOWN_POLICY] = {"unknown-policy", "the token's skn names no policy of this hub"},
    [AUTH_BAD_SIGNATURE] = {"bad-signature", "the token is signed with another key"},
    [AUTH_MISSING_RIGHT] = {"missing-right", "the token's policy does not have the permission"},
    [AUTH_SAS_REFUSED] = {"sas-refused",
                          "this hub takes no tokens of devices, or of modules, that they "
                          "sign themselves: certificates only"},
    [AUTH_TOO_LONG] = {"too-long", "the token lasts longer than this hub allows devices: see "
                                   "--device-token-lifetime"},
    [AUTH_CERTIFICATE_EXPIRED] = {"certificate-expired",
                                  "the certificate, or one that it rests on, has expired"},
    [AUTH_CERTIFICATE_NOT_YET_VALID] = {"certificate-not-yet-valid",
                                        "the certificate, or one that it rests on, is not valid "
                                        "yet: look at the clocks"},
    [AUTH_CERTIFICATE_WRONG_THUMBPRINT] = {"certificate-wrong-thumbprint",
                                           "the certificate is none of the two that are registered "
                                           "with the identity"},
    [AUTH_CERTIFICATE_WRONG_NAME] = {"certificate-wrong-name",
                                     "the certificate's common name is not the identity's name"},
    [AUTH_CERTIFICATE_UNKNOWN_CA] = {"certificate-unknown-ca",
                                     "no verified CA of this hub has issued the certificate, or "
                                     "the client does not send an intermediate"},
    [AUTH_CERTIFICATE_BAD_CHAIN] = {"certificate-bad-chain",
                                    "the certificate's chain breaks a rule of RFC 5280"},
};

const char *auth_cause_name(enum auth_cause c)
{
    assert(c < AUTH_CAUSES);
    return causes[c].name;
}

const char *auth_cause_text(enum auth_cause c)
{
    assert(c < AUTH_CAUSES);
    return causes[c].text;
}

static bool covers(const struct sas *t, const struct auth_ask *ask)
{
    struct sas_resource r;
    for (unsigned reading = 0; reading < SAS_READINGS; reading++)
        if (sas_resource(t, reading, &r) && ask->is_host(ask->ctx, r.host) &&
            sas_path_covers(r.path, ask->path))
            return true;
    return false;
}

/* What needs no key. */
static enum auth_cause check_claims(const struct sas *t, const struct auth_ask *ask)
{
    if (ask->now_us > sas_ends_us(t)) return AUTH_EXPIRED;
    return covers(t, ask) ? AUTH_OK : AUTH_WRONG_RESOURCE;
}

enum auth_cause auth_by_keys(const struct sas *t, const struct auth_ask *ask,
                             const struct slice keys[2])
{
    enum auth_cause cause = check_claims(t, ask);
    if (cause != AUTH_OK) return cause;
    return sas_verify(t, keys[0]) || sas_verify(t, keys[1]) ? AUTH_OK : AUTH_BAD_SIGNATURE;
}

static bool signed_with_bytes(const struct sas *t, const struct auth_key *key)
{
    return sas_verify(t, slice_of(key->bytes, key->len));
}

/* IoT clients sign with the bytes of the key, Event Hubs clients with its text. */
static bool signed_by(const struct sas *t, const struct auth_key *key)
{
    return signed_with_bytes(t, key) || sas_verify(t, slice_str(key->text));
}

bool auth_signed_with_bytes(const struct sas *t, const struct policies *p)
{
    const struct policy *policy = policies_find(p, slice_str(t->policy));
    return policy &&
           (signed_with_bytes(t, &policy->keys[0]) || signed_with_bytes(t, &policy->keys[1]));
}

enum auth_cause auth_by_policy(const struct sas *t, const struct auth_ask *ask,
                               const struct policies *p)
{
    enum auth_cause cause = check_claims(t, ask);
    if (cause != AUTH_OK) return cause;
    const struct policy *policy = policies_find(p, slice_str(t->policy));
    if (policy == NULL) return AUTH_UNKNOWN_POLICY;
    if (!signed_by(t, &policy->keys[0]) && !signed_by(t, &policy->keys[1]))
        return AUTH_BAD_SIGNATURE;
    return (policy->rights & ask->rights) == ask->rights ? AUTH_OK : AUTH_MISSING_RIGHT;
}
