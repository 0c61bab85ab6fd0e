/* jwk.c - n and e, or x and y, become a key of OpenSSL's.
 *
 * ES256's signatures are r and s, 32 bytes each (RFC 7518, section 3.4); OpenSSL wants them in DER. */
#include "auth/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/text.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, COORDINATE = 32 };

const char *jwk_alg_name(enum jwk_alg alg)
{
    static const char *const names[JWK_ALGS] = {"RS256", "ES256"};
    return names[alg];
}

/* A member in base64url; false: it is none. */
static bool get_bytes(const struct json *key, const char *name, struct buf *out)
{
    struct buf plain = {0};
    buf_put_slice(&plain, json_str(key, name));
    for (size_t i = 0; i < plain.len; i++) {
        uint8_t c = plain.ptr[i];
        plain.ptr[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (buf_size(&plain) % 4) buf_put_u8(&plain, '=');
    bool good = buf_size(&plain) && text_unbase64(out, buf_slice(&plain)) == OK;
    buf_free(&plain);
    return good;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(const struct json *jwk)
{
    struct buf n = {0}, e = {0};
    EVP_PKEY *key = NULL;
    if (get_bytes(jwk, "n", &n) && get_bytes(jwk, "e", &e) && buf_size(&n) <= RSA_BITS_MAX / 8) {
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        BIGNUM *modulus = BN_bin2bn(buf_slice(&n).ptr, (int)buf_size(&n), NULL);
        BIGNUM *exponent = BN_bin2bn(buf_slice(&e).ptr, (int)buf_size(&e), NULL);
        if (BN_num_bits(modulus) >= RSA_BITS_MIN &&
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
            key = from_params("RSA", builder);
        BN_free(modulus);
        BN_free(exponent);
        OSSL_PARAM_BLD_free(builder);
    }
    buf_free(&n);
    buf_free(&e);
    return key;
}

/* A point that is not on the curve makes no key. */
static EVP_PKEY *ec_key(const struct json *jwk)
{
    struct buf point = {0}, x = {0}, y = {0};
    EVP_PKEY *key = NULL;
    if (slice_is(json_str(jwk, "crv"), "P-256") && get_bytes(jwk, "x", &x) &&
        get_bytes(jwk, "y", &y) && buf_size(&x) == COORDINATE && buf_size(&y) == COORDINATE) {
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        buf_put_u8(&point, POINT_CONVERSION_UNCOMPRESSED);
        buf_put_slice(&point, buf_slice(&x));
        buf_put_slice(&point, buf_slice(&y));
        if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
                1 &&
            OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
                                             buf_slice(&point).ptr, buf_size(&point)) == 1)
            key = from_params("EC", builder);
        OSSL_PARAM_BLD_free(builder);
    }
    buf_free(&point);
    buf_free(&x);
    buf_free(&y);
    return key;
}

static void put_der(struct buf *out, struct slice raw)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.ptr, COORDINATE, NULL);
    BIGNUM *s = BN_bin2bn(raw.ptr + COORDINATE, COORDINATE, NULL);
    uint8_t der[2 * COORDINATE + 16], *end = der;
    ECDSA_SIG_set0(sig, r, s);
    int len = i2d_ECDSA_SIG(sig, &end);
    if (len > 0) buf_put(out, der, (size_t)len);
    ECDSA_SIG_free(sig);
}

static bool is_signature(EVP_PKEY *key, struct slice text, struct slice signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
                EVP_DigestVerify(ctx, signature.ptr, signature.len, text.ptr, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

enum err jwk_verify(const struct json *jwk, enum jwk_alg alg, struct slice text,
                    struct slice signature)
{
    struct buf der = {0};
    bool right_size = alg == JWK_RS256 || signature.len == 2UL * COORDINATE;
    EVP_PKEY *key = alg == JWK_RS256 ? rsa_key(jwk) : ec_key(jwk);
    if (key == NULL) return fail(ERR_INVALID, "a key of the issuer is none");
    if (alg == JWK_ES256 && right_size) {
        put_der(&der, signature);
        signature = buf_slice(&der);
    }
    bool good = right_size && is_signature(key, text, signature);
    EVP_PKEY_free(key);
    buf_free(&der);
    return good ? OK : fail(ERR_DENIED, "the token's signature is not that of the issuer's key");
}
