/* hmac.c - see hmac.h.  Fetching the algorithm costs more than using it, so a thread keeps it. */
#include "auth/hmac.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>

static pthread_key_t context_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_context(void *context)
{
    EVP_MAC_CTX_free(context);
}

static void make_key(void)
{
    int failed = pthread_key_create(&context_key, free_context);
    assert(!failed);
}

static EVP_MAC_CTX *new_context(void)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    assert(mac);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    int done = EVP_MAC_CTX_set_params(context, params);
    assert(done);
    return context;
}

static EVP_MAC_CTX *thread_context(void)
{
    pthread_once(&once, make_key);
    EVP_MAC_CTX *context = pthread_getspecific(context_key);
    if (context == NULL) {
        context = new_context();
        pthread_setspecific(context_key, context);
    }
    return context;
}

void hmac_sha256(struct slice key, const struct slice *parts, size_t count,
                 uint8_t out[HMAC_SHA256_LEN])
{
    EVP_MAC_CTX *context = thread_context();
    size_t len = 0;
    int done = EVP_MAC_init(context, key.ptr, key.len, NULL);
    for (size_t i = 0; i < count; i++) done &= EVP_MAC_update(context, parts[i].ptr, parts[i].len);
    done &= EVP_MAC_final(context, out, &len, HMAC_SHA256_LEN);
    assert(done && len == HMAC_SHA256_LEN);
}
