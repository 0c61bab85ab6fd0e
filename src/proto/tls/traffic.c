/* traffic.c - keys and records of RFC 8446 sections 5.2, 5.3, 7.2 and 7.3. */
#include "proto/tls/traffic.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <pthread.h>

#include "base/mem.h"

struct suite {
    unsigned id;
    const char *aead, *hash;
    size_t key_len, secret_len;
    EVP_CIPHER *cipher; /* NULL: this OpenSSL does not have it */
};

enum { KEY_MAX = 32 };

static struct suite suites[] = {
    {0x1301, "AES-128-GCM", "SHA256", 16, 32, NULL},
    {0x1302, "AES-256-GCM", "SHA384", 32, 48, NULL},
    {0x1303, "ChaCha20-Poly1305", "SHA256", 32, 32, NULL},
};
static EVP_KDF *kdf;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", "provider=default"); /* not schedule.c's */
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        suites[i].cipher = kdf ? EVP_CIPHER_fetch(NULL, suites[i].aead, NULL) : NULL;
    ERR_clear_error();
}

const struct suite *suite_find(unsigned id)
{
    pthread_once(&once, fetch);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (suites[i].id == id && suites[i].cipher) return &suites[i];
    return NULL;
}

/* ---- keys */

static enum err refused(const char *what)
{
    ERR_clear_error();
    return fail(ERR_INVALID, "OpenSSL refuses %s", what);
}

static OSSL_PARAM text(const char *key, const char *value)
{
    return OSSL_PARAM_construct_utf8_string(key, (char *)(uintptr_t)value, 0);
}

static OSSL_PARAM octets(const char *key, const void *bytes, size_t len)
{
    return OSSL_PARAM_construct_octet_string(key, (void *)(uintptr_t)bytes, len);
}

/* HKDF-Expand-Label(secret, label, "", len), section 7.1. */
static enum err expand(const struct traffic *t, const char *label, uint8_t *out, size_t len)
{
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        text(OSSL_KDF_PARAM_DIGEST, t->suite->hash),
        octets(OSSL_KDF_PARAM_KEY, t->secret, t->suite->secret_len),
        octets(OSSL_KDF_PARAM_PREFIX, "tls13 ", 6),
        octets(OSSL_KDF_PARAM_LABEL, label, strlen(label)),
        OSSL_PARAM_END,
    };
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int done = ctx && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    return done ? OK : refused("to derive a key");
}

/* Wipes what was there, if anything. */
void traffic_begin(struct traffic *t, const struct suite *suite, struct slice secret, bool sealing)
{
    traffic_fini(t);
    if (secret.len != suite->secret_len) return;
    *t = (struct traffic){.suite = suite, .sealing = sealing};
    memcpy(t->secret, secret.ptr, secret.len);
}

bool traffic_is_of(const struct traffic *t, struct slice secret)
{
    return t->suite && slice_eq_secret(slice_of(t->secret, t->suite->secret_len), secret);
}

void traffic_key(struct traffic *t, struct slice key)
{
    if (key.len != t->suite->key_len) return;
    if (t->cipher == NULL) t->cipher = EVP_CIPHER_CTX_new();
    assert(t->cipher != NULL);
    if (EVP_CipherInit_ex(t->cipher, t->suite->cipher, NULL, key.ptr, NULL, t->sealing)) return;
    EVP_CIPHER_CTX_free(t->cipher);
    t->cipher = NULL;
}

void traffic_iv(struct traffic *t, struct slice iv)
{
    if (iv.len != sizeof t->iv) return;
    memcpy(t->iv, iv.ptr, iv.len);
    t->has_iv = true;
}

bool traffic_is_whole(const struct traffic *t)
{
    return t->cipher && t->has_iv;
}

/* Key and IV of the secret. */
static enum err rekey(struct traffic *t)
{
    uint8_t key[KEY_MAX], iv[TRAFFIC_NONCE];
    TRY(expand(t, "key", key, t->suite->key_len));
    enum err e = expand(t, "iv", iv, sizeof iv);
    if (e == OK) {
        traffic_key(t, slice_of(key, t->suite->key_len));
        traffic_iv(t, slice_of(iv, sizeof iv));
        if (t->cipher == NULL) e = refused("a key");
    }
    mem_wipe(key, sizeof key);
    mem_wipe(iv, sizeof iv);
    t->count = 0;
    return e;
}

enum err traffic_init(struct traffic *t, const struct suite *suite, struct slice secret,
                      bool sealing)
{
    *t = (struct traffic){0};
    traffic_begin(t, suite, secret, sealing);
    if (t->suite == NULL) return fail(ERR_INVALID, "secret of %zu bytes", secret.len);
    return rekey(t);
}

void traffic_fini(struct traffic *t)
{
    EVP_CIPHER_CTX_free(t->cipher);
    mem_wipe(t, sizeof *t);
}

enum err traffic_update(struct traffic *t)
{
    uint8_t next[TRAFFIC_SECRET_MAX];
    TRY(expand(t, "traffic upd", next, t->suite->secret_len));
    memcpy(t->secret, next, t->suite->secret_len);
    mem_wipe(next, sizeof next);
    return rekey(t);
}

/* ---- records */

/* The nonce of the next record, section 5.3, and its head as additional data. */
static bool begin(struct traffic *t, const uint8_t head[TRAFFIC_HEAD])
{
    uint8_t nonce[TRAFFIC_NONCE];
    int len;
    memcpy(nonce, t->iv, sizeof nonce);
    for (int i = 0; i < 8; i++) nonce[TRAFFIC_NONCE - 1 - i] ^= (uint8_t)(t->count >> (8 * i));
    t->count++;
    return EVP_CipherInit_ex(t->cipher, NULL, NULL, NULL, nonce, -1) &&
           EVP_CipherUpdate(t->cipher, NULL, &len, head, TRAFFIC_HEAD);
}

static bool end(struct traffic *t)
{
    uint8_t none[TRAFFIC_TAG];
    int len;
    return EVP_CipherFinal_ex(t->cipher, none, &len) == 1;
}

enum err traffic_seal(struct traffic *t, uint8_t type, struct slice content, struct buf *out)
{
    size_t inner = content.len + 1, len = inner + TRAFFIC_TAG;
    uint8_t *head = buf_reserve(out, TRAFFIC_HEAD + len), *body = head + TRAFFIC_HEAD;
    int put;
    assert(len <= UINT16_MAX);
    head[0] = CONTENT_DATA;
    head[1] = head[2] = 3;
    head[3] = (uint8_t)(len >> 8);
    head[4] = (uint8_t)len;
    if (content.len) memcpy(body, content.ptr, content.len);
    body[content.len] = type;
    if (!begin(t, head) || !EVP_CipherUpdate(t->cipher, body, &put, body, (int)inner) || !end(t) ||
        !EVP_CIPHER_CTX_ctrl(t->cipher, EVP_CTRL_AEAD_GET_TAG, TRAFFIC_TAG, body + inner))
        return refused("to encrypt");
    buf_commit(out, TRAFFIC_HEAD + len);
    return OK;
}

/* Zeros behind the content type are padding, section 5.4. */
static enum err strip(struct slice inner, uint8_t *type, struct slice *content)
{
    while (inner.len && inner.ptr[inner.len - 1] == 0) inner.len--;
    if (inner.len == 0) return fail(ERR_PROTOCOL, "TLS: a record without content type");
    *type = inner.ptr[inner.len - 1];
    *content = slice_head(inner, inner.len - 1);
    return OK;
}

enum err traffic_open(struct traffic *t, struct slice record, uint8_t *out, uint8_t *type,
                      struct slice *content)
{
    struct slice body = slice_from(record, TRAFFIC_HEAD);
    size_t inner = body.len - TRAFFIC_TAG;
    int len;
    assert(body.len >= TRAFFIC_TAG && body.len <= UINT16_MAX);
    uint8_t *tag = (uint8_t *)(uintptr_t)(body.ptr + inner);
    if (!begin(t, record.ptr) ||
        !EVP_CIPHER_CTX_ctrl(t->cipher, EVP_CTRL_AEAD_SET_TAG, TRAFFIC_TAG, tag) ||
        !EVP_CipherUpdate(t->cipher, out, &len, body.ptr, (int)inner) || !end(t)) {
        ERR_clear_error();
        return fail(ERR_DENIED, "TLS: a record is not authentic");
    }
    return strip(slice_of(out, inner), type, content);
}
