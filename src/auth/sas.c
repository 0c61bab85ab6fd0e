/* sas.c - the token's grammar, its signature and its resource. */
#include "auth/sas.h"

#include <inttypes.h>
#include <stdio.h>

#include "auth/hmac.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"

static const struct slice scheme = SLICE_LIT("SharedAccessSignature ");

bool sas_is(struct slice text)
{
    return slice_starts_nocase(text, scheme);
}

/* ---- reading */

static enum err read_expiry(struct sas *t)
{
    uint64_t seconds;
    if (num_u64(t->expiry, &seconds) != OK)
        return fail(ERR_INVALID, "its se is not a number of seconds");
    t->expires_us = seconds > INT64_MAX / 1000000 ? INT64_MAX : (int64_t)seconds * 1000000;
    return OK;
}

/* A '+' may come unencoded; it never stands for a space. */
static enum err read_signature(struct slice sig, struct sas *t)
{
    uint8_t text[3 * SAS_SIGNATURE_LEN * 2];
    size_t len;
    struct buf bytes = {0};
    bool good = sig.len <= sizeof text && text_unpercent_to(text, sig, &len) == OK &&
                text_unbase64(&bytes, slice_of(text, len)) == OK &&
                buf_size(&bytes) == SAS_SIGNATURE_LEN;
    assert(!good || bytes.ptr);
    if (good) memcpy(t->signature, buf_slice(&bytes).ptr, SAS_SIGNATURE_LEN);
    buf_free(&bytes);
    return good ? OK : fail(ERR_INVALID, "its sig is not 32 bytes in base64");
}

static enum err read_policy(struct slice skn, struct sas *t)
{
    uint8_t name[3 * SAS_POLICY_MAX];
    size_t len;
    if (skn.len > sizeof name || text_unpercent_to(name, skn, &len) != OK || len > SAS_POLICY_MAX ||
        memchr(name, '\0', len))
        return fail(ERR_INVALID, "its skn is not a policy's name");
    memcpy(t->policy, name, len);
    t->policy[len] = '\0';
    return OK;
}

/* The fields of a token by name, in any order; others are ignored. */
struct fields {
    struct slice sr, sig, se, skn;
};

static enum err read_fields(struct slice rest, struct fields *f)
{
    struct slice value;
    while (slice_split(&rest, '&', &value)) {
        struct slice name;
        slice_split(&value, '=', &name);
        struct slice *field = slice_is(name, "sr")    ? &f->sr
                              : slice_is(name, "sig") ? &f->sig
                              : slice_is(name, "se")  ? &f->se
                              : slice_is(name, "skn") ? &f->skn
                                                      : NULL;
        if (field == NULL) continue;
        if (field->ptr) return fail(ERR_INVALID, "it names %.*s twice", SLICE_ARG(name));
        *field = value.ptr ? value : slice_str("");
    }
    return OK;
}

enum err sas_parse(struct slice token, struct sas *out)
{
    if (token.len > SAS_TOKEN_MAX)
        return fail(ERR_INVALID, "it is longer than %d bytes", SAS_TOKEN_MAX);
    if (!sas_is(token)) return fail(ERR_INVALID, "it does not begin with SharedAccessSignature");
    struct fields f = {0};
    TRY(read_fields(slice_trim(slice_from(token, scheme.len)), &f));
    if (f.sr.len == 0) return fail(ERR_INVALID, "it has no sr");
    *out = (struct sas){.resource = f.sr, .expiry = f.se};
    TRY(read_expiry(out));
    TRY(read_signature(f.sig, out));
    return read_policy(f.skn, out);
}

/* ---- verifying */

static void sign(struct slice resource, struct slice expiry, struct slice key,
                 uint8_t out[SAS_SIGNATURE_LEN])
{
    const struct slice parts[] = {resource, SLICE_LIT("\n"), expiry};
    hmac_sha256(key, parts, 3, out);
}

static bool signed_as(const struct sas *t, struct slice resource, struct slice key)
{
    uint8_t expected[SAS_SIGNATURE_LEN];
    sign(resource, t->expiry, key, expected);
    return slice_eq_secret(slice_of(expected, sizeof expected),
                           slice_of(t->signature, sizeof t->signature));
}

/* %2F to %2f, in place. */
static void lower_hex(uint8_t *text, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++)
        for (size_t k = i + 1; text[i] == '%' && k <= i + 2; k++)
            if (text[k] >= 'A' && text[k] <= 'F') text[k] |= 0x20;
}

static bool signed_as_another_form(const struct sas *t, struct slice key)
{
    uint8_t decoded[SAS_TOKEN_MAX];
    size_t len;
    if (text_unpercent_to(decoded, t->resource, &len) != OK) return false;
    struct slice plain = slice_of(decoded, len);
    if (!slice_eq(plain, t->resource) && signed_as(t, plain, key)) return true;
    struct buf encoded = {0};
    text_percent(&encoded, plain);
    bool yes = signed_as(t, buf_slice(&encoded), key);
    lower_hex(encoded.ptr, encoded.len);
    yes = yes || signed_as(t, buf_slice(&encoded), key);
    buf_free(&encoded);
    return yes;
}

bool sas_verify(const struct sas *t, struct slice key)
{
    return key.len > 0 && (signed_as(t, t->resource, key) || signed_as_another_form(t, key));
}

/* ---- resource */

static struct slice trim_slashes(struct slice s)
{
    while (s.len && s.ptr[0] == '/') s = slice_from(s, 1);
    while (s.len && s.ptr[s.len - 1] == '/') s.len--;
    return s;
}

/* sb://host:port/path, amqps://host/path, host/path */
static void cut_resource(struct slice text, struct sas_resource *out)
{
    size_t colon = slice_find(text, ':');
    if (slice_starts(slice_from(text, colon), SLICE_LIT("://"))) text = slice_from(text, colon + 3);
    size_t slash = slice_find(text, '/');
    out->host = slice_head(text, slash);
    out->path = trim_slashes(slice_from(text, slash));
}

bool sas_resource(const struct sas *t, unsigned reading, struct sas_resource *out)
{
    static const unsigned decodings[SAS_READINGS] = {1, 0, 2};
    assert(reading < SAS_READINGS);
    size_t len = t->resource.len;
    assert(len <= sizeof out->text);
    memcpy(out->text, t->resource.ptr, len);
    bool changed = false;
    for (unsigned i = 0; i < decodings[reading]; i++) {
        size_t before = len;
        if (text_unpercent_to(out->text, slice_of(out->text, len), &len) != OK) return false;
        changed = len != before;
    }
    bool encoded = slice_find(t->resource, '%') < t->resource.len;
    if (reading == 1 ? !encoded : reading == 2 && !changed) return false;
    cut_resource(slice_of(out->text, len), out);
    return true;
}

/* The next segment that is not empty; false at the end. */
static bool next_segment(struct slice *path, struct slice *segment)
{
    while (slice_split(path, '/', segment))
        if (segment->len) return true;
    return false;
}

bool sas_path_covers(struct slice have, struct slice want)
{
    struct slice h, w;
    bool device = false, id = false;
    for (unsigned i = 0; next_segment(&have, &h); i++) {
        if (!next_segment(&want, &w)) return slice_starts_nocase(h, SLICE_LIT("api-version="));
        if (id ? !slice_eq(h, w) : !slice_eq_nocase(h, w)) return false;
        if (i == 0) device = slice_is_nocase(w, "devices");
        id = device && (i == 0 || (i == 2 && slice_is_nocase(w, "modules")));
    }
    return true;
}

bool sas_path_ids(struct slice path, struct slice *device, struct slice *module)
{
    struct slice word;
    *device = *module = SLICE_NONE;
    if (!next_segment(&path, &word) || !slice_is_nocase(word, "devices")) return false;
    if (!next_segment(&path, device)) return false;
    if (next_segment(&path, &word) && slice_is_nocase(word, "modules")) next_segment(&path, module);
    return true;
}

/* ---- making */

void sas_derive_key(struct slice group_key, struct slice registration_id,
                    uint8_t out[SAS_SIGNATURE_LEN])
{
    hmac_sha256(group_key, &registration_id, 1, out);
}

void sas_make(struct buf *out, struct slice resource, struct slice key, const char *policy,
              int64_t expires_s)
{
    char expiry[24];
    snprintf(expiry, sizeof expiry, "%" PRId64, expires_s);
    struct buf sr = {0}, sig = BUF_SECRET;
    uint8_t mac[SAS_SIGNATURE_LEN];
    text_percent(&sr, resource);
    sign(buf_slice(&sr), slice_str(expiry), key, mac);
    text_base64(&sig, slice_of(mac, sizeof mac));

    buf_put_slice(out, scheme);
    buf_printf(out, "sr=%.*s&sig=", SLICE_ARG(buf_slice(&sr)));
    text_percent(out, buf_slice(&sig));
    buf_printf(out, "&se=%s", expiry);
    if (policy && *policy) {
        buf_put_str(out, "&skn=");
        text_percent(out, slice_str(policy));
    }
    buf_free(&sr);
    buf_wipe(&sig);
    mem_wipe(mac, sizeof mac);
}
