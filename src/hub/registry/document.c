/* document.c - what a PUT or a bulk entry says about an identity, checked field by field.
 *
 * A PUT replaces: a field that is left out gets its default, and left-out keys are made anew.
 * A member that is null counts as left out.
 */
#include <stdio.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"
#include "hub/registry/identity.h"

/* Microseconds from .NET's first instant to 1970. */
static const int64_t dotnet_epoch_us = INT64_C(62135596800) * 1000000;

/* ---- members */

static enum err read_object(const struct json *parent, const char *key, const struct json **out)
{
    *out = json_given(parent, key);
    if (*out == NULL || (*out)->type == JSON_OBJECT) return OK;
    return fail(ERR_INVALID, "%s must be an object", key);
}

/* SLICE_NONE when it is left out. */
static enum err read_string(const struct json *object, const char *key, struct slice *out)
{
    const struct json *j = json_given(object, key);
    *out = SLICE_NONE;
    if (j == NULL) return OK;
    if (j->type != JSON_STRING) return fail(ERR_INVALID, "%s must be a string", key);
    if (slice_find(j->text, '\0') < j->text.len)
        return fail(ERR_INVALID, "%s must not contain a NUL", key);
    *out = j->text.ptr ? j->text : slice_of("", 0);
    return OK;
}

/* An entry of a bulk call that leaves a member out leaves it as it was: who disables a thousand devices, a line each,
 * does not want them to have other keys, and who moves those to an edge device not to enable what is disabled. */
static bool keeps(const struct json *doc, const char *member, bool of_bulk,
                  const struct identity *old)
{
    return of_bulk && old && json_given(doc, member) == NULL;
}

/* ---- status */

static enum err read_status(const struct json *doc, struct identity *out)
{
    struct slice status;
    TRY(read_string(doc, "status", &status));
    bool disabled = slice_eq_nocase(status, SLICE_LIT("disabled"));
    if (status.ptr && !disabled && !slice_eq_nocase(status, SLICE_LIT("enabled")))
        return fail(ERR_INVALID, "status must be 'enabled' or 'disabled'");
    out->enabled = !disabled;
    return OK;
}

/* As .NET counts: UTF-16 code units.  The bytes are UTF-8. */
static size_t count_characters(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] & 0xC0) != 0x80) count++;
        if (text.ptr[i] >= 0xF0) count++;
    }
    return count;
}

static enum err read_status_reason(const struct json *doc, struct identity *out)
{
    TRY(read_string(doc, "statusReason", &out->status_reason));
    if (count_characters(out->status_reason) <= REGISTRY_STATUS_REASON_MAX) return OK;
    return fail(ERR_INVALID, "statusReason has more than %d characters",
                REGISTRY_STATUS_REASON_MAX);
}

/* A reason is one of the status that it came with. */
static enum err read_whole_status(const struct json *doc, bool of_bulk, const struct identity *old,
                                  struct identity *out)
{
    TRY(read_status(doc, out));
    TRY(read_status_reason(doc, out));
    if (!keeps(doc, "status", of_bulk, old)) return OK;
    out->enabled = old->enabled;
    if (keeps(doc, "statusReason", of_bulk, old)) out->status_reason = old->status_reason;
    return OK;
}

/* ---- authentication */

/* Bit i of `which`: the i-th. */
static void make_keys(struct arena *a, unsigned which, struct identity *out)
{
    for (unsigned i = 0; i < 2; i++) {
        struct auth_key key;
        if (!(which >> i & 1)) continue;
        auth_key_make(&key);
        out->keys[i] = arena_copy(a, slice_of(key.bytes, key.len));
        out->key_texts[i] = arena_copy(a, slice_str(key.text));
        mem_wipe(&key, sizeof key);
    }
}

static enum err read_key(struct arena *a, struct slice text, struct identity *out, int i)
{
    struct auth_key key;
    if (auth_key_set(&key, text) != OK) return fail(ERR_INVALID, "Invalid device key length");
    out->keys[i] = arena_copy(a, slice_of(key.bytes, key.len));
    out->key_texts[i] = text;
    mem_wipe(&key, sizeof key);
    return OK;
}

/* Both or neither: without keys we make them. */
static enum err read_keys(struct arena *a, const struct json *authentication, struct identity *out)
{
    const struct json *symmetric;
    struct slice primary, secondary;
    TRY(read_object(authentication, "symmetricKey", &symmetric));
    TRY(read_string(symmetric, "primaryKey", &primary));
    TRY(read_string(symmetric, "secondaryKey", &secondary));
    if (primary.len == 0 && secondary.len == 0) {
        make_keys(a, 3, out);
        return OK;
    }
    if (primary.len == 0 || secondary.len == 0)
        return fail(ERR_INVALID, "Either no keys or both keys can be set");
    TRY(read_key(a, primary, out, 0));
    return read_key(a, secondary, out, 1);
}

/* SHA-1 or SHA-256 in hex, without separators. */
static bool is_thumbprint(struct slice text)
{
    struct buf bytes = {0};
    bool is_hex = text_unhex(&bytes, text) == OK;
    buf_free(&bytes);
    return is_hex && (text.len == 40 || text.len == 64);
}

static enum err read_thumbprints(const struct json *authentication, struct identity *out)
{
    static const char *const names[] = {"primaryThumbprint", "secondaryThumbprint"};
    const struct json *x509;
    TRY(read_object(authentication, "x509Thumbprint", &x509));
    for (int i = 0; i < 2; i++) {
        struct slice text;
        TRY(read_string(x509, names[i], &text));
        if (text.len == 0) continue;
        if (!is_thumbprint(text)) return fail(ERR_INVALID, "StringIsNotThumbprint: %s", names[i]);
        out->thumbprints[i] = text;
    }
    return OK;
}

static bool has_thumbprints(const struct json *authentication)
{
    const struct json *x509 = json_given(authentication, "x509Thumbprint");
    return json_str(x509, "primaryThumbprint").len || json_str(x509, "secondaryThumbprint").len;
}

/* Clients from before there was a type say it by what they give.  For modules "none" means "sas", as on
 * a real hub. */
static enum err read_auth_type(const struct json *authentication, bool of_module,
                               enum identity_auth *out)
{
    struct slice type;
    TRY(read_string(authentication, "type", &type));
    if (of_module && slice_is_nocase(type, identity_auth_name(IDENTITY_NONE)))
        type = SLICE_LIT("sas");
    *out = has_thumbprints(authentication) ? IDENTITY_SELF_SIGNED : IDENTITY_SAS;
    if (type.ptr == NULL) return OK;
    for (*out = IDENTITY_SAS; *out < IDENTITY_NONE; ++*out)
        if (slice_eq_nocase(type, slice_str(identity_auth_name(*out)))) return OK;
    return fail(ERR_INVALID, "authentication type '%.*s' is not one it can have",
                SLICE_ARG(slice_head(type, 64)));
}

static void keep_authentication(const struct identity *old, struct identity *out)
{
    out->auth = old->auth;
    for (int i = 0; i < 2; i++) {
        out->keys[i] = old->keys[i];
        out->key_texts[i] = old->key_texts[i];
        out->thumbprints[i] = old->thumbprints[i];
    }
}

static enum err read_authentication(struct arena *a, const struct json *doc, bool of_bulk,
                                    const struct identity *old, struct identity *out)
{
    const struct json *authentication;
    if (keeps(doc, "authentication", of_bulk, old)) {
        keep_authentication(old, out);
        return OK;
    }
    TRY(read_object(doc, "authentication", &authentication));
    TRY(read_auth_type(authentication, out->module_id.len > 0, &out->auth));
    switch (out->auth) {
    case IDENTITY_SAS: return read_keys(a, authentication, out);
    case IDENTITY_SELF_SIGNED: return read_thumbprints(authentication, out);
    case IDENTITY_CERTIFICATE_AUTHORITY:
    case IDENTITY_NONE: return OK;
    }
    return OK;
}

/* ---- the rest */

static enum err read_capabilities(const struct json *doc, bool of_bulk, const struct identity *old,
                                  struct identity *out)
{
    const struct json *capabilities;
    if (keeps(doc, "capabilities", of_bulk, old)) {
        out->iot_edge = old->iot_edge;
        return OK;
    }
    TRY(read_object(doc, "capabilities", &capabilities));
    const struct json *edge = json_given(capabilities, "iotEdge");
    if (edge && edge->type != JSON_BOOL)
        return fail(ERR_INVALID, "capabilities.iotEdge must be true or false");
    out->iot_edge = edge && edge->truth;
    return OK;
}

/* The model of a device that is made because it has been provisioned: until it connects and names its own.
 * An extension: Azure's ExportImportDevice has none. */
static enum err read_model(const struct json *doc, bool of_bulk, const struct identity *old,
                           struct identity *out)
{
    const struct json *model = of_bulk && old == NULL ? json_given(doc, "modelId") : NULL;
    if (model == NULL) return OK;
    bool plain = model->type == JSON_STRING && model->text.len <= REGISTRY_MODEL_ID_MAX;
    for (size_t i = 0; plain && i < model->text.len; i++)
        plain = model->text.ptr[i] > ' ' && model->text.ptr[i] < 0x7F;
    if (!plain)
        return fail(ERR_INVALID, "modelId has at most %d characters of ASCII, and no spaces",
                    REGISTRY_MODEL_ID_MAX);
    out->model_id = model->text;
    return OK;
}

/* A new device: .NET ticks, as Azure's generation ids look; its last digit is random. */
static struct slice make_generation(struct arena *a)
{
    char ticks[24];
    int64_t now_us = clock_wall_us() + dotnet_epoch_us;
    snprintf(ticks, sizeof ticks, "%lld%u", (long long)now_us, (unsigned)(rand_u64() % 10));
    return arena_copy(a, slice_str(ticks));
}

void document_made_by_server(struct arena *a, const struct identity *old, struct identity *out)
{
    bool changed = old && old->enabled != out->enabled;
    out->generation = old ? old->generation : make_generation(a);
    out->etag = old ? old->etag + 1 : 100000000 + rand_u64() % 900000000;
    out->status_updated_us = changed ? clock_wall_us() : old ? old->status_updated_us : 0;
}

enum err document_rekey(struct arena *a, const struct identity *old, unsigned keys,
                        struct identity *out)
{
    if (old->auth != IDENTITY_SAS)
        return fail(ERR_INVALID, "an identity of authentication type '%s' has no keys",
                    identity_auth_name(old->auth));
    *out = *old;
    make_keys(a, keys, out);
    document_made_by_server(a, old, out);
    return OK;
}

/* ---- whole documents */

static enum err check_id(const struct json *doc, const char *key, struct slice expected)
{
    struct slice id;
    TRY(read_string(doc, key, &id));
    if (id.ptr == NULL || slice_eq(id, expected)) return OK;
    return fail(ERR_INVALID, "the %s of the body is not the one of the address", key);
}

/* One of the hub's own modules that is shown and sent back, or exported and imported. */
static bool stays_keyless(const struct json *doc, const struct identity *old)
{
    struct slice type = json_str(json_get(doc, "authentication"), "type");
    return old && old->auth == IDENTITY_NONE &&
           slice_is_nocase(type, identity_auth_name(IDENTITY_NONE));
}

static enum err read_module(struct arena *a, const struct json *doc, bool of_bulk,
                            const struct identity *old, struct identity *out)
{
    TRY(check_id(doc, "moduleId", out->module_id));
    TRY(read_string(doc, "managedBy", &out->managed_by));
    if (out->managed_by.len > REGISTRY_MANAGED_BY_MAX)
        return fail(ERR_INVALID, "managedBy has more than %d bytes", REGISTRY_MANAGED_BY_MAX);
    if (stays_keyless(doc, old))
        out->auth = IDENTITY_NONE;
    else
        TRY(read_authentication(a, doc, of_bulk, old, out));
    document_made_by_server(a, old, out);
    return OK;
}

enum err document_read(struct arena *a, const struct json *doc, bool of_bulk,
                       const struct identity *old, struct identity *out)
{
    if (doc->type != JSON_OBJECT) return fail(ERR_INVALID, "an identity is a JSON object");
    TRY(check_id(doc, "deviceId", out->device_id));
    if (out->module_id.len) return read_module(a, doc, of_bulk, old, out);
    TRY(read_whole_status(doc, of_bulk, old, out));
    TRY(read_authentication(a, doc, of_bulk, old, out));
    TRY(read_capabilities(doc, of_bulk, old, out));
    TRY(scope_read(a, doc, of_bulk, old, out));
    TRY(read_model(doc, of_bulk, old, out));
    document_made_by_server(a, old, out);
    return OK;
}
