/* x509_fuzz.c - auth/x509.h: any chain is read or refused, judged without harm, and what is read holds
 * together.  The last certificate of the input plays the CA of the hub. */
#include <openssl/x509.h>
#include <stdlib.h>

#include "auth/x509.h"
#include "base/buf.h"
#include "base/text.h"
#include "fuzz.h"

static void check_upload(struct slice text)
{
    struct buf der = {0}, again = {0};
    struct x509_certificate c, d;
    if (x509_certificate_read(text, &der, &c) == OK) {
        assert(strlen(c.subject) <= X509_SUBJECT_MAX);
        /* What is kept is read again at the next start. */
        assert(x509_certificate_read(buf_slice(&der), &again, &d) == OK);
        assert(slice_eq(buf_slice(&der), buf_slice(&again)) && c.is_ca == d.is_ca);
        assert(memcmp(c.sha1, d.sha1, sizeof c.sha1) == 0 && c.until_us == d.until_us);
    }
    buf_free(&der);
    buf_free(&again);
}

/* What is shown of a certificate that was kept. */
static void check_info(struct slice der)
{
    struct x509_info info;
    if (x509_info_read(der, &info) != OK) return;
    assert(strlen(info.subject) <= X509_SUBJECT_MAX && strlen(info.issuer) <= X509_SUBJECT_MAX);
    assert(strlen(info.serial) < sizeof info.serial);
}

/* Its own and none; in its time and outside. */
static void check_thumbprint(const struct x509_facts *f)
{
    static const struct slice none[2] = {{NULL, 0}, {(const uint8_t *)"00", 2}};
    struct buf hex = {0};
    text_hex(&hex, slice_of(f->sha256, sizeof f->sha256));
    const struct slice own[2] = {SLICE_NONE, buf_slice(&hex)};
    enum auth_cause cause = x509_by_thumbprint(f, own, f->from_us);
    assert(cause == (f->from_us > f->until_us ? AUTH_CERTIFICATE_EXPIRED : AUTH_OK));
    assert(x509_by_thumbprint(f, none, f->from_us) == AUTH_CERTIFICATE_WRONG_THUMBPRINT);
    if (f->from_us > INT64_MIN)
        assert(x509_by_thumbprint(f, own, f->from_us - 1) == AUTH_CERTIFICATE_NOT_YET_VALID);
    buf_free(&hex);
}

/* An enrollment of the provisioning service names one certificate of the chain. */
static void check_anchor(const struct x509_facts *f, struct slice anchor)
{
    unsigned depth = 0;
    struct slice name = slice_str(f->common_name);
    enum auth_cause cause = x509_by_anchor(f, anchor, name, f->from_us, &depth);
    assert(cause != AUTH_OK || depth < X509_CHAIN_MAX);
    assert(x509_by_anchor(f, SLICE_LIT("0"), name, f->from_us, &depth) != AUTH_OK);
    cause = x509_by_anchor(f, anchor, name, INT64_C(7258118400000000), &depth); /* 2200 */
    assert(cause != AUTH_OK || f->until_us > INT64_C(7258118400000000));
}

static void check_ca(const struct x509_facts *f, struct slice ca)
{
    struct x509_cas *cas = x509_cas_new();
    unsigned which = 1;
    struct slice name = slice_str(f->common_name);
    if (x509_cas_add(cas, ca) == OK) {
        enum auth_cause cause = x509_by_ca(f, cas, name, f->from_us, &which);
        assert(cause != AUTH_OK || (which == 0 && f->shown <= X509_CHAIN_MAX && name.len > 0));
        assert(x509_by_ca(f, cas, SLICE_LIT("another"), f->from_us, NULL) != AUTH_OK ||
               slice_is(name, "another"));
    }
    x509_cas_free(cas);
}

/* Where a certificate that begins with the bytes 30 82 ("a sequence of so many bytes") begins last. */
static struct slice last_certificate(struct slice chain)
{
    for (size_t at = 0; at + 4 < chain.len; at++) {
        size_t len = 4 + (size_t)(chain.ptr[at + 2] << 8 | chain.ptr[at + 3]);
        if (chain.ptr[at] == 0x30 && chain.ptr[at + 1] == 0x82 && at + len == chain.len)
            return slice_from(chain, at);
    }
    return chain;
}

/* A certificate that somebody else has read is kept for who reads it next. */
static void check_kept(struct slice chain)
{
    const uint8_t *at = chain.ptr;
    X509 *x = chain.len ? d2i_X509(NULL, &at, (long)chain.len) : NULL;
    if (x == NULL) return;
    x509_remember(chain, x);
    struct x509_facts *f;
    if (x509_facts_new(chain, &f) == OK) free(f);
}

void fuzz_one(struct slice input)
{
    check_kept(input);
    struct x509_facts *f;
    check_upload(input);
    check_info(input);
    if (x509_facts_new(input, &f) != OK) return;
    assert(f->shown >= 1 && f->shown <= X509_CHAIN_MAX + 1);
    assert(f->chain_len == (f->shown > X509_CHAIN_MAX ? 0 : input.len));
    assert(strlen(f->common_name) <= X509_COMMON_NAME_MAX);
    check_thumbprint(f);
    check_ca(f, last_certificate(input));
    check_anchor(f, last_certificate(input));
    enum err e = x509_proves(input, last_certificate(input), slice_str(f->common_name), f->from_us);
    assert(e == OK || e == ERR_DENIED);
    free(f);
}
