/* password.c - scrypt, as OpenSSL has it. */
#include "auth/password.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/rand.h"

struct password password_new(unsigned cost)
{
    struct password p = {.cost = (uint8_t)cost, .blocks = PASSWORD_BLOCKS, .lanes = PASSWORD_LANES};
    assert(cost >= 1 && cost <= PASSWORD_COST_MAX);
    rand_bytes(p.salt, sizeof p.salt);
    return p;
}

/* 128 * N * r bytes, and some for the lanes; what is more than OpenSSL's own limit must be allowed. */
static uint64_t memory_of(uint64_t n, const struct password *p)
{
    return 128ull * p->blocks * (n + p->lanes + 2) + (1U << 20);
}

enum err password_hash(const struct password *p, struct slice text, uint8_t out[PASSWORD_HASH])
{
    if (p->cost == 0 || p->cost > PASSWORD_COST_MAX)
        return fail(ERR_CORRUPT, "a password was made at a cost of %u", p->cost);
    uint64_t n = UINT64_C(1) << p->cost, memory = memory_of(n, p);
    uint32_t blocks = p->blocks, lanes = p->lanes;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)text.ptr, text.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)p->salt, sizeof p->salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &blocks),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &lanes),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end()};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int done = ctx ? EVP_KDF_derive(ctx, out, PASSWORD_HASH, params) : 0;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return done == 1 ? OK : fail(ERR_NOMEM, "there is no memory to check a password");
}

bool password_is(const struct password *p, const uint8_t hash[PASSWORD_HASH])
{
    return slice_eq_secret(slice_of(p->hash, PASSWORD_HASH), slice_of(hash, PASSWORD_HASH));
}
