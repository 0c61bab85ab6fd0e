/* tls_watch.c - failures of TLS as causes.
 *
 * What clients do that do not trust our certificate: Python, curl and OpenSSL send alert 48, GnuTLS 42, Java
 * and Chromium 46.  All send 45 when by their clock it has ended; when it has not begun, 42 or 46.  Node sends nothing and leaves: of one time nothing can be concluded from that.
 * The same alerts but 48, or nothing, are what clients say that trust us and dialled another name. */
#include "server/tls_watch.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "hub/refusal/refusal.h"
#include "proto/tls/tls.h"

enum { BAD_CERTIFICATE = 42, CERTIFICATE_EXPIRED = 45, CERTIFICATE_UNKNOWN = 46, UNKNOWN_CA = 48 };

static bool is_about_our_certificate(const struct conn_failure *f)
{
    return f->cause == TLS_CAUSE_NONE ||
           (f->cause == TLS_CAUSE_ALERT &&
            (f->alert == BAD_CERTIFICATE || f->alert == CERTIFICATE_UNKNOWN ||
             f->alert == UNKNOWN_CA));
}

/* How far the client's clock is ahead at least: our certificate has ended by it.  0: it is not that. */
static int64_t clock_ahead_s(const struct conn_failure *f)
{
    if (f->cause != TLS_CAUSE_ALERT || f->alert != CERTIFICATE_EXPIRED || f->own_until_s == 0)
        return 0;
    return MAX(f->own_until_s - clock_wall_us() / 1000000, 0);
}

static bool is_outer_address(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) return ntohl(v4.s_addr) >> 24 != IN_LOOPBACKNET;
    return inet_pton(AF_INET6, host, &v6) == 1 && !IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool has_outer_address(const struct hub *hub)
{
    for (unsigned i = 0; i < hub->host_count; i++)
        if (is_outer_address(hub->hosts[i])) return true;
    return false;
}

/* Who dials an address sends no name.  Where addresses are translated on the way the one that was dialled is
 * not the one here: it may be that of our names that is an address.  Alert 48 is not about names. */
static bool is_dialled_otherwise(const struct hub *hub, const struct conn_failure *f,
                                 struct slice sni)
{
    if (sni.len) return !hub_is_host(hub, sni);
    if (f->cause == TLS_CAUSE_ALERT && f->alert == UNKNOWN_CA) return false;
    return *f->here && !hub_is_host(hub, slice_str(f->here)) && !has_outer_address(hub);
}

static enum refusal_cause cause_of(const struct hub *hub, const struct conn_failure *f,
                                   struct slice sni)
{
    if (clock_ahead_s(f)) return REFUSAL_CLIENT_CLOCK;
    if (is_about_our_certificate(f))
        return is_dialled_otherwise(hub, f, sni) ? REFUSAL_NAME_MISMATCH
                                                 : REFUSAL_SERVER_NOT_TRUSTED;
    switch (f->cause) {
    case TLS_CAUSE_NOT_TLS: return REFUSAL_NO_TLS;
    case TLS_CAUSE_VERSION: return REFUSAL_TLS_VERSION;
    case TLS_CAUSE_NO_COMMON: return REFUSAL_NO_COMMON_CIPHER;
    default: return REFUSAL_TLS_BROKEN;
    }
}

/* The version in a ClientHello: 5 bytes of record, 4 of handshake, then it. */
static const char *version_offered(struct slice hello)
{
    static const char *const names[] = {"SSL 3.0", "TLS 1.0", "TLS 1.1"};
    bool known = hello.len > 10 && hello.ptr[0] == 22 && hello.ptr[9] == 3 && hello.ptr[10] < 3;
    return known ? names[hello.ptr[10]] : "a version below TLS 1.2";
}

static void put_names(struct buf *out, const struct hub *hub)
{
    for (unsigned i = 0; i < hub->host_count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", hub->hosts[i]);
}

static void tell_address(struct refusal *r, const struct conn_failure *f, struct buf *dialled,
                         struct buf *next)
{
    buf_printf(dialled, "the address %s, and no name", f->here);
    buf_printf(next,
               "azimuth serve --hostname %s, beside the names there are; or the address that it "
               "dials, if that is translated on the way here",
               f->here);
    r->sni = slice_str(f->here);
    r->observed = buf_slice(dialled);
    r->next = buf_slice(next);
}

static void on_failed(void *ctx, const struct conn *c, const struct conn_failure *f)
{
    const struct hub *hub = ctx;
    struct slice sni = slice_str(conn_local_name(c));
    struct buf names = {0}, dialled = {0}, next = {0};
    struct refusal r = {.cause = cause_of(hub, f, sni),
                        .protocol = "tls",
                        .port = (uint16_t)conn_local_port(c),
                        .number = clock_ahead_s(f),
                        .doubtful = f->cause == TLS_CAUSE_NONE,
                        .peer = slice_str(conn_peer(c)),
                        .sni = sni,
                        .observed = slice_str(f->text)};
    if (r.doubtful)
        r.observed = SLICE_LIT("it left without a word once it had seen our certificate");
    if (r.cause == REFUSAL_TLS_VERSION) r.observed = slice_str(version_offered(f->bytes));
    if (r.cause == REFUSAL_NAME_MISMATCH) {
        put_names(&names, hub);
        r.expected = buf_slice(&names);
        r.observed = sni;
    }
    if (r.cause == REFUSAL_NAME_MISMATCH && sni.len == 0) tell_address(&r, f, &dialled, &next);
    refusal_note(hub->refusals, conn_lane(c), &r);
    buf_free(&names);
    buf_free(&dialled);
    buf_free(&next);
}

void tls_watch(struct core *core, const struct hub *hub)
{
    core_watch(core, &(struct conn_watch){on_failed, (void *)(uintptr_t)hub});
}
