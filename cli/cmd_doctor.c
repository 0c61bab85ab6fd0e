/* cmd_doctor.c - azimuth doctor: what stands between this machine and a hub that works. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/cmd.h"
#include "cli/doctor.h"
#include "cli/file.h"
#include "cli/http.h"

enum {
    DAYS_SOON = 14,
    FILES_FEW = 4096, /* descriptors: connections, and some hundreds for files */
    SYNC_SLOW_US = 50000,
    SPACE_LOW_MB = 1024,
    SPACE_NONE_MB = 100,
};

const struct cli_option doctor_options[] = {
    {"from-device", "HOST", "can a device that stands here reach the hub of that name?"},
    {"", NULL, NULL},
};

struct port {
    const char *check, *name; /* name: of the member of GET /admin/v1/hub */
    unsigned standard;
    bool fixed; /* SDKs cannot be told another */
};

static const struct port ports[] = {
    {"port mqtt", "mqtt", 8883, true},
    {"port amqp", "amqp", 5671, false},
    {"port https", "https", 443, true},
};
enum { PORTS = sizeof ports / sizeof *ports };

/* ---- the server */

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static void check_ready(struct doctor *d, struct target *t)
{
    struct http_answer a;
    const struct http_call call = {.method = "GET", .path = "/readyz"};
    if (http_do(t, &call, &a) != OK) {
        doctor_say(d, DOCTOR_FAIL, "ready", "", "%s", fail_text());
        return;
    }
    struct slice why = json_str(a.json, "reason");
    http_answer_free(&a);
    if (a.status == 200)
        doctor_say(d, DOCTOR_OK, "ready", "", "accepts and acknowledges");
    else
        doctor_say(d, DOCTOR_FAIL, "ready", "restart it when the cause is removed; see its log",
                   "does not acknowledge: %.*s", SLICE_ARG(why));
}

/* Ports of a server that does not run: could it have them? */
static void check_bind(struct doctor *d, const struct port *p)
{
    char fix[256];
    switch (doctor_bind("127.0.0.1", p->standard)) {
    case OK: doctor_say(d, DOCTOR_OK, p->check, "", "%u is free", p->standard); break;
    case ERR_DENIED:
        snprintf(fix, sizeof fix,
                 "sysctl -w net.ipv4.ip_unprivileged_port_start=%u, or setcap "
                 "cap_net_bind_service=+ep on the program, or --%s-port",
                 p->standard, p->name);
        doctor_say(d, DOCTOR_FAIL, p->check, fix, "%u: ports below 1024 are not allowed to us",
                   p->standard);
        break;
    case ERR_EXISTS:
        snprintf(fix, sizeof fix, "find it with 'ss -ltnp sport = :%u', or use --%s-port",
                 p->standard, p->name);
        doctor_say(d, DOCTOR_FAIL, p->check, fix, "%u: somebody else listens there", p->standard);
        break;
    default: doctor_say(d, DOCTOR_SKIPPED, p->check, "", "%u cannot be tried", p->standard);
    }
}

/* A port in use: does it answer under the hub's name, with a certificate that clients can check? */
static void check_port(struct doctor *d, struct target *t, const struct port *p, unsigned port)
{
    struct line_to to;
    const char *version = "";
    enum err e = target_way(t, port, &to);
    if (e == OK) e = doctor_handshake(&to, &version);
    tls_context_drop(to.tls);
    bool moved = p->fixed && port != p->standard;
    if (e != OK)
        doctor_say(d, DOCTOR_FAIL, p->check, "", "%s", fail_text());
    else if (moved)
        doctor_say(d, DOCTOR_WARN, p->check,
                   "Azure's SDKs cannot be told a port: use the standard one for them",
                   "%u answers as %s (%s), but the standard port is %u", port, to.name, version,
                   p->standard);
    else
        doctor_say(d, DOCTOR_OK, p->check, "", "%u answers as %s (%s)", port, to.name, version);
}

static unsigned port_of(const struct target *t, size_t i)
{
    const unsigned numbers[PORTS] = {t->mqtt_port, t->amqp_port, t->https_port};
    return numbers[i];
}

static void check_ports(struct doctor *d, struct target *t, bool running)
{
    for (size_t i = 0; i < PORTS; i++) {
        if (running)
            check_port(d, t, &ports[i], port_of(t, i));
        else
            check_bind(d, &ports[i]);
    }
}

/* ---- names and certificates */

static void check_name(struct doctor *d, const char *name)
{
    char fix[512];
    snprintf(fix, sizeof fix,
             "add '127.0.0.1 %s' to /etc/hosts, or use GatewayHostName in connection strings",
             name);
    if (slice_is(slice_str(name), "azimuth.localhost")) return; /* only ever behind a gateway */
    if (doctor_place_of(name) == DOCTOR_NOWHERE)
        doctor_say(d, DOCTOR_WARN, "name", fix, "%s is not known on this machine", name);
    else
        doctor_say(d, DOCTOR_OK, "name", "", "%s is known on this machine", name);
}

static void check_names(struct doctor *d, const struct target *t)
{
    const struct json *list = json_get(t->hub, "hostNames");
    unsigned most = 8;
    for (const struct json *j = list ? list->child : NULL; j && most-- > 0; j = j->next)
        check_name(d, (const char *)arena_copy(&d->cli->arena, j->text).ptr);
    if (list == NULL) check_name(d, t->dial);
}

static void say_days(struct doctor *d, const char *check, const char *what, int days)
{
    static const char fix[] = "replace it, then send the server SIGHUP";
    if (days < 0)
        doctor_say(d, DOCTOR_FAIL, check, fix, "%s ended %d days ago", what, -days);
    else if (days < DAYS_SOON)
        doctor_say(d, DOCTOR_WARN, check, fix, "%s ends in %d days", what, days);
    else
        doctor_say(d, DOCTOR_OK, check, "", "%s is good for %d days", what, days);
}

/* What is in the directory of a server that was given certificates is nobody's any more. */
static void check_authority(struct doctor *d, const struct target *t)
{
    struct slice path = json_str(t->hub, "ca"), pem;
    const char *file = (const char *)arena_copy(&d->cli->arena, path).ptr;
    int days;
    if (path.len == 0)
        doctor_say(d, DOCTOR_SKIPPED, "authority", "", "the certificate is not one of ours");
    else if (!is_there(file) || file_load(d->cli, file, &pem) != OK ||
             doctor_days_left(pem, clock_wall_us(), &days) != OK)
        doctor_say(d, DOCTOR_SKIPPED, "authority", "", "%s cannot be read", file);
    else
        say_days(d, "authority", file, days);
}

static bool find_metric(struct slice metrics, const char *name, int64_t *value)
{
    struct slice line, word;
    while (slice_split(&metrics, '\n', &line))
        if (slice_split(&line, ' ', &word) && slice_is(word, name))
            return num_i64(slice_trim(line), value) == OK;
    return false;
}

/* Those that the server shows, whichever files they are from: the one that ends first. */
static void check_certificate(struct doctor *d, struct target *t)
{
    struct http_answer a;
    int64_t until_s = 0;
    const struct http_call call = {.method = "GET", .path = "/metrics"};
    if (http_do(t, &call, &a) == OK) {
        (void)find_metric(buf_slice(&a.body), "azimuth_tls_certificate_expiry_seconds", &until_s);
        http_answer_free(&a);
    }
    if (until_s)
        say_days(d, "certificate", "what the server shows",
                 (int)((until_s - clock_wall_us() / 1000000) / 86400));
    else
        doctor_say(d, DOCTOR_SKIPPED, "certificate", "", "the server does not say when it ends");
}

/* Node reads one variable, most others the system's store. */
static void check_trust(struct doctor *d, const struct target *t)
{
    const char *node = getenv("NODE_EXTRA_CA_CERTS");
    struct line_to to;
    const char *version;
    struct target system = *t;
    system.ca = NULL;
    enum err e = target_way(&system, t->mqtt_port, &to);
    if (e == OK) e = doctor_handshake(&to, &version);
    tls_context_drop(to.tls);
    if (e == OK)
        doctor_say(d, DOCTOR_OK, "trust", "", "this machine trusts the certificate");
    else if (node && t->ca && slice_is(slice_str(node), t->ca))
        doctor_say(d, DOCTOR_OK, "trust", "", "NODE_EXTRA_CA_CERTS names %s", t->ca);
    else
        doctor_say(
            d, DOCTOR_WARN, "trust",
            "eval \"$(azimuth env)\" for Node; others are given ca.pem in their code, or it is "
            "copied to /usr/local/share/ca-certificates/azimuth.crt and "
            "update-ca-certificates is run",
            "SDKs do not trust %s yet", t->ca ? t->ca : "the certificate");
}

/* ---- this machine */

static void check_clock(struct doctor *d)
{
    struct timex now = {0};
    if (ntp_adjtime(&now) < 0)
        doctor_say(d, DOCTOR_SKIPPED, "clock", "", "it does not say whether it is synchronised");
    else if (now.status & STA_UNSYNC)
        doctor_say(d, DOCTOR_WARN, "clock", "run an NTP client: apt-get install systemd-timesyncd",
                   "nothing keeps it right; tokens are refused when it is 5 minutes off");
    else
        doctor_say(d, DOCTOR_OK, "clock", "", "synchronised");
}

static void check_files(struct doctor *d)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    unsigned long long most = (unsigned long long)limit.rlim_max;
    if (most < FILES_FEW)
        doctor_say(d, DOCTOR_WARN, "file limit",
                   "ulimit -Hn 65536, or LimitNOFILE=65536 in the unit of the service",
                   "%llu descriptors: fewer than %d connections", most, FILES_FEW);
    else
        doctor_say(d, DOCTOR_OK, "file limit", "", "%llu descriptors", most);
}

static void check_space(struct doctor *d, const char *directory)
{
    struct statvfs fs;
    if (statvfs(directory, &fs) != 0) {
        doctor_say(d, DOCTOR_SKIPPED, "disk", "", "%s is not there yet", directory);
        return;
    }
    unsigned long long mb = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
    enum doctor_state state = mb < SPACE_NONE_MB  ? DOCTOR_FAIL
                              : mb < SPACE_LOW_MB ? DOCTOR_WARN
                                                  : DOCTOR_OK;
    doctor_say(d, state, "disk", state == DOCTOR_OK ? "" : "free some, or lower --retention",
               "%llu MiB free in %s", mb, directory);
}

static void check_sync(struct doctor *d, const char *directory)
{
    int64_t us;
    if (!is_there(directory)) return;
    if (doctor_sync_us(directory, &us) != OK) {
        doctor_say(d, DOCTOR_FAIL, "disk writes", "look at the owner and mode of the directory",
                   "%s", fail_text());
        return;
    }
    bool slow = us > SYNC_SLOW_US;
    doctor_say(d, slow ? DOCTOR_WARN : DOCTOR_OK, "disk writes",
               slow ? "every acknowledgement waits for the disk: choose a faster one for --data"
                    : "",
               "%.1f ms until durable", (double)us / 1000);
}

/* ---- the visit */

static void examine_machine(struct doctor *d, const char *directory)
{
    check_clock(d);
    check_files(d);
    check_space(d, directory);
    check_sync(d, directory);
}

static void examine_server(struct doctor *d, struct target *t)
{
    struct slice version = json_str(t->hub, "version");
    doctor_say(d, DOCTOR_OK, "server", "", "azimuth %.*s serves %s from %s", SLICE_ARG(version),
               t->name, t->data);
    check_ready(d, t);
    check_ports(d, t, true);
    check_names(d, t);
    check_authority(d, t);
    check_certificate(d, t);
    check_trust(d, t);
    examine_machine(d, t->data);
}

static void examine_distant(struct doctor *d, struct target *t)
{
    struct json *list;
    check_name(d, t->dial);
    check_ports(d, t, true);
    check_trust(d, t);
    const struct http_call call = {.method = "GET", .path = "/devices?top=1"};
    if (http_json(t, &call, "list of devices", &list) == OK)
        doctor_say(d, DOCTOR_OK, "login", "", "%s lets %.*s in", t->name,
                   SLICE_ARG(t->login.policy));
    else
        doctor_say(d, DOCTOR_FAIL, "login", "", "%s", fail_text());
    check_clock(d);
}

enum err doctor_examine(struct cli *c)
{
    struct target t;
    struct doctor *d = arena_zero(&c->arena, sizeof *d);
    d->cli = c;
    if (cli_given(c, "from-device")) return doctor_from_device(d, cli_value(c, "from-device"));
    enum err e = target_find(c, &t);
    if (e == OK && t.data)
        examine_server(d, &t);
    else if (e == OK)
        examine_distant(d, &t);
    else if (t.data) {
        doctor_say(d, DOCTOR_WARN, "server", "azimuth serve", "%s", fail_text());
        check_ports(d, &t, false);
        examine_machine(d, t.data);
    } else
        return e;
    TRY(doctor_print(d));
    size_t failed = doctor_count(d, DOCTOR_FAIL);
    if (failed) return fail(ERR_IO, "%zu of %zu checks failed", failed, d->count);
    return OK;
}
