/* issue.c - see issue.h. */
#include "dps/issue.h"

#include "auth/x509_issuer.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "base/text.h"

COUNTER(issued_total, "azimuth_dps_certificates_issued_total",
        "Certificates that were issued to devices that register");

/* "authentication" of the identity. */
static enum err note_identity(struct call *c, struct slice leaf, struct attested *who)
{
    struct x509_info info;
    struct buf text = {0};
    TRY(x509_info_read(leaf, &info));
    buf_put_str(&text, "{\"type\":\"selfSigned\",\"x509Thumbprint\":{\"primaryThumbprint\":\"");
    text_hex(&text, slice_of(info.sha256, sizeof info.sha256));
    buf_put_str(&text, "\"}}");
    who->identity = attest_keep(c, &text);
    who->issued = true;
    return OK;
}

static void note_chain(struct call *c, struct slice leaf, struct attested *who)
{
    struct buf text = {0};
    buf_put_slice(&text, who->proof);
    buf_put_str(&text, ",\"issuedCertificateChain\":[\"");
    text_base64(&text, leaf);
    buf_put_str(&text, "\",\"");
    text_base64(&text, x509_issuer_der(c->dps->doors.issuer));
    buf_put_str(&text, "\"]");
    who->proof = attest_keep(c, &text);
}

static enum err issue(struct call *c, struct slice csr, struct attested *who)
{
    const struct dps_doors *doors = &c->dps->doors;
    struct buf leaf = {0};
    int64_t now_us = clock_wall_us(), until_us = now_us + doors->issued_us;
    enum err e =
        x509_issue(doors->issuer, csr, c->id, now_us - DPS_ISSUED_FROM_US, until_us, &leaf);
    if (e == OK) e = note_identity(c, buf_slice(&leaf), who);
    if (e == OK) {
        char iso[CLOCK_ISO_LEN + 1];
        note_chain(c, buf_slice(&leaf), who);
        clock_iso(until_us, iso);
        metric_inc(&issued_total);
        say_info("dps.certificate_issued", "registration=%.*s until=%s", SLICE_ARG(c->id), iso);
    }
    buf_free(&leaf);
    return e;
}

unsigned issue_certificate(struct call *c, const struct json *doc, struct attested *who)
{
    struct slice text = json_str(doc, "csr");
    struct buf csr = {0};
    enum err e;
    if (text.len == 0 || who->enrollment.disabled) return DPS_OK;
    if (who->enrollment.credential_policy.len == 0)
        e = fail(ERR_INVALID, "csr: the enrollment has no credentialPolicyName");
    else if (c->dps->doors.issuer == NULL)
        e = fail(ERR_INVALID, "csr: this server has no CA of its own, and issues no certificates");
    else if (text_unbase64(&csr, text) != OK)
        e = fail(ERR_INVALID, "csr: it is not base64");
    else
        e = issue(c, buf_slice(&csr), who);
    buf_free(&csr);
    return e == OK ? DPS_OK : DPS_BAD_ARGUMENT;
}

void issue_take_up(struct call *c, struct attested *who)
{
    struct buf text = {0}, leaf = {0};
    struct json *proof = NULL;
    buf_printf(&text, "{%.*s}", SLICE_ARG(c->registration.proof));
    struct slice kept = attest_keep(c, &text);
    if (json_parse(&c->arena, kept, &proof) != OK) return;
    const struct json *chain = json_get(proof, "issuedCertificateChain");
    if (chain && chain->child && chain->child->type == JSON_STRING &&
        text_unbase64(&leaf, chain->child->text) == OK &&
        note_identity(c, buf_slice(&leaf), who) == OK)
        who->proof = c->registration.proof;
    buf_free(&leaf);
}

void issue_keep_last(struct arena *a, const struct json *identity, struct json *credential)
{
    const struct json *now = json_get(identity, "authentication");
    struct slice last = json_str(json_get(now, "x509Thumbprint"), "primaryThumbprint");
    struct json *thumbprints = json_get(credential, "x509Thumbprint");
    if (thumbprints == NULL || last.len == 0 || !slice_is(json_str(now, "type"), "selfSigned"))
        return;
    json_set(a, thumbprints, SLICE_LIT("secondaryThumbprint"), json_new_string(a, last));
}
