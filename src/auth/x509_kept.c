/* x509_kept.c - certificates that were read lately, as OpenSSL has them.
 *
 * Reading one costs OpenSSL 3.0 some 100 us (x509_library.c), and the same few are read again and again:
 * those of the CAs, of the production lines, and a device's own while it registers, polls and connects.  So a thread keeps what it has read, in a table in which each
 * has one place by its hash and drives out who is there.  What is kept is shared by reference count, and
 * nobody changes it. */
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

#include "auth/x509_internal.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metrics.h"

COUNTER(hits, "azimuth_x509_kept_total", "Certificates that had been read already");
COUNTER(misses, "azimuth_x509_read_total", "Certificates that were read");

enum { DER_SEQUENCE = 0x30, DER_LONG = 0x80 };

struct kept {
    X509 *x; /* NULL: the place is free */
    struct slice der;
};

static pthread_key_t table_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void clear(struct kept *k)
{
    X509_free(k->x);
    free((void *)(uintptr_t)k->der.ptr);
    *k = (struct kept){0};
}

static void free_table(void *table)
{
    struct kept *all = table;
    for (int i = 0; i < X509_KEPT_MAX; i++) clear(&all[i]);
    free(all);
}

static void make_key(void)
{
    int failed = pthread_key_create(&table_key, free_table);
    assert(!failed);
}

static struct kept *place_of(struct slice der)
{
    pthread_once(&once, make_key);
    struct kept *all = pthread_getspecific(table_key);
    if (all == NULL) {
        all = mem_zero(X509_KEPT_MAX * sizeof *all);
        pthread_setspecific(table_key, all);
    }
    return &all[map_hash(der) % X509_KEPT_MAX];
}

/* The bytes of the first certificate by what its head says; empty: it is none, or none to keep. */
static struct slice first_of(struct slice chain)
{
    const uint8_t *at = chain.ptr;
    if (chain.len < 4 || at[0] != DER_SEQUENCE) return SLICE_NONE;
    size_t len = 0, head = 2;
    if (at[1] < DER_LONG) {
        len = at[1];
    } else if (at[1] == DER_LONG + 2) {
        len = (size_t)at[2] << 8 | at[3];
        head = 4;
    }
    bool kept = len > 0 && head + len <= chain.len && head + len <= X509_KEPT_BYTES_MAX;
    return kept ? slice_head(chain, head + len) : SLICE_NONE;
}

static X509 *read_one(struct slice *chain)
{
    const uint8_t *at = chain->ptr;
    X509 *x = X509_new_ex(x509_library(), NULL);
    assert(x != NULL);
    if (d2i_X509(&x, &at, (long)chain->len)) {
        *chain = slice_from(*chain, (size_t)(at - chain->ptr));
    } else {
        ERR_clear_error(); /* OpenSSL has freed x */
        x = NULL;
    }
    metric_inc(&misses);
    return x;
}

static void keep(struct kept *k, struct slice der, X509 *x)
{
    clear(k);
    X509_up_ref(x);
    k->x = x;
    k->der = slice_of(slice_dup(der), der.len);
}

X509 *x509_next(struct slice *chain)
{
    struct slice der = first_of(*chain), rest = *chain;
    if (der.len == 0) return read_one(chain);
    struct kept *k = place_of(der);
    if (k->x && slice_eq(k->der, der)) {
        metric_inc(&hits);
        X509_up_ref(k->x);
        *chain = slice_from(*chain, der.len);
        return k->x;
    }
    X509 *x = read_one(chain);
    if (x && rest.len - chain->len == der.len) keep(k, der, x);
    return x;
}

void x509_remember(struct slice chain, struct x509_st *first)
{
    struct slice der = first_of(chain);
    if (first && der.len) keep(place_of(der), der, first);
    X509_free(first);
}
