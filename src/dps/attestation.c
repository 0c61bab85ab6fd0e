/* attestation.c - how devices of an enrollment prove who they are: the AttestationMechanism object.
 *
 * On reads keys and certificates are left out, and people send back what they read: what the document
 * does not say stays as it was. */
#include "base/mem.h"
#include "base/text.h"
#include "dps/tpm.h"

static const char *const names[ATTESTATIONS] = {"tpm", "x509", "symmetricKey"};

const char *attestation_name(enum attestation a)
{
    assert(a < ATTESTATIONS);
    return names[a];
}
static const char *const places[2] = {"primary", "secondary"};

/* ---- members */

enum err member_text(const struct json *object, const char *key, struct slice *out)
{
    const struct json *value = json_get(object, key);
    *out = SLICE_NONE;
    if (value == NULL || value->type == JSON_NULL) return OK;
    if (value->type != JSON_STRING) return fail(ERR_INVALID, "%s must be a text", key);
    *out = value->text;
    return OK;
}

enum err member_bool(const struct json *object, const char *key, bool otherwise, bool *out)
{
    const struct json *value = json_get(object, key);
    *out = otherwise;
    if (value == NULL || value->type == JSON_NULL) return OK;
    if (value->type != JSON_BOOL) return fail(ERR_INVALID, "%s must be true or false", key);
    *out = value->truth;
    return OK;
}

enum err member_object(const struct json *object, const char *key, const struct json **out)
{
    const struct json *value = json_get(object, key);
    *out = NULL;
    if (value == NULL || value->type == JSON_NULL) return OK;
    if (value->type != JSON_OBJECT) return fail(ERR_INVALID, "%s must be an object", key);
    *out = value;
    return OK;
}

/* ---- symmetric keys */

static enum err read_symmetric(const struct json *doc, const struct enrollment *old,
                               struct enrollment *out)
{
    const struct json *object;
    struct slice text[2];
    bool keeps = old && old->attestation == ATTESTATION_SYMMETRIC_KEY;
    TRY(member_object(doc, "symmetricKey", &object));
    TRY(member_text(object, "primaryKey", &text[0]));
    TRY(member_text(object, "secondaryKey", &text[1]));
    for (int i = 0; i < 2; i++) {
        if (text[i].len)
            TRY(auth_key_set(&out->keys[i], text[i]));
        else if (keeps)
            out->keys[i] = old->keys[i];
        else
            auth_key_make(&out->keys[i]);
    }
    return OK;
}

static void write_symmetric(struct buf *out, const struct enrollment *e, enum enrollment_view view)
{
    if (view != ENROLLMENT_STORED && view != ENROLLMENT_CREATED) return;
    buf_printf(out, ",\"symmetricKey\":{\"primaryKey\":\"%s\",\"secondaryKey\":\"%s\"}",
               e->keys[0].text, e->keys[1].text);
}

/* ---- certificates */

void certificate_info_write(struct buf *out, struct slice der)
{
    struct x509_info info;
    if (x509_info_read(der, &info) != OK) {
        buf_put_str(out, "null");
        return;
    }
    buf_put_str(out, "{\"subjectName\":");
    text_json_string(out, slice_str(info.subject));
    buf_put_str(out, ",\"sha1Thumbprint\":\"");
    text_hex(out, slice_of(info.sha1, sizeof info.sha1));
    buf_put_str(out, "\",\"sha256Thumbprint\":\"");
    text_hex(out, slice_of(info.sha256, sizeof info.sha256));
    buf_put_str(out, "\",\"issuerName\":");
    text_json_string(out, slice_str(info.issuer));
    text_json_time(out, "notBeforeUtc", info.from_us);
    text_json_time(out, "notAfterUtc", info.until_us);
    buf_printf(out, ",\"serialNumber\":\"%s\",\"version\":%u}", info.serial, info.version);
}

static bool is_ca_of(const struct enrollment *e)
{
    return e->kind == DPS_GROUP;
}

static enum err take_certificate(struct arena *a, struct slice text, struct enrollment *out, int i)
{
    struct buf der = {0};
    struct x509_certificate x;
    enum err e = x509_certificate_read(text, &der, &x);
    if (e == OK && out->signs && !x.is_ca)
        e = fail(ERR_INVALID,
                 "'%s' is no certification authority, and only one can vouch for a group",
                 x.subject);
    if (e == OK) out->der[i] = arena_copy(a, buf_slice(&der));
    buf_free(&der);
    return e;
}

/* What was read back has "info" and no certificate. */
static enum err read_certificate(struct arena *a, const struct json *set,
                                 const struct enrollment *old, struct enrollment *out, int i)
{
    const struct json *object;
    struct slice text;
    TRY(member_object(set, places[i], &object));
    if (object == NULL) return OK;
    TRY(member_text(object, "certificate", &text));
    if (text.len) return take_certificate(a, text, out, i);
    if (old && old->attestation == ATTESTATION_X509 && old->der[i].len && json_get(object, "info"))
        out->der[i] = old->der[i];
    return OK;
}

static enum err read_ca_names(const struct json *references, struct enrollment *out)
{
    for (int i = 0; i < 2; i++) TRY(member_text(references, places[i], &out->ca_names[i]));
    return OK;
}

static enum err read_x509(struct arena *a, const struct json *doc, const struct enrollment *old,
                          struct enrollment *out)
{
    const struct json *x509, *leaves, *signers, *references;
    TRY(member_object(doc, "x509", &x509));
    TRY(member_object(x509, "clientCertificates", &leaves));
    TRY(member_object(x509, "signingCertificates", &signers));
    TRY(member_object(x509, "caReferences", &references));
    if ((leaves != NULL) + (signers != NULL) + (references != NULL) != 1)
        return fail(ERR_INVALID, "x509 has one of clientCertificates, signingCertificates and "
                                 "caReferences");
    if (leaves && is_ca_of(out))
        return fail(ERR_INVALID, "a group has signingCertificates or caReferences");
    out->signs = leaves == NULL;
    TRY(read_ca_names(references, out));
    for (int i = 0; i < 2; i++) TRY(read_certificate(a, leaves ? leaves : signers, old, out, i));
    if (out->der[0].len || out->der[1].len || out->ca_names[0].len || out->ca_names[1].len)
        return OK;
    return fail(ERR_INVALID, "x509 has no certificate");
}

static void write_certificate(struct buf *out, struct slice der, enum enrollment_view view)
{
    buf_put_u8(out, '{');
    if (view == ENROLLMENT_STORED) {
        buf_put_str(out, "\"certificate\":\"");
        text_base64(out, der);
        buf_put_str(out, "\",");
    }
    buf_put_str(out, "\"info\":");
    certificate_info_write(out, der);
    buf_put_u8(out, '}');
}

static void write_x509(struct buf *out, const struct enrollment *e, enum enrollment_view view)
{
    bool by_name = e->ca_names[0].len || e->ca_names[1].len;
    unsigned count = 0;
    buf_printf(out, ",\"x509\":{\"%s\":{",
               by_name     ? "caReferences"
               : !e->signs ? "clientCertificates"
                           : "signingCertificates");
    for (int i = 0; i < 2; i++) {
        if (e->der[i].len == 0 && e->ca_names[i].len == 0) continue;
        buf_printf(out, "%s\"%s\":", count++ ? "," : "", places[i]);
        if (by_name)
            text_json_string(out, e->ca_names[i]);
        else
            write_certificate(out, e->der[i], view);
    }
    buf_put_str(out, "}}");
}

/* ---- TPM */

/* Who PUTs what was read enrolls no storage root key by it. */
static bool put_back(const struct enrollment *old, const struct enrollment *next)
{
    return old && old->attestation == ATTESTATION_TPM && old->srk_shown &&
           slice_eq(old->storage_root_key, next->storage_root_key);
}

static enum err read_tpm(const struct json *doc, const struct enrollment *old,
                         struct enrollment *out, unsigned *code)
{
    const struct json *tpm;
    if (is_ca_of(out)) return fail(ERR_INVALID, "a group cannot attest with TPMs");
    TRY(member_object(doc, "tpm", &tpm));
    TRY(member_text(tpm, "endorsementKey", &out->endorsement_key));
    TRY(member_text(tpm, "storageRootKey", &out->storage_root_key));
    TRY(member_bool(tpm, "storageRootKeyShown", put_back(old, out), &out->srk_shown));
    *code = DPS_BAD_ENDORSEMENT_KEY;
    if (out->endorsement_key.len == 0) return fail(ERR_INVALID, "tpm needs an endorsementKey");
    TRY(tpm_check_text(out->endorsement_key));
    *code = DPS_BAD_STORAGE_ROOT_KEY;
    if (out->storage_root_key.len) TRY(tpm_check_text(out->storage_root_key));
    *code = DPS_BAD_ARGUMENT;
    return OK;
}

static void write_tpm(struct buf *out, const struct enrollment *e, enum enrollment_view view)
{
    buf_put_str(out, ",\"tpm\":{\"endorsementKey\":");
    text_json_string(out, e->endorsement_key);
    if (e->storage_root_key.len) {
        buf_put_str(out, ",\"storageRootKey\":");
        text_json_string(out, e->storage_root_key);
    }
    if (e->srk_shown && view == ENROLLMENT_STORED)
        buf_put_str(out, ",\"storageRootKeyShown\":true");
    buf_put_u8(out, '}');
}

/* ---- the object */

static enum err read_type(const struct json *doc, enum attestation *out)
{
    struct slice type;
    TRY(member_text(doc, "type", &type));
    for (*out = 0; *out < ATTESTATIONS; ++*out)
        if (slice_eq_nocase(type, slice_str(names[*out]))) return OK;
    return fail(ERR_INVALID, "attestation.type is tpm, x509 or symmetricKey");
}

enum err attestation_read(struct arena *a, const struct json *doc, const struct enrollment *old,
                          struct enrollment *out, unsigned *code)
{
    TRY(read_type(doc, &out->attestation));
    switch (out->attestation) {
    case ATTESTATION_TPM: return read_tpm(doc, old, out, code);
    case ATTESTATION_X509: return read_x509(a, doc, old, out);
    case ATTESTATION_SYMMETRIC_KEY: return read_symmetric(doc, old, out);
    case ATTESTATIONS: break;
    }
    return ERR_INVALID;
}

void attestation_write(struct buf *out, const struct enrollment *e, enum enrollment_view view)
{
    buf_printf(out, "{\"type\":\"%s\"", names[e->attestation]);
    switch (e->attestation) {
    case ATTESTATION_TPM: write_tpm(out, e, view); break;
    case ATTESTATION_X509: write_x509(out, e, view); break;
    case ATTESTATION_SYMMETRIC_KEY: write_symmetric(out, e, view); break;
    case ATTESTATIONS: break;
    }
    buf_put_u8(out, '}');
}
