/* doctor_device.c - azimuth doctor --from-device HOST: can a device that stands here reach that hub?
 *
 * Asks nobody but the hub.  What cannot be tried is skipped. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/file.h"

enum { CLOCK_OFF_S = 60, CLOCK_WRONG_S = 300 };

static const struct {
    const char *check, *option;
    unsigned standard;
} ports[] = {
    {"mqtt", "mqtt-port", 8883},
    {"amqp", "amqp-port", 5671},
    {"https", "https-port", 443},
};
enum { PORTS = sizeof ports / sizeof *ports };

/* ---- a port whose certificate is refused: by whose fault? */

static void date_of(int64_t us, char out[CLOCK_ISO_LEN + 1])
{
    clock_iso(us, out);
    out[strlen("2026-01-31T12:00")] = '\0';
}

static void blame_clock(struct doctor *d, const char *check, const struct line_to *to,
                        const struct doctor_sight *s)
{
    char now[CLOCK_ISO_LEN + 1], from[CLOCK_ISO_LEN + 1], until[CLOCK_ISO_LEN + 1];
    date_of(clock_wall_us(), now);
    date_of(s->from_us, from);
    date_of(s->until_us, until);
    doctor_say(d, DOCTOR_FAIL, check,
               "set the clock of this machine by NTP; if it is right, the hub needs a new "
               "certificate",
               "the certificate of %s is good from %s until %s, and by this machine's clock it is "
               "%s",
               to->name, from, until, now);
}

static void blame_name(struct doctor *d, const char *check, const struct line_to *to,
                       const struct doctor_sight *s)
{
    char fix[400];
    snprintf(fix, sizeof fix,
             "dial one of these names, or have the hub serve with --hostname %s, too", to->name);
    doctor_say(d, DOCTOR_FAIL, check, fix, "the certificate that %s:%u shows is for %s, not for %s",
               to->name, to->port, s->names, to->name);
}

static void blame_issuer(struct doctor *d, const char *check, const struct line_to *to,
                         const struct doctor_sight *s)
{
    const char *ca = cli_value(d->cli, "ca");
    doctor_say(d, DOCTOR_FAIL, check,
               "name the hub's ca.pem with --ca, and give it to the device; if that is not who "
               "issued it, a proxy or firewall between opens TLS: have it let this hub pass",
               "the certificate that %s:%u shows was issued by '%s', whom %s does not have",
               to->name, to->port, s->issuer, ca ? ca : "this machine's list of authorities");
}

/* The text of the failure is set. */
static void blame(struct doctor *d, const char *check, const struct line_to *to)
{
    char why[512];
    struct doctor_sight s;
    snprintf(why, sizeof why, "%s", fail_text());
    int64_t now_us = clock_wall_us();
    if (doctor_look(to, false, &s) != OK)
        doctor_say(d, DOCTOR_FAIL, check, "see that this is the hub's port", "%s", why);
    else if (now_us < s.from_us || now_us > s.until_us)
        blame_clock(d, check, to, &s);
    else if (!s.is_ours)
        blame_name(d, check, to, &s);
    else
        blame_issuer(d, check, to, &s);
}

/* ---- a port */

static void say_silent(struct doctor *d, const char *check, const struct line_to *to)
{
    char fix[400];
    snprintf(fix, sizeof fix,
             "open TCP %u to %s in firewalls and proxies, or see that 'azimuth serve --bind' "
             "listens there",
             to->port, to->name);
    doctor_say(d, DOCTOR_FAIL, check, fix, "%s", fail_text());
}

/* Who looks for the hub tries the addresses of its name in this order, each for a while. */
static void say_good(struct doctor *d, const char *check, const struct line_to *to,
                     const char *version, size_t silent)
{
    if (silent)
        doctor_say(d, DOCTOR_WARN, check,
                   "have 'azimuth serve --bind' listen at all of them, or take the others out of "
                   "DNS: clients that try one of those first wait",
                   "%s:%u answers (%s), but not at %zu of its %zu addresses", to->name, to->port,
                   version, silent, to->addresses.count);
    else
        doctor_say(d, DOCTOR_OK, check, "", "%s:%u answers (%s), and its certificate is good",
                   to->name, to->port, version);
}

static struct line_to only(const struct line_to *to, size_t i)
{
    struct line_to one = *to;
    one.addresses = (struct dial_addresses){.items = {to->addresses.items[i]}, .count = 1};
    return one;
}

/* At each of its addresses; a certificate that is refused at one of them is said. */
static void check_port(struct doctor *d, const struct line_to *to, const char *check)
{
    const char *version = "";
    enum err e = ERR_CLOSED;
    size_t silent = 0;
    for (size_t i = 0; i < to->addresses.count; i++) {
        const struct line_to one = only(to, i);
        enum err here = doctor_handshake(&one, &version);
        if (here == ERR_PROTOCOL) {
            blame(d, check, &one);
            return;
        }
        if (e != OK) e = here;
        silent += here != OK;
    }
    if (e == OK)
        say_good(d, check, to, version, silent);
    else
        say_silent(d, check, to);
}

/* ---- clock, proxy, name */

/* The server's word against ours: tokens live by it. */
static void check_time(struct doctor *d, const struct line_to *https)
{
    struct doctor_sight there;
    if (doctor_look(https, true, &there) != OK) {
        doctor_say(d, DOCTOR_SKIPPED, "clock", "", "the hub's time cannot be had over HTTPS: %s",
                   fail_text());
        return;
    }
    int64_t off_s = (clock_wall_us() - there.wall_us) / 1000000;
    long long by = off_s < 0 ? -off_s : off_s;
    const char *side = off_s < 0 ? "behind" : "ahead of";
    if (by >= CLOCK_WRONG_S)
        doctor_say(d, DOCTOR_FAIL, "clock", "set it by NTP: apt-get install systemd-timesyncd",
                   "%lld s %s the hub's: tokens are refused", by, side);
    else if (by >= CLOCK_OFF_S)
        doctor_say(d, DOCTOR_WARN, "clock", "set it by NTP: apt-get install systemd-timesyncd",
                   "%lld s %s the hub's", by, side);
    else
        doctor_say(d, DOCTOR_OK, "clock", "", "within %d s of the hub's", CLOCK_OFF_S);
}

static void check_proxy(struct doctor *d, const char *host)
{
    char proxy[300];
    doctor_proxy_of(host, proxy, sizeof proxy);
    if (*proxy)
        doctor_say(d, DOCTOR_WARN, "proxy",
                   "MQTT and AMQP need a direct way, or WebSockets over 443; no_proxy names hosts "
                   "that need none",
                   "this machine wants a proxy for HTTPS (%s)", proxy);
    else
        doctor_say(d, DOCTOR_OK, "proxy", "", "none is set for %s", host);
}

static enum err check_ports(struct doctor *d, const char *host, struct slice ca)
{
    struct line_to to = {.name = host};
    enum err e = OK;
    TRY(tls_client_context(ca, &to.tls));
    for (size_t i = 0; i < PORTS && e == OK; i++) {
        int64_t port;
        e = cli_number(d->cli, ports[i].option, 1, 65535, ports[i].standard, &port);
        if (e == OK) e = line_resolve(host, (unsigned)port, &to);
        if (e == OK) check_port(d, &to, ports[i].check);
    }
    if (e == OK) check_time(d, &to); /* HTTPS is the last one */
    tls_context_drop(to.tls);
    return e;
}

static void skip_ports(struct doctor *d, const char *why)
{
    for (size_t i = 0; i < PORTS; i++) doctor_say(d, DOCTOR_SKIPPED, ports[i].check, "", "%s", why);
    doctor_say(d, DOCTOR_SKIPPED, "clock", "", "%s", why);
}

static void put_addresses(struct buf *out, const struct dial_addresses *all)
{
    for (size_t i = 0; i < all->count; i++) {
        char text[64] = "";
        getnameinfo((const struct sockaddr *)&all->items[i].bytes, all->items[i].len, text,
                    sizeof text, NULL, 0, NI_NUMERICHOST);
        buf_printf(out, "%s%s", i ? ", " : "", text);
    }
}

/* Whether it leads to something that can be tried. */
static bool check_name(struct doctor *d, const char *host)
{
    struct dial_addresses all;
    struct buf list = {0};
    bool way = false;
    if (dial_resolve(host, ports[0].standard, &all) != OK) {
        doctor_say(d, DOCTOR_FAIL, "name", "add it to DNS or to /etc/hosts of the device",
                   "%s is not known on this machine", host);
        skip_ports(d, "the name leads nowhere");
        return false;
    }
    for (size_t i = 0; i < all.count; i++) way |= doctor_has_way(&all.items[i]);
    put_addresses(&list, &all);
    if (way)
        doctor_say(d, DOCTOR_OK, "name", "", "%s leads to %s", host, buf_cstr(&list));
    else
        doctor_say(d, DOCTOR_FAIL, "name",
                   "give this machine a route to it (is it IPv6, and this network has none?), or "
                   "the name another address",
                   "%s leads to %s, and this machine has no way there", host, buf_cstr(&list));
    if (!way) skip_ports(d, "there is no way to the hub");
    buf_free(&list);
    return way;
}

enum err doctor_from_device(struct doctor *d, const char *host)
{
    struct slice ca = SLICE_NONE;
    const char *path = cli_value(d->cli, "ca");
    if (path) TRY(file_load(d->cli, path, &ca));
    check_proxy(d, host);
    if (check_name(d, host)) TRY(check_ports(d, host, ca));
    TRY(doctor_print(d));
    size_t failed = doctor_count(d, DOCTOR_FAIL);
    if (failed) return fail(ERR_IO, "%zu of %zu checks failed", failed, d->count);
    return OK;
}
