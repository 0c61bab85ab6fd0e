/* wire.c - a hub on its lanes: who is made, in which order, and who knows whom. */
#include "server/wire.h"

#include <stdio.h>

#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"
#include "blob/remote.h"
#include "cursor/cursor.h"
#include "deliver/deliver.h"
#include "deliver/storage/storage.h"
#include "front/amqp/amqp.h"
#include "front/blob/blob.h"
#include "front/console/console.h"
#include "front/device_http/device_http.h"
#include "front/device_mqtt/device_mqtt.h"
#include "front/dps/dps.h"
#include "hub/c2d/c2d.h"
#include "hub/certificate/certificate.h"
#include "hub/configuration/configuration.h"
#include "hub/consumer_group/consumer_group.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/digital_twin/digital_twin.h"
#include "hub/event/event.h"
#include "hub/event_hub/event_hub.h"
#include "hub/fault/fault.h"
#include "hub/job/job.h"
#include "hub/method/method.h"
#include "hub/news/news.h"
#include "hub/policy/policy.h"
#include "hub/producer/producer.h"
#include "hub/query/query.h"
#include "hub/refusal/refusal.h"
#include "hub/registry/registry.h"
#include "hub/routing/routing.h"
#include "hub/talker/talker.h"
#include "hub/transfer/transfer.h"
#include "hub/twin/twin.h"
#include "hub/user/user.h"
#include "server/azure_metrics.h"
#include "server/seed.h"

enum {
    EPHEMERAL_JOURNAL = 8 << 20, /* memory is the disk */
    EPHEMERAL_SEGMENT = 8 << 20,
    EPHEMERAL_RETENTION = 256 << 20,
};

void wire_init(struct wire *w)
{
    *w = (struct wire){0};
}

static enum err name_hub(struct hub *hub, const struct wire_config *cfg)
{
    static const char *const always[] = {"localhost", "azimuth.localhost", "127.0.0.1", "::1"};
    for (unsigned i = 0; i < cfg->host_count; i++) TRY(hub_add_host(hub, slice_str(cfg->hosts[i])));
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        TRY(hub_add_host(hub, slice_str(always[i])));
    snprintf(hub->name, sizeof hub->name, "%s", cfg->hub_name);
    return OK;
}

/* A stream without the store that it began with must not be taken for a new hub: its devices, keys and
 * twins would be gone without a word. */
static enum err check_store(struct io *io)
{
    if (!io_exists(io, "log.meta") || io_exists(io, STORE_FILE)) return OK;
    return fail(ERR_CORRUPT,
                "there is a stream (log.meta), but " STORE_FILE " is missing: restore it");
}

static enum err open_store(struct wire *w, const struct wire_config *cfg)
{
    struct store_config store = {.io = cfg->io,
                                 .write = &w->store_lane,
                                 .read = &w->store_read_lane,
                                 .check = &w->store_check_lane,
                                 .reserve_bytes = cfg->ephemeral ? 0 : cfg->disk_reserve};
    lane_init(&w->store_lane, &w->office, "store");
    lane_init(&w->store_read_lane, &w->office, "storeread");
    lane_init(&w->store_check_lane, &w->office, "storecheck");
    TRY(check_store(cfg->io));
    return store_open(&store, &w->store);
}

static enum err open_log(struct wire *w, const struct wire_config *cfg)
{
    struct log_config log = {.io = cfg->io,
                             .partitions = cfg->partitions,
                             .retention_us = cfg->retention_us,
                             .retention_bytes = cfg->retention_bytes,
                             .reserve_bytes = cfg->disk_reserve};
    if (cfg->ephemeral) {
        log.journal_bytes = EPHEMERAL_JOURNAL;
        log.segment_bytes = EPHEMERAL_SEGMENT;
        log.reserve_bytes = 0;
        if (log.retention_bytes == 0) log.retention_bytes = EPHEMERAL_RETENTION;
    }
    lane_init(&w->log_lane, &w->office, "log");
    lane_init(&w->log_read_lane, &w->office, "logread");
    return log_open(&log, &w->log_lane, &w->log_read_lane, &w->log);
}

/* Our own account has a key that no connection string names. */
static enum err own_account(const struct wire_config *cfg, struct blob_account *out)
{
    struct buf key = BUF_SECRET;
    *out = (struct blob_account){.name = WIRE_ACCOUNT, .key_len = sizeof out->key};
    rand_bytes(out->key, sizeof out->key);
    if (cfg->upload_key.len == 0) return OK;
    enum err e = text_unbase64(&key, cfg->upload_key);
    struct slice bytes = slice_head(buf_slice(&key), sizeof out->key);
    out->key_len = bytes.len;
    slice_copy(out->key, bytes);
    buf_wipe(&key);
    return e == OK && out->key_len ? OK : fail(ERR_CORRUPT, "the key of uploads is damaged");
}

static enum err open_uploads(struct wire *w, const struct wire_config *cfg)
{
    struct blobs_config blobs = {.io = cfg->io,
                                 .lane = &w->blob_lane,
                                 .reserve_bytes = cfg->ephemeral ? 0 : cfg->disk_reserve};
    struct upload_config *u = &w->upload;
    u->container = cfg->upload_container ? cfg->upload_container : WIRE_CONTAINER;
    u->quiet = cfg->upload_quiet;
    lane_init(&w->blob_lane, &w->office, "blob");
    lane_init(&w->remote_lane, &w->office, "remote");
    w->remote = remote_new(&w->remote_lane, cfg->outgoing_ca);
    w->transfer = (struct transfer_config){.remote = w->remote};
    if (cfg->upload_account) return blob_account_parse(slice_str(cfg->upload_account), &u->account);
    assert(slice_starts(slice_str(u->container), slice_str(&BLOB_PREFIX[1])));
    TRY(own_account(cfg, &u->account));
    TRY(blobs_open(&blobs, &w->blobs));
    u->blobs = w->blobs;
    w->blob = (struct blob_config){w->blobs, &u->account, u->container};
    w->transfer.blobs = w->blobs;
    w->transfer.account = &u->account;
    w->transfer.container = u->container;
    return OK;
}

static enum err open_archives(struct wire *w, const struct wire_config *cfg)
{
    lane_init(&w->archive_lane, &w->office, "archive");
    lane_init(&w->archive_remote_lane, &w->office, "archiveremote");
    store_attach(&w->archive_lane);
    blobs_attach(&w->archive_lane);
    w->archive_remote = remote_new(&w->archive_remote_lane, cfg->outgoing_ca);
    w->archives = archives_new(&(struct archives_config){.lane = &w->archive_lane,
                                                         .log = w->log,
                                                         .store = w->store,
                                                         .io = cfg->io,
                                                         .remote = w->archive_remote,
                                                         .second_us = cfg->capture_second_us});
    TRY(diagnostics_open(
        &(struct diagnostics_config){.hub = &w->hub,
                                     .lane = &w->archive_lane,
                                     .io = cfg->io,
                                     .ephemeral = cfg->ephemeral,
                                     .reserve_bytes = cfg->ephemeral ? 0 : cfg->disk_reserve},
        &w->hub.diagnostics));
    w->storages = storages_new(&(struct storages_config){.hub = &w->hub,
                                                         .lane = &w->archive_lane,
                                                         .archives = w->archives,
                                                         .ephemeral = cfg->ephemeral});
    return capture_open(&(struct capture_config){.hub = &w->hub,
                                                 .lane = &w->archive_lane,
                                                 .archives = w->archives,
                                                 .ephemeral = cfg->ephemeral},
                        &w->captures);
}

static void open_backups(struct wire *w, const struct wire_config *cfg)
{
    struct backups_config backups = cfg->backups;
    if (backups.data == NULL) return;
    lane_init(&w->backup_lane, &w->office, "backup");
    store_attach(&w->backup_lane);
    backups.hub = &w->hub;
    backups.lane = &w->backup_lane;
    backups.reserve_bytes = cfg->disk_reserve;
    w->rest.backups = w->backups = backups_new(&backups);
}

/* The log has room again for what this core's devices want to say. */
static void on_relief(void *ctx)
{
    struct wire_core *c = ctx;
    device_mqtt_relief(c->mqtt);
    amqp_relief(c->amqp);
    events_relief(c->events);
}

/* On the first core. */
static void on_event_hub_gone(void *ctx, const struct event_hub *h)
{
    struct wire *w = ctx;
    capture_gone(w->captures, w->cores[0].lane, h->stream);
}

static bool is_group_key(void *ctx, const struct sas *t, struct buf *group)
{
    return dps_is_group_key(ctx, t, group);
}

/* What the hub does, each on top of those before it. */
static enum err open_capabilities(struct wire *w, struct wire_core *c, struct lane *lane)
{
    c->registry = registry_new(&w->hub, lane);
    TRY(routing_new(&w->hub, lane, &w->routing, &c->routing));
    TRY(certificates_new(&w->hub, lane, &c->certificates));
    c->sessions = session_home_new(&w->hub, lane, c->registry, c->certificates);
    c->methods = methods_new(&w->hub, lane, c->registry, c->sessions);
    session_desk_init(&c->desk, &w->hub, lane, &c->writer);
    c->desk.routing = c->routing;
    c->twins = twins_new(&w->hub, lane, c->registry, c->sessions);
    twins_show_to_sessions(c->twins, &c->desk, c->routing);
    TRY(events_new(&w->hub, lane, &c->writer, &c->events));
    events_set_routing(c->events, c->routing);
    events_watch_sessions(c->events, c->sessions);
    twins_set_events(c->twins, c->events, digital_twin_put_change);
    c->c2d = c2d_new(&w->hub, lane, c->registry, c->sessions);
    c->queries = queries_new(&w->hub, lane, c->registry);
    TRY(jobs_new(&w->hub, lane, c->twins, c->methods, c->queries, &c->jobs));
    TRY(configurations_new(&w->hub, lane, c->registry, c->twins, c->queries, &c->configurations));
    jobs_set_events(c->jobs, c->events);
    TRY(transfers_new(&w->hub, lane, c->registry, c->configurations, &w->transfer, &c->transfers));
    c->uploads = uploads_new(&w->hub, lane, &w->upload);
    TRY(consumer_groups_new(&w->hub, lane, &c->groups));
    TRY(event_hubs_new(&w->hub, lane, &c->writer, c->groups, &c->event_hubs));
    if (c == w->cores) event_hubs_on_gone(c->event_hubs, on_event_hub_gone, w);
    diagnostics_attach(w->hub.diagnostics, lane, c == w->cores ? &c->writer : NULL, c->event_hubs);
    const struct dps_doors doors = {.registry = c->registry,
                                    .twins = c->twins,
                                    .certificates = c->certificates,
                                    .out = w->out,
                                    .issuer = w->issuer,
                                    .issued_us = w->issued_us};
    TRY(dps_new(&w->hub, lane, &doors, &c->dps));
    session_home_set_guess(c->sessions, is_group_key, c->dps);
    return OK;
}

static void open_fronts(struct wire *w, struct wire_core *c, struct lane *lane)
{
    c->mqtt = device_mqtt_new(
        &(struct device_mqtt_doors){.desk = &c->desk,
                                    .methods = c->methods,
                                    .twins = c->twins,
                                    .c2d = c->c2d,
                                    .guests = {.take = dps_mqtt_take, .ctx = c->dps}});
    c->amqp = amqp_service_new(&(struct amqp_doors){.desk = &c->desk,
                                                    .dps = c->dps,
                                                    .groups = c->groups,
                                                    .event_hubs = c->event_hubs,
                                                    .c2d = c->c2d,
                                                    .methods = c->methods,
                                                    .twins = c->twins,
                                                    .files = upload_notices(c->uploads)});
    c->rest = rest_new(&w->rest, lane,
                       &(struct rest_doors){.registry = c->registry,
                                            .groups = c->groups,
                                            .event_hubs = c->event_hubs,
                                            .certificates = c->certificates,
                                            .methods = c->methods,
                                            .twins = c->twins,
                                            .c2d = c->c2d,
                                            .queries = c->queries,
                                            .jobs = c->jobs,
                                            .configurations = c->configurations,
                                            .transfers = c->transfers,
                                            .routing = c->routing,
                                            .captures = w->captures});
    c->dps_http = dps_http_new(c->dps, c->rest);
    c->device_http = device_http_new(
        &(struct device_http_doors){.desk = &c->desk, .c2d = c->c2d, .uploads = c->uploads},
        c->rest);
    if (w->blobs) c->blob = blob_service_new(&w->blob, lane, c->rest);
    rest_carry(c->rest, REST_MQTT, &device_mqtt_front, c->mqtt);
    rest_carry(c->rest, REST_AMQP, &amqp_front, c->amqp);
}

static enum err open_core(struct wire *w, struct wire_core *c, struct lane *lane)
{
    c->lane = lane;
    refusals_attach(w->hub.refusals, lane);
    talkers_attach(w->hub.talkers, lane);
    news_attach(w->hub.news, lane);
    store_attach(lane);
    blobs_attach(lane);
    out_attach(lane);
    capture_attach(lane);
    log_writer_init(&c->writer, w->log, lane);
    c->writer.on_relief = on_relief;
    c->writer.relief_ctx = c;
    TRY(open_capabilities(w, c, lane));
    open_fronts(w, c, lane);
    c->producers = producers_new(&w->hub, lane, &c->writer, c->event_hubs);
    c->cursors = cursors_new(lane, w->log, w->store);
    c->deliver =
        deliver_new(&w->hub, lane,
                    &(struct deliver_doors){.routing = c->routing,
                                            .cursors = c->cursors,
                                            .out = w->out,
                                            .dialer = w->dialers ? w->dialers[c - w->cores] : NULL,
                                            .ca_pem = w->outgoing_ca_pem,
                                            .writer = &c->writer,
                                            .event_hubs = c->event_hubs,
                                            .storage_lane = &w->archive_lane});
    if (c == w->cores) c->console = console_new(&w->rest, lane, c->rest);
    return OK;
}

const char *wire_broken(const struct wire *w)
{
    if (!log_healthy(w->log)) return "the log could not write or sync; restart the server";
    if (!store_healthy(w->store)) return "the store could not write or sync; restart the server";
    return NULL;
}

/* For /readyz: why nothing new would be acknowledged. */
static const char *why_unready(const void *ctx)
{
    const struct wire *w = ctx;
    const char *broken = wire_broken(w);
    if (broken) return broken;
    if (!log_accepting(w->log) || !store_accepting(w->store)) return "the disk is nearly full";
    return NULL;
}

static enum err open_users(struct wire *w, const struct wire_config *cfg, struct lane *core)
{
    unsigned cost = cfg->password_cost ? cfg->password_cost : PASSWORD_COST;
    lane_init(&w->password_lane, &w->office, "password");
    enum err e = users_new(&w->hub, core, &w->password_lane, cost, &w->users);
    w->rest.users = w->users;
    return e;
}

/* What is said to devices and services, whatever they ask. */
static void set_rules(struct hub *hub, const struct wire_config *cfg)
{
    hub->throttle = throttle_new(&cfg->throttle);
    hub->quota = quota_new(&cfg->throttle.quota);
    if (cfg->fault_injection) hub->faults = faults_new();
    hub->events = cfg->events;
    hub->hasty = cfg->no_login_limits;
    hub->device_sas_refused = cfg->no_device_sas;
    hub->module_sas_refused = cfg->no_module_sas;
    hub->device_token_us = cfg->device_token_us;
}

/* The store, the log, and what the whole hub keeps in them. */
static enum err open_state(struct wire *w, const struct wire_config *cfg, struct lane *core)
{
    struct hub *hub = &w->hub;
    TRY(open_store(w, cfg));
    hub->store = w->store;
    TRY(registry_meter(hub));
    TRY(quota_open(hub->quota, w->store, core));
    TRY(policy_load(hub, &w->policies));
    w->rest.policy_keys = w->policy_keys = policy_keys_new(hub, core);
    TRY(open_users(w, cfg, core));
    TRY(open_log(w, cfg));
    hub->log = w->log;
    TRY(open_uploads(w, cfg));
    TRY(open_archives(w, cfg));
    open_backups(w, cfg);
    return OK;
}

/* Who is reached, and how. */
static void open_outside(struct wire *w, const struct wire_config *cfg)
{
    lane_init(&w->out_lane, &w->office, "out");
    w->out = out_new(&w->out_lane, cfg->carrier);
    w->oidc = cfg->oidc;
    w->oidc.out = w->out;
    if (w->oidc.issuer) w->rest.oidc = &w->oidc;
    w->dialers = cfg->dialers;
    w->outgoing_ca_pem = cfg->outgoing_ca_pem;
    w->routing = (struct routing_config){
        .kinds = deliver_kinds, .kind_count = deliver_kind_count, .tier = cfg->tier};
}

static void describe_rest(struct wire *w, const struct wire_config *cfg)
{
    w->rest.hub = &w->hub;
    w->rest.version = AZIMUTH_VERSION;
    w->rest.retention_us = cfg->retention_us;
    w->rest.retention_bytes = cfg->retention_bytes;
    w->rest.unready = why_unready;
    w->rest.unready_ctx = w;
}

enum err wire_open(struct wire *w, const struct wire_config *cfg, struct lane *const *cores,
                   unsigned core_count)
{
    struct hub *hub = &w->hub;
    azure_metrics_begin();
    hub->office = &w->office;
    set_rules(hub, cfg);
    for (unsigned i = 0; i < core_count; i++) hub->cores[hub->core_count++] = cores[i]->id;
    hub->refusals = refusals_new(hub);
    hub->talkers = talkers_new(hub);
    if (!cfg->unwatched) hub->news = news_new(hub);
    TRY(name_hub(hub, cfg));
    TRY(open_state(w, cfg, cores[0]));
    open_outside(w, cfg);
    w->issuer = cfg->issuer;
    w->issued_us = cfg->issued_us;
    describe_rest(w, cfg);
    for (unsigned i = 0; i < core_count; i++) TRY(open_core(w, &w->cores[i], cores[i]));
    return OK;
}

static void close_core(struct wire_core *c)
{
    if (c->lane == NULL) return;
    console_free(c->console);
    deliver_free(c->deliver);
    cursors_free(c->cursors);
    producers_free(c->producers);
    rest_free(c->rest);
    device_http_free(c->device_http);
    dps_http_free(c->dps_http);
    blob_service_free(c->blob);
    device_mqtt_free(c->mqtt);
    amqp_service_free(c->amqp);
    event_hubs_free(c->event_hubs);
    consumer_groups_free(c->groups);
    jobs_free(c->jobs);
    configurations_free(c->configurations);
    transfers_free(c->transfers);
    dps_free(c->dps);
    methods_free(c->methods);
    twins_free(c->twins);
    events_free(c->events);
    queries_free(c->queries);
    c2d_free(c->c2d);
    uploads_free(c->uploads);
    session_home_free(c->sessions);
    certificates_free(c->certificates);
    routing_free(c->routing);
    registry_free(c->registry);
    log_writer_fini(&c->writer);
}

void wire_close(struct wire *w)
{
    for (unsigned i = 0; i < w->hub.core_count; i++) {
        cursors_store(w->cores[i].cursors, w->store);
        close_core(&w->cores[i]);
    }
    capture_close(w->captures);
    storages_free(w->storages);
    archives_free(w->archives);
    diagnostics_free(w->hub.diagnostics);
    quota_close(w->hub.quota);
    policy_keys_free(w->policy_keys);
    users_free(w->users);
    quota_free(w->hub.quota);
    throttle_free(w->hub.throttle);
    faults_free(w->hub.faults);
    refusals_free(w->hub.refusals);
    talkers_free(w->hub.talkers);
    news_free(w->hub.news);
    backups_free(w->backups);
    if (w->log) log_close(w->log);
    store_close(w->store);
    blobs_close(w->blobs);
    out_free(w->out);
    remote_free(w->remote);
    remote_free(w->archive_remote);
    struct lane *const lanes[] = {
        &w->log_lane,         &w->log_read_lane,       &w->store_lane,    &w->store_read_lane,
        &w->store_check_lane, &w->blob_lane,           &w->out_lane,      &w->remote_lane,
        &w->archive_lane,     &w->archive_remote_lane, &w->password_lane, &w->backup_lane};
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++)
        if (lanes[i]->office) lane_fini(lanes[i]);
}

void wire_front(struct wire_core *c, enum wire_protocol p, const struct front **front, void **ctx)
{
    switch (p) {
    case WIRE_MQTT:
        *front = &device_mqtt_front;
        *ctx = c->mqtt;
        break;
    case WIRE_AMQP:
        *front = &amqp_front;
        *ctx = c->amqp;
        break;
    case WIRE_HTTP:
        *front = &rest_front;
        *ctx = c->rest;
        break;
    case WIRE_CONSOLE:
        *front = &rest_console_front;
        *ctx = c->rest;
        break;
    }
}

void wire_seed_doors(const struct wire *w, struct seed_doors *out)
{
    const struct wire_core *c = &w->cores[0];
    *out = (struct seed_doors){.lane = c->lane,
                               .hub_name = w->hub.name,
                               .registry = c->registry,
                               .twins = c->twins,
                               .dps = c->dps,
                               .configurations = c->configurations,
                               .routing = c->routing,
                               .event_hubs = c->event_hubs,
                               .groups = c->groups,
                               .captures = w->captures,
                               .diagnostics = w->hub.diagnostics};
}

void wire_set_metrics_token(struct wire *w, struct slice token)
{
    snprintf(w->metrics_token, sizeof w->metrics_token, "%.*s", SLICE_ARG(token));
    w->rest.metrics_token = slice_str(w->metrics_token);
}
