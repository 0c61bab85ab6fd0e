/* tpm.c - see tpm.h. */
#include "auth/tpm.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "auth/hmac.h"
#include "base/cur.h"
#include "base/mem.h"
#include "base/rand.h"

/* Part 2: TPM_ALG_ID, TPMA_OBJECT. */
enum {
    ALG_RSA = 0x0001,
    ALG_HMAC = 0x0005,
    ALG_AES = 0x0006,
    ALG_KEYEDHASH = 0x0008,
    ALG_SHA256 = 0x000B,
    ALG_NULL = 0x0010,
    ALG_CFB = 0x0043,
    IS_FIXED_TPM = 1 << 1,
    IS_FIXED_PARENT = 1 << 4,
    IS_USER_WITH_AUTH = 1 << 6,
    IS_NO_DA = 1 << 10,
    IS_RESTRICTED = 1 << 16,
    IS_DECRYPT = 1 << 17,
    IS_SIGN = 1 << 18,
    RSA_BITS_MIN = 2048,
    RSA_EXPONENT = 65537, /* when it says 0 */
    SHA256_LEN = 32,
    INNER_LEN = 16, /* bytes of the inner key: AES-128 */
    SECRET_MAX = TPM_RSA_BITS_MAX / 8,
};

/* ---- reading */

size_t tpm_sized_len(struct slice bytes)
{
    struct cur c = cur_of(bytes);
    size_t len = cur_be16(&c);
    return c.bad || cur_left(&c) < len ? 0 : 2 + len;
}

static struct slice take_sized(struct cur *c)
{
    return cur_take(c, cur_be16(c));
}

static void put_sized(struct buf *out, struct slice bytes)
{
    buf_put_be16(out, (uint16_t)bytes.len);
    buf_put_slice(out, bytes);
}

static void digest(struct slice first, struct slice second, uint8_t out[SHA256_LEN])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int done = EVP_DigestInit_ex(c, EVP_sha256(), NULL);
    done &= EVP_DigestUpdate(c, first.ptr, first.len);
    done &= EVP_DigestUpdate(c, second.ptr, second.len);
    done &= EVP_DigestFinal_ex(c, out, NULL);
    assert(done);
    EVP_MD_CTX_free(c);
}

/* The name of an object is its digest behind the digest's algorithm. */
static void name_of(struct slice public, uint8_t out[TPM_NAME_LEN])
{
    out[0] = ALG_SHA256 >> 8;
    out[1] = ALG_SHA256;
    digest(public, SLICE_NONE, out + 2);
}

static bool is_storage_key(uint32_t attributes)
{
    uint32_t wanted = IS_FIXED_TPM | IS_FIXED_PARENT | IS_RESTRICTED | IS_DECRYPT;
    return (attributes & wanted) == wanted && !(attributes & IS_SIGN);
}

/* TPMS_RSA_PARMS and the modulus. */
static enum err read_rsa(struct cur *c, struct tpm_public *out)
{
    uint16_t cipher = cur_be16(c);
    out->symmetric_bits = cur_be16(c);
    uint16_t mode = cur_be16(c), scheme = cur_be16(c);
    unsigned bits = cur_be16(c);
    uint32_t exponent = cur_be32(c);
    out->exponent = exponent ? exponent : RSA_EXPONENT;
    out->modulus = take_sized(c);
    if (c->bad || cur_left(c)) return fail(ERR_INVALID, "the TPM's key has the wrong length");
    if (cipher != ALG_AES || mode != ALG_CFB || scheme != ALG_NULL ||
        (out->symmetric_bits != 128 && out->symmetric_bits != 256))
        return fail(ERR_INVALID, "the TPM's key does not protect with AES in CFB mode");
    if (bits < RSA_BITS_MIN || bits > TPM_RSA_BITS_MAX || out->modulus.len != bits / 8)
        return fail(ERR_INVALID, "the TPM's key has %u bits", bits);
    return OK;
}

enum err tpm_public_read(struct slice tpm2b, struct tpm_public *out)
{
    struct cur outer = cur_of(tpm2b);
    struct slice public = take_sized(&outer);
    struct cur c = cur_of(public);
    if (outer.bad || cur_left(&outer) || tpm2b.len > TPM_PUBLIC_MAX)
        return fail(ERR_INVALID, "it is no TPM2B_PUBLIC");
    uint16_t type = cur_be16(&c), name = cur_be16(&c);
    if (type != ALG_RSA || name != ALG_SHA256)
        return fail(ERR_INVALID, "only RSA keys with names of SHA-256 are offered");
    uint32_t attributes = cur_be32(&c);
    take_sized(&c); /* its policy is the TPM's own business */
    if (!is_storage_key(attributes))
        return fail(ERR_INVALID, "it is not a key that stays in its TPM and protects others");
    name_of(public, out->name);
    return read_rsa(&c, out);
}

/* ---- arithmetic */

/* KDFa of at most one digest: HMAC(key, [1] || label || 00 || context || [bits]). */
static void derive(const uint8_t seed[SHA256_LEN], const char *label, struct slice context,
                   unsigned bits, uint8_t out[SHA256_LEN])
{
    uint8_t counter[4] = {0, 0, 0, 1}, count[4] = {0, 0, (uint8_t)(bits >> 8), (uint8_t)bits};
    const struct slice parts[] = {slice_of(counter, sizeof counter),
                                  slice_of(label, strlen(label) + 1), context,
                                  slice_of(count, sizeof count)};
    hmac_sha256(slice_of(seed, SHA256_LEN), parts, 4, out);
}

/* In place, from a vector of zeros. */
static void encrypt(const uint8_t *key, unsigned bits, struct buf *text)
{
    uint8_t zeros[16] = {0};
    int len = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int done = EVP_EncryptInit_ex(c, bits == 128 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128(),
                                  NULL, key, zeros);
    done &= EVP_EncryptUpdate(c, text->ptr, &len, text->ptr, (int)text->len);
    assert(done && (size_t)len == text->len);
    EVP_CIPHER_CTX_free(c);
}

static EVP_PKEY *rsa_of(const struct tpm_public *p)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(p->modulus.ptr, (int)p->modulus.len, NULL), *e = BN_new();
    BN_set_word(e, p->exponent);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool made = EVP_PKEY_fromdata_init(c) > 0 &&
                EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) > 0;
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return made ? key : NULL;
}

/* OAEP with SHA-256; the label's NUL counts. */
static bool oaep(EVP_PKEY_CTX *c, const char *label, struct slice secret, uint8_t *out, size_t *len)
{
    void *copy = OPENSSL_strdup(label);
    if (EVP_PKEY_encrypt_init(c) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) <= 0 ||
        EVP_PKEY_CTX_set0_rsa_oaep_label(c, copy, (int)strlen(label) + 1) <= 0) {
        OPENSSL_free(copy);
        return false;
    }
    return EVP_PKEY_encrypt(c, out, len, secret.ptr, secret.len) > 0;
}

/* TPM2B_ENCRYPTED_SECRET */
static enum err put_secret(struct buf *out, const struct tpm_public *to, const char *label,
                           const uint8_t seed[SHA256_LEN])
{
    uint8_t secret[SECRET_MAX];
    size_t len = sizeof secret;
    EVP_PKEY *key = rsa_of(to);
    EVP_PKEY_CTX *c = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool done = c && oaep(c, label, slice_of(seed, SHA256_LEN), secret, &len);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!done) return fail(ERR_INVALID, "the TPM's key is no key of RSA");
    put_sized(out, slice_of(secret, len));
    return OK;
}

/* What both protections have around them: HMAC(text || name), text; the text is encrypted in place. */
static void put_protected(struct buf *out, const uint8_t seed[SHA256_LEN], unsigned bits,
                          struct slice name, struct buf *text)
{
    uint8_t key[SHA256_LEN], mac[SHA256_LEN];
    derive(seed, "STORAGE", name, bits, key);
    encrypt(key, bits, text);
    derive(seed, "INTEGRITY", SLICE_NONE, SHA256_LEN * 8, key);
    hmac_sha256(slice_of(key, sizeof key), (const struct slice[]){buf_slice(text), name}, 2, mac);
    buf_put_be16(out, (uint16_t)(2 + sizeof mac + text->len));
    put_sized(out, slice_of(mac, sizeof mac));
    buf_put_slice(out, buf_slice(text));
    mem_wipe(key, sizeof key);
}

/* ---- the parts of the blob */

/* TPM2_MakeCredential(): the inner key, for who has EK, and beside it the object of that name. */
static enum err put_credential(struct buf *out, const struct tpm_public *ek, struct slice srk_name,
                               const uint8_t inner[INNER_LEN])
{
    uint8_t seed[SHA256_LEN];
    struct buf text = {0};
    rand_bytes(seed, sizeof seed);
    put_sized(&text, slice_of(inner, INNER_LEN));
    put_protected(out, seed, ek->symmetric_bits, srk_name, &text);
    enum err e = put_secret(out, ek, "IDENTITY", seed);
    mem_wipe(seed, sizeof seed);
    buf_free(&text);
    return e;
}

/* TPMT_PUBLIC of a key for HMAC with SHA-256. */
static void put_public(struct buf *out, const uint8_t unique[SHA256_LEN])
{
    buf_put_be16(out, ALG_KEYEDHASH);
    buf_put_be16(out, ALG_SHA256);
    buf_put_be32(out, IS_USER_WITH_AUTH | IS_NO_DA | IS_SIGN);
    buf_put_be16(out, 0); /* no policy */
    buf_put_be16(out, ALG_HMAC);
    buf_put_be16(out, ALG_SHA256);
    put_sized(out, slice_of(unique, SHA256_LEN));
}

/* TPM2B_SENSITIVE */
static void put_sensitive(struct buf *out, const uint8_t blinding[SHA256_LEN],
                          const uint8_t key[TPM_KEY_LEN])
{
    struct buf fields = BUF_SECRET;
    buf_put_be16(&fields, ALG_KEYEDHASH);
    buf_put_be16(&fields, 0); /* no password */
    put_sized(&fields, slice_of(blinding, SHA256_LEN));
    put_sized(&fields, slice_of(key, TPM_KEY_LEN));
    put_sized(out, buf_slice(&fields));
    buf_wipe(&fields);
}

/* The inner wrapper: its integrity and the sensitive part, under the inner key. */
static void wrap(struct buf *out, struct slice sensitive, struct slice name,
                 const uint8_t inner[INNER_LEN])
{
    uint8_t integrity[SHA256_LEN];
    digest(sensitive, name, integrity);
    put_sized(out, slice_of(integrity, sizeof integrity));
    buf_put_slice(out, sensitive);
    encrypt(inner, INNER_LEN * 8, out);
}

/* TPM2_Duplicate(): TPM2B_PRIVATE and the seed of its outer wrapper, for who has SRK. */
static enum err put_duplicate(struct buf *out, const struct tpm_public *srk, struct slice sensitive,
                              struct slice name, const uint8_t inner[INNER_LEN])
{
    uint8_t seed[SHA256_LEN];
    struct buf text = {0};
    rand_bytes(seed, sizeof seed);
    wrap(&text, sensitive, name, inner);
    put_protected(out, seed, srk->symmetric_bits, name, &text);
    enum err e = put_secret(out, srk, "DUPLICATE", seed);
    mem_wipe(seed, sizeof seed);
    buf_free(&text);
    return e;
}

static enum err put_blob(struct buf *out, const struct tpm_public *ek, const struct tpm_public *srk,
                         struct slice public, struct slice sensitive)
{
    uint8_t inner[INNER_LEN], name[TPM_NAME_LEN];
    rand_bytes(inner, sizeof inner);
    name_of(public, name);
    enum err e = put_credential(out, ek, slice_of(srk->name, sizeof srk->name), inner);
    if (e == OK) e = put_duplicate(out, srk, sensitive, slice_of(name, sizeof name), inner);
    put_sized(out, public);
    buf_put_be16(out, 0); /* TPM2B_DATA */
    mem_wipe(inner, sizeof inner);
    return e;
}

enum err tpm_protect(const struct tpm_public *ek, const struct tpm_public *srk,
                     const uint8_t key[TPM_KEY_LEN], struct buf *out)
{
    uint8_t blinding[SHA256_LEN], unique[SHA256_LEN];
    struct buf public = {0}, sensitive = BUF_SECRET;
    rand_bytes(blinding, sizeof blinding);
    digest(slice_of(blinding, sizeof blinding), slice_of(key, TPM_KEY_LEN), unique);
    put_public(&public, unique);
    put_sensitive(&sensitive, blinding, key);
    enum err e = put_blob(out, ek, srk, buf_slice(&public), buf_slice(&sensitive));
    buf_wipe(&sensitive);
    buf_free(&public);
    return e;
}
