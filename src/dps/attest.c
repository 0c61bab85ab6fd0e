/* attest.c - who is it?
 *
 * The most specific enrollment decides: the individual one; then, of groups with certificates, the one
 * whose CA is nearest to the device's own certificate; of groups with keys, the one through which the
 * device has registered before, then whichever key fits.  Disabled ones count: they refuse.
 *
 * Source: "X.509 certificate attestation" (which enrollment applies), "Symmetric key attestation". */
#include "dps/tpm.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "base/text.h"
#include "hub/certificate/certificate.h"

COUNTER(refused, "azimuth_dps_attestations_refused_total",
        "Devices that could not prove to device provisioning who they are");

unsigned attest_deny(const struct call *c, const char *why)
{
    metric_inc(&refused);
    say_debug("dps.refused", "registration=%.*s reason=\"%s\"", SLICE_ARG(c->id), why);
    fail(ERR_DENIED, "%s", why);
    return DPS_UNAUTHORIZED;
}

/* ---- tokens */

/* {scope}/registrations/{id}: ids compare without case. */
static bool names_device(const struct call *c, const struct sas *t)
{
    char path[sizeof "registrations/" + DPS_ID_MAX];
    snprintf(path, sizeof path, "registrations/%.*s", SLICE_ARG(c->id));
    for (unsigned reading = 0; reading < SAS_READINGS; reading++) {
        struct sas_resource r;
        if (sas_resource(t, reading, &r) && slice_is_nocase(r.host, c->dps->hub->id_scope) &&
            slice_is_nocase(r.path, path))
            return true;
    }
    return false;
}

static bool read_token(const struct call *c, struct sas *t)
{
    if (sas_parse(c->token, t) != OK) return false;
    if (!names_device(c, t)) return fail(ERR_DENIED, "the token is for another device"), false;
    if (sas_ends_us(t) <= clock_wall_us()) return fail(ERR_EXPIRED, "the token has expired"), false;
    return true;
}

static bool signed_with(const struct sas *t, const struct auth_key keys[2])
{
    for (int i = 0; i < 2; i++)
        if (sas_verify(t, slice_of(keys[i].bytes, keys[i].len))) return true;
    return false;
}

static void put_keys(struct buf *out, const struct auth_key keys[2])
{
    buf_printf(out,
               "{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"%s\",\"secondaryKey\":"
               "\"%s\"}}",
               keys[0].text, keys[1].text);
}

struct slice attest_keep(struct call *c, struct buf *text)
{
    struct slice kept = arena_copy(&c->arena, buf_slice(text));
    buf_wipe(text);
    return kept;
}

/* The hub's identity gets the keys with which the device has proved itself. */
void attest_note_keys(struct call *c, const struct auth_key keys[2], struct attested *out)
{
    struct buf text = BUF_SECRET;
    put_keys(&text, keys);
    out->identity = attest_keep(c, &text);
    buf_put_str(&text, "\"symmetricKey\":{");
    if (out->enrollment.kind == DPS_GROUP) {
        buf_put_str(&text, "\"enrollmentGroupId\":");
        text_json_string(&text, out->enrollment.id);
    }
    buf_put_u8(&text, '}');
    out->proof = attest_keep(c, &text);
}

/* ---- groups with keys */

static void derive(const struct auth_key group[2], struct slice id, struct auth_key out[2])
{
    for (int i = 0; i < 2; i++) {
        uint8_t mac[SAS_SIGNATURE_LEN];
        struct buf text = BUF_SECRET;
        sas_derive_key(slice_of(group[i].bytes, group[i].len), id, mac);
        text_base64(&text, slice_of(mac, sizeof mac));
        enum err e = auth_key_set(&out[i], buf_slice(&text));
        assert(e == OK);
        mem_wipe(mac, sizeof mac);
        buf_wipe(&text);
    }
}

/* Devices derive from the id as they spell it, or as it was given to them. */
static bool group_signed(struct call *c, const struct group *g, const struct sas *t,
                         struct attested *out)
{
    const struct slice spellings[] = {c->id, c->id_lower};
    struct auth_key keys[2];
    bool fits = false;
    if (g->enrollment.attestation != ATTESTATION_SYMMETRIC_KEY) return false;
    for (int i = 0; i < 2 && !fits; i++) {
        if (i && slice_eq(spellings[0], spellings[1])) break;
        derive(g->enrollment.keys, spellings[i], keys);
        fits = signed_with(t, keys);
    }
    if (fits) {
        out->group = arena_copy(&c->arena, g->id_lower);
        group_copy(&c->arena, g, &out->enrollment);
        attest_note_keys(c, keys, out);
    }
    mem_wipe(keys, sizeof keys);
    return fits;
}

static unsigned by_group_key(struct call *c, const struct sas *t, struct attested *out)
{
    const struct groups *groups = &c->dps->groups;
    const struct group *g = c->has_registration ? groups_find(groups, c->registration.group) : NULL;
    if (g && group_signed(c, g, t, out)) return DPS_OK;
    for (size_t i = 0; (g = map_next(&groups->by_id, &i)) != NULL;)
        if (group_signed(c, g, t, out)) return DPS_OK;
    return attest_deny(c, "no enrollment has a key with which this token was signed");
}

static unsigned by_token(struct call *c, struct attested *out)
{
    struct sas t;
    if (!read_token(c, &t)) return attest_deny(c, fail_text());
    if (!c->has_enrollment) return by_group_key(c, &t, out);
    if (c->enrollment.attestation == ATTESTATION_TPM) return tpm_attest(c, &t, out);
    if (c->enrollment.attestation != ATTESTATION_SYMMETRIC_KEY)
        return attest_deny(c, "the enrollment wants another proof than a token");
    if (!signed_with(&t, c->enrollment.keys))
        return attest_deny(c, "the token is signed with another key");
    out->enrollment = c->enrollment;
    attest_note_keys(c, c->enrollment.keys, out);
    return DPS_OK;
}

/* ---- certificates */

/* A certificate of the list counts once it is verified. */
static struct slice signer_of(const struct call *c, const struct enrollment *e, int i)
{
    if (e->ca_names[i].len == 0) return e->der[i];
    const struct certificate *ca = certificate_find(c->dps->doors.certificates, e->ca_names[i]);
    return ca && ca->verified ? slice_of(ca->der, ca->der_len) : SLICE_NONE;
}

/* How far is the nearer of its two CAs?  `signer` gets it. */
static bool signed_by(const struct call *c, const struct enrollment *e, unsigned *depth,
                      struct slice *signer)
{
    bool any = false;
    for (int i = 0; i < 2; i++) {
        struct slice der = signer_of(c, e, i);
        unsigned here;
        if (der.len == 0 || x509_by_anchor(c->certificate, der, c->id, clock_wall_us(), &here))
            continue;
        if (any && here >= *depth) continue;
        any = true;
        *depth = here;
        *signer = der;
    }
    return any;
}

/* Only who registers, or asks for what a crash has left undone, gets an identity. */
static bool gets_identity(const struct call *c)
{
    return c->head->verb == VERB_REGISTER ||
           (c->has_registration && c->registration.status == REGISTRATION_ASSIGNING);
}

/* The hub's identity gets the certificate that was shown: whoever shows another one of the same name,
 * from wherever under the same root, is not that device. */
static void note_certificate(struct call *c, struct slice signer, struct attested *out)
{
    struct buf text = {0};
    const struct x509_facts *f = c->certificate;
    if (!gets_identity(c)) return;
    buf_put_str(&text, "{\"type\":\"selfSigned\",\"x509Thumbprint\":{\"primaryThumbprint\":\"");
    text_hex(&text, slice_of(f->sha256, sizeof f->sha256));
    buf_put_str(&text, "\"}}");
    out->identity = attest_keep(c, &text);
    buf_put_str(&text, "\"x509\":{\"certificateInfo\":");
    certificate_info_write(&text, slice_of(f->chain, f->chain_len));
    if (out->enrollment.kind == DPS_GROUP) {
        buf_put_str(&text, ",\"enrollmentGroupId\":");
        text_json_string(&text, out->enrollment.id);
    }
    if (signer.len) {
        buf_put_str(&text, ",\"signingCertificateInfo\":");
        certificate_info_write(&text, signer);
    }
    buf_put_u8(&text, '}');
    out->proof = attest_keep(c, &text);
}

static bool is_own(const struct x509_facts *f, struct slice der)
{
    struct x509_info info;
    return der.len && x509_info_read(der, &info) == OK &&
           memcmp(info.sha256, f->sha256, sizeof f->sha256) == 0;
}

static unsigned by_own_certificate(struct call *c, struct attested *out)
{
    const struct enrollment *e = &c->enrollment;
    const struct x509_facts *f = c->certificate;
    int64_t now_us = clock_wall_us();
    struct slice signer = SLICE_NONE;
    unsigned depth;
    if (e->attestation != ATTESTATION_X509)
        return attest_deny(c, "the enrollment wants another proof than a certificate");
    if (!slice_eq_nocase(slice_str(f->common_name), c->id))
        return attest_deny(c, "the certificate's common name is not the registration id");
    if (e->signs ? !signed_by(c, e, &depth, &signer)
                 : !is_own(f, e->der[0]) && !is_own(f, e->der[1]))
        return attest_deny(c, "the certificate is not that of the enrollment");
    if (now_us < f->from_us || now_us > f->until_us)
        return attest_deny(c, "the certificate is not valid now");
    out->enrollment = *e;
    note_certificate(c, signer, out);
    return DPS_OK;
}

static const struct group *nearest_group(const struct call *c, struct slice *signer)
{
    const struct group *g, *nearest = NULL;
    unsigned least = 0, depth = 0;
    struct slice der = SLICE_NONE;
    for (size_t i = 0; (g = map_next(&c->dps->groups.by_id, &i)) != NULL;) {
        if (g->enrollment.attestation != ATTESTATION_X509) continue;
        if (!signed_by(c, &g->enrollment, &depth, &der)) continue;
        if (nearest && depth >= least) continue;
        nearest = g;
        least = depth;
        *signer = der;
    }
    return nearest;
}

/* Whatever the group's own certificate is: the chain has to lead to one that is verified. */
static bool is_verified(const struct call *c)
{
    const struct x509_facts *f = c->certificate;
    return x509_by_ca(f, certificates_cas(c->dps->doors.certificates), slice_str(f->common_name),
                      clock_wall_us(), NULL) == AUTH_OK;
}

static unsigned by_group_certificate(struct call *c, struct attested *out)
{
    struct slice signer = SLICE_NONE;
    if (!slice_eq_nocase(slice_str(c->certificate->common_name), c->id))
        return attest_deny(c, "the certificate's common name is not the registration id");
    if (!is_verified(c)) return attest_deny(c, fail_text());
    const struct group *g = nearest_group(c, &signer);
    if (g == NULL) {
        fail(ERR_NOT_FOUND, "nobody has enrolled that certificate or a CA above it");
        return DPS_NO_ENROLLMENT;
    }
    out->group = arena_copy(&c->arena, g->id_lower);
    group_copy(&c->arena, g, &out->enrollment);
    note_certificate(c, arena_copy(&c->arena, signer), out);
    return DPS_OK;
}

unsigned attest(struct call *c, struct attested *out)
{
    *out = (struct attested){0};
    if (c->token.len) return by_token(c, out);
    if (c->certificate == NULL) return attest_deny(c, "there is neither a token nor a certificate");
    return c->has_enrollment ? by_own_certificate(c, out) : by_group_certificate(c, out);
}
