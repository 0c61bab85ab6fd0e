/* doctor_device.c - azimuth doctor --from-device HOST: can a device that stands here reach that hub?
 *
 * Asks nobody but the hub.  What cannot be tried is skipped. */
#include <stdio.h>
#include <stdlib.h>

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

static void check_port(struct doctor *d, const char *host, struct line_to *to, size_t i)
{
    const char *version = "";
    char fix[300];
    switch (doctor_handshake(to, &version)) {
    case OK:
        doctor_say(d, DOCTOR_OK, ports[i].check, "",
                   "%s:%u answers (%s), and its certificate is good", host, to->port, version);
        break;
    case ERR_CLOSED:
    case ERR_IO:
    case ERR_TIMEOUT:
        snprintf(fix, sizeof fix,
                 "open TCP %u to %s in firewalls and proxies, or see that 'azimuth serve --bind' "
                 "listens there",
                 to->port, host);
        doctor_say(d, DOCTOR_FAIL, ports[i].check, fix, "%s", fail_text());
        break;
    default:
        doctor_say(d, DOCTOR_FAIL, ports[i].check,
                   "name the hub's ca.pem with --ca, and give it to the device; or serve with "
                   "--hostname of the name that is dialled",
                   "%s", fail_text());
    }
}

/* The server's word against ours: tokens live by it. */
static void check_time(struct doctor *d, const struct line_to *https)
{
    int64_t theirs_us;
    if (doctor_http_date(https, &theirs_us) != OK) {
        doctor_say(d, DOCTOR_SKIPPED, "clock", "", "the hub's time cannot be had over HTTPS: %s",
                   fail_text());
        return;
    }
    int64_t off_s = (clock_wall_us() - theirs_us) / 1000000;
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

static void check_proxy(struct doctor *d)
{
    const char *proxy = getenv("https_proxy") ? getenv("https_proxy") : getenv("HTTPS_PROXY");
    if (proxy && *proxy)
        doctor_say(d, DOCTOR_WARN, "proxy",
                   "MQTT and AMQP need a direct way, or WebSockets over 443",
                   "this machine wants a proxy for HTTPS (%s)", proxy);
    else
        doctor_say(d, DOCTOR_OK, "proxy", "", "none is set");
}

static enum err check_ports(struct doctor *d, const char *host, struct slice ca)
{
    struct line_to to, https = {0};
    struct tls_context *tls;
    TRY(tls_client_context(ca, &tls));
    for (size_t i = 0; i < PORTS; i++) {
        int64_t port;
        TRY(cli_number(d->cli, ports[i].option, 1, 65535, ports[i].standard, &port));
        TRY(line_resolve(host, (unsigned)port, &to));
        to.name = host;
        to.tls = tls;
        check_port(d, host, &to, i);
        https = to; /* the last one */
    }
    check_time(d, &https);
    tls_context_drop(tls);
    return OK;
}

enum err doctor_from_device(struct doctor *d, const char *host)
{
    struct slice ca = SLICE_NONE;
    const char *path = cli_value(d->cli, "ca");
    if (path) TRY(file_load(d->cli, path, &ca));
    check_proxy(d);
    enum doctor_place place = doctor_place_of(host);
    if (place == DOCTOR_NOWHERE) {
        doctor_say(d, DOCTOR_FAIL, "name", "add it to DNS or to /etc/hosts of the device",
                   "%s is not known on this machine", host);
        for (size_t i = 0; i < PORTS; i++)
            doctor_say(d, DOCTOR_SKIPPED, ports[i].check, "", "the name leads nowhere");
        doctor_say(d, DOCTOR_SKIPPED, "clock", "", "the name leads nowhere");
    } else {
        doctor_say(d, DOCTOR_OK, "name", "", "%s leads to %s", host,
                   place == DOCTOR_HERE ? "this machine" : "an address");
        TRY(check_ports(d, host, ca));
    }
    TRY(doctor_print(d));
    size_t failed = doctor_count(d, DOCTOR_FAIL);
    if (failed) return fail(ERR_IO, "%zu of %zu checks failed", failed, d->count);
    return OK;
}
