/* tpm_test.c - blobs opened again with the private keys; keys that are none. */
#include "base/test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "auth/tpm.h"
#include "base/cur.h"
#include "base/mem.h"

enum { STORAGE_KEY = 0x00030072, BITS = 2048 };

/* ---- a TPM's key: RSA, and TPM2B_PUBLIC of it */

struct shape {
    uint16_t type, name_alg, cipher, cipher_bits, mode, scheme, bits;
    uint32_t attributes;
    size_t cut, more; /* bytes that are missing at the end, or too many */
    size_t policy;    /* of its authPolicy */
};

static const struct shape good = {1, 11, 6, 128, 0x43, 0x10, BITS, STORAGE_KEY, 0, 0, 0};

static struct buf encode(const struct shape *s, struct slice modulus)
{
    struct buf inner = {0}, out = {0};
    buf_put_be16(&inner, s->type);
    buf_put_be16(&inner, s->name_alg);
    buf_put_be32(&inner, s->attributes);
    buf_put_be16(&inner, (uint16_t)s->policy);
    for (size_t i = 0; i < s->policy; i++) buf_put_u8(&inner, 0);
    buf_put_be16(&inner, s->cipher);
    buf_put_be16(&inner, s->cipher_bits);
    buf_put_be16(&inner, s->mode);
    buf_put_be16(&inner, s->scheme);
    buf_put_be16(&inner, s->bits);
    buf_put_be32(&inner, 0);
    buf_put_be16(&inner, (uint16_t)modulus.len);
    buf_put_slice(&inner, modulus);
    for (size_t i = 0; i < s->more; i++) buf_put_u8(&inner, 0);
    buf_put_be16(&out, (uint16_t)buf_size(&inner));
    buf_put_slice(&out, slice_head(buf_slice(&inner), buf_size(&inner) - s->cut));
    buf_free(&inner);
    return out;
}

struct owner {
    EVP_PKEY *rsa;
    uint8_t modulus[BITS / 8];
    struct buf text;
    struct tpm_public public;
};

static void owner_init(struct owner *o)
{
    BIGNUM *n = NULL;
    o->rsa = EVP_RSA_gen(BITS);
    assert_non_null(o->rsa);
    assert_true(EVP_PKEY_get_bn_param(o->rsa, "n", &n));
    assert_int_equal(BN_bn2binpad(n, o->modulus, sizeof o->modulus), sizeof o->modulus);
    BN_free(n);
    o->text = encode(&good, slice_of(o->modulus, sizeof o->modulus));
    assert_int_equal(tpm_public_read(buf_slice(&o->text), &o->public), OK);
}

static void owner_fini(struct owner *o)
{
    EVP_PKEY_free(o->rsa);
    buf_free(&o->text);
}

/* ---- what a TPM does with it */

static struct slice take_sized(struct cur *c)
{
    return cur_take(c, cur_be16(c));
}

static void open_secret(const struct owner *o, struct slice secret, const char *label,
                        uint8_t seed[32])
{
    uint8_t plain[BITS / 8];
    size_t len = sizeof plain;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(o->rsa, NULL);
    assert_true(EVP_PKEY_decrypt_init(c) > 0);
    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING);
    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256());
    EVP_PKEY_CTX_set0_rsa_oaep_label(c, OPENSSL_strdup(label), (int)strlen(label) + 1);
    assert_true(EVP_PKEY_decrypt(c, plain, &len, secret.ptr, secret.len) > 0);
    assert_int_equal(len, 32);
    memcpy(seed, plain, 32);
    EVP_PKEY_CTX_free(c);
}

static void kdfa(const uint8_t seed[32], const char *label, struct slice context, unsigned bits,
                 uint8_t out[32])
{
    struct buf text = {0};
    buf_put_be32(&text, 1);
    buf_put(&text, label, strlen(label) + 1);
    buf_put_slice(&text, context);
    buf_put_be32(&text, bits);
    HMAC(EVP_sha256(), seed, 32, text.ptr, buf_size(&text), out, NULL);
    buf_free(&text);
}

static struct buf decrypt(const uint8_t key[16], struct slice text)
{
    struct buf out = {0};
    uint8_t zeros[16] = {0}, plain[512];
    int len = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    EVP_DecryptInit_ex(c, EVP_aes_128_cfb128(), NULL, key, zeros);
    assert_true(EVP_DecryptUpdate(c, plain, &len, text.ptr, (int)text.len));
    buf_put(&out, plain, (size_t)len);
    EVP_CIPHER_CTX_free(c);
    return out;
}

/* HMAC(text || name), text. */
static struct buf open_protected(const uint8_t seed[32], struct slice protected, struct slice name)
{
    uint8_t key[32], mac[32];
    struct cur c = cur_of(protected);
    struct slice integrity = take_sized(&c), text = cur_rest(&c);
    struct buf both = {0};
    kdfa(seed, "INTEGRITY", SLICE_NONE, 256, key);
    buf_put_slice(&both, text);
    buf_put_slice(&both, name);
    HMAC(EVP_sha256(), key, sizeof key, both.ptr, buf_size(&both), mac, NULL);
    assert_true(slice_eq(integrity, slice_of(mac, sizeof mac)));
    kdfa(seed, "STORAGE", name, 128, key);
    buf_free(&both);
    return decrypt(key, text);
}

static void name_of(struct slice public, uint8_t name[34])
{
    name[0] = 0, name[1] = 11;
    EVP_Digest(public.ptr, public.len, name + 2, NULL, EVP_sha256(), NULL);
}

/* The sensitive part behind its integrity, and the key in it. */
static void check_sensitive(struct slice wrapped, struct slice name, struct slice unique,
                            const uint8_t key[TPM_KEY_LEN])
{
    struct cur c = cur_of(wrapped);
    uint8_t digest[32];
    struct buf both = {0};
    struct slice integrity = take_sized(&c), sensitive = cur_rest(&c);
    buf_put_slice(&both, sensitive);
    buf_put_slice(&both, name);
    EVP_Digest(both.ptr, buf_size(&both), digest, NULL, EVP_sha256(), NULL);
    assert_true(slice_eq(integrity, slice_of(digest, sizeof digest)));
    buf_clear(&both);
    struct slice fields = take_sized(&c);
    struct cur f = cur_of(fields);
    assert_int_equal(cur_be16(&f), 8);
    assert_int_equal(take_sized(&f).len, 0);
    buf_put_slice(&both,
                  take_sized(&f)); /* the blinding seed, then the key: their digest is `unique` */
    struct slice found = take_sized(&f);
    assert_true(slice_eq(found, slice_of(key, TPM_KEY_LEN)));
    buf_put_slice(&both, found);
    EVP_Digest(both.ptr, buf_size(&both), digest, NULL, EVP_sha256(), NULL);
    assert_true(slice_eq(unique, slice_of(digest, sizeof digest)));
    assert_false(f.bad || cur_left(&f) || cur_left(&c));
    buf_free(&both);
}

static void only_both_keys_of_a_tpm_open_a_blob(void **state)
{
    (void)state;
    struct owner ek, srk;
    uint8_t key[TPM_KEY_LEN], seed[32], name[34];
    struct buf blob = {0};
    owner_init(&ek);
    owner_init(&srk);
    memset(key, 'k', sizeof key);
    assert_int_equal(tpm_protect(&ek.public, &srk.public, key, &blob), OK);

    struct cur c = cur_of(buf_slice(&blob));
    struct slice credential = take_sized(&c), secret = take_sized(&c);
    struct slice duplicate = take_sized(&c), outer = take_sized(&c), public = take_sized(&c);
    assert_int_equal(take_sized(&c).len, 0);
    assert_false(c.bad || cur_left(&c));

    open_secret(&ek, secret, "IDENTITY", seed);
    struct buf inner = open_protected(seed, credential, slice_of(srk.public.name, TPM_NAME_LEN));
    assert_int_equal(buf_size(&inner), 2 + 16);
    open_secret(&srk, outer, "DUPLICATE", seed);
    name_of(public, name);
    struct buf twice = open_protected(seed, duplicate, slice_of(name, sizeof name));
    struct buf wrapped = decrypt(inner.ptr + 2, buf_slice(&twice));
    check_sensitive(buf_slice(&wrapped), slice_of(name, sizeof name),
                    slice_from(public, public.len - 32), key);
    buf_free(&inner);
    buf_free(&twice);
    buf_free(&wrapped);
    buf_free(&blob);
    owner_fini(&ek);
    owner_fini(&srk);
}

static void keys_that_do_not_protect_are_refused(void **state)
{
    static const struct {
        const char *name;
        struct shape shape;
    } rows[] = {
        {"ECC", {0x23, 11, 6, 128, 0x43, 0x10, BITS, STORAGE_KEY, 0, 0, 0}},
        {"SHA-1", {1, 4, 6, 128, 0x43, 0x10, BITS, STORAGE_KEY, 0, 0, 0}},
        {"it signs", {1, 11, 6, 128, 0x43, 0x10, BITS, STORAGE_KEY | 1 << 18, 0, 0, 0}},
        {"it may leave its TPM", {1, 11, 6, 128, 0x43, 0x10, BITS, STORAGE_KEY & ~2u, 0, 0, 0}},
        {"no cipher", {1, 11, 0x10, 128, 0x43, 0x10, BITS, STORAGE_KEY, 0, 0, 0}},
        {"a cipher of 192 bits", {1, 11, 6, 192, 0x43, 0x10, BITS, STORAGE_KEY, 0, 0, 0}},
        {"CBC", {1, 11, 6, 128, 0x42, 0x10, BITS, STORAGE_KEY, 0, 0, 0}},
        {"a scheme", {1, 11, 6, 128, 0x43, 0x17, BITS, STORAGE_KEY, 0, 0, 0}},
        {"more bits than it has", {1, 11, 6, 128, 0x43, 0x10, 3072, STORAGE_KEY, 0, 0, 0}},
        {"few bits", {1, 11, 6, 128, 0x43, 0x10, 1024, STORAGE_KEY, 0, 0, 0}},
        {"cut", {1, 11, 6, 128, 0x43, 0x10, BITS, STORAGE_KEY, 1, 0, 0}},
        {"too long", {1, 11, 6, 128, 0x43, 0x10, BITS, STORAGE_KEY, 0, 1, 0}},
    };
    uint8_t modulus[BITS / 8];
    struct tpm_public p;
    (void)state;
    memset(modulus, 0xff, sizeof modulus);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf text = encode(&rows[i].shape, slice_of(modulus, sizeof modulus));
        if (tpm_public_read(buf_slice(&text), &p) != ERR_INVALID) fail_msg("%s", rows[i].name);
        buf_free(&text);
    }
    struct buf text = encode(&good, slice_of(modulus, sizeof modulus));
    for (size_t len = 0; len < buf_size(&text); len++)
        assert_int_equal(tpm_public_read(slice_head(buf_slice(&text), len), &p), ERR_INVALID);
    assert_int_equal(tpm_public_read(buf_slice(&text), &p), OK);
    assert_int_equal(tpm_sized_len(buf_slice(&text)), buf_size(&text));
    assert_int_equal(tpm_sized_len(slice_head(buf_slice(&text), buf_size(&text) - 1)), 0);
    buf_free(&text);
}

static void a_key_has_at_most_4096_bits(void **state)
{
    uint8_t modulus[TPM_RSA_BITS_MAX / 8 + 1];
    (void)state;
    memset(modulus, 0xff, sizeof modulus);
    for (unsigned more = 0; more < 2; more++) {
        struct shape shape = good;
        struct tpm_public p;
        shape.bits = (uint16_t)(TPM_RSA_BITS_MAX + 8 * more);
        struct buf text = encode(&shape, slice_of(modulus, shape.bits / 8));
        assert_int_equal(tpm_public_read(buf_slice(&text), &p), more ? ERR_INVALID : OK);
        buf_free(&text);
    }
}

static void a_key_has_at_most_1024_bytes_with_all_that_belongs_to_it(void **state)
{
    uint8_t modulus[BITS / 8];
    (void)state;
    memset(modulus, 0xff, sizeof modulus);
    struct buf bare = encode(&good, slice_of(modulus, sizeof modulus));
    for (unsigned more = 0; more < 2; more++) {
        struct shape shape = good;
        struct tpm_public p;
        shape.policy = TPM_PUBLIC_MAX - buf_size(&bare) + more;
        struct buf text = encode(&shape, slice_of(modulus, sizeof modulus));
        assert_int_equal(buf_size(&text), TPM_PUBLIC_MAX + more);
        assert_int_equal(tpm_public_read(buf_slice(&text), &p), more ? ERR_INVALID : OK);
        buf_free(&text);
    }
    buf_free(&bare);
}

static void a_modulus_of_nobody_is_refused(void **state)
{
    uint8_t zeros[BITS / 8] = {0}, key[TPM_KEY_LEN] = {0};
    struct tpm_public p;
    struct buf blob = {0}, text = encode(&good, slice_of(zeros, sizeof zeros));
    (void)state;
    assert_int_equal(tpm_public_read(buf_slice(&text), &p), OK);
    assert_int_equal(tpm_protect(&p, &p, key, &blob), ERR_INVALID);
    buf_free(&blob);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_both_keys_of_a_tpm_open_a_blob),
        cmocka_unit_test(keys_that_do_not_protect_are_refused),
        cmocka_unit_test(a_key_has_at_most_4096_bits),
        cmocka_unit_test(a_key_has_at_most_1024_bytes_with_all_that_belongs_to_it),
        cmocka_unit_test(a_modulus_of_nobody_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
