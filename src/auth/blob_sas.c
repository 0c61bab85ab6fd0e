/* blob_sas.c - the string that is signed has the fields in a fixed order, one a line, absent ones empty. */
#include "auth/blob_sas.h"

#include <stdio.h>
#include <time.h>

#include "auth/hmac.h"
#include "base/clock.h"
#include "base/text.h"

#define VERSION "2021-12-02"

enum field { SP, ST, SE, SI, SIP, SPR, SV, SR, SES, RSCC, RSCD, RSCE, RSCL, RSCT, SIG, FIELDS };

static const char *const names[FIELDS] = {
    [SP] = "sp",     [ST] = "st",     [SE] = "se",     [SI] = "si",     [SIP] = "sip",
    [SPR] = "spr",   [SV] = "sv",     [SR] = "sr",     [SES] = "ses",   [RSCC] = "rscc",
    [RSCD] = "rscd", [RSCE] = "rsce", [RSCL] = "rscl", [RSCT] = "rsct", [SIG] = "sig",
};

struct sas_fields {
    struct slice of[FIELDS]; /* decoded */
};

/* ---- signing */

static void put_line(struct buf *out, struct slice text)
{
    buf_put_slice(out, text);
    buf_put_u8(out, '\n');
}

/* The encryption scope joined with version 2020-12-06. */
static void put_signed(struct buf *out, const struct sas_fields *f, struct slice resource)
{
    put_line(out, f->of[SP]);
    put_line(out, f->of[ST]);
    put_line(out, f->of[SE]);
    put_line(out, resource);
    put_line(out, f->of[SI]);
    put_line(out, f->of[SIP]);
    put_line(out, f->of[SPR]);
    put_line(out, f->of[SV]);
    put_line(out, f->of[SR]);
    put_line(out, SLICE_NONE); /* snapshot time */
    if (slice_cmp(f->of[SV], SLICE_LIT("2020-12-06")) >= 0) put_line(out, f->of[SES]);
    for (unsigned i = RSCC; i < RSCT; i++) put_line(out, f->of[i]);
    buf_put_slice(out, f->of[RSCT]);
}

static void sign(const struct sas_fields *f, const struct blob_account *a, struct slice container,
                 struct slice blob, uint8_t out[HMAC_SHA256_LEN])
{
    struct buf resource = {0}, text = {0};
    buf_printf(&resource, "/blob/%s/%.*s", a->name, SLICE_ARG(container));
    if (slice_is(f->of[SR], "b")) buf_printf(&resource, "/%.*s", SLICE_ARG(blob));
    put_signed(&text, f, buf_slice(&resource));
    struct slice part = buf_slice(&text);
    hmac_sha256(slice_of(a->key, a->key_len), &part, 1, out);
    buf_free(&resource);
    buf_free(&text);
}

static void put_field(struct buf *out, const char *name, struct slice value)
{
    buf_printf(out, "&%s=", name);
    text_percent(out, value);
}

static struct slice time_text(int64_t wall_us, char out[32])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return slice_of(out, strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm));
}

static void make(struct buf *out, const struct blob_account *a, struct slice container,
                 struct slice blob, struct slice rights, int64_t from_us, int64_t until_us)
{
    char from[32], until[32];
    uint8_t mac[HMAC_SHA256_LEN];
    struct sas_fields f = {.of = {[SP] = rights,
                                  [SV] = SLICE_LIT(VERSION),
                                  [SR] = blob.ptr ? SLICE_LIT("b") : SLICE_LIT("c"),
                                  [ST] = time_text(from_us, from),
                                  [SE] = time_text(until_us, until)}};
    struct buf signature = {0};
    sign(&f, a, container, blob, mac);
    text_base64(&signature, slice_of(mac, sizeof mac));
    buf_printf(out, "?sv=" VERSION "&sr=%.*s", SLICE_ARG(f.of[SR]));
    put_field(out, "st", f.of[ST]);
    put_field(out, "se", f.of[SE]);
    put_field(out, "sp", f.of[SP]);
    put_field(out, "sig", buf_slice(&signature));
    buf_free(&signature);
}

void blob_sas_make(struct buf *out, const struct blob_account *a, struct slice container,
                   struct slice blob, int64_t from_us, int64_t until_us)
{
    make(out, a, container, blob.ptr ? blob : SLICE_LIT(""), SLICE_LIT("rw"), from_us, until_us);
}

void blob_sas_make_container(struct buf *out, const struct blob_account *a, struct slice container,
                             int64_t from_us, int64_t until_us)
{
    make(out, a, container, SLICE_NONE, SLICE_LIT("racwd"), from_us, until_us);
}

/* ---- checking */

/* Decoded values lie in `space`, which has room for all of the query. */
static bool read_fields(struct slice query, uint8_t *space, struct sas_fields *f)
{
    struct slice pair, key;
    while (slice_split(&query, '&', &pair)) {
        slice_split(&pair, '=', &key);
        for (unsigned i = 0; i < FIELDS; i++) {
            size_t len;
            if (!slice_is(key, names[i])) continue;
            if (f->of[i].ptr || text_unpercent_to(space, pair, &len) != OK) return false;
            f->of[i] = slice_of(space, len);
            space += len;
        }
    }
    return true;
}

static unsigned rights_of(struct slice letters)
{
    static const char known[] = "racwd";
    unsigned rights = 0;
    for (size_t i = 0; i < letters.len; i++) {
        const char *at = letters.ptr[i] ? strchr(known, letters.ptr[i]) : NULL;
        if (at) rights |= 1u << (at - known);
    }
    return rights;
}

static enum blob_sas_cause check_time(const struct sas_fields *f, int64_t now_us)
{
    int64_t from_us = 0, until_us;
    if (clock_parse_iso(f->of[SE], &until_us) != OK) return BLOB_SAS_MALFORMED;
    if (f->of[ST].len && clock_parse_iso(f->of[ST], &from_us) != OK) return BLOB_SAS_MALFORMED;
    if (now_us < from_us) return BLOB_SAS_NOT_YET;
    return now_us >= until_us ? BLOB_SAS_EXPIRED : BLOB_SAS_OK;
}

/* Stored policies (si) and addresses (sip) are not ours to judge. */
static bool is_served(const struct sas_fields *f)
{
    bool resource = slice_is(f->of[SR], "b") || slice_is(f->of[SR], "c");
    return resource && slice_cmp(f->of[SV], SLICE_LIT("2018-11-09")) >= 0 && !f->of[SI].len &&
           !f->of[SIP].len;
}

enum blob_sas_cause blob_sas_check(struct slice query, const struct blob_account *a,
                                   struct slice container, struct slice blob, int64_t now_us,
                                   unsigned *rights)
{
    uint8_t space[BLOB_SAS_MAX], mac[HMAC_SHA256_LEN];
    struct sas_fields f = {0};
    struct buf given = {0};
    if (query.len > BLOB_SAS_MAX || !read_fields(query, space, &f)) return BLOB_SAS_MALFORMED;
    if (!f.of[SIG].len) return BLOB_SAS_MISSING;
    if (!is_served(&f)) return BLOB_SAS_MALFORMED;
    enum err e = text_unbase64(&given, f.of[SIG]);
    sign(&f, a, container, blob, mac);
    bool good = slice_eq_secret(buf_slice(&given), slice_of(mac, sizeof mac));
    buf_free(&given);
    if (e != OK) return BLOB_SAS_MALFORMED;
    if (!good) return BLOB_SAS_BAD_SIGNATURE;
    *rights = rights_of(f.of[SP]);
    return check_time(&f, now_us);
}

const char *blob_sas_cause_text(enum blob_sas_cause cause)
{
    switch (cause) {
    case BLOB_SAS_OK: return "";
    case BLOB_SAS_MISSING: return "the URI has no signature";
    case BLOB_SAS_MALFORMED: return "the signature's fields cannot be read or are not served here";
    case BLOB_SAS_NOT_YET: return "the signature is not valid yet";
    case BLOB_SAS_EXPIRED: return "the signature has expired";
    case BLOB_SAS_BAD_SIGNATURE: return "the signature does not fit";
    }
    return "";
}

/* ---- accounts */

struct account_parts {
    struct slice name, key, endpoint, suffix;
};

static void take_part(struct account_parts *p, struct slice key, struct slice value)
{
    if (slice_is_nocase(key, "AccountName")) p->name = value;
    if (slice_is_nocase(key, "AccountKey")) p->key = value;
    if (slice_is_nocase(key, "BlobEndpoint")) p->endpoint = value;
    if (slice_is_nocase(key, "EndpointSuffix")) p->suffix = value;
}

/* host[:port][/path] of a URL; devices are told no scheme and use https. */
static enum err set_endpoint(struct blob_account *a, const struct account_parts *p)
{
    struct slice url = p->endpoint;
    int len;
    if (url.len == 0) {
        len = snprintf(a->endpoint, sizeof a->endpoint, "%s.blob.%.*s", a->name,
                       SLICE_ARG(p->suffix.len ? p->suffix : SLICE_LIT("core.windows.net")));
    } else {
        if (!slice_starts_nocase(url, SLICE_LIT("https://")))
            return fail(ERR_INVALID, "BlobEndpoint must begin with https://: devices use TLS");
        url = slice_from(url, strlen("https://"));
        while (url.len && url.ptr[url.len - 1] == '/') url.len--;
        len = snprintf(a->endpoint, sizeof a->endpoint, "%.*s", SLICE_ARG(url));
    }
    bool fits = len > 0 && (size_t)len < sizeof a->endpoint;
    return fits ? OK : fail(ERR_INVALID, "the endpoint's name is empty or too long");
}

static enum err set_key(struct blob_account *a, struct slice text)
{
    struct buf key = BUF_SECRET;
    enum err e = text_unbase64(&key, text);
    a->key_len = buf_size(&key);
    bool fits = e == OK && a->key_len > 0 && a->key_len <= sizeof a->key;
    if (fits) slice_copy(a->key, buf_slice(&key));
    buf_wipe(&key);
    return fits ? OK : fail(ERR_INVALID, "AccountKey is not base64 of 1 to 64 bytes");
}

enum err blob_account_parse(struct slice text, struct blob_account *out)
{
    struct account_parts p = {0};
    struct slice part, key;
    *out = (struct blob_account){0};
    while (slice_split(&text, ';', &part)) {
        slice_split(&part, '=', &key);
        take_part(&p, slice_trim(key), slice_trim(part));
    }
    if (p.name.len == 0 || p.name.len > BLOB_ACCOUNT_NAME_MAX)
        return fail(ERR_INVALID, "AccountName is missing or too long");
    snprintf(out->name, sizeof out->name, "%.*s", SLICE_ARG(p.name));
    TRY(set_key(out, p.key));
    return set_endpoint(out, &p);
}
