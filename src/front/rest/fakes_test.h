/* fakes_test.h - a connection, a registry and consumer groups that do what a test says. */
#ifndef FRONT_REST_FAKES_TEST_H
#define FRONT_REST_FAKES_TEST_H

#include "base/test.h"

#include "base/clock.h"
#include "base/json.h"
#include "front/rest/call.h"

/* ---- time */

enum { EPOCH_S = 1763870706 }; /* 2025-11-23T04:05:06Z */
static int64_t mono_us = 1000000;

static int64_t fake_mono(void)
{
    return mono_us;
}

static int64_t fake_wall(void)
{
    return EPOCH_S * INT64_C(1000000) + mono_us - 1000000;
}

static const struct clock_source fake_clock = {fake_mono, fake_wall};

/* ---- the connection */

struct conn {
    struct lane *lane;
    struct buf out;
    bool admin, closed, paused, congested;
    const struct front *upgraded; /* to this, with that */
    void *upgraded_ctx;
    char upgraded_rest[64];
};

struct buf *conn_out(struct conn *c)
{
    return &c->out;
}

struct buf *conn_buffer(struct conn *c)
{
    return &c->out;
}

bool conn_congested(struct conn *c)
{
    return c->congested;
}

void conn_close(struct conn *c)
{
    assert_false(c->closed);
    c->closed = true;
}

void conn_upgrade(struct conn *c, const struct front *front, void *listener_ctx, struct slice rest,
                  int64_t now_us)
{
    assert_null(c->upgraded);
    assert_int_equal(now_us, mono_us);
    c->upgraded = front;
    c->upgraded_ctx = listener_ctx;
    snprintf(c->upgraded_rest, sizeof c->upgraded_rest, "%.*s", SLICE_ARG(rest));
}

void conn_abort(struct conn *c)
{
    conn_close(c);
}

const struct x509_facts *conn_peer_certificate(const struct conn *c)
{
    (void)c;
    return NULL;
}

void conn_pause(struct conn *c)
{
    assert_false(c->paused);
    c->paused = true;
}

void conn_resume(struct conn *c)
{
    assert_true(c->paused);
    c->paused = false;
}

void conn_login_failed(struct conn *c)
{
    (void)c;
}

void conn_login_good(struct conn *c)
{
    (void)c;
}

const char *conn_peer(const struct conn *c)
{
    (void)c;
    return "peer";
}

const char *conn_local_name(const struct conn *c)
{
    (void)c;
    return "";
}

unsigned conn_local_port(const struct conn *c)
{
    (void)c;
    return 443;
}

bool conn_is_socket_admin(const struct conn *c)
{
    return c->admin;
}

/* ---- hub/c2d: notes what was asked, answers when told to */

struct c2d {
    char asked[200];
    struct c2d_wait *wait; /* NULL: nobody waits */
};

void c2d_purge(struct c2d *c, struct slice who, struct c2d_wait *w)
{
    snprintf(c->asked, sizeof c->asked, "purge %.*s", SLICE_ARG(who));
    c->wait = w;
}

void c2d_drop(struct c2d *c, struct slice who, uint64_t sequence, struct c2d_wait *w)
{
    snprintf(c->asked, sizeof c->asked, "drop %.*s %llu", SLICE_ARG(who),
             (unsigned long long)sequence);
    c->wait = w;
}

void c2d_list(struct c2d *c, struct slice who, uint64_t after, unsigned top, struct c2d_wait *w)
{
    snprintf(c->asked, sizeof c->asked, "list %.*s %llu %u", SLICE_ARG(who),
             (unsigned long long)after, top);
    c->wait = w;
}

void c2d_forget(struct c2d *c, struct c2d_wait *w)
{
    assert_ptr_equal(c->wait, w);
    c->wait = NULL;
}

/* ---- the registry: notes what it was asked, answers when told to */

struct registry {
    char asked[512];
    struct registry_wait *wait; /* NULL: nobody waits */
};

static void note(struct registry *r, struct registry_wait *w, const char *fmt, ...) PRINTF(3, 4);

static void note(struct registry *r, struct registry_wait *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->asked, sizeof r->asked, fmt, ap);
    va_end(ap);
    r->wait = w;
}

static struct slice or_none(struct slice s)
{
    return s.ptr ? s : SLICE_LIT("none");
}

void registry_get(struct registry *r, struct slice id, struct registry_wait *w)
{
    note(r, w, "get %.*s", SLICE_ARG(id));
}

void registry_put(struct registry *r, struct slice id, struct slice match, struct slice json,
                  struct registry_wait *w)
{
    note(r, w, "put %.*s match=%.*s %.*s", SLICE_ARG(id), SLICE_ARG(or_none(match)),
         SLICE_ARG(json));
}

void registry_delete(struct registry *r, struct slice id, struct slice match,
                     struct registry_wait *w)
{
    note(r, w, "delete %.*s match=%.*s", SLICE_ARG(id), SLICE_ARG(or_none(match)));
}

void registry_bulk(struct registry *r, struct slice json, struct registry_wait *w)
{
    note(r, w, "bulk %.*s", SLICE_ARG(json));
}

void registry_list(struct registry *r, unsigned top, struct registry_wait *w)
{
    note(r, w, "list %u", top);
}

void registry_list_modules(struct registry *r, struct slice id, struct registry_wait *w)
{
    note(r, w, "modules %.*s%s", SLICE_ARG(id), w->token.ptr ? " token" : "");
}

void registry_scope_list(struct registry *r, const struct registry_scope *ask,
                         struct registry_wait *w)
{
    note(r, w, "scope %.*s%s of %.*s/%.*s%s top=%u after=%.*s link=%.*s", SLICE_ARG(ask->actor),
         ask->token.ptr ? " token" : "", SLICE_ARG(ask->target_device),
         SLICE_ARG(ask->target_module), ask->target_only ? " only" : "", ask->top,
         SLICE_ARG(ask->after), SLICE_ARG(ask->link));
}

void registry_on_behalf(struct registry *r, const struct registry_behalf *ask,
                        struct registry_wait *w)
{
    static const char *const verbs[] = {"list", "get", "put", "delete"};
    note(r, w, "behalf %s %.*s%s %.*s '%.*s' match=%.*s %.*s", verbs[ask->verb],
         SLICE_ARG(ask->actor), ask->token.ptr ? " token" : "", SLICE_ARG(ask->chain),
         SLICE_ARG(ask->module_id), SLICE_ARG(or_none(ask->if_match)), SLICE_ARG(ask->json));
}

uint64_t registry_devices_now(void)
{
    return 7;
}

void registry_count_devices(struct registry *r, struct registry_wait *w)
{
    note(r, w, "count");
}

void registry_count_connected(struct registry *r, struct registry_wait *w)
{
    note(r, w, "connected");
}

void registry_forget(struct registry *r, struct registry_wait *w)
{
    assert_ptr_equal(r->wait, w);
    r->wait = NULL;
}

/* ---- consumer groups: $Default and `named` */

struct consumer_groups {
    const char *named;
    unsigned stream; /* whose group `named` is */
    struct consumer_group_wait *wait;
    char asked[128];
};

void consumer_group_list(const struct consumer_groups *g, unsigned stream, consumer_group_fn fn,
                         void *ctx)
{
    fn(ctx, "$Default", 0);
    if (g->named && stream == g->stream) fn(ctx, g->named, EPOCH_S * INT64_C(1000000));
}

void consumer_group_create(struct consumer_groups *g, unsigned stream, struct slice name,
                           struct consumer_group_wait *w)
{
    g->stream = stream;
    snprintf(g->asked, sizeof g->asked, "create %.*s", SLICE_ARG(name));
    g->wait = w;
}

void consumer_group_delete(struct consumer_groups *g, unsigned stream, struct slice name,
                           struct consumer_group_wait *w)
{
    g->stream = stream;
    snprintf(g->asked, sizeof g->asked, "delete %.*s", SLICE_ARG(name));
    g->wait = w;
}

void consumer_group_forget(struct consumer_groups *g, struct consumer_group_wait *w)
{
    assert_ptr_equal(g->wait, w);
    g->wait = NULL;
}

/* ---- event hubs: `there`, and changes that do what a test says */

struct event_hubs {
    const struct event_hub *there;
    struct event_hub_wait *wait;
    struct event_hub_wish wish;
    char asked[300];
};

const struct event_hub *event_hub_find(const struct event_hubs *e, struct slice name)
{
    return e->there && slice_eq_nocase(name, slice_str(e->there->name)) ? e->there : NULL;
}

void event_hub_list(const struct event_hubs *e, event_hub_fn fn, void *ctx)
{
    if (e->there) fn(ctx, e->there);
}

void event_hub_put(struct event_hubs *e, const struct event_hub_wish *wish,
                   struct event_hub_wait *w)
{
    snprintf(e->asked, sizeof e->asked, "put %.*s %u %lld %llu", SLICE_ARG(wish->name),
             wish->partitions, (long long)(wish->keep.age_us / EVENT_HUB_HOUR_US),
             (unsigned long long)wish->keep.bytes);
    e->wish = *wish;
    e->wait = w;
}

void event_hub_delete(struct event_hubs *e, struct slice name, struct event_hub_wait *w)
{
    snprintf(e->asked, sizeof e->asked, "delete %.*s", SLICE_ARG(name));
    e->wait = w;
}

void event_hub_forget(struct event_hubs *e, struct event_hub_wait *w)
{
    assert_ptr_equal(e->wait, w);
    e->wait = NULL;
}

/* ---- certificates: `there`, and changes that do what a test says */

struct certificates {
    const struct certificate *there;
    struct certificate_wait *wait;
    char asked[256];
};

const struct certificate *certificate_find(const struct certificates *c, struct slice name)
{
    return c->there && slice_is_nocase(name, c->there->name) ? c->there : NULL;
}

const struct certificate *certificate_at(const struct certificates *c, unsigned i)
{
    return i == 0 ? c->there : NULL;
}

static void note_certificate(struct certificates *c, struct certificate_wait *w, const char *verb,
                             struct slice name, struct slice match, struct slice upload)
{
    snprintf(c->asked, sizeof c->asked, "%s %.*s match=%.*s %.*s", verb, SLICE_ARG(name),
             SLICE_ARG(or_none(match)), SLICE_ARG(or_none(upload)));
    c->wait = w;
}

void certificate_put(struct certificates *c, struct slice name, struct slice match,
                     struct slice upload, bool verified, struct certificate_wait *w)
{
    note_certificate(c, w, verified ? "put verified" : "put", name, match, upload);
}

void certificate_delete(struct certificates *c, struct slice name, struct slice match,
                        struct certificate_wait *w)
{
    note_certificate(c, w, "delete", name, match, SLICE_NONE);
}

void certificate_make_code(struct certificates *c, struct slice name, struct slice match,
                           struct certificate_wait *w)
{
    note_certificate(c, w, "code", name, match, SLICE_NONE);
}

void certificate_verify(struct certificates *c, struct slice name, struct slice match,
                        struct slice proof, struct certificate_wait *w)
{
    note_certificate(c, w, "verify", name, match, proof);
}

void certificate_forget(struct certificates *c, struct certificate_wait *w)
{
    assert_ptr_equal(c->wait, w);
    c->wait = NULL;
}

/* ---- methods */

struct methods {
    char asked[512];
    enum err err; /* what method_call() says */
    struct method_call *call;
};

enum err method_call(struct methods *m, const struct method_ask *ask, struct method_call *c)
{
    snprintf(m->asked, sizeof m->asked, "%.*s %.*s %u+%u '%.*s'", SLICE_ARG(ask->who),
             SLICE_ARG(ask->name), ask->response_s, ask->connect_s, SLICE_ARG(ask->payload));
    if (m->err != OK) return fail(m->err, "because");
    c->methods = m;
    m->call = c;
    return OK;
}

void method_forget(struct method_call *c)
{
    assert_ptr_equal(c->methods->call, c);
    c->methods->call = NULL;
}

/* ---- twins: note what they were asked, answer when told to */

struct twins {
    char asked[512], by[64];
    struct twin_wait *wait;
};

void twin_get(struct twins *t, struct slice who, struct twin_wait *w)
{
    snprintf(t->asked, sizeof t->asked, "get %.*s", SLICE_ARG(who));
    t->wait = w;
}

void twin_write(struct twins *t, struct slice who, enum twin_write how, struct slice if_match,
                struct slice json, struct twin_wait *w)
{
    static const char *const names[] = {"merge",           "replace",      "merge-desired",
                                        "replace-desired", "replace-tags", "import"};
    snprintf(t->asked, sizeof t->asked, "%s %.*s match=%.*s %.*s", names[how], SLICE_ARG(who),
             SLICE_ARG(or_none(if_match)), SLICE_ARG(json));
    snprintf(t->by, sizeof t->by, "%.*s", SLICE_ARG(w->by));
    t->wait = w;
}

void twin_history(struct twins *t, struct slice who, struct twin_wait *w)
{
    snprintf(t->asked, sizeof t->asked, "history %.*s", SLICE_ARG(who));
    t->wait = w;
}

void twin_forget(struct twins *t, struct twin_wait *w)
{
    assert_ptr_equal(t->wait, w);
    t->wait = NULL;
}

/* ---- queries: likewise */

struct queries {
    char asked[512];
    struct query_wait *wait;
};

void query_page(struct queries *q, const struct query_ask *ask, struct query_wait *w)
{
    snprintf(q->asked, sizeof q->asked, "%.*s after=%.*s max=%u", SLICE_ARG(ask->text),
             SLICE_ARG(or_none(ask->after)), ask->max);
    q->wait = w;
}

void query_forget(struct queries *q, struct query_wait *w)
{
    assert_ptr_equal(q->wait, w);
    q->wait = NULL;
}

/* ---- configurations: likewise */

struct configurations {
    char asked[512];
    struct configuration_wait *wait;
};

static void note_configuration(struct configurations *c, const char *verb, struct slice id,
                               struct slice match, struct slice json, struct configuration_wait *w)
{
    snprintf(c->asked, sizeof c->asked, "%s %.*s match=%.*s %.*s", verb, SLICE_ARG(id),
             SLICE_ARG(or_none(match)), SLICE_ARG(json));
    c->wait = w;
}

void configuration_put(struct configurations *c, struct slice id, struct slice match,
                       struct slice json, struct configuration_wait *w)
{
    note_configuration(c, "put", id, match, json, w);
}

void configuration_delete(struct configurations *c, struct slice id, struct slice match,
                          struct configuration_wait *w)
{
    note_configuration(c, "delete", id, match, SLICE_LIT(""), w);
}

void configuration_get(struct configurations *c, struct slice id, struct configuration_wait *w)
{
    note_configuration(c, "get", id, SLICE_NONE, SLICE_LIT(""), w);
}

void configuration_list(struct configurations *c, struct configuration_wait *w)
{
    note_configuration(c, "list", SLICE_LIT(""), SLICE_NONE, SLICE_LIT(""), w);
}

void configuration_test(struct configurations *c, struct slice json, struct configuration_wait *w)
{
    note_configuration(c, "test", SLICE_LIT(""), SLICE_NONE, json, w);
}

void configuration_apply(struct configurations *c, struct slice device_id, struct slice json,
                         struct configuration_wait *w)
{
    note_configuration(c, "apply", device_id, SLICE_NONE, json, w);
}

void configuration_forget(struct configurations *c, struct configuration_wait *w)
{
    assert_ptr_equal(c->wait, w);
    c->wait = NULL;
}

/* ---- jobs: likewise */

struct jobs {
    char asked[512];
    struct job_wait *wait;
};

void job_create(struct jobs *j, struct slice id, struct slice json, struct job_wait *w)
{
    snprintf(j->asked, sizeof j->asked, "create %.*s %.*s", SLICE_ARG(id), SLICE_ARG(json));
    j->wait = w;
}

void job_get(struct jobs *j, struct slice id, struct job_wait *w)
{
    snprintf(j->asked, sizeof j->asked, "get %.*s", SLICE_ARG(id));
    j->wait = w;
}

void job_cancel(struct jobs *j, struct slice id, struct job_wait *w)
{
    snprintf(j->asked, sizeof j->asked, "cancel %.*s", SLICE_ARG(id));
    j->wait = w;
}

void job_list(struct jobs *j, const struct job_ask *ask, struct job_wait *w)
{
    snprintf(j->asked, sizeof j->asked, "list type=%d status=%d after=%.*s max=%u", ask->type,
             ask->status, SLICE_ARG(or_none(ask->after)), ask->max);
    j->wait = w;
}

void job_forget(struct jobs *j, struct job_wait *w)
{
    assert_ptr_equal(j->wait, w);
    j->wait = NULL;
}

/* ---- transfers: likewise */

struct transfers {
    char asked[512];
    bool has_container;
    struct transfer_wait *wait;
};

static void note_transfer(struct transfers *t, const char *verb, struct slice text,
                          struct transfer_wait *w)
{
    snprintf(t->asked, sizeof t->asked, "%s %.*s", verb, SLICE_ARG(text));
    t->wait = w;
}

void transfer_create(struct transfers *t, struct slice json, struct transfer_wait *w)
{
    note_transfer(t, "create", json, w);
}

void transfer_get(struct transfers *t, struct slice id, struct transfer_wait *w)
{
    note_transfer(t, "get", id, w);
}

void transfer_list(struct transfers *t, struct transfer_wait *w)
{
    note_transfer(t, "list", SLICE_LIT(""), w);
}

void transfer_cancel(struct transfers *t, struct slice id, struct transfer_wait *w)
{
    note_transfer(t, "cancel", id, w);
}

bool transfer_put_container(const struct transfers *t, struct slice host, struct buf *out)
{
    if (!t->has_container) return false;
    buf_printf(out, "https://%.*s/files?sig=x", SLICE_ARG(host));
    return true;
}

void transfer_forget(struct transfers *t, struct transfer_wait *w)
{
    assert_ptr_equal(t->wait, w);
    t->wait = NULL;
}

/* ---- captures: likewise */

struct captures {
    char asked[512];
    struct capture_wait *wait;
};

static void note_capture(struct captures *cs, const char *verb, struct capture_hub hub,
                         struct slice json, struct capture_wait *w)
{
    snprintf(cs->asked, sizeof cs->asked, "%s %u %.*s %.*s", verb, hub.stream, SLICE_ARG(hub.name),
             SLICE_ARG(json));
    cs->wait = w;
}

void capture_put(struct captures *cs, struct lane *lane, struct capture_hub hub, struct slice json,
                 struct capture_wait *w)
{
    (void)lane;
    note_capture(cs, "put", hub, json, w);
}

void capture_get(struct captures *cs, struct lane *lane, struct capture_hub hub,
                 struct capture_wait *w)
{
    (void)lane;
    note_capture(cs, "get", hub, SLICE_LIT(""), w);
}

void capture_list(struct captures *cs, struct lane *lane, struct capture_wait *w)
{
    (void)lane;
    note_capture(cs, "list", (struct capture_hub){.name = SLICE_LIT("")}, SLICE_LIT(""), w);
}

void capture_delete(struct captures *cs, struct lane *lane, struct capture_hub hub,
                    struct capture_wait *w)
{
    (void)lane;
    note_capture(cs, "delete", hub, SLICE_LIT(""), w);
}

void capture_forget(struct lane *lane, struct capture_wait *w)
{
    (void)lane, (void)w;
}

/* ---- all of it together */

static struct world {
    struct office office;
    struct lane lane;
    struct hub hub;
    struct policies policies;
    struct registry registry;
    struct consumer_groups groups;
    struct event_hubs event_hubs;
    struct certificates certificates;
    struct methods methods;
    struct twins twins;
    struct c2d c2d;
    struct queries queries;
    struct jobs jobs;
    struct configurations configurations;
    struct transfers transfers;
    struct captures captures;
    struct rest_config config;
    struct rest_service *service;
    struct conn conn;
    void *rest;
    const char *why_unready;
} world;

static const char *fake_unready(const void *ctx)
{
    (void)ctx;
    return world.why_unready;
}

static int world_open(void **state)
{
    (void)state;
    static const char *const addresses[] = {"127.0.0.1", "::1"};
    clock_use(&fake_clock);
    world = (struct world){0};
    lane_init(&world.lane, &world.office, "core");
    lane_running = &world.lane;
    policies_make(&world.policies);
    world.hub = (struct hub){.policies = &world.policies, .name = "myhub", .id_scope = "0ne1"};
    assert_int_equal(hub_add_host(&world.hub, SLICE_LIT("my.hub")), OK);
    world.config = (struct rest_config){.hub = &world.hub,
                                        .version = "0.1.0",
                                        .metrics_token = SLICE_LIT("secret-token"),
                                        .unready = fake_unready,
                                        .https_port = 443,
                                        .mqtt_port = 8883,
                                        .amqp_port = 5672,
                                        .admin_url = "https://127.0.0.1:8443",
                                        .addresses = addresses,
                                        .address_count = 2,
                                        .ca_path = "/data/ca.pem",
                                        .data_path = "/data"};
    world.service = rest_new(&world.config, &world.lane,
                             &(struct rest_doors){.registry = &world.registry,
                                                  .groups = &world.groups,
                                                  .event_hubs = &world.event_hubs,
                                                  .certificates = &world.certificates,
                                                  .methods = &world.methods,
                                                  .twins = &world.twins,
                                                  .c2d = &world.c2d,
                                                  .queries = &world.queries,
                                                  .jobs = &world.jobs,
                                                  .configurations = &world.configurations,
                                                  .transfers = &world.transfers,
                                                  .captures = &world.captures});
    world.conn = (struct conn){.lane = &world.lane};
    world.rest = rest_front.open(&world.conn, world.service, mono_us);
    return 0;
}

static int world_close(void **state)
{
    (void)state;
    if (!world.conn.upgraded) rest_front.closed(world.rest, ERR_CLOSED, mono_us);
    rest_free(world.service);
    buf_free(&world.conn.out);
    lane_fini(&world.lane);
    clock_use(NULL);
    return 0;
}

/* The connection is a new one: to the console's listener, or over the server's socket. */
static inline void call_console(void)
{
    rest_front.closed(world.rest, ERR_CLOSED, mono_us);
    world.conn.admin = false;
    world.rest = rest_console_front.open(&world.conn, world.service, mono_us);
}

static inline void call_socket(void)
{
    rest_front.closed(world.rest, ERR_CLOSED, mono_us);
    world.conn.admin = true;
    world.rest = rest_front.open(&world.conn, world.service, mono_us);
}

/* The connection is a new one: the last was closed, or is now. */
static inline void call_again(void)
{
    rest_front.closed(world.rest, ERR_CLOSED, mono_us);
    world.conn.closed = false;
    world.rest = rest_front.open(&world.conn, world.service, mono_us);
}

static void feed(struct slice bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);
    if (bytes.ptr) memcpy(copy, bytes.ptr, bytes.len);
    rest_front.feed(world.rest, slice_of(copy, bytes.len), mono_us);
    free(copy);
}

static inline void pass(int64_t us)
{
    mono_us += us;
    lane_run_once(&world.lane, mono_us);
}

/* A token of that policy for `path` ("" for the whole hub). */
static const char *token(const char *policy, const char *path)
{
    static struct buf out;
    const struct policy *p = policies_find(&world.policies, slice_str(policy));
    struct buf resource = {0};
    buf_printf(&resource, "my.hub%s", path);
    buf_free(&out);
    sas_make(&out, buf_slice(&resource), slice_of(p->keys[1].bytes, p->keys[1].len), p->name,
             EPOCH_S + 3600);
    buf_free(&resource);
    return buf_cstr(&out);
}

/* A request with that credential ("" for none); `body` NULL: no body. */
static void request(const char *line, const char *credential, const char *body)
{
    struct buf b = {0};
    buf_printf(&b, "%s HTTP/1.1\r\nHost: my.hub\r\n", line);
    if (*credential) buf_printf(&b, "Authorization: %s\r\n", credential);
    if (body) buf_printf(&b, "Content-Length: %zu\r\n", strlen(body));
    buf_printf(&b, "\r\n%s", body ? body : "");
    feed(buf_slice(&b));
    buf_free(&b);
}

static inline void registry_says(const struct registry_answer *a)
{
    struct registry_wait *w = world.registry.wait;
    assert(w != NULL);
    world.registry.wait = NULL;
    w->fn(w, a);
}

static inline void method_says(const struct method_result *r)
{
    struct method_call *c = world.methods.call;
    assert(c != NULL);
    world.methods.call = NULL;
    c->fn(c, r);
}

static inline void twins_say(const struct twin_answer *a)
{
    struct twin_wait *w = world.twins.wait;
    assert(w != NULL);
    world.twins.wait = NULL;
    w->fn(w, a);
}

static inline void queries_say(const struct query_answer *a)
{
    struct query_wait *w = world.queries.wait;
    assert(w != NULL);
    world.queries.wait = NULL;
    w->fn(w, a);
}

static inline void jobs_say(const struct job_answer *a)
{
    struct job_wait *w = world.jobs.wait;
    assert(w != NULL);
    world.jobs.wait = NULL;
    w->fn(w, a);
}

static inline void groups_say(enum err e)
{
    struct consumer_group_wait *w = world.groups.wait;
    assert(w != NULL);
    world.groups.wait = NULL;
    w->fn(w, e);
}

static inline void certificates_say(enum err e, const char *text)
{
    struct certificate_wait *w = world.certificates.wait;
    assert(w != NULL);
    world.certificates.wait = NULL;
    w->fn(w, e, text);
}

static inline void transfers_say(const struct transfer_answer *a)
{
    struct transfer_wait *w = world.transfers.wait;
    assert(w != NULL);
    world.transfers.wait = NULL;
    w->fn(w, a);
}

/* A device's own token or its module's: for its home to judge. */
static inline const char *own_token(const char *path)
{
    static struct buf out;
    struct buf resource = {0};
    buf_free(&out);
    buf_printf(&resource, "my.hub%s", path);
    sas_make(&out, buf_slice(&resource), SLICE_LIT("0123456789abcdef"), NULL, EPOCH_S + 3600);
    buf_free(&resource);
    return buf_cstr(&out);
}

/* Status of the one answer that was given, which is taken away; its text stays in `said`. */
static char said[65536];

static int answered(void)
{
    const char *line = "HTTP/1.1 ";
    assert_true(buf_size(&world.conn.out) < sizeof said);
    snprintf(said, sizeof said, "%s", buf_cstr(&world.conn.out));
    buf_clear(&world.conn.out);
    return strncmp(said, line, strlen(line)) == 0 ? (int)strtol(said + strlen(line), NULL, 10) : 0;
}

static bool said_line(const char *line)
{
    return strstr(said, line) != NULL;
}

static const char *said_body(void)
{
    const char *end = strstr(said, "\r\n\r\n");
    return end ? end + 4 : "";
}

/* The answer is an error with that name, in header and body alike. */
static inline void expect_error(int status, const char *name)
{
    char header[96], body[96];
    assert_int_equal(answered(), status);
    snprintf(header, sizeof header, "iothub-errorcode: %s\r\n", name);
    snprintf(body, sizeof body, "{\"Message\":\"ErrorCode:%s;", name);
    assert_true(said_line(header));
    assert_true(said_line("content-type: application/json; charset=utf-8\r\n"));
    assert_memory_equal(said_body(), body, strlen(body));
    assert_non_null(strstr(said_body(), "\"ExceptionMessage\":\"Tracking ID:"));
}

#endif
