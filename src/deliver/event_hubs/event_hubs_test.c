/* event_hubs_test.c - routes to event hubs of this server: what arrives, in which order, and what a missing
 * one or a full log does. */
#include "deliver/deliver_rig.h"

#include "base/amqp.h"
#include "base/json.h"
#include "base/partition.h"
#include "deliver/deliver.h"
#include "deliver/event_hubs/event_hubs.h"
#include "hub/event_hub/event_hub.h"
#include "hub/throttle/throttle.h"

enum { PARTITIONS = 2, S = 1000000, HEARD_MAX = 4096 };

static struct fixture {
    struct deliver_rig d;
    struct log_writer writer; /* of the lane that delivers */
    struct consumer_groups *groups;
    struct event_hubs *hubs;
    bool renamed;        /* the server has another name, and does not listen yet */
    struct buf heard[8]; /* of an event hub, per partition: "n " of each message */
    unsigned count;
    struct buf last; /* the newest record's frame */
} f;

static void furnish(struct deliver_rig *d, struct deliver_doors *doors)
{
    struct hub *hub = &d->hub;
    struct lane *lane = &d->rig.lane;
    snprintf(hub->id_scope, sizeof hub->id_scope, "0ne00000001");
    hub->created_us = 12;
    hub->https_port = f.renamed ? 0 : 8443;
    if (f.renamed) snprintf(hub->hosts[0], sizeof hub->hosts[0], "other.test");
    log_writer_init(&f.writer, hub->log, lane);
    assert_int_equal(consumer_groups_new(hub, lane, &f.groups), OK);
    assert_int_equal(event_hubs_new(hub, lane, &f.writer, f.groups, &f.hubs), OK);
    doors->writer = &f.writer;
    doors->event_hubs = f.hubs;
}

static void strip(struct deliver_rig *d)
{
    (void)d;
    event_hubs_free(f.hubs);
    consumer_groups_free(f.groups);
    log_writer_fini(&f.writer);
}

static void open_hub(void)
{
    deliver_rig_open(&f.d);
}

static void close_hub(void)
{
    deliver_rig_close(&f.d);
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.d.furnish = furnish;
    f.d.strip = strip;
    deliver_rig_start(&f.d, PARTITIONS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deliver_rig_fini(&f.d);
    for (unsigned i = 0; i < 8; i++) buf_free(&f.heard[i]);
    buf_free(&f.last);
    return 0;
}

/* ---- asking */

struct asker {
    struct event_hub_wait hub;
    bool came;
    enum err err;
};

static void on_hub(struct event_hub_wait *w, enum err e, bool created)
{
    struct asker *a = CONTAINER_OF(w, struct asker, hub);
    (void)created;
    a->came = true;
    a->err = e;
}

static const char *put(const char *document)
{
    return deliver_rig_put(&f.d, document) == OK ? "" : f.d.text;
}

static void make(const char *name, unsigned partitions)
{
    struct asker a = {.hub.fn = on_hub};
    struct event_hub_wish wish = {.name = slice_str(name), .partitions = partitions};
    cursor_rig_on(&f.d.rig);
    event_hub_put(f.hubs, &wish, &a.hub);
    cursor_rig_run(&f.d.rig, 0);
    assert_int_equal(a.err, OK);
}

static void drop(const char *name)
{
    struct asker a = {.hub.fn = on_hub};
    cursor_rig_on(&f.d.rig);
    event_hub_delete(f.hubs, slice_str(name), &a.hub);
    cursor_rig_run(&f.d.rig, 0);
    assert_int_equal(a.err, OK);
}

#define ENDPOINT(members) "{\"endpoints\":{\"eventHubs\":[{\"name\":\"a\"" members "}]}}"
#define OWN(uri, path)    ",\"endpointUri\":\"" uri "\",\"entityPath\":\"" path "\""
#define IDENTITY          ",\"authenticationType\":\"identityBased\""
#define ORDERS            ENDPOINT(IDENTITY OWN("sb://plant.test/", "orders"))

/* ---- messages */

enum { A = 1 << 1 };

/* As route/route.h has it: for endpoint 1, "site". */
static void put_enrichment(struct buf *b, const char *value)
{
    uint64_t endpoints = A;
    uint16_t lens[2] = {4, (uint16_t)strlen(value)};
    buf_put(b, &endpoints, sizeof endpoints);
    buf_put(b, lens, sizeof lens);
    buf_put_str(b, "site");
    buf_put_str(b, value);
}

/* Not stored before rig_run(). */
static void write_one(const char *device, unsigned partition, int n, size_t filler,
                      const char *enrichment)
{
    struct log_writer *w = &f.d.rig.rig->cores[0].writer;
    struct buf body = {0};
    lane_running = &f.d.rig.rig->cores[0].lane;
    buf_printf(&body, "%d ", n);
    for (size_t i = 0; i < filler; i++) buf_put_u8(&body, '.');
    struct buf *b = log_begin(w, 0, partition, RECORD_TWIN_CHANGE, A);
    if (device) amqp_put_sym(b, "iothub-connection-device-id");
    if (device) amqp_put_str(b, device);
    log_pairs_done(w, device ? 1 : 0);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_str(b, "level");
    amqp_put_str(b, "hot");
    amqp_close(b, map, 2);
    amqp_put_data(b, buf_slice(&body));
    if (enrichment) {
        log_sections_done(w);
        put_enrichment(b, enrichment);
    }
    log_end(w, rig_note, f.d.rig.rig->cores[0].slot, 1);
    buf_free(&body);
}

static void say(const char *device, unsigned partition, int n, size_t filler,
                const char *enrichment)
{
    write_one(device, partition, n, filler, enrichment);
    rig_run(f.d.rig.rig);
}

static void hear(void *ctx, const struct record *r)
{
    struct amqp_message m;
    (void)ctx;
    assert_int_equal(amqp_message_parse(r->sections, &m), OK);
    struct slice n = slice_head(m.data, slice_find(m.data, ' '));
    buf_printf(&f.heard[r->partition], "%.*s ", SLICE_ARG(n));
    buf_clear(&f.last);
    buf_put_slice(&f.last, r->frame);
    f.count++;
}

/* What an event hub has: "n n n" of its partition; counts all of them. */
static void read_all(const char *name)
{
    const struct event_hub *h = event_hub_find(f.hubs, slice_str(name));
    assert_non_null(h);
    f.count = 0;
    f.d.rig.rig->stream = h->stream;
    for (unsigned i = 0; i < h->partitions; i++) {
        buf_clear(&f.heard[i]);
        assert_int_equal(rig_read_all(f.d.rig.rig, i, 0, 64 << 10, hear, NULL), OK);
    }
    f.d.rig.rig->stream = 0;
}

static const char *health(void)
{
    static char said[512];
    struct buf text = {0};
    struct arena a = {0};
    struct json *all;
    cursor_rig_on(&f.d.rig);
    routing_put_health(f.d.routing, &text);
    assert_int_equal(json_parse(&a, buf_slice(&text), &all), OK);
    const struct json *e = json_get(all, "value")->child->next;
    snprintf(said, sizeof said, "%.*s: %.*s", SLICE_ARG(json_str(e, "healthStatus")),
             SLICE_ARG(json_str(e, "lastKnownError")));
    buf_free(&text);
    arena_free(&a);
    return said;
}

/* ---- */

static void messages_arrive_with_their_stamps_their_key_and_enrichments(void **state)
{
    (void)state;
    struct record r;
    struct amqp_message m;
    struct amqp_value v;
    make("orders", 4);
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    say("pump", 1, 7, 0, "north");
    cursor_rig_run(&f.d.rig, 0);
    read_all("Orders");
    assert_int_equal(f.count, 1);
    assert_int_equal(record_parse(buf_slice(&f.last), &r), OK);
    assert_int_equal(r.partition, key_partition(SLICE_LIT("pump"), 4));
    assert_int_equal(r.source, RECORD_TWIN_CHANGE);
    assert_int_equal(r.sequence, 0);
    assert_int_equal(r.destinations, RECORD_TO_STREAM);
    assert_int_equal(r.extra.len, 0);
    assert_int_equal(r.pair_count, 2);
    struct cur c = cur_of(r.pairs);
    const char *const pairs[] = {"iothub-connection-device-id", "pump", "x-opt-partition-key",
                                 "pump"};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(amqp_get(&c, &v), OK);
        assert_true(slice_is(amqp_text(&v), pairs[i]));
    }
    assert_int_equal(amqp_message_parse(r.sections, &m), OK);
    assert_true(amqp_map_find(&m.application, "site", &v) && slice_is(amqp_text(&v), "north"));
    assert_true(amqp_map_find(&m.application, "level", &v) && slice_is(amqp_text(&v), "hot"));
    assert_true(strncmp(health(), "healthy", 7) == 0);
}

static void a_device_keeps_its_order_and_what_is_of_none_that_of_its_partition(void **state)
{
    (void)state;
    make("orders", 4);
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    for (int n = 100; n < 400; n++) say("pump", 1, n, 0, NULL);
    for (int n = 400; n < 500; n++) say(NULL, 0, n, 0, NULL);
    cursor_rig_run(&f.d.rig, S);
    read_all("orders");
    assert_int_equal(f.count, 400);
    struct buf expected = {0};
    for (int n = 100; n < 400; n++) buf_printf(&expected, "%d ", n);
    assert_string_equal(buf_cstr(&f.heard[key_partition(SLICE_LIT("pump"), 4)]),
                        buf_cstr(&expected));
    buf_clear(&expected);
    for (int n = 400; n < 500; n++) buf_printf(&expected, "%d ", n);
    assert_string_equal(buf_cstr(&f.heard[0]), buf_cstr(&expected));
    buf_free(&expected);
}

static void a_missing_event_hub_is_told_of_and_gets_all_when_it_is_there(void **state)
{
    (void)state;
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    for (int n = 1; n <= 50; n++) say("pump", 1, n, 0, NULL);
    cursor_rig_run(&f.d.rig, 5 * S);
    assert_string_equal(health(), "unhealthy: there is no event hub 'orders' on this server");
    make("orders", 1);
    cursor_rig_run(&f.d.rig, (int64_t)2 * DELIVER_PAUSE_MAX_S * S);
    read_all("orders");
    assert_int_equal(f.count, 50);
    assert_true(strncmp(health(), "healthy", 7) == 0);
    drop("orders");
    say("pump", 1, 51, 0, NULL);
    cursor_rig_run(&f.d.rig, 2 * S);
    assert_true(strncmp(health(), "unhealthy", 9) == 0);
    make("orders", 2);
    cursor_rig_run(&f.d.rig, (int64_t)2 * DELIVER_PAUSE_MAX_S * S);
    read_all("orders");
    assert_int_equal(f.count, 1);
}

static void a_message_at_the_limit_arrives_and_one_above_it_is_passed_over(void **state)
{
    (void)state;
    size_t room = EVENT_HUBS_EVENT_BYTES_MAX;
    make("orders", 1);
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    say("pump", 1, 1, 1000, NULL);
    cursor_rig_run(&f.d.rig, 0);
    read_all("orders");
    struct record r;
    assert_int_equal(record_parse(buf_slice(&f.last), &r), OK);
    size_t around = r.pairs.len + r.sections.len - 1000;
    say("pump", 1, 2, room - around, NULL);
    say("pump", 1, 3, room - around + 1, NULL);
    say("pump", 1, 4, 0, NULL);
    cursor_rig_run(&f.d.rig, S);
    read_all("orders");
    assert_string_equal(buf_cstr(&f.heard[0]), "1 2 4 ");
    assert_non_null(strstr(health(), "larger than 1048576 bytes"));
}

static void on_filler(struct lane *lane, struct addr who, uint64_t cookie, enum err result)
{
    (void)lane, (void)who, (void)cookie, (void)result;
}

static void a_full_writer_takes_a_message_at_a_time(void **state)
{
    (void)state;
    struct buf filler = {0};
    make("orders", 1);
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    for (int n = 1; n <= 20; n++) say("pump", 1, n, 0, NULL);
    lane_running = &f.d.rig.lane;
    memset(buf_reserve(&filler, 1 << 20), 0, 1 << 20);
    buf_commit(&filler, 1 << 20);
    while (!log_writer_full(&f.writer)) {
        struct buf *b = log_begin(&f.writer, 0, 0, RECORD_TELEMETRY, 0);
        log_pairs_done(&f.writer, 0);
        amqp_put_data(b, buf_slice(&filler));
        log_end(&f.writer, on_filler, (struct addr){0}, 0);
    }
    buf_free(&filler);
    cursor_rig_run(&f.d.rig, S);
    read_all("orders");
    assert_int_equal(f.count, 20);
    assert_string_equal(health(), "healthy: ");
}

static void a_crash_and_another_name_lose_nothing(void **state)
{
    (void)state;
    make("orders", 1);
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    for (int n = 1; n <= 20; n++) say("pump", 1, n, 0, NULL);
    close_hub();
    f.renamed = true;
    open_hub();
    cursor_rig_run(&f.d.rig, 2 * S);
    for (int n = 21; n <= 40; n++) say("pump", 1, n, 0, NULL);
    cursor_rig_run(&f.d.rig, 2 * S);
    read_all("orders");
    assert_true(f.count >= 40);
    int next = 1;
    for (const char *at = buf_cstr(&f.heard[0]); *at; at = strchr(at, ' ') + 1) {
        int n = atoi(at);
        assert_true(n <= next);
        if (n == next) next++;
    }
    assert_int_equal(next, 41);
}

static void what_an_endpoint_may_be(void **state)
{
    (void)state;
    static const struct {
        const char *document, *why; /* NULL: it may */
    } rows[] = {
        {ORDERS, NULL},
        {ENDPOINT(OWN("SB://Plant.Test:5671", "x.y-z_1")), NULL},
        {ENDPOINT(
             OWN("sb://plant.test/", "a") ",\"id\":\"1\",\"resourceGroup\":\"g\",\"identity\":{}"),
         NULL},
        {ENDPOINT(OWN("sb://other.test/", "a")), "'other.test' is no name of this server"},
        {ENDPOINT(OWN("https://plant.test/", "a")), "endpointUri is not sb://HOST/"},
        {ENDPOINT(OWN("sb://plant.test/a", "a")), "endpointUri is not sb://HOST/"},
        {ENDPOINT(OWN("sb:///", "a")), "endpointUri is not sb://HOST/"},
        {ENDPOINT(",\"entityPath\":\"a\""), NULL},
        {ENDPOINT(",\"entityPath\":\"a\",\"endpointUri\":\"\""), "endpointUri is not sb://HOST/"},
        {ENDPOINT(""), "entityPath is missing"},
        {ENDPOINT(",\"endpointUri\":\"sb://plant.test/\""), "entityPath is missing"},
        {ENDPOINT(OWN("sb://plant.test/", "Plant")), "a loop"},
        {ENDPOINT(OWN("sb://plant.test/", "messages/events")), "a loop"},
        {ENDPOINT(OWN("sb://plant.test/", "a/b")), "entityPath is no name of an event hub"},
        {ENDPOINT(",\"connectionString\":\"Endpoint=sb://x/\""), "has no SharedAccessKey"},
        {ENDPOINT(",\"authenticationType\":\"keyBased\""), "connectionString is missing"},
        {ENDPOINT(",\"authenticationType\":\"mine\""), "neither identityBased nor keyBased"},
        {ENDPOINT(OWN("sb://plant.test/", "a") ",\"color\":1"), "has no member 'color'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = put(rows[i].document);
        if (rows[i].why ? strstr(text, rows[i].why) == NULL : *text)
            fail_msg("row %zu: '%s'", i, text);
    }
}

static void a_path_alone_is_an_event_hub_of_this_server(void **state)
{
    (void)state;
    struct buf shown = {0};
    assert_string_equal(put(ENDPOINT(",\"entityPath\":\"a\",\"endpointUri\":null")), "");
    routing_put_document(f.d.routing, &shown);
    assert_non_null(strstr(buf_cstr(&shown), "\"endpointUri\":\"sb://plant.test/\""));
    buf_free(&shown);
}

/* Ten at once, ten more each second; none is lost, and their order stays. */
static void what_arrives_counts_among_the_events_of_the_throttle(void **state)
{
    (void)state;
    struct throttle_config config = {0};
    make("orders", 1);
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    assert_int_equal(throttle_override(&config, SLICE_LIT("events=10/s")), OK);
    f.d.hub.throttle = throttle_new(&config);
    for (int n = 0; n < 60; n++) say("pump", 1, n, 0, NULL);
    read_all("orders");
    assert_in_range(f.count, 10, 12);
    cursor_rig_run(&f.d.rig, 2 * S);
    read_all("orders");
    assert_in_range(f.count, 25, 32);
    cursor_rig_run(&f.d.rig, 5 * S);
    read_all("orders");
    assert_int_equal(f.count, 60);
    const char *at = buf_cstr(&f.heard[0]);
    for (int n = 0; n < 60; n++) assert_int_equal(strtol(at, (char **)&at, 10), n);
    throttle_free(f.d.hub.throttle);
    f.d.hub.throttle = NULL;
}

/* Three of ten messages that come together have their turn; the fourth is refused by the throttle, and comes again
 * before those behind it.  None is there twice. */
static void what_the_throttle_refuses_in_the_middle_stays_in_order(void **state)
{
    (void)state;
    struct throttle_config config = {0};
    make("orders", 1);
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    assert_int_equal(throttle_override(&config, SLICE_LIT("events=3/min")), OK);
    f.d.hub.throttle = throttle_new(&config);
    for (int n = 0; n < 10; n++) write_one("pump", 1, n, 0, NULL);
    rig_run(f.d.rig.rig);
    cursor_rig_run(&f.d.rig, CURSOR_RIG_STEP_US);
    read_all("orders");
    assert_string_equal(buf_cstr(&f.heard[0]), "0 1 2 ");
    if (!strstr(health(), "as many events as the throttle lets them")) fail_msg("%s", health());
    cursor_rig_run(&f.d.rig, 900 * (int64_t)S);
    read_all("orders");
    assert_string_equal(buf_cstr(&f.heard[0]), "0 1 2 3 4 5 6 7 8 9 ");
    throttle_free(f.d.hub.throttle);
    f.d.hub.throttle = NULL;
}

static void what_others_have_taken_is_waited_for_and_said(void **state)
{
    (void)state;
    struct throttle_config config = {0};
    make("orders", 1);
    assert_string_equal(put(ORDERS), "");
    cursor_rig_run(&f.d.rig, S);
    assert_int_equal(throttle_override(&config, SLICE_LIT("events=1/min")), OK);
    f.d.hub.throttle = throttle_new(&config);
    assert_int_equal(throttle_take_now(f.d.hub.throttle, THROTTLE_EVENT, 1), 0);
    say("pump", 1, 7, 0, NULL);
    cursor_rig_run(&f.d.rig, CURSOR_RIG_STEP_US);
    if (!strstr(health(), "as many events as the throttle lets them")) fail_msg("%s", health());
    cursor_rig_run(&f.d.rig, 120 * (int64_t)S);
    read_all("orders");
    assert_int_equal(f.count, 1);
    throttle_free(f.d.hub.throttle);
    f.d.hub.throttle = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
        T(messages_arrive_with_their_stamps_their_key_and_enrichments),
        T(a_device_keeps_its_order_and_what_is_of_none_that_of_its_partition),
        T(a_missing_event_hub_is_told_of_and_gets_all_when_it_is_there),
        T(a_message_at_the_limit_arrives_and_one_above_it_is_passed_over),
        T(a_full_writer_takes_a_message_at_a_time),
        T(a_crash_and_another_name_lose_nothing),
        T(what_an_endpoint_may_be),
        T(a_path_alone_is_an_event_hub_of_this_server),
        T(what_arrives_counts_among_the_events_of_the_throttle),
        T(what_the_throttle_refuses_in_the_middle_stays_in_order),
        T(what_others_have_taken_is_waited_for_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
