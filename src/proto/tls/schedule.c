/* schedule.c - a provider with one KDF, which hands on to the default provider's. */
#include "proto/tls/schedule.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/tls/cause.h"

static const char provider_name[] = "azimuth";
static const char kdf_name[] = "TLS13-KDF";

enum {
    FUNCTIONS_MAX = 16,
    PARAMS_MAX = 8, /* of a derivation; OpenSSL gives six */
    READY_MAX = 4,  /* two hashes, with data and without */
    LIBRARIES_MAX = 4,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_PROVIDER *whole; /* the default one */
static OSSL_PROVIDER *loaded[LIBRARIES_MAX];
static OSSL_DISPATCH functions[FUNCTIONS_MAX];
static OSSL_ALGORITHM kdfs[] = {{kdf_name, "provider=azimuth", functions, NULL}, {0}};
static OSSL_FUNC_kdf_newctx_fn *new_context;
static OSSL_FUNC_kdf_freectx_fn *free_context;
static OSSL_FUNC_kdf_set_ctx_params_fn *set_params;
static OSSL_FUNC_kdf_derive_fn *derive;
static pthread_key_t of_thread;

/* ---- contexts that have their hash
 *
 * What a derivation does not name stays in its context as it was, so those that name no data have
 * one of their own. */

struct ready {
    char hash[16];
    bool with_data;
    void *context;
};

struct shelf {
    struct ready all[READY_MAX];
    size_t count;
};

static void shelf_free(void *of)
{
    struct shelf *s = of;
    for (size_t i = 0; i < s->count; i++) free_context(s->all[i].context);
    free(s);
}

static struct shelf *shelf(void)
{
    struct shelf *s = pthread_getspecific(of_thread);
    if (s) return s;
    s = NEW(struct shelf);
    pthread_setspecific(of_thread, s);
    return s;
}

static void *make_ready(struct shelf *s, struct slice hash, bool with_data)
{
    struct ready *r = &s->all[s->count];
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    if (s->count == READY_MAX || hash.len >= sizeof r->hash) return NULL;
    *r = (struct ready){.with_data = with_data};
    slice_copy(r->hash, hash);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, r->hash, 0),
        OSSL_PARAM_END,
    };
    r->context = new_context(OSSL_PROVIDER_get0_provider_ctx(whole));
    if (r->context && set_params(r->context, params)) return s->all[s->count++].context;
    free_context(r->context);
    return NULL;
}

/* NULL: there is none, and no place for one. */
static void *ready(struct slice hash, bool with_data)
{
    struct shelf *s = shelf();
    for (size_t i = 0; i < s->count; i++)
        if (s->all[i].with_data == with_data && slice_is(hash, s->all[i].hash))
            return s->all[i].context;
    return make_ready(s, hash, with_data);
}

/* No secret stays behind. */
static void forget(void *context)
{
    uint8_t nothing = 0;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, &nothing, sizeof nothing),
        OSSL_PARAM_END,
    };
    set_params(context, params);
}

/* ---- derivations */

static struct slice octets(const OSSL_PARAM *params, const char *key)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, key);
    return p ? slice_of(p->data, p->data_size) : SLICE_NONE;
}

static struct slice hash_of(const OSSL_PARAM *params)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DIGEST);
    return p ? slice_str(p->data) : SLICE_NONE;
}

static bool expands(const OSSL_PARAM *params)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_MODE);
    int mode;
    return p && OSSL_PARAM_get_int(p, &mode) && mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY;
}

/* All but the hash; false: there are too many. */
static bool without_hash(const OSSL_PARAM *params, OSSL_PARAM out[PARAMS_MAX])
{
    size_t count = 0;
    for (; params->key; params++) {
        if (strcmp(params->key, OSSL_KDF_PARAM_DIGEST) == 0) continue;
        if (count == PARAMS_MAX - 1) return false;
        out[count++] = *params;
    }
    out[count] = OSSL_PARAM_construct_end();
    return true;
}

static int expand(void *fresh, uint8_t *out, size_t len, const OSSL_PARAM *params)
{
    OSSL_PARAM bare[PARAMS_MAX];
    bool with_data = octets(params, OSSL_KDF_PARAM_DATA).len > 0;
    void *context = ready(hash_of(params), with_data);
    if (context == NULL || !without_hash(params, bare)) return derive(fresh, out, len, params);
    int done = derive(context, out, len, bare);
    forget(context);
    return done;
}

static int on_derive(void *fresh, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
    if (params == NULL || !expands(params)) return derive(fresh, out, len, params);
    if (!expand(fresh, out, len, params)) return 0;
    schedule_derived(octets(params, OSSL_KDF_PARAM_LABEL), octets(params, OSSL_KDF_PARAM_KEY),
                     slice_of(out, len));
    return 1;
}

/* ---- the provider */

static const OSSL_DISPATCH *functions_of_default(void)
{
    int no_store;
    const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(whole, OSSL_OP_KDF, &no_store);
    while (strcmp(a->algorithm_names, kdf_name) != 0) a++;
    return a->implementation;
}

/* The default's functions, but one. */
static void make(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    whole = OSSL_PROVIDER_load(NULL, "default");
    assert(whole != NULL);
    const OSSL_DISPATCH *from = functions_of_default();
    for (OSSL_DISPATCH *to = functions; from->function_id; from++, to++) {
        assert(to < functions + FUNCTIONS_MAX - 1);
        *to = *from;
        switch (from->function_id) {
        case OSSL_FUNC_KDF_NEWCTX: new_context = OSSL_FUNC_kdf_newctx(from); break;
        case OSSL_FUNC_KDF_FREECTX: free_context = OSSL_FUNC_kdf_freectx(from); break;
        case OSSL_FUNC_KDF_SET_CTX_PARAMS: set_params = OSSL_FUNC_kdf_set_ctx_params(from); break;
        case OSSL_FUNC_KDF_DERIVE:
            derive = OSSL_FUNC_kdf_derive(from);
            to->function = (void (*)(void))on_derive;
        }
    }
    assert(new_context && free_context && set_params && derive);
    int made = pthread_key_create(&of_thread, shelf_free);
    assert(made == 0);
}

static const OSSL_ALGORITHM *on_query(void *ctx, int operation, int *no_store)
{
    (void)ctx;
    *no_store = 0;
    return operation == OSSL_OP_KDF ? kdfs : NULL;
}

static int init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                void **ctx)
{
    static const OSSL_DISPATCH provider[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))on_query}, {0, NULL}};
    (void)core, (void)in;
    *out = provider;
    *ctx = OSSL_PROVIDER_get0_provider_ctx(whole); /* what the default one's functions are given */
    return 1;
}

enum err schedule_setup(struct ossl_lib_ctx_st *library)
{
    static size_t count;
    pthread_once(&once, make);
    if (OSSL_PROVIDER_available(library, provider_name)) return OK;
    assert(count < LIBRARIES_MAX);
    if (OSSL_PROVIDER_add_builtin(library, provider_name, init) &&
        (loaded[count] = OSSL_PROVIDER_try_load(library, provider_name, 1)) != NULL) {
        count++;
        return OK;
    }
    return tls_cause_fail(ERR_UNSUPPORTED, "OpenSSL takes no provider");
}
