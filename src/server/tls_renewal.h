/* tls_renewal.h - the server's certificates from the first to the last: loaded or made, and replaced while
 * connections live.
 *
 * The operator's own (--tls-cert) are read again when the configuration is.  Ours (certs.h) are made anew before
 * they end; the RSA one takes long to make and must not delay the start: it follows, in a thread of its own that
 * tells the main thread by SIGUSR1.
 *
 * Runs on: the main thread; its own for the RSA certificate.
 * Life:    tls_renewal_open() before the lanes run; tls_renewal_join() behind certs_abandon();
 *          tls_renewal_close() after the lanes have stopped, also of what was never opened ({0}).
 */
#ifndef SERVER_TLS_RENEWAL_H
#define SERVER_TLS_RENEWAL_H

#include "base/io.h"
#include "server/config.h"
#include "server/tls_keeper.h"

struct tls_renewal {
    const struct config *cfg; /* as at the start */
    struct io *files;
    struct tls_keeper keeper;
    pthread_t rsa_thread;
    bool rsa_running;
    atomic_bool rsa_ended; /* made or failed: nobody else writes its files now */
    int64_t until_s;       /* when the first of the certificates in use ends */
};

/* The cores' first contexts, without the RSA certificate; `cfg` and `files` outlive it. */
enum err tls_renewal_open(struct tls_renewal *r, const struct config *cfg, struct io *files,
                          struct lane *const *cores, unsigned core_count) MUST_USE;

/* Could the operator's certificates be used?  Any thread. */
enum err tls_renewal_check(const struct config *cfg) MUST_USE;

void tls_renewal_start_rsa(struct tls_renewal *r);

/* One of ours ends soon, or has: the machine slept, or somebody set its clock. */
bool tls_renewal_is_due(const struct tls_renewal *r);

/* Called now and then: new certificates, or a new key for session tickets.  `live` names the operator's; `why`
 * is for the log.  What fails leaves those in use as they are. */
void tls_renewal_run(struct tls_renewal *r, const struct config *live, struct lane *main_lane,
                     const char *why);

void tls_renewal_join(struct tls_renewal *r);
void tls_renewal_close(struct tls_renewal *r);

#endif
