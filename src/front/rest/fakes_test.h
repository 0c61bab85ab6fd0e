/* fakes_test.h - the REST front on a connection and doors of a hub that do what a test says. */
#ifndef FRONT_REST_FAKES_TEST_H
#define FRONT_REST_FAKES_TEST_H

#include "base/json.h"
#include "front/rest/fake_conn_test.h"
#include "front/rest/fake_devices_test.h"
#include "front/rest/fake_hub_test.h"

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
    world.conn.admin = world.conn.closed = false;
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

/* The answer of a door to who waits for it. */
#define SAYS(name, door, waiting, answer)                                                          \
    static inline void name(const struct answer *a)                                                \
    {                                                                                              \
        struct waiting *w = world.door.wait;                                                       \
        assert(w != NULL);                                                                         \
        world.door.wait = NULL;                                                                    \
        w->fn(w, a);                                                                               \
    }

SAYS(registry_says, registry, registry_wait, registry_answer)

static inline void method_says(const struct method_result *r)
{
    struct method_call *c = world.methods.call;
    assert(c != NULL);
    world.methods.call = NULL;
    c->fn(c, r);
}

SAYS(twins_say, twins, twin_wait, twin_answer)
SAYS(queries_say, queries, query_wait, query_answer)
SAYS(jobs_say, jobs, job_wait, job_answer)
SAYS(transfers_say, transfers, transfer_wait, transfer_answer)

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
