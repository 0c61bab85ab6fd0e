/* x509_upload.c - certificates that people upload: CAs, and proofs that their key is at hand. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "auth/x509_internal.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"

/* As .NET prints names, and so Azure: "CN=Factory, O=Contoso". */
#define NAME_STYLE                                                                                 \
    ((ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) | XN_FLAG_SEP_CPLUS_SPC |       \
     XN_FLAG_DN_REV | XN_FLAG_FN_SN | XN_FLAG_DUMP_UNKNOWN_FIELDS)

enum { DER_SEQUENCE = 0x30, WRAPPINGS_MAX = 2 };

static bool contains(struct slice text, const char *word)
{
    return slice_search(text, slice_str(word)) != NULL;
}

/* ---- from what was sent to DER */

/* OpenSSL would ask the terminal. */
static int no_password(char *out, int size, int writing, void *unused)
{
    (void)out, (void)size, (void)writing, (void)unused;
    return -1;
}

static enum err from_pem(struct slice text, struct buf *der)
{
    if (contains(text, "PRIVATE KEY-----"))
        return fail(ERR_INVALID, "there is a private key in it: send the certificate only, and "
                                 "consider that key known to others");
    assert(text.ptr != NULL);
    BIO *in = BIO_new_mem_buf(text.ptr, (int)text.len);
    assert(in != NULL);
    X509 *first = PEM_read_bio_X509(in, NULL, no_password, NULL);
    X509 *second = first ? PEM_read_bio_X509(in, NULL, no_password, NULL) : NULL;
    bool one = first != NULL && second == NULL;
    if (one) x509_put(der, first);
    X509_free(first);
    X509_free(second);
    BIO_free(in);
    ERR_clear_error();
    if (one) return OK;
    return fail(ERR_INVALID, first ? "there is more than one certificate in it"
                                   : "there is no certificate in it that can be read");
}

static enum err from_der(struct slice bytes, struct buf *der)
{
    X509 *x = x509_next(&bytes);
    bool whole = x != NULL && bytes.len == 0;
    if (whole) x509_put(der, x);
    X509_free(x);
    return whole ? OK : fail(ERR_INVALID, "it is no certificate in DER");
}

/* base64, broken into lines or not. */
static enum err unwrap(struct slice text, struct buf *out)
{
    struct buf one_line = {0};
    for (size_t i = 0; i < text.len; i++)
        if (!memchr(" \t\r\n", text.ptr[i], 4)) buf_put_u8(&one_line, text.ptr[i]);
    enum err e = text_unbase64(out, buf_slice(&one_line));
    buf_free(&one_line);
    return e == OK ? OK : fail(ERR_INVALID, "it is neither PEM nor DER nor base64 of them");
}

static enum err to_der(struct slice text, unsigned wrappings, struct buf *der)
{
    if (contains(text, "-----BEGIN ")) return from_pem(text, der);
    if (text.len && text.ptr[0] == DER_SEQUENCE && text.len > 1 && text.ptr[1] >= 0x80)
        return from_der(text, der);
    if (wrappings == 0) return fail(ERR_INVALID, "it is no certificate");
    struct buf inner = {0};
    enum err e = unwrap(text, &inner);
    if (e == OK) e = to_der(buf_slice(&inner), wrappings - 1, der);
    buf_free(&inner);
    return e;
}

/* ---- what is shown of it */

static void note_name(const X509_NAME *name, char out[X509_SUBJECT_MAX + 1])
{
    BIO *text = BIO_new(BIO_s_mem());
    assert(text != NULL);
    char *bytes;
    X509_NAME_print_ex(text, name, 0, NAME_STYLE);
    long len = BIO_get_mem_data(text, &bytes);
    size_t kept = len > 0 ? MIN((size_t)len, (size_t)X509_SUBJECT_MAX) : 0;
    if (kept) memcpy(out, bytes, kept);
    while (!text_is_utf8(slice_of(out, kept))) kept--;
    out[kept] = '\0';
    BIO_free(text);
}

static void note_serial(const X509 *x, struct x509_info *out)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    int len = MIN(ASN1_STRING_length(serial), (int)X509_SERIAL_MAX);
    for (int i = 0; i < len; i++)
        snprintf(out->serial + (size_t)2 * (size_t)i, 3, "%02X", ASN1_STRING_get0_data(serial)[i]);
}

static bool has_dates(const X509 *x)
{
    return x509_from_us(x) != INT64_MAX && x509_until_us(x) != INT64_MIN;
}

enum err x509_info_read(struct slice der, struct x509_info *out)
{
    *out = (struct x509_info){0};
    X509 *x = x509_next(&der);
    if (x == NULL) return fail(ERR_INVALID, "the certificate cannot be read");
    note_name(X509_get_subject_name(x), out->subject);
    note_name(X509_get_issuer_name(x), out->issuer);
    note_serial(x, out);
    X509_digest(x, EVP_sha1(), out->sha1, NULL);
    X509_digest(x, EVP_sha256(), out->sha256, NULL);
    out->from_us = x509_from_us(x);
    out->until_us = x509_until_us(x);
    out->version = (unsigned)X509_get_version(x) + 1;
    bool dated = has_dates(x);
    X509_free(x);
    ERR_clear_error();
    return dated ? OK : fail(ERR_INVALID, "the certificate's dates cannot be read");
}

/* X509_check_ca() also takes what OpenSSL forgives old roots (version 1, Netscape's extension). */
static bool may_sign(X509 *x)
{
    return X509_check_ca(x) == 1 && (X509_get_key_usage(x) & KU_KEY_CERT_SIGN) != 0;
}

enum err x509_certificate_read(struct slice text, struct buf *der, struct x509_certificate *out)
{
    *out = (struct x509_certificate){0};
    if (text.len > X509_UPLOAD_MAX)
        return fail(ERR_TOO_BIG, "it has %zu bytes; a certificate may have %d", text.len,
                    X509_UPLOAD_MAX);
    TRY(to_der(text, WRAPPINGS_MAX, der));
    struct slice rest = buf_slice(der);
    X509 *x = x509_next(&rest);
    assert(x != NULL);
    out->from_us = x509_from_us(x);
    out->until_us = x509_until_us(x);
    out->is_ca = may_sign(x);
    X509_digest(x, EVP_sha1(), out->sha1, NULL);
    note_name(X509_get_subject_name(x), out->subject);
    bool dated = has_dates(x);
    X509_free(x);
    ERR_clear_error();
    return dated ? OK : fail(ERR_INVALID, "the certificate's dates cannot be read");
}

/* ---- proof of possession */

static enum err check_proof(X509 *leaf, X509 *ca, struct slice code, int64_t now_us)
{
    char name[X509_COMMON_NAME_MAX + 1];
    if (!x509_common_name(leaf, name, sizeof name) || !slice_is(code, name))
        return fail(ERR_DENIED, "the common name of the proof is not the verification code %.*s",
                    SLICE_ARG(code));
    if (now_us < x509_from_us(leaf) || now_us > x509_until_us(leaf))
        return fail(ERR_DENIED, "the proof is not valid now");
    EVP_PKEY *key = X509_get0_pubkey(ca);
    if (X509_check_issued(ca, leaf) != X509_V_OK || key == NULL || X509_verify(leaf, key) != 1)
        return fail(ERR_DENIED, "the proof is not signed with the key of the CA");
    return OK;
}

enum err x509_proves(struct slice leaf_der, struct slice ca_der, struct slice code, int64_t now_us)
{
    X509 *leaf = x509_next(&leaf_der), *ca = x509_next(&ca_der);
    enum err e = leaf && ca ? check_proof(leaf, ca, code, now_us)
                            : fail(ERR_DENIED, "the proof or the CA cannot be read");
    X509_free(leaf);
    X509_free(ca);
    ERR_clear_error();
    return e;
}
