/* tls_keeper.h - the certificates in force, and their replacement while connections live.
 *
 * Each core has its own reference to the current TLS context; a new one (RSA certificate ready,
 * SIGHUP, ticket key rotation) is posted to every core and used from the next connection on.
 *
 * Runs on: the main thread; the cores read their own slot.
 */
#ifndef SERVER_TLS_KEEPER_H
#define SERVER_TLS_KEEPER_H

#include <pthread.h>

#include "post/post.h"
#include "proto/tls/tls.h"

enum { SERVER_TLS = POST_SERVER }; /* body: struct tls_context *, one reference given */

struct tls_keeper {
    unsigned core_count;
    uint16_t cores[LANES_MAX];
    struct tls_context *slots[LANES_MAX]; /* slot i is core i's own */
    struct tls_context *newest;           /* the main thread's own reference */
};

/* Before the lanes run: core i finds its context at tls_keeper_slot(). */
void tls_keeper_init(struct tls_keeper *k, struct lane *const *cores, unsigned core_count,
                     struct tls_context *first);
struct tls_context *const *tls_keeper_slot(const struct tls_keeper *k, unsigned core);

/* Takes over one reference; `from` is any lane address of the main thread's. */
void tls_keeper_replace(struct tls_keeper *k, struct lane *main_lane, struct tls_context *next);

void tls_keeper_fini(struct tls_keeper *k); /* after the lanes have stopped */

#endif
