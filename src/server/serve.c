/* serve.c - starting, running and stopping the server.
 *
 * Order of starting: directory, ports, certificates, hub (recovery), lanes, listeners, ready line.
 * Nothing is accepted before the log and the store have recovered.
 */
#include "server/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/x509_issuer.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "base/text.h"
#include "blob/remote.h"
#include "front/console/console.h"
#include "out/courier.h"
#include "post/thread.h"
#include "server/certs.h"
#include "server/dir.h"
#include "server/harden.h"
#include "server/notify.h"
#include "server/ports.h"
#include "server/secret.h"
#include "server/tls_renewal.h"
#include "server/tls_watch.h"
#include "server/wire.h"

enum { SERVER_SEED = SERVER_TLS + 1 };   /* no body */
enum { DESCRIPTORS_AT_START = 1 << 16 }; /* more come by growing */
enum { SERVER_DRAIN_S = 10, SERVER_LANES = 9, SOCKET_PATH_MAX = DIR_PATH_MAX + 16 };

/* Somebody waits until the seed is in the registry. */
struct planting {
    struct seed *seed;
    struct seed_doors doors;
    sem_t done;
};

struct server {
    const struct config *cfg;  /* as at the start */
    struct config reloaded;    /* what was read last, empty at first */
    const struct config *live; /* the one of the two whose live options count */
    struct dir dir;
    struct wire wire;
    struct lane main_lane; /* an address to post from; it gets no mail */
    struct core *cores[LANES_MAX];
    struct lane *core_lanes[LANES_MAX];
    struct dialer *dialers[LANES_MAX];
    struct buf outgoing_ca; /* its text */
    struct buf oidc_secret;
    unsigned core_count;
    struct ports ports;
    struct tls_renewal tls;
    struct lane_thread *threads[SERVER_LANES];
    struct courier *courier;
    struct x509_issuer *issuer; /* NULL: the certificates are the operator's own */
    struct planting planting;
    sigset_t signals;
    char ca_path[DIR_PATH_MAX + 16], backup_dir[DIR_PATH_MAX];
    struct buf ca_pem;
    struct buf upload_key;
    char admin_url[HUB_HOST_LEN_MAX + 24];
    struct buf console; /* where people find it */
};

/* ---- the hub on its cores */

static unsigned workers_wanted(const struct config *cfg)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned most = LANES_MAX - SERVER_LANES - 4; /* main's, the courier's, and those of remotes */
    if (cfg->workers) return MIN(cfg->workers, most);
    return cpus <= 2 ? 1 : MIN((unsigned)cpus, most);
}

/* A table of descriptors that grows while threads share it holds its caller until every CPU has been
 * elsewhere (synchronize_rcu() in Linux's expand_fdtable()): half a second of a busy core, in which
 * nobody's message is acknowledged.  Before the first thread it grows at once; 8 bytes for each. */
static void widen_descriptor_table(rlim_t wanted)
{
    int highest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, (int)MIN(wanted, DESCRIPTORS_AT_START) - 1);
    if (highest >= 0) close(highest);
}

/* As many descriptors as the system gives; connections leave some for files. */
static unsigned connections_wanted(const struct config *cfg)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = limit.rlim_cur > 512 ? limit.rlim_cur - 256 : limit.rlim_cur / 2;
    most = MIN(most, (rlim_t)1 << 20);
    if (cfg->max_connections) most = MIN(most, cfg->max_connections);
    widen_descriptor_table(MIN(most + 256, limit.rlim_cur));
    return (unsigned)most;
}

/* For tests, which cannot wait for a minute: how long a second of Capture's interval is. */
static int64_t capture_second_us(void)
{
    const char *given = getenv("AZIMUTH_CAPTURE_SECOND_US");
    int64_t us;
    return given && num_i64(slice_str(given), &us) == OK && us > 0 ? us : 0;
}

static enum err name_provider(struct server *s, struct rest_oidc *out)
{
    const struct config *cfg = s->cfg;
    if (cfg->oidc_secret_file) TRY(secret_read(cfg->oidc_secret_file, &s->oidc_secret));
    *out = (struct rest_oidc){.issuer = cfg->oidc_issuer,
                              .client_id = cfg->oidc_client_id,
                              .client_secret = slice_trim(buf_slice(&s->oidc_secret)),
                              .role_claim = cfg->oidc_role_claim,
                              .roles = cfg->oidc_roles,
                              .role_count = cfg->oidc_role_count};
    return OK;
}

/* A backup in the data directory would be in the next one. */
static enum err name_backups(struct server *s, struct backups_config *out)
{
    const char *dir = s->cfg->backup_dir;
    struct stat st;
    *out = (struct backups_config){.data = s->dir.path,
                                   .files = s->dir.files,
                                   .lock = -1,
                                   .room = backup_room,
                                   .copy = backup_online};
    if (!s->cfg->ephemeral) TRY(backup_lock_open(s->dir.path, &out->lock));
    if (dir == NULL) return OK;
    if (s->cfg->ephemeral)
        return fail(ERR_INVALID,
                    "--ephemeral keeps nothing, so --backup-dir makes no sense with it");
    if (realpath(dir, s->backup_dir) == NULL || stat(s->backup_dir, &st) || !S_ISDIR(st.st_mode))
        return fail(ERR_INVALID, "--backup-dir %s: there is no such directory", dir);
    if (access(s->backup_dir, W_OK | X_OK))
        return fail(ERR_INVALID, "--backup-dir %s: the server may not write there%s", dir,
                    errno == EROFS ? " (of a service: ReadWritePaths= in its unit)" : "");
    if (backup_lies_in(s->backup_dir, s->dir.path))
        return fail(ERR_INVALID, "--backup-dir %s: it lies in the data directory", dir);
    out->dir = s->backup_dir;
    return OK;
}

/* What the configuration says of the hub. */
static enum err describe_hub(struct server *s, struct wire_config *out)
{
    const struct config *cfg = s->cfg;
    if (cfg->outgoing_ca) TRY(secret_read(cfg->outgoing_ca, &s->outgoing_ca));
    *out =
        (struct wire_config){.io = s->dir.state,
                             .hub_name = cfg->hub_name,
                             .hosts = cfg->hosts,
                             .host_count = cfg->host_count,
                             .partitions = cfg->partitions,
                             .retention_us = cfg->retention_us == INT64_MAX ? 0 : cfg->retention_us,
                             .retention_bytes = cfg->retention_bytes,
                             .disk_reserve = cfg->disk_reserve,
                             .upload_account = cfg->upload_account,
                             .upload_container = cfg->upload_container,
                             .upload_key = slice_trim(buf_slice(&s->upload_key)),
                             .upload_quiet = cfg->upload_quiet,
                             .carrier = courier_carrier(s->courier),
                             .outgoing_ca = cfg->outgoing_ca,
                             .outgoing_ca_pem = buf_slice(&s->outgoing_ca),
                             .dialers = s->dialers,
                             .events = cfg->events,
                             .no_login_limits = cfg->no_login_limits,
                             .no_device_sas = cfg->no_device_sas,
                             .no_module_sas = cfg->no_module_sas,
                             .device_token_us = cfg->device_token_us,
                             .issuer = s->issuer,
                             .issued_us = cfg->issued_us,
                             .capture_second_us = capture_second_us(),
                             .tier = cfg->tier,
                             .fault_injection = cfg->fault_injection,
                             .unwatched = cfg->console_address == NULL,
                             .ephemeral = cfg->ephemeral};
    TRY(name_backups(s, &out->backups));
    config_throttles(cfg, &out->throttle);
    return name_provider(s, &out->oidc);
}

static void make_cores(struct server *s)
{
    s->core_count = workers_wanted(s->cfg);
    unsigned connections = MAX(connections_wanted(s->cfg) / s->core_count, 1);
    for (unsigned i = 0; i < s->core_count; i++) {
        s->cores[i] = core_new(&s->wire.office, i, connections);
        if (s->cfg->no_login_limits) core_admit_all(s->cores[i]);
        s->core_lanes[i] = core_lane(s->cores[i]);
        s->dialers[i] = core_dialer(s->cores[i]);
        core_meet(s->cores[i], s->core_lanes, s->core_count);
    }
}

static enum err open_hub(struct server *s)
{
    struct wire_config wire;
    s->courier = courier_new(s->cfg->outgoing_ca);
    TRY(describe_hub(s, &wire));
    if (s->cfg->fault_injection)
        say_warn("fault.allowed",
                 "note=\"whoever may send telemetry may break connections; for tests only\"");
    wire_init(&s->wire);
    make_cores(s);
    lane_init(&s->main_lane, &s->wire.office, "main");
    for (unsigned i = 0; i < s->core_count; i++) tls_watch(s->cores[i], &s->wire.hub);
    return wire_open(&s->wire, &wire, s->core_lanes, s->core_count);
}

static void start_lanes(struct server *s)
{
    struct lane *lanes[SERVER_LANES] = {
        &s->wire.log_lane,        &s->wire.log_read_lane,    &s->wire.store_lane,
        &s->wire.store_read_lane, &s->wire.store_check_lane, &s->wire.blob_lane,
        &s->wire.archive_lane,    &s->wire.password_lane,    &s->wire.backup_lane};
    for (unsigned i = 0; i < SERVER_LANES; i++) s->threads[i] = lane_thread_start(lanes[i]);
    courier_start(s->courier, &s->wire.out_lane);
    remote_start(s->wire.remote);
    remote_start(s->wire.archive_remote);
    for (unsigned i = 0; i < s->core_count; i++) core_start(s->cores[i]);
}

static void stop_lanes(struct server *s)
{
    for (unsigned i = 0; i < s->core_count; i++) core_stop(s->cores[i]);
    courier_stop(s->courier);
    remote_stop(s->wire.remote);
    remote_stop(s->wire.archive_remote);
    backups_stop(s->wire.backups);
    for (unsigned i = 0; i < SERVER_LANES; i++) lane_thread_stop(s->threads[i]);
}

/* ---- listeners */

static enum err listen_kind(struct server *s, enum port_kind kind, unsigned core)
{
    struct wire_core *c = &s->wire.cores[core];
    bool plain = kind == PORT_PLAIN_MQTT || kind == PORT_PLAIN_AMQP;
    struct net_listener spec = {
        .tls = plain ? NULL : tls_keeper_slot(&s->tls.keeper, core, TLS_FOR_CLIENTS)};
    wire_front(c,
               kind == PORT_MQTT || kind == PORT_PLAIN_MQTT   ? WIRE_MQTT
               : kind == PORT_AMQP || kind == PORT_PLAIN_AMQP ? WIRE_AMQP
                                                              : WIRE_HTTP,
               &spec.front, &spec.front_ctx);
    for (unsigned i = 0; i < s->ports.binds; i++)
        if (s->ports.number[kind])
            TRY(core_listen(s->cores[core], s->ports.bound[kind][i].fds[core], false, &spec));
    return OK;
}

static enum err listen_console(struct server *s)
{
    struct net_listener spec = {.tls = tls_keeper_slot(&s->tls.keeper, 0, TLS_FOR_CONSOLE)};
    if (s->ports.console.count == 0) return OK;
    if (s->cfg->console_plain) spec.tls = NULL;
    wire_front(&s->wire.cores[0], WIRE_CONSOLE, &spec.front, &spec.front_ctx);
    return core_listen(s->cores[0], s->ports.console.fds[0], false, &spec);
}

static enum err listen_all(struct server *s)
{
    for (unsigned core = 0; core < s->core_count; core++)
        for (unsigned kind = 0; kind < PORT_KINDS; kind++) TRY(listen_kind(s, kind, core));
    TRY(listen_console(s));
    struct net_listener admin = {.admin = true};
    wire_front(&s->wire.cores[0], WIRE_HTTP, &admin.front, &admin.front_ctx);
    return core_listen(s->cores[0], s->ports.admin.fds[0], true, &admin);
}

/* ---- who waits for us: the service manager, and whoever reads our standard output */

static void tell_manager(enum err told)
{
    if (told != OK) say_warn("notify", "reason=\"%s\"", fail_text());
}

static void put_member(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, ",\"%s\":", name);
    text_json_string(b, slice_str(value));
}

static void say_ready(const struct server *s)
{
    struct buf b = {0};
    buf_put_str(&b, "{\"event\":\"ready\"");
    put_member(&b, "hostname", s->wire.hub.hosts[0]);
    buf_printf(&b, ",\"mqtt\":%u,\"amqp\":%u,\"https\":%u", s->ports.number[PORT_MQTT],
               s->ports.number[PORT_AMQP], s->ports.number[PORT_HTTPS]);
    if (s->console.len)
        put_member(&b, "console", server_console(s));
    else
        buf_put_str(&b, ",\"console\":null");
    if (s->ports.number[PORT_PLAIN_MQTT])
        buf_printf(&b, ",\"plainMqtt\":%u", s->ports.number[PORT_PLAIN_MQTT]);
    if (s->ports.number[PORT_PLAIN_AMQP])
        buf_printf(&b, ",\"plainAmqp\":%u", s->ports.number[PORT_PLAIN_AMQP]);
    if (s->wire.rest.ca_path)
        put_member(&b, "ca", s->ca_path);
    else
        buf_put_str(&b, ",\"ca\":null");
    put_member(&b, "data", s->dir.path);
    put_member(&b, "idScope", s->wire.hub.id_scope);
    put_member(&b, "version", AZIMUTH_VERSION);
    printf("%s}\n", buf_cstr(&b));
    fflush(stdout);
    buf_free(&b);
}

/* ---- life */

/* What a scraper of /metrics shows. */
static enum err load_metrics_token(struct server *s)
{
    struct buf token = BUF_SECRET;
    enum err e = secret_metrics_token(s->dir.files, &token);
    if (e == OK) wire_set_metrics_token(&s->wire, slice_trim(buf_slice(&token)));
    buf_wipe(&token);
    return e;
}

/* Signals come to the main thread only, when it waits for them. */
static void take_signals(struct server *s)
{
    sigemptyset(&s->signals);
    sigaddset(&s->signals, SIGTERM);
    sigaddset(&s->signals, SIGINT);
    sigaddset(&s->signals, SIGHUP);
    sigaddset(&s->signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &s->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* beyond `ulimit -f` the disk is full */
}

/* A console on all addresses has the hub's name: no browser can dial a wildcard. */
static const char *console_host(const struct server *s)
{
    struct slice address = slice_str(s->cfg->console_address);
    bool wildcard = slice_is(address, "0.0.0.0") || slice_is(address, "::");
    return wildcard ? s->wire.hub.hosts[0] : s->cfg->console_address;
}

/* Under dev the link signs in: whoever sees this terminal may do everything anyway. */
static void name_console(struct server *s, bool dev)
{
    const char *address = console_host(s);
    if (s->ports.console.count == 0) return;
    bool v6 = strchr(address, ':') != NULL;
    snprintf(s->admin_url, sizeof s->admin_url, "http%s://%s%s%s:%u",
             s->cfg->console_plain ? "" : "s", v6 ? "[" : "", address, v6 ? "]" : "",
             s->ports.console.port);
    s->wire.rest.admin_url = s->admin_url;
    if (dev)
        console_put_link(s->wire.cores[0].console, &s->console);
    else
        buf_printf(&s->console, "%s/console/", s->admin_url);
    buf_cstr(&s->console);
}

/* What /admin/v1/hub tells the command line. */
static void describe(struct server *s, bool dev)
{
    struct rest_config *rest = &s->wire.rest;
    snprintf(s->ca_path, sizeof s->ca_path, "%s/ca.pem", s->dir.path);
    rest->ca_path = s->cfg->tls_cert_count ? NULL : s->ca_path; /* else there is none of ours */
    if (rest->ca_path && secret_read(rest->ca_path, &s->ca_pem) == OK)
        rest->ca_pem = buf_slice(&s->ca_pem);
    rest->data_path = s->dir.path;
    rest->addresses = s->ports.addresses;
    rest->address_count = s->ports.binds;
    rest->mqtt_port = s->wire.hub.mqtt_port = s->ports.number[PORT_MQTT];
    rest->amqp_port = s->ports.number[PORT_AMQP];
    rest->https_port = s->wire.hub.https_port = s->ports.number[PORT_HTTPS];
    rest->plain_mqtt_port = s->wire.hub.plain_mqtt_port = s->ports.number[PORT_PLAIN_MQTT];
    rest->plain_amqp_port = s->ports.number[PORT_PLAIN_AMQP];
    name_console(s, dev);
}

static void socket_name(const struct server *s, char out[SOCKET_PATH_MAX])
{
    snprintf(out, SOCKET_PATH_MAX, "%s/azimuth.sock", s->dir.path);
}

/* Our CA, which issues certificates for devices.  Clients read its certificate from the directory. */
static enum err open_authority(struct server *s)
{
    struct buf pem = {0};
    TRY(certs_issuer(s->dir.secrets, clock_wall_us(), &s->issuer));
    if (s->dir.secrets == s->dir.files) return OK;
    enum err e = io_load(s->dir.secrets, "ca.pem", &pem);
    if (e == OK) e = io_store(s->dir.files, "ca.pem", buf_slice(&pem));
    buf_free(&pem);
    return e;
}

static enum err prepare(struct server *s, bool dev)
{
    const struct config *cfg = s->cfg;
    char socket_path[SOCKET_PATH_MAX];
    TRY(cfg->ephemeral ? dir_open_ephemeral(&s->dir) : dir_open(cfg->data, &s->dir));
    socket_name(s, socket_path);
    enum err e = ports_bind(&s->ports, cfg, socket_path, workers_wanted(cfg), dev);
    if (e != OK) {
        dir_undo(&s->dir);
        return e;
    }
    TRY(secret_upload_key(s->dir.secrets, &s->upload_key));
    if (cfg->tls_cert_count == 0) TRY(open_authority(s));
    e = open_hub(s);
    if (e != OK) return cfg->ephemeral ? e : dir_advise(&s->dir, e);
    TRY(tls_renewal_open(&s->tls, cfg, s->dir.secrets, s->core_lanes, s->core_count));
    TRY(load_metrics_token(s));
    describe(s, dev);
    return listen_all(s);
}

static void dismantle(struct server *s)
{
    char socket_path[SOCKET_PATH_MAX];
    socket_name(s, socket_path);
    if (s->ports.admin.count) unlink(socket_path);
    for (unsigned i = 0; i < s->core_count; i++) core_close(s->cores[i]);
    wire_close(&s->wire);
    courier_free(s->courier);
    x509_issuer_free(s->issuer);
    for (unsigned i = 0; i < s->core_count; i++) core_free(s->cores[i]);
    tls_renewal_close(&s->tls);
    buf_free(&s->outgoing_ca);
    buf_wipe(&s->oidc_secret);
    buf_wipe(&s->upload_key);
    buf_free(&s->ca_pem);
    buf_wipe(&s->console);
    dir_close(&s->dir);
    config_free(&s->reloaded);
    free(s);
}

/* ---- what the hub has from the start: made on the first core while this thread waits */

static void on_planted(void *ctx)
{
    struct planting *p = ctx;
    sem_post(&p->done);
}

static void on_seed(void *ctx, struct lane *lane, struct msg *m)
{
    struct planting *p = ctx;
    (void)lane, (void)m;
    seed_plant(p->seed, &p->doors, on_planted, p);
}

/* The lanes start here, because a core must know what to do with a seed before it runs. */
static enum err start_lanes_with(struct server *s, struct seed *seed)
{
    struct planting *p = &s->planting;
    if (seed) lane_on(s->core_lanes[0], SERVER_SEED, on_seed, p);
    p->seed = seed;
    wire_seed_doors(&s->wire, &p->doors);
    sem_init(&p->done, 0, 0);
    start_lanes(s);
    if (seed == NULL) return OK;
    post(&s->main_lane, lane_addr(&s->main_lane), lane_addr(s->core_lanes[0]),
         msg_new(SERVER_SEED, 0));
    while (sem_wait(&p->done) != 0) {
    }
    say_info("seed", "file=\"%s\" devices=%zu created=%u", seed->path, seed->ids.count,
             seed->created);
    return seed_result(seed);
}

/* The sanitizers' own tools trace the process. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

/* `dev` starts its simulators as programs. */
static enum err harden(const struct config *cfg, bool dev)
{
    if (cfg->user) TRY(harden_user(cfg->user));
    if (sanitized || cfg->debuggable) return OK;
    harden_memory();
    if (!dev && !harden_calls()) say_warn("harden", "note=\"this kernel filters no system calls\"");
    return OK;
}

enum err server_start(const struct config *cfg, struct seed *seed, bool dev, struct server **out)
{
    struct server *s = NEW(struct server);
    s->cfg = s->live = cfg;
    say_level_max = cfg->log_level;
    take_signals(s);
    enum err e = harden(cfg, dev);
    if (e == OK) e = prepare(s, dev);
    if (e == OK) {
        harden_ports_bound();
        e = start_lanes_with(s, seed);
        if (e != OK) stop_lanes(s);
    }
    if (e != OK) {
        dismantle(s);
        return e;
    }
    say_ready(s);
    tell_manager(notify_manager("READY=1"));
    tls_renewal_start_rsa(&s->tls);
    *out = s;
    return OK;
}

const char *server_console(const struct server *s)
{
    return s->console.len ? (const char *)s->console.ptr : "";
}

const char *server_data(const struct server *s)
{
    return s->dir.path;
}

const struct ports *server_ports(const struct server *s)
{
    return &s->ports;
}

/* ---- reloading */

static void on_difference(void *ctx, const char *option)
{
    (void)ctx;
    if (config_is_live(option))
        say_info("config.changed", "option=%s", option);
    else
        say_warn("config.restart", "option=%s note=\"it counts from the next start on\"", option);
}

static void reload(struct server *s, server_load_fn load, void *ctx)
{
    struct config next;
    enum err e = load(ctx, &next);
    if (e == OK && (next.tls_cert_count == 0) != (s->cfg->tls_cert_count == 0))
        e = fail(ERR_INVALID, "--tls-cert: between certificates of yours and ours is a restart");
    if (e != OK) {
        say_error("config.reload", "reason=\"%s\" note=\"everything stays as it is\"", fail_text());
        config_free(&next);
        return;
    }
    config_compare(s->live, &next, on_difference, NULL);
    config_free(&s->reloaded);
    s->reloaded = next;
    s->live = &s->reloaded;
    say_level_max = s->live->log_level;
}

void server_run(struct server *s, server_load_fn load, void *ctx)
{
    int64_t rotate_us = clock_mono_us() + TLS_TICKET_LIFE_S * 1000000ll;
    while (true) {
        struct timespec wait = {.tv_sec = 60};
        int signal_number = sigtimedwait(&s->signals, NULL, &wait);
        if (signal_number == SIGTERM || signal_number == SIGINT) return;
        if (signal_number == SIGHUP) {
            tell_manager(notify_reloading());
            reload(s, load, ctx);
            tls_renewal_run(&s->tls, s->live, &s->main_lane, "hangup");
            tell_manager(notify_manager("READY=1"));
        }
        if (signal_number == SIGUSR1) tls_renewal_run(&s->tls, s->live, &s->main_lane, "rsa");
        bool due = tls_renewal_is_due(&s->tls);
        if (clock_mono_us() < rotate_us && !due) continue;
        tls_renewal_run(&s->tls, s->live, &s->main_lane, due ? "expiry" : "rotation");
        rotate_us = clock_mono_us() + TLS_TICKET_LIFE_S * 1000000ll;
    }
}

/* A second SIGTERM or SIGINT while draining ends the process at once. */
static void *watch_for_impatience(void *arg)
{
    sigset_t end;
    int got;
    (void)arg;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGINT);
    sigwait(&end, &got);
    _exit(1);
}

/* All cores at once, so that slow peers of each cost the time only once. */
static void drain(struct server *s)
{
    int64_t end_us = clock_mono_us() + SERVER_DRAIN_S * 1000000ll;
    unsigned left = s->core_count;
    for (unsigned i = 0; i < s->core_count; i++) core_drain(s->cores[i]);
    while (left && clock_mono_us() < end_us) {
        usleep(2000);
        left = 0;
        for (unsigned i = 0; i < s->core_count; i++) left += !core_drained(s->cores[i]);
    }
}

enum err server_stop(struct server *s)
{
    pthread_t watcher;
    enum err e = OK;
    if (pthread_create(&watcher, NULL, watch_for_impatience, NULL) == 0) pthread_detach(watcher);
    say_info("stop", "draining_s_max=%d", SERVER_DRAIN_S);
    tell_manager(notify_manager("STOPPING=1"));
    certs_abandon();
    drain(s);
    tls_renewal_join(&s->tls);
    stop_lanes(s);
    const char *broken = wire_broken(&s->wire);
    if (broken) e = fail(ERR_IO, "%s", broken);
    dismantle(s);
    return e;
}
