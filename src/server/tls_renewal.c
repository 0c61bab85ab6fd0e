/* tls_renewal.c - see tls_renewal.h. */
#include "server/tls_renewal.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "auth/x509.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "server/certs.h"
#include "server/secret.h"

/* ---- contexts */

/* The operator's own certificates. */
static enum err load_given(const struct config *cfg, struct certs_pair *pairs, size_t *count)
{
    for (; *count < cfg->tls_cert_count; ++*count) {
        TRY(secret_read(cfg->tls_certs[*count], &pairs[*count].chain));
        TRY(secret_read(cfg->tls_keys[*count], &pairs[*count].key));
    }
    return OK;
}

/* Our own: the ECDSA one at once, the RSA one when `with_rsa` (slow the first time). */
static enum err load_ours(struct tls_renewal *r, bool with_rsa, struct certs_pair *pairs,
                          size_t *count)
{
    const struct config *cfg = r->cfg;
    int64_t now = clock_wall_us();
    TRY(certs_prepare(r->files, now));
    for (; *count < (with_rsa ? 2u : 1u); ++*count)
        TRY(certs_server(r->files, *count ? CERTS_RSA : CERTS_EC, cfg->hosts, cfg->host_count, now,
                         &pairs[*count]));
    return OK;
}

GAUGE(certificate_until, "azimuth_tls_certificate_expiry_seconds",
      "When that of the server's certificates ends that ends first, in seconds since 1970");

static void note_until(struct tls_renewal *r, const struct certs_pair *pairs, size_t count)
{
    int64_t first = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t until = certs_pair_until_s(&pairs[i]);
        if (first == 0 || until < first) first = until;
    }
    r->until_s = first;
    metric_set(&certificate_until, first);
}

bool tls_renewal_is_due(const struct tls_renewal *r)
{
    int64_t renewal_s = r->until_s - (int64_t)CERTS_RENEW_DAYS * 86400;
    return r->cfg->tls_cert_count == 0 && clock_wall_us() / 1000000 > renewal_s;
}

static enum err make_contexts(struct tls_renewal *r, const struct config *live, bool with_rsa,
                              struct tls_set *out)
{
    static const bool asks_client_cert[TLS_USES] = {[TLS_FOR_CLIENTS] = true};
    struct certs_pair pairs[TLS_IDENTITIES_MAX] = {0};
    struct tls_identity identities[TLS_IDENTITIES_MAX];
    size_t count = 0;
    enum err e = r->cfg->tls_cert_count ? load_given(live, pairs, &count)
                                        : load_ours(r, with_rsa, pairs, &count);
    for (size_t i = 0; i < count; i++)
        identities[i] = (struct tls_identity){.chain_pem = buf_slice(&pairs[i].chain),
                                              .key_pem = buf_slice(&pairs[i].key)};
    *out = (struct tls_set){0};
    for (int use = 0; use < TLS_USES && e == OK; use++) {
        struct tls_server_config config = {
            .identities = identities,
            .identity_count = count,
            .alpn = "http/1.1",
            .ask_client_cert = asks_client_cert[use],
            .library = x509_library(),
        };
        e = tls_server_context(&config, r->keeper.newest.of[use], &out->of[use]);
    }
    if (e == OK) note_until(r, pairs, count);
    if (e != OK) tls_set_drop(out);
    for (size_t i = 0; i < TLS_IDENTITIES_MAX; i++) certs_pair_free(&pairs[i]);
    return e;
}

/* Of several that the operator has it is said which one it is. */
static void say_why_not(const struct tls_renewal *r, const struct config *live, const char *why)
{
    char reason[512];
    snprintf(reason, sizeof reason, "%s", fail_text());
    if (live->tls_cert_count && tls_renewal_check(live) != OK)
        snprintf(reason, sizeof reason, "%s", fail_text());
    metric_set(&certificate_until, r->until_s); /* not of those that were looked at */
    say_error("tls.renew", "why=%s reason=\"%s\" note=\"the certificates stay as they are\"", why,
              reason);
}

/* While the RSA certificate is being made it is left out; SIGUSR1 follows. */
void tls_renewal_run(struct tls_renewal *r, const struct config *live, struct lane *main_lane,
                     const char *why)
{
    struct tls_set next;
    if (make_contexts(r, live, !r->rsa_running || atomic_load(&r->rsa_ended), &next) != OK) {
        say_why_not(r, live, why);
        return;
    }
    tls_keeper_replace(&r->keeper, main_lane, next);
    say_info("tls.renewed", "why=%s", why);
}

static void *make_rsa(void *arg)
{
    struct tls_renewal *r = arg;
    struct certs_pair pair;
    enum err e = certs_server(r->files, CERTS_RSA, r->cfg->hosts, r->cfg->host_count,
                              clock_wall_us(), &pair);
    atomic_store(&r->rsa_ended, true);
    if (e == OK) {
        certs_pair_free(&pair);
        kill(getpid(), SIGUSR1);
    } else if (e != ERR_CLOSED) {
        say_warn("tls.rsa", "reason=\"%s\"", fail_text());
    }
    return NULL;
}

void tls_renewal_start_rsa(struct tls_renewal *r)
{
    if (r->cfg->tls_cert_count) return;
    r->rsa_running = pthread_create(&r->rsa_thread, NULL, make_rsa, r) == 0;
}

/* ---- life */

/* One after the other, so that it is known which one is not. */
enum err tls_renewal_check(const struct config *cfg)
{
    for (unsigned i = 0; i < cfg->tls_cert_count; i++) {
        struct config one = *cfg;
        struct tls_renewal r = {.cfg = &one};
        struct tls_set set;
        char why[256];
        one.tls_certs[0] = cfg->tls_certs[i];
        one.tls_keys[0] = cfg->tls_keys[i];
        one.tls_cert_count = one.tls_key_count = 1;
        enum err e = make_contexts(&r, &one, false, &set);
        tls_set_drop(&set);
        if (e == OK) continue;
        snprintf(why, sizeof why, "%s", fail_text());
        return fail(ERR_INVALID, "--tls-cert %s: %s", cfg->tls_certs[i], why);
    }
    return OK;
}

enum err tls_renewal_open(struct tls_renewal *r, const struct config *cfg, struct io *files,
                          struct lane *const *cores, unsigned core_count)
{
    struct tls_set first;
    r->cfg = cfg;
    r->files = files;
    TRY(make_contexts(r, cfg, false, &first));
    tls_keeper_init(&r->keeper, cores, core_count, first);
    return OK;
}

void tls_renewal_join(struct tls_renewal *r)
{
    if (r->rsa_running) pthread_join(r->rsa_thread, NULL);
}

void tls_renewal_close(struct tls_renewal *r)
{
    tls_keeper_fini(&r->keeper);
}
