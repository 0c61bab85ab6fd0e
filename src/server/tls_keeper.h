/* tls_keeper.h - the certificates in force, and their replacement while connections live.
 *
 * Each core has its own references to the current TLS contexts; new ones (RSA certificate ready,
 * SIGHUP, ticket key rotation) are posted to every core and used from the next connection on.
 *
 * Runs on: the main thread; the cores read their own slot.
 */
#ifndef SERVER_TLS_KEEPER_H
#define SERVER_TLS_KEEPER_H

#include <pthread.h>

#include "post/post.h"
#include "proto/tls/tls.h"

/* Who connects: the console never asks a browser for a certificate. */
enum tls_use { TLS_FOR_CLIENTS, TLS_FOR_CONSOLE, TLS_USES };

struct tls_set {
    struct tls_context *of[TLS_USES];
};

enum { SERVER_TLS = POST_SERVER }; /* body: struct tls_set, its references given */

struct tls_keeper {
    unsigned core_count;
    uint16_t cores[LANES_MAX];
    struct tls_set slots[LANES_MAX]; /* slot i is core i's own */
    struct tls_set newest;           /* the main thread's own references */
};

/* Before the lanes run: core i finds its contexts at tls_keeper_slot(). */
void tls_keeper_init(struct tls_keeper *k, struct lane *const *cores, unsigned core_count,
                     struct tls_set first);
struct tls_context *const *tls_keeper_slot(const struct tls_keeper *k, unsigned core,
                                           enum tls_use use);

/* Takes over one reference to each; `from` is any lane address of the main thread's. */
void tls_keeper_replace(struct tls_keeper *k, struct lane *main_lane, struct tls_set next);

void tls_keeper_fini(struct tls_keeper *k); /* after the lanes have stopped */

void tls_set_drop(struct tls_set *set);

#endif
