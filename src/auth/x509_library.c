/* x509_library.c - an OpenSSL of our own for certificates and TLS, with few decoders and kinds of keys.
 *
 * OpenSSL 3.0 looks for the decoder of a certificate's public key anew each time, among some 80 of the default
 * provider and 20 kinds of keys, and then among decoders that could feed it: nine tenths of what reading a
 * certificate costs.  So certificates are read in a library context whose provider is the default one
 * in everything, but of those two it has only what a certificate or TLS can need.
 *
 * Source: provider(7), provider-base(7), OSSL_DECODER(3). */
#include "auth/x509.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

#define PUBLIC_KEY "input=der,structure=SubjectPublicKeyInfo"

/* Of certificates; then what else TLS needs: key shares, and MACs of TLS 1.2. */
static const char *const key_types[] = {"EC",    "RSA",    "RSA-PSS", "ED25519",
                                        "ED448", "X25519", "HMAC"};

enum { OF_CERTIFICATES = 5, KEY_TYPES = sizeof key_types / sizeof *key_types };

static OSSL_PROVIDER *whole; /* the default one, as OpenSSL has it */
static OSSL_ALGORITHM decoders[OF_CERTIFICATES + 1], keys[KEY_TYPES + 1];
static OSSL_LIB_CTX *library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- the provider */

/* Algorithms have names with colons between them. */
static bool is_one_of(const OSSL_ALGORITHM *a, unsigned types)
{
    struct slice name, names = slice_str(a->algorithm_names);
    slice_split(&names, ':', &name);
    for (unsigned i = 0; i < types; i++)
        if (slice_is(name, key_types[i])) return true;
    return false;
}

/* Those of the first `types` that say `property`. */
static void choose(int operation, unsigned types, const char *property, OSSL_ALGORITHM *out)
{
    int no_store;
    unsigned count = 0;
    const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(whole, operation, &no_store);
    for (; all->algorithm_names; all++)
        if (count < types && is_one_of(all, types) && strstr(all->property_definition, property))
            out[count++] = *all;
    assert(count == types);
}

static const OSSL_ALGORITHM *on_query(void *ctx, int operation, int *no_store)
{
    (void)ctx;
    if (operation != OSSL_OP_DECODER && operation != OSSL_OP_KEYMGMT)
        return OSSL_PROVIDER_query_operation(whole, operation, no_store);
    *no_store = 0;
    return operation == OSSL_OP_DECODER ? decoders : keys;
}

static int on_capabilities(void *ctx, const char *capability, OSSL_CALLBACK *fn, void *arg)
{
    (void)ctx;
    return OSSL_PROVIDER_get_capabilities(whole, capability, fn, arg);
}

static int init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                void **ctx)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))on_query},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))on_capabilities},
        {0, NULL}};
    (void)core, (void)in;
    *out = functions;
    *ctx = OSSL_PROVIDER_get0_provider_ctx(whole); /* what the default one's functions are given */
    return 1;
}

/* ---- the library context */

static void make(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    whole = OSSL_PROVIDER_load(NULL, "default");
    library = OSSL_LIB_CTX_new();
    assert(whole != NULL && library != NULL);
    choose(OSSL_OP_DECODER, OF_CERTIFICATES, PUBLIC_KEY, decoders);
    choose(OSSL_OP_KEYMGMT, KEY_TYPES, "", keys);
    int loaded = OSSL_PROVIDER_add_builtin(library, "certificates", init) &&
                 OSSL_PROVIDER_load(library, "certificates") != NULL;
    assert(loaded);
}

struct ossl_lib_ctx_st *x509_library(void)
{
    pthread_once(&once, make);
    return library;
}
