/* jwt_test.c - tokens that are signed here, and everything that may be wrong with one. */
#include "base/test.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "auth/jwt.h"
#include "base/text.h"

enum { NOW = 1800000000 };

#define ISSUER "https://login.example"
#define CLAIMS                                                                                     \
    "{\"iss\":\"" ISSUER "\",\"aud\":\"hub\",\"sub\":\"7\",\"nonce\":\"n\",\"iat\":1799999990,"    \
    "\"exp\":1800000300}"

static EVP_PKEY *rsa, *weak, *ec;
static struct buf key_set;
static struct arena arena;

/* ---- keys */

static void put_number(const EVP_PKEY *key, const char *param, const char *name, int len)
{
    uint8_t bytes[256];
    BIGNUM *n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
    int size = len ? BN_bn2binpad(n, bytes, len) : BN_bn2bin(n, bytes);
    buf_printf(&key_set, ",\"%s\":\"", name);
    jwt_base64url(&key_set, slice_of(bytes, (size_t)size));
    buf_put_u8(&key_set, '"');
    BN_free(n);
}

static void put_rsa(const EVP_PKEY *key, const char *head)
{
    buf_printf(&key_set, "{\"kty\":\"RSA\"%s", head);
    put_number(key, OSSL_PKEY_PARAM_RSA_N, "n", 0);
    put_number(key, OSSL_PKEY_PARAM_RSA_E, "e", 0);
    buf_put_u8(&key_set, '}');
}

static void put_ec(const EVP_PKEY *key, const char *head)
{
    buf_printf(&key_set, "{\"kty\":\"EC\",\"crv\":\"P-256\"%s", head);
    put_number(key, OSSL_PKEY_PARAM_EC_PUB_X, "x", 32);
    put_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, "y", 32);
    buf_put_u8(&key_set, '}');
}

static int make_keys(void **state)
{
    (void)state;
    rsa = EVP_RSA_gen(2048);
    weak = EVP_RSA_gen(1024);
    ec = EVP_EC_gen("P-256");
    buf_put_str(&key_set, "{\"keys\":[");
    put_rsa(rsa, ",\"kid\":\"r\",\"use\":\"sig\",\"alg\":\"RS256\"");
    buf_put_u8(&key_set, ',');
    put_ec(ec, ",\"kid\":\"e\"");
    buf_put_u8(&key_set, ',');
    put_rsa(weak, ",\"kid\":\"w\"");
    buf_put_u8(&key_set, ',');
    put_rsa(rsa, ",\"kid\":\"x\",\"use\":\"enc\"");
    buf_put_str(&key_set, ",{\"kty\":\"RSA\",\"kid\":\"b\",\"n\":\"AQ\",\"e\":\"!\"}]}");
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(weak);
    EVP_PKEY_free(ec);
    buf_free(&key_set);
    arena_free(&arena);
    return 0;
}

/* ---- tokens */

static void put_signature(struct buf *token, EVP_PKEY *key)
{
    uint8_t bytes[512], raw[64];
    size_t len = sizeof bytes;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    struct slice text = buf_slice(token);
    assert_int_equal(EVP_DigestSign(ctx, bytes, &len, text.ptr, text.len), 1);
    EVP_MD_CTX_free(ctx);
    buf_put_u8(token, '.');
    if (key != ec) {
        jwt_base64url(token, slice_of(bytes, len));
        return;
    }
    const uint8_t *at = bytes;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    ECDSA_SIG_free(sig);
    jwt_base64url(token, slice_of(raw, sizeof raw));
}

static void make(struct buf *token, EVP_PKEY *key, const char *header, const char *claims)
{
    jwt_base64url(token, slice_str(header));
    buf_put_u8(token, '.');
    jwt_base64url(token, slice_str(claims));
    put_signature(token, key);
}

static enum err judge(struct slice token, int64_t now_s)
{
    struct json *keys, *claims = NULL;
    assert_int_equal(json_parse(&arena, buf_slice(&key_set), &keys), OK);
    const struct jwt_ask ask = {.token = token,
                                .keys = keys,
                                .issuer = SLICE_LIT(ISSUER),
                                .audience = SLICE_LIT("hub"),
                                .nonce = SLICE_LIT("n"),
                                .now_s = now_s};
    enum err e = jwt_verify(&arena, &ask, &claims);
    if (e == OK) assert_true(slice_is(json_str(claims, "sub"), "7"));
    return e;
}

static enum err judge_made(EVP_PKEY *key, const char *header, const char *claims)
{
    struct buf token = {0};
    make(&token, key, header, claims);
    enum err e = judge(buf_slice(&token), NOW);
    buf_free(&token);
    return e;
}

#define RS256 "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define ES256 "{\"alg\":\"ES256\",\"kid\":\"e\"}"

static void both_algorithms_are_understood(void **state)
{
    (void)state;
    assert_int_equal(judge_made(rsa, RS256, CLAIMS), OK);
    assert_int_equal(judge_made(ec, ES256, CLAIMS), OK);
    assert_int_equal(judge_made(ec, "{\"alg\":\"ES256\"}", CLAIMS), OK); /* one key fits */
}

static void the_key_and_the_algorithm_must_fit(void **state)
{
    (void)state;
    const struct {
        EVP_PKEY *key;
        const char *header;
        enum err err;
    } rows[] = {
        {rsa, "{\"alg\":\"none\",\"kid\":\"r\"}", ERR_DENIED},
        {rsa, "{\"alg\":\"HS256\",\"kid\":\"r\"}", ERR_DENIED},
        {rsa, "{\"kid\":\"r\"}", ERR_DENIED},
        {rsa, "{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"b64\"]}", ERR_DENIED},
        {rsa, "{\"alg\":\"RS256\",\"kid\":\"e\"}", ERR_NOT_FOUND},
        {rsa, "{\"alg\":\"RS256\",\"kid\":\"new\"}", ERR_NOT_FOUND},
        {rsa, "{\"alg\":\"RS256\",\"kid\":\"x\"}", ERR_NOT_FOUND}, /* for encryption */
        {rsa, "{\"alg\":\"RS256\"}", ERR_NOT_FOUND},               /* which one? */
        {rsa, "{\"alg\":\"ES256\",\"kid\":\"e\"}", ERR_DENIED},
        {ec, "{\"alg\":\"RS256\",\"kid\":\"r\"}", ERR_DENIED},
        {weak, "{\"alg\":\"RS256\",\"kid\":\"r\"}", ERR_DENIED},
        {weak, "{\"alg\":\"RS256\",\"kid\":\"w\"}", ERR_INVALID},
        {rsa, "{\"alg\":\"RS256\",\"kid\":\"b\"}", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (judge_made(rows[i].key, rows[i].header, CLAIMS) != rows[i].err)
            fail_msg("row %zu: %s", i, rows[i].header);
}

#define WITH(iss, aud, more)                                                                       \
    "{\"iss\":\"" iss "\",\"aud\":" aud ",\"sub\":\"7\",\"nonce\":\"n\",\"iat\":1799999990,"       \
    "\"exp\":1800000300" more "}"

static void claims_must_be_ours(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        enum err err;
    } rows[] = {
        {WITH(ISSUER, "[\"hub\"]", ""), OK},
        {WITH(ISSUER, "[\"hub\",\"other\"]", ",\"azp\":\"hub\""), OK},
        {WITH(ISSUER, "[\"hub\",\"other\"]", ""), ERR_DENIED},
        {WITH(ISSUER, "\"hub\"", ",\"azp\":\"other\""), ERR_DENIED},
        {WITH(ISSUER, "\"other\"", ""), ERR_DENIED},
        {WITH(ISSUER, "[]", ""), ERR_DENIED},
        {WITH(ISSUER, "7", ""), ERR_DENIED},
        {WITH(ISSUER "/", "\"hub\"", ""), ERR_DENIED},
        {WITH(ISSUER, "\"hub\"", ",\"nbf\":1800000060"), OK},
        {WITH(ISSUER, "\"hub\"", ",\"nbf\":1800000061"), ERR_DENIED},
        {WITH(ISSUER, "\"hub\"", ",\"nbf\":\"soon\""), ERR_DENIED},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"hub\",\"sub\":\"7\",\"nonce\":\"m\",\"iat\":1799999990,"
         "\"exp\":1800000300}",
         ERR_DENIED},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"hub\",\"sub\":\"7\",\"iat\":1799999990,"
         "\"exp\":1800000300}",
         ERR_DENIED},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"hub\",\"nonce\":\"n\",\"iat\":1799999990,"
         "\"exp\":1800000300}",
         ERR_DENIED},
        {"{\"iss\":\"" ISSUER
         "\",\"aud\":\"hub\",\"sub\":\"7\",\"nonce\":\"n\",\"exp\":1800000300}",
         ERR_DENIED},
        {"{\"iss\":\"" ISSUER
         "\",\"aud\":\"hub\",\"sub\":\"7\",\"nonce\":\"n\",\"iat\":1799999990}",
         ERR_DENIED},
        {"[]", ERR_INVALID},
        {"nonsense", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (judge_made(rsa, RS256, rows[i].claims) != rows[i].err)
            fail_msg("row %zu: %s", i, rows[i].claims);
}

static void a_token_has_its_time(void **state)
{
    (void)state;
    struct buf token = {0};
    make(&token, ec, ES256, CLAIMS);
    assert_int_equal(judge(buf_slice(&token), 1800000300 + JWT_SKEW_S - 1), OK);
    assert_int_equal(judge(buf_slice(&token), 1800000300 + JWT_SKEW_S), ERR_DENIED);
    assert_int_equal(judge(buf_slice(&token), 1799999990 - JWT_SKEW_S), OK);
    assert_int_equal(judge(buf_slice(&token), 1799999990 - JWT_SKEW_S - 1), ERR_DENIED);
    buf_free(&token);
}

/* Each byte of a good one counts, and its length. */
static void no_other_token_is_as_good(void **state)
{
    (void)state;
    struct buf token = {0};
    make(&token, ec, ES256, CLAIMS);
    for (size_t i = 0; i < buf_size(&token); i++) {
        uint8_t was = token.ptr[token.off + i];
        token.ptr[token.off + i] = was == 'A' ? 'B' : 'A';
        if (judge(buf_slice(&token), NOW) == OK) fail_msg("byte %zu does not count", i);
        token.ptr[token.off + i] = was;
        if (judge(slice_head(buf_slice(&token), i), NOW) == OK) fail_msg("%zu bytes are enough", i);
    }
    assert_int_equal(judge(buf_slice(&token), NOW), OK);
    buf_put_str(&token, "=");
    assert_int_equal(judge(buf_slice(&token), NOW), ERR_INVALID);
    buf_consume(&token, buf_size(&token));
    buf_put_str(&token, "..");
    assert_int_equal(judge(buf_slice(&token), NOW), ERR_INVALID);
    buf_consume(&token, buf_size(&token));
    buf_put_str(&token, "e30.e30.e30.e30");
    assert_int_equal(judge(buf_slice(&token), NOW), ERR_INVALID);
    while (buf_size(&token) <= JWT_MAX) buf_put_u8(&token, 'a');
    assert_int_equal(judge(buf_slice(&token), NOW), ERR_INVALID);
    buf_free(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_algorithms_are_understood),
        cmocka_unit_test(the_key_and_the_algorithm_must_fit),
        cmocka_unit_test(claims_must_be_ours),
        cmocka_unit_test(a_token_has_its_time),
        cmocka_unit_test(no_other_token_is_as_good),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
