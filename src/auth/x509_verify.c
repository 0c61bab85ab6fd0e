/* x509_verify.c - is a client's certificate one that a device may rely on?
 *
 * The path from leaf to CA is OpenSSL's to find and to judge: RFC 5280 with name constraints, key
 * usage, path lengths.  Ours are the anchors (PARTIAL_CHAIN: a CA of the hub ends the search, root or
 * not), the time, the purpose (what a TLS client may show) and the strength: 112 bits, so no SHA-1
 * signatures and no RSA keys below 2048. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "auth/x509_internal.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"

enum { STRENGTH = 2 }; /* OpenSSL's security level: 112 bits */

static enum auth_cause deny(enum auth_cause cause)
{
    fail(ERR_DENIED, "%s", auth_cause_text(cause));
    return cause;
}

static enum auth_cause check_dates(const struct x509_facts *f, int64_t now_us)
{
    if (now_us < f->from_us) return deny(AUTH_CERTIFICATE_NOT_YET_VALID);
    return now_us > f->until_us ? deny(AUTH_CERTIFICATE_EXPIRED) : AUTH_OK;
}

static void hash(struct slice bytes, uint8_t out[X509_SHA256_LEN])
{
    int done = EVP_Digest(bytes.ptr, bytes.len, out, NULL, EVP_sha256(), NULL);
    assert(done == 1);
}

/* ---- by thumbprint */

static bool is_hash(struct slice thumbprint, const uint8_t *hash, size_t len)
{
    struct buf hex = {0};
    if (thumbprint.len != 2 * len) return false;
    text_hex(&hex, slice_of(hash, len));
    bool same = slice_eq_nocase(thumbprint, buf_slice(&hex));
    buf_free(&hex);
    return same;
}

enum auth_cause x509_by_thumbprint(const struct x509_facts *f, const struct slice thumbprints[2],
                                   int64_t now_us)
{
    for (int i = 0; i < 2; i++)
        if (is_hash(thumbprints[i], f->sha1, sizeof f->sha1) ||
            is_hash(thumbprints[i], f->sha256, sizeof f->sha256))
            return check_dates(f, now_us);
    return deny(AUTH_CERTIFICATE_WRONG_THUMBPRINT);
}

/* ---- the CAs */

struct x509_cas {
    STACK_OF(X509) * anchors;
    uint8_t sha256[X509_CAS_MAX][X509_SHA256_LEN];
};

struct x509_cas *x509_cas_new(void)
{
    struct x509_cas *cas = NEW(struct x509_cas);
    cas->anchors = sk_X509_new_null();
    assert(cas->anchors != NULL);
    return cas;
}

void x509_cas_free(struct x509_cas *cas)
{
    if (cas == NULL) return;
    sk_X509_pop_free(cas->anchors, X509_free);
    free(cas);
}

enum err x509_cas_add(struct x509_cas *cas, struct slice der)
{
    int count = sk_X509_num(cas->anchors);
    if (count == X509_CAS_MAX) return fail(ERR_FULL, "there are %d CAs already", X509_CAS_MAX);
    X509 *x = x509_next(&der);
    if (x == NULL) return fail(ERR_INVALID, "a CA certificate cannot be read");
    X509_digest(x, EVP_sha256(), cas->sha256[count], NULL);
    assert(sk_X509_push(cas->anchors, x) > 0);
    return OK;
}

static enum auth_cause cause_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return AUTH_CERTIFICATE_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID: return AUTH_CERTIFICATE_NOT_YET_VALID;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_UNTRUSTED: return AUTH_CERTIFICATE_UNKNOWN_CA;
    default: return AUTH_CERTIFICATE_BAD_CHAIN;
    }
}

static void set_rules(X509_STORE_CTX *ctx, int64_t now_us)
{
    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(rules, (time_t)(now_us / 1000000));
    X509_VERIFY_PARAM_set_depth(rules, X509_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(rules, STRENGTH);
}

/* ---- a path */

/* What a client showed, while it is judged. */
struct shown {
    const struct x509_facts *facts;
    int64_t now_us;
    struct x509_ends ends;
    STACK_OF(X509) * chain; /* NULL: not read yet */
};

/* Who vouches for a CA vouches for the path up to it: each of them is remembered. */
static void keep_paths(const struct shown *s, const STACK_OF(X509) * links)
{
    struct x509_path p = {.ends = s->ends, .from_us = INT64_MIN, .until_us = INT64_MAX};
    int last = sk_X509_num(links) - 1;
    for (int i = 0; i <= last; i++) {
        const X509 *link = sk_X509_value(links, i);
        p.from_us = MAX(p.from_us, x509_from_us(link));
        p.until_us = MIN(p.until_us, x509_until_us(link));
        if (i == 0) continue;
        p.depth = (unsigned)i - 1;
        p.ends = s->ends;
        if (i < last) X509_digest(link, EVP_sha256(), p.ends.anchor, NULL);
        x509_path_keep(&p);
    }
}

/* A CA is no device: a chain of one certificate is a CA that was shown as if it were a leaf. */
static enum auth_cause judge(const struct shown *s, X509_STORE_CTX *ctx, unsigned *depth)
{
    if (X509_verify_cert(ctx) == 1) {
        const STACK_OF(X509) *links = X509_STORE_CTX_get0_chain(ctx);
        if (sk_X509_num(links) > 1) {
            *depth = (unsigned)sk_X509_num(links) - 2;
            keep_paths(s, links);
            return AUTH_OK;
        }
        fail(ERR_DENIED, "the certificate is that of a CA itself");
        return AUTH_CERTIFICATE_BAD_CHAIN;
    }
    int error = X509_STORE_CTX_get_error(ctx);
    fail(ERR_DENIED, "certificate %d of the chain: %s", X509_STORE_CTX_get_error_depth(ctx) + 1,
         X509_verify_cert_error_string(error));
    return cause_of(error);
}

static enum auth_cause verify(const struct shown *s, X509 *anchor, unsigned *depth)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(x509_library(), NULL);
    STACK_OF(X509) *anchors = sk_X509_new_null();
    assert(ctx != NULL && anchors != NULL && sk_X509_push(anchors, anchor) > 0);
    enum auth_cause cause = AUTH_CERTIFICATE_BAD_CHAIN;
    if (X509_STORE_CTX_init(ctx, NULL, sk_X509_value(s->chain, 0), s->chain)) {
        X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
        set_rules(ctx, s->now_us);
        cause = judge(s, ctx, depth);
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_free(anchors);
    ERR_clear_error();
    return cause;
}

/* False when it cannot be read: facts that were not made by x509_facts_new(). */
static bool read_chain(struct shown *s)
{
    struct slice rest = slice_of(s->facts->chain, s->facts->chain_len);
    if (s->chain) return true;
    s->chain = sk_X509_new_null();
    assert(s->chain != NULL);
    while (rest.len) {
        X509 *x = x509_next(&rest);
        if (x == NULL) return false;
        assert(sk_X509_push(s->chain, x) > 0);
    }
    return sk_X509_num(s->chain) > 0;
}

/* Does a path lead to the anchor with the hash in s->ends? */
static enum auth_cause follow(struct shown *s, X509 *anchor, unsigned *depth)
{
    if (x509_path_find(&s->ends, s->now_us, depth)) return AUTH_OK;
    if (!read_chain(s)) return deny(AUTH_CERTIFICATE_BAD_CHAIN);
    return verify(s, anchor, depth);
}

/* What holds whatever the chain leads to. */
static enum auth_cause begin(struct shown *s, const struct x509_facts *f, int64_t now_us)
{
    *s = (struct shown){.facts = f, .now_us = now_us};
    enum auth_cause cause = check_dates(f, now_us);
    if (cause != AUTH_OK) return cause;
    if (f->shown > X509_CHAIN_MAX) {
        fail(ERR_TOO_BIG, "more than %d certificates were sent", X509_CHAIN_MAX);
        return AUTH_CERTIFICATE_BAD_CHAIN;
    }
    hash(slice_of(f->chain, f->chain_len), s->ends.shown);
    return AUTH_OK;
}

static void end(struct shown *s)
{
    sk_X509_pop_free(s->chain, X509_free);
}

/* ---- by CA */

/* One CA after the other: OpenSSL, given two of the same name (a CA that was renewed with another
 * key), would settle for one of them.  A CA that issued nothing in the chain costs no signature.  Of
 * several refusals the one counts that comes from a CA which the chain leads to. */
static enum auth_cause try_all(struct shown *s, const struct x509_cas *cas, unsigned *which)
{
    enum auth_cause worst = deny(AUTH_CERTIFICATE_UNKNOWN_CA);
    unsigned unused;
    for (int i = 0; i < sk_X509_num(cas->anchors); i++) {
        memcpy(s->ends.anchor, cas->sha256[i], X509_SHA256_LEN);
        enum auth_cause cause = follow(s, sk_X509_value(cas->anchors, i), &unused);
        if (cause == AUTH_OK) {
            if (which) *which = (unsigned)i;
            return AUTH_OK;
        }
        if (cause != AUTH_CERTIFICATE_UNKNOWN_CA) worst = cause;
    }
    return worst;
}

enum auth_cause x509_by_ca(const struct x509_facts *f, const struct x509_cas *cas,
                           struct slice name, int64_t now_us, unsigned *which)
{
    struct shown s;
    if (check_dates(f, now_us) == AUTH_OK &&
        (f->common_name[0] == '\0' || !slice_is(name, f->common_name)))
        return deny(AUTH_CERTIFICATE_WRONG_NAME);
    enum auth_cause cause = begin(&s, f, now_us);
    if (cause != AUTH_OK) return cause;
    cause = try_all(&s, cas, which);
    end(&s);
    return cause;
}

/* ---- by anchor */

enum auth_cause x509_by_anchor(const struct x509_facts *f, struct slice anchor_der,
                               struct slice name, int64_t now_us, unsigned *depth)
{
    struct shown s;
    if (f->common_name[0] == '\0' || !slice_is_nocase(name, f->common_name))
        return deny(AUTH_CERTIFICATE_WRONG_NAME);
    enum auth_cause cause = begin(&s, f, now_us);
    if (cause != AUTH_OK) return cause;
    hash(anchor_der, s.ends.anchor);
    X509 *anchor = x509_next(&anchor_der);
    cause = anchor ? follow(&s, anchor, depth) : deny(AUTH_CERTIFICATE_BAD_CHAIN);
    X509_free(anchor);
    end(&s);
    return cause;
}
