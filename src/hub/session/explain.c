/* explain.c - why home refused a session, in the words of hub/refusal.
 *
 * A token is taken apart once more here: who is refused pays for it, not who is let in.  Nothing of its
 * signature is kept. */
#include "hub/session/explain.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/text.h"
#include "hub/refusal/refusal.h"
#include "hub/token.h"

LIMIT_REACHED(not_guessed, "login-guesses")

static struct refusal begin(const struct session_open_msg *open, enum refusal_cause cause)
{
    return (struct refusal){.cause = cause,
                            .protocol = hub_protocol_word(open->protocol),
                            .who = open_who(open),
                            .peer = open_peer(open),
                            .sdk = open_sdk(open)};
}

/* ---- tokens */

static void put_resource(struct buf *out, const struct sas *t)
{
    struct sas_resource r;
    if (sas_resource(t, 0, &r)) buf_printf(out, "%.*s/%.*s", SLICE_ARG(r.host), SLICE_ARG(r.path));
}

static void put_rights(struct buf *out, const struct policy *p)
{
    static const struct {
        unsigned right;
        const char *name;
    } names[] = {{AUTH_REGISTRY_READ, "RegistryRead"},
                 {AUTH_REGISTRY_WRITE, "RegistryWrite"},
                 {AUTH_SERVICE_CONNECT, "ServiceConnect"},
                 {AUTH_DEVICE_CONNECT, "DeviceConnect"}};
    const char *gap = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(p->rights & names[i].right)) continue;
        buf_printf(out, "%s%s", gap, names[i].name);
        gap = ", ";
    }
}

static void put_policy(struct buf *out, const struct hub *hub, const struct sas *t)
{
    const struct policy *p = policies_find(hub->policies, slice_str(t->policy));
    if (p == NULL) {
        buf_printf(out, "policy '%s', which this hub does not have", t->policy);
        return;
    }
    buf_printf(out, "policy '%s' with the rights ", t->policy);
    put_rights(out, p);
}

static enum refusal_cause cause_of_token(enum auth_cause auth)
{
    switch (auth) {
    case AUTH_EXPIRED: return REFUSAL_SAS_EXPIRED;
    case AUTH_WRONG_RESOURCE: return REFUSAL_SAS_RESOURCE;
    case AUTH_UNKNOWN_POLICY:
    case AUTH_MISSING_RIGHT: return REFUSAL_POLICY_RIGHT;
    case AUTH_BAD_SIGNATURE: return REFUSAL_SAS_SIGNATURE;
    case AUTH_SAS_REFUSED: return REFUSAL_SAS_NOT_ALLOWED;
    case AUTH_TOO_LONG: return REFUSAL_SAS_TOO_LONG;
    default: return REFUSAL_SAS_FORM;
    }
}

/* What a text that is no token looks like, without showing it: people send keys and connection strings. */
static const char *kind_of(struct slice text)
{
    if (text.len == 0) return "nothing";
    if (slice_starts_nocase(text, SLICE_LIT("HostName="))) return "a connection string";
    if (sas_is(text)) return "a token that lacks sr, sig or se, or has them in another form";
    if (slice_starts(text, SLICE_LIT("eyJ"))) return "a JSON web token";
    return text.len == 44 ? "what looks like a key" : "a text that is no token";
}

/* Not for a flood: each guess is some signatures. */
static bool may_guess(struct explain_guess *g)
{
    int64_t second = clock_wall_us() / 1000000;
    if (second != g->second) g->count = 0;
    g->second = second;
    if (g->count == SESSION_GUESSES_MAX) {
        metric_inc(&not_guessed);
        return false;
    }
    g->count++;
    return true;
}

static bool by_text_of_key(const struct sas *t, const struct identity *id)
{
    return (id->key_texts[0].len && sas_verify(t, id->key_texts[0])) ||
           (id->key_texts[1].len && sas_verify(t, id->key_texts[1]));
}

static const struct policy *by_policy_unnamed(const struct hub *hub, const struct sas *t)
{
    for (size_t i = 0; i < hub->policies->count; i++) {
        const struct policy *p = &hub->policies->items[i];
        for (int k = 0; k < 2; k++)
            if (sas_verify(t, slice_of(p->keys[k].bytes, p->keys[k].len))) return p;
    }
    return NULL;
}

/* Whose key is it, if not the identity's own? */
static void guess_key(const struct explain *x, struct refusal *r, const struct sas *t,
                      struct buf *observed, struct buf *next)
{
    struct buf group = {0};
    char iso[CLOCK_ISO_LEN + 1];
    int64_t replaced_us;
    const struct policy *policy;
    if (!may_guess(x->guess)) return;
    if ((replaced_us = formers_signed(x->formers, r->who, t)) != 0) {
        clock_iso(replaced_us, iso);
        buf_printf(observed, "signed with the key that was replaced at %.19sZ", iso);
    } else if (x->id && by_text_of_key(t, x->id)) {
        buf_put_str(observed, "signed with the key's base64 text");
        buf_put_str(next, "decode the key's base64 before it is used for HMAC-SHA256");
    } else if ((policy = by_policy_unnamed(x->hub, t)) != NULL) {
        buf_printf(observed,
                   "signed with the key of the policy '%s', which the token does not name",
                   policy->name);
        buf_printf(next, "add &skn=%s to the token, or sign it with the device's own key",
                   policy->name);
    } else if (x->guess->fn && x->guess->fn(x->guess->ctx, t, &group)) {
        buf_printf(observed, "signed with the key of the enrollment group %.*s itself",
                   SLICE_ARG(buf_slice(&group)));
        buf_printf(next,
                   "derive the device's key: azimuth dps compute-device-key --key GROUPKEY "
                   "--rid %.*s",
                   SLICE_ARG(r->who));
    }
    buf_free(&group);
}

static void explain_token(const struct explain *x, struct refusal *r, struct buf *observed,
                          struct buf *expected, struct buf *next)
{
    struct sas t;
    char path[HUB_TOKEN_PATH_MAX];
    r->cause = cause_of_token(x->answer->auth);
    if (sas_parse(open_token(x->open), &t) != OK) {
        buf_put_str(observed, kind_of(open_token(x->open)));
        return;
    }
    if (r->cause == REFUSAL_SAS_EXPIRED)
        r->number = (clock_wall_us() - t.expires_us) / 1000000;
    else if (r->cause == REFUSAL_SAS_RESOURCE) {
        put_resource(observed, &t);
        buf_printf(expected, "%s/%.*s", x->hub->hosts[0], SLICE_ARG(hub_token_path(r->who, path)));
    } else if (r->cause == REFUSAL_POLICY_RIGHT)
        put_policy(observed, x->hub, &t);
    else if (r->cause == REFUSAL_SAS_SIGNATURE && t.policy[0]) {
        buf_printf(observed, "a signature that fits neither key of the policy '%s'", t.policy);
        buf_printf(expected, "a key of the policy '%s', or a token without skn", t.policy);
    } else if (r->cause == REFUSAL_SAS_SIGNATURE) {
        guess_key(x, r, &t, observed, next);
    }
}

/* ---- certificates */

static void put_certificate(struct buf *out, const struct x509_facts *f)
{
    buf_printf(out, "CN=%s, SHA-256 ", f->common_name);
    text_hex(out, slice_of(f->sha256, sizeof f->sha256));
}

static void put_thumbprints(struct buf *out, const struct identity *id)
{
    for (int i = 0; i < 2; i++)
        if (id->thumbprints[i].len)
            buf_printf(out, "%s%.*s", buf_size(out) ? " or " : "", SLICE_ARG(id->thumbprints[i]));
}

/* Where a chain ends that leads to no CA of the hub. */
static void put_issuer(struct buf *out, const struct x509_facts *f)
{
    struct x509_info leaf;
    if (x509_info_read(slice_of(f->chain, f->chain_len), &leaf) != OK) return;
    buf_printf(out, "; it was issued by %.80s, and came %s", leaf.issuer,
               f->shown > 1 ? "with its chain" : "alone");
}

static void put_refused(struct buf *out, const struct x509_facts *f, enum auth_cause cause)
{
    char from[CLOCK_ISO_LEN + 1], until[CLOCK_ISO_LEN + 1];
    clock_iso(f->from_us, from);
    clock_iso(f->until_us, until);
    buf_printf(out, "CN=%s, valid from %.10s until %.10s: %s", f->common_name, from, until,
               auth_cause_text(cause));
    if (cause == AUTH_CERTIFICATE_UNKNOWN_CA) put_issuer(out, f);
}

static void explain_certificate(const struct explain *x, struct refusal *r, struct buf *observed,
                                struct buf *expected)
{
    const struct x509_facts *f = open_certificate(x->open);
    if (f == NULL) return;
    if (x->answer->auth == AUTH_CERTIFICATE_WRONG_THUMBPRINT) {
        r->cause = REFUSAL_THUMBPRINT;
        put_certificate(observed, f);
        if (x->id) put_thumbprints(expected, x->id);
        return;
    }
    r->cause = REFUSAL_CLIENT_CERT;
    put_refused(observed, f, x->answer->auth);
    if (x->answer->auth == AUTH_CERTIFICATE_WRONG_NAME)
        buf_printf(expected, "the common name %.*s", SLICE_ARG(r->who));
}

/* ---- the identity */

static const char *name_of(enum identity_auth auth)
{
    static const char *const names[] = {
        [IDENTITY_SAS] = "sas (a token)",
        [IDENTITY_SELF_SIGNED] = "selfSigned (a certificate with a registered thumbprint)",
        [IDENTITY_CERTIFICATE_AUTHORITY] = "certificateAuthority (a certificate from a CA)",
        [IDENTITY_NONE] = "none, until it is given keys",
    };
    return names[auth];
}

static void explain_kind(const struct explain *x, struct buf *observed, struct buf *expected)
{
    buf_put_str(observed, open_certificate(x->open) ? "a certificate"
                          : open_token(x->open).len ? "a token"
                                                    : "neither a token nor a certificate");
    if (x->id) buf_put_str(expected, name_of(x->id->auth));
}

static void put_status(struct buf *out, const struct identity *id)
{
    char iso[CLOCK_ISO_LEN + 1];
    buf_put_str(out, "status disabled");
    if (id->status_updated_us) {
        clock_iso(id->status_updated_us, iso);
        buf_printf(out, " since %.19sZ", iso);
    }
    if (id->status_reason.len) buf_printf(out, ": %.*s", SLICE_ARG(id->status_reason));
}

static bool is_on_behalf(const struct session_open_msg *open)
{
    struct slice chain = open_chain(open);
    return slice_find(chain, ';') < chain.len;
}

static bool fill(const struct explain *x, struct refusal *r, struct buf *observed,
                 struct buf *expected, struct buf *next)
{
    switch (x->answer->cause) {
    case SESSION_UNKNOWN: r->cause = REFUSAL_UNKNOWN_ID; break;
    case SESSION_DISABLED:
        r->cause = REFUSAL_DISABLED;
        if (x->id) put_status(observed, x->id);
        break;
    case SESSION_WRONG_KIND:
        r->cause = REFUSAL_AUTH_KIND;
        explain_kind(x, observed, expected);
        break;
    case SESSION_BAD_TOKEN:
        r->cause = REFUSAL_ON_BEHALF;
        if (is_on_behalf(x->open))
            buf_put_slice(observed, open_chain(x->open));
        else
            explain_token(x, r, observed, expected, next);
        break;
    case SESSION_BAD_CERTIFICATE: explain_certificate(x, r, observed, expected); break;
    case SESSION_UNAVAILABLE:
        r->cause = REFUSAL_WE_CLOSED;
        buf_put_str(observed, "the store did not answer in time");
        break;
    default: return false; /* a takeover is noted when it happens */
    }
    return true;
}

void explain_refusal(const struct explain *x)
{
    struct refusal r = begin(x->open, REFUSAL_CAUSES);
    struct buf observed = {0}, expected = {0}, next = {0};
    if (fill(x, &r, &observed, &expected, &next)) {
        r.known = x->id != NULL;
        r.observed = buf_slice(&observed);
        r.expected = buf_slice(&expected);
        r.next = buf_slice(&next);
        refusal_home_note(x->hub->refusals, x->home, &r);
    }
    buf_free(&observed);
    buf_free(&expected);
    buf_free(&next);
}

/* ---- sessions */

void explain_connected(const struct hub *hub, struct lane *home,
                       const struct session_open_msg *open)
{
    struct refusal r = begin(open, REFUSAL_CONNECTED);
    r.known = true;
    refusal_home_connected(hub->refusals, home, &r);
}

char *explain_caller(const struct session_open_msg *open)
{
    struct slice peer = open_peer(open), sdk = open_sdk(open);
    if (peer.len == 0) return NULL;
    char *text = mem_new(peer.len + sdk.len + sizeof " ()");
    snprintf(text, peer.len + sdk.len + sizeof " ()", sdk.len ? "%.*s (%.*s)" : "%.*s%.*s",
             SLICE_ARG(peer), SLICE_ARG(sdk));
    return text;
}

void explain_parts(const char *caller, struct slice *peer, struct slice *sdk)
{
    struct slice rest = slice_str(caller);
    *peer = slice_head(rest, slice_find(rest, ' '));
    rest = slice_from(rest, peer->len);
    *sdk = rest.len > 3 ? slice_head(slice_from(rest, 2), rest.len - 3) : SLICE_NONE;
}

/* The older client is named without its port, which differs each time. */
void explain_takeover(const struct hub *hub, struct lane *home,
                      const struct session_open_msg *newer, const char *older)
{
    struct refusal r = begin(newer, REFUSAL_TAKEOVER);
    struct buf observed = {0};
    struct slice caller = slice_str(older);
    struct slice peer = slice_head(caller, slice_find(caller, ' '));
    struct slice address = slice_head(peer, slice_rfind(peer, ':'));
    if (older)
        buf_printf(&observed, "%.*s%.*s was connected", SLICE_ARG(address),
                   SLICE_ARG(slice_from(caller, peer.len)));
    r.known = true;
    r.observed = buf_slice(&observed);
    refusal_home_note(hub->refusals, home, &r);
    buf_free(&observed);
}
