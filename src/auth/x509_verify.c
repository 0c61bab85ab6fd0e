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
    if (sk_X509_num(cas->anchors) == X509_CAS_MAX)
        return fail(ERR_FULL, "there are %d CAs already", X509_CAS_MAX);
    X509 *x = x509_next(&der);
    if (x == NULL) return fail(ERR_INVALID, "a CA certificate cannot be read");
    assert(sk_X509_push(cas->anchors, x) > 0);
    return OK;
}

/* ---- by CA */

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

/* A CA is no device: a chain of one certificate is a CA that was shown as if it were a leaf. */
static enum auth_cause judge(X509_STORE_CTX *ctx, unsigned *depth)
{
    if (X509_verify_cert(ctx) == 1) {
        int links = sk_X509_num(X509_STORE_CTX_get0_chain(ctx));
        if (links > 1) {
            *depth = (unsigned)links - 2;
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

static enum auth_cause verify(STACK_OF(X509) * chain, X509 *anchor, int64_t now_us, unsigned *depth)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *anchors = sk_X509_new_null();
    assert(ctx != NULL && anchors != NULL && sk_X509_push(anchors, anchor) > 0);
    enum auth_cause cause = AUTH_CERTIFICATE_BAD_CHAIN;
    if (X509_STORE_CTX_init(ctx, NULL, sk_X509_value(chain, 0), chain)) {
        X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
        set_rules(ctx, now_us);
        cause = judge(ctx, depth);
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_free(anchors);
    ERR_clear_error();
    return cause;
}

/* One CA after the other: OpenSSL, given two of the same name (a CA that was renewed with another
 * key), would settle for one of them.  A CA that issued nothing in the chain costs no signature.  Of
 * several refusals the one counts that comes from a CA which the chain leads to. */
static enum auth_cause try_all(STACK_OF(X509) * chain, const struct x509_cas *cas, int64_t now_us,
                               unsigned *which)
{
    enum auth_cause worst = deny(AUTH_CERTIFICATE_UNKNOWN_CA);
    unsigned unused;
    for (int i = 0; i < sk_X509_num(cas->anchors); i++) {
        enum auth_cause cause = verify(chain, sk_X509_value(cas->anchors, i), now_us, &unused);
        if (cause == AUTH_OK) {
            if (which) *which = (unsigned)i;
            return AUTH_OK;
        }
        if (cause != AUTH_CERTIFICATE_UNKNOWN_CA) worst = cause;
    }
    return worst;
}

/* NULL when it cannot be read: facts that were not made by x509_facts_new(). */
static STACK_OF(X509) * read_chain(const struct x509_facts *f)
{
    struct slice rest = slice_of(f->chain, f->chain_len);
    STACK_OF(X509) *chain = sk_X509_new_null();
    assert(chain != NULL);
    while (rest.len) {
        X509 *x = x509_next(&rest);
        if (x == NULL) break;
        assert(sk_X509_push(chain, x) > 0);
    }
    if (rest.len == 0 && sk_X509_num(chain) > 0) return chain;
    sk_X509_pop_free(chain, X509_free);
    return NULL;
}

/* What holds whatever the chain leads to. */
static enum auth_cause read_shown(const struct x509_facts *f, int64_t now_us,
                                  STACK_OF(X509) * *chain)
{
    enum auth_cause cause = check_dates(f, now_us);
    if (cause != AUTH_OK) return cause;
    if (f->shown > X509_CHAIN_MAX) {
        fail(ERR_TOO_BIG, "more than %d certificates were sent", X509_CHAIN_MAX);
        return AUTH_CERTIFICATE_BAD_CHAIN;
    }
    *chain = read_chain(f);
    return *chain ? AUTH_OK : deny(AUTH_CERTIFICATE_BAD_CHAIN);
}

enum auth_cause x509_by_ca(const struct x509_facts *f, const struct x509_cas *cas,
                           struct slice name, int64_t now_us, unsigned *which)
{
    STACK_OF(X509) *chain = NULL;
    if (check_dates(f, now_us) == AUTH_OK &&
        (f->common_name[0] == '\0' || !slice_is(name, f->common_name)))
        return deny(AUTH_CERTIFICATE_WRONG_NAME);
    enum auth_cause cause = read_shown(f, now_us, &chain);
    if (cause != AUTH_OK) return cause;
    cause = try_all(chain, cas, now_us, which);
    sk_X509_pop_free(chain, X509_free);
    return cause;
}

enum auth_cause x509_by_anchor(const struct x509_facts *f, struct slice anchor_der,
                               struct slice name, int64_t now_us, unsigned *depth)
{
    STACK_OF(X509) *chain = NULL;
    if (f->common_name[0] == '\0' || !slice_is_nocase(name, f->common_name))
        return deny(AUTH_CERTIFICATE_WRONG_NAME);
    enum auth_cause cause = read_shown(f, now_us, &chain);
    if (cause != AUTH_OK) return cause;
    X509 *anchor = x509_next(&anchor_der);
    cause = anchor ? verify(chain, anchor, now_us, depth) : deny(AUTH_CERTIFICATE_BAD_CHAIN);
    X509_free(anchor);
    sk_X509_pop_free(chain, X509_free);
    return cause;
}
