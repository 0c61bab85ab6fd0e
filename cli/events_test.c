/* events_test.c - the reader against a server of a few lines: logins, partitions, events, refusals. */
#include "base/test.h"

#include <math.h>

#include "cli/event_json.h"
#include "cli/events.h"

enum { PARTITIONS = 3, EVENTS = 700 };

/* A server on proto/amqp's other role, and what it is to do. */
struct peer {
    struct amqp amqp;
    struct buf out;
    struct amqp_link *cbs, *management; /* where answers go */
    struct amqp_link *readers[PARTITIONS], *producer;
    unsigned sent[PARTITIONS];
    struct buf address, selector;
    const char *refuse; /* address that is not found */
    bool redirect, bad_token, asked_at_the_name;
    unsigned token_count;
};

struct rig {
    struct events events;
    struct buf out;
    struct peer peer;
    enum err fate;
    unsigned ready, count, redirects;
    unsigned next[PARTITIONS]; /* events came in order up to here */
    unsigned walked, settled, refused;
    struct amqp_link *sender;
    struct buf where;
    bool falls_silent; /* the peer, when all is said */
};

static unsigned last_id; /* of the last partition; 0: as there are */

static const char *const mechanisms[] = {"MSSBCBS", "PLAIN", "ANONYMOUS", NULL};
static const struct amqp_config server = {
    .role = AMQP_SERVER, .container_id = "hub", .mechanisms = mechanisms};

/* ---- the peer */

static void put_answer(struct buf *out, int code, bool partitions)
{
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_str(out, "status-code");
    amqp_put_int(out, code);
    amqp_put_str(out, "status-description");
    amqp_put_str(out, "as the test says");
    amqp_close(out, map, 4);
    if (!partitions) return;
    amqp_put_descriptor(out, AMQP_AMQP_VALUE);
    struct amqp_open body = amqp_open_map(out);
    amqp_put_str(out, "partition_ids");
    struct amqp_open list = amqp_open_list(out);
    for (unsigned i = 0; i < PARTITIONS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%u", last_id && i + 1 == PARTITIONS ? last_id : i);
        amqp_put_str(out, id);
    }
    amqp_close(out, list, PARTITIONS);
    amqp_put_str(out, "name");
    amqp_put_str(out, "hub");
    amqp_put_str(out, "created_at");
    amqp_put_timestamp(out, 5);
    amqp_put_str(out, "begin_sequence_number");
    amqp_put_long(out, 7);
    amqp_put_str(out, "last_enqueued_sequence_number");
    amqp_put_long(out, EVENTS + 6);
    amqp_put_str(out, "last_enqueued_time_utc");
    amqp_put_timestamp(out, 9);
    amqp_close(out, body, 12);
}

static void answer(struct peer *p, struct amqp_link *to, int code, bool partitions)
{
    (void)p;
    assert_true(amqp_can_send(to));
    struct buf *out = amqp_transfer_begin(to, &(struct amqp_transfer){.settled = true});
    put_answer(out, code, partitions);
    amqp_transfer_end(to);
}

static void send_events(struct peer *p)
{
    for (unsigned i = 0; i < PARTITIONS; i++) {
        while (p->readers[i] && p->sent[i] < EVENTS && amqp_can_send(p->readers[i])) {
            struct buf *out =
                amqp_transfer_begin(p->readers[i], &(struct amqp_transfer){.settled = i == 0});
            char body[32];
            int len = snprintf(body, sizeof body, "{\"n\":%u}", p->sent[i]++);
            amqp_put_data(out, slice_of(body, (size_t)len));
            amqp_transfer_end(p->readers[i]);
        }
    }
}

static void redirect(struct amqp_link *l)
{
    struct buf info = {0};
    struct amqp_open map = amqp_open_map(&info);
    amqp_put_sym(&info, "hostname");
    amqp_put_str(&info, "elsewhere.test");
    amqp_put_sym(&info, "port");
    amqp_put_uint(&info, 5671);
    amqp_put_sym(&info, "address");
    amqp_put_str(&info, "amqps://elsewhere.test:5671/hub-name/$management");
    amqp_close(&info, map, 6);
    struct amqp_error error = amqp_error_of(AMQP_REDIRECT, "over there");
    error.info = buf_slice(&info);
    amqp_send_detach(l, &error);
    buf_free(&info);
}

static void on_attach(struct peer *p, const struct amqp_event *ev)
{
    struct slice address = ev->link->sender ? ev->attach.source.address : ev->attach.target.address;
    if (p->refuse && slice_is(address, p->refuse)) {
        struct amqp_error no = amqp_error_of(AMQP_NOT_FOUND, "no such thing");
        amqp_refuse_attach(ev->link, &no);
        return;
    }
    amqp_answer_attach(ev->link, &(struct amqp_link_answer){0});
    if (!ev->link->sender) {
        if (slice_is(address, "hub")) p->producer = ev->link;
        amqp_send_flow(ev->link, 10, false);
        return;
    }
    if (slice_is(address, "$cbs"))
        p->cbs = ev->link;
    else if (p->redirect)
        redirect(ev->link);
    else if (slice_ends(address, SLICE_LIT("$management"))) {
        p->management = ev->link;
        p->asked_at_the_name = !slice_is(address, "$management");
    } else {
        buf_clear(&p->address);
        buf_put_slice(&p->address, address);
        p->readers[address.ptr[address.len - 1] - '0'] = ev->link;
    }
}

static void on_request(struct peer *p, const struct amqp_event *ev)
{
    struct amqp_message m;
    struct amqp_value operation;
    if (ev->link == p->producer) {
        const struct amqp_disposition d = {.from_receiver = true,
                                           .settled = true,
                                           .first = ev->delivery.id,
                                           .last = ev->delivery.id,
                                           .outcome = AMQP_ACCEPTED};
        amqp_send_disposition(ev->session, &d);
        return;
    }
    assert_int_equal(amqp_message_parse(ev->delivery.payload, &m), OK);
    assert_true(amqp_map_find(&m.application, "operation", &operation));
    if (slice_is(amqp_text(&operation), "put-token")) {
        assert_true(slice_is(amqp_text(&m.value), "token text"));
        p->token_count++;
        answer(p, p->cbs, p->bad_token ? 401 : 202, false);
    } else {
        answer(p, p->management, 200, true);
    }
}

static void serve(struct peer *p, struct slice bytes)
{
    struct amqp_event ev;
    amqp_feed(&p->amqp, bytes, 0);
    while (amqp_next(&p->amqp, &ev) == OK) {
        switch (ev.kind) {
        case AMQP_ON_SASL_INIT: amqp_send_sasl_outcome(&p->amqp, !p->bad_token); break;
        case AMQP_ON_OPEN: amqp_send_open(&p->amqp); break;
        case AMQP_ON_ATTACH: on_attach(p, &ev); break;
        case AMQP_ON_DELIVERY: on_request(p, &ev); break;
        default: break;
        }
    }
    send_events(p);
}

/* ---- the rig */

static void take(struct rig *r)
{
    struct events_event ev;
    while ((r->fate = events_next(&r->events, &ev)) == OK) {
        if (ev.kind == EVENTS_READY) {
            assert_int_equal(ev.count, PARTITIONS);
            r->ready++;
            if (r->events.cfg->sends) r->sender = events_attach_sender(&r->events, "hub", r);
        } else if (ev.kind == EVENTS_PARTITION) {
            assert_int_equal(ev.partition, r->walked++);
            assert_true(ev.first == 7 && ev.last == EVENTS + 6 && ev.last_ms == 9);
            if (ev.partition == 1) continue; /* nobody wants it */
            assert_int_equal(
                events_read(&r->events, ev.partition, "amqp.annotation.x-opt-offset > '6'"), OK);
        } else if (ev.kind == EVENTS_SETTLED) {
            assert_int_equal(ev.settled.outcome, AMQP_ACCEPTED);
            r->settled++;
        } else if (ev.kind == EVENTS_REFUSED) {
            assert_ptr_equal(ev.sender, r);
            assert_true(slice_is(ev.error.condition, AMQP_NOT_FOUND));
            r->refused++;
            r->sender = NULL;
        } else if (ev.kind == EVENTS_EVENT) {
            char body[32];
            snprintf(body, sizeof body, "{\"n\":%u}", r->next[ev.partition]++);
            assert_true(slice_is(ev.message.data, body));
            r->count++;
            if (r->events.cfg->walks) events_credit(&r->events, ev.partition, 1);
        } else {
            buf_printf(&r->where, "%.*s %u %.*s", SLICE_ARG(ev.host), ev.port,
                       SLICE_ARG(ev.entity));
            r->redirects++;
            r->fate = ERR_CLOSED;
            return;
        }
    }
    if (r->sender == NULL || !amqp_can_send(r->sender) || r->settled) return;
    amqp_put_data(amqp_transfer_begin(r->sender, &(struct amqp_transfer){0}), SLICE_LIT("x"));
    amqp_transfer_end(r->sender);
}

static void wait_in_vain(struct rig *r)
{
    int64_t end_us = 2000ll * EVENTS_IDLE_MS;
    events_tick(&r->events, end_us - 1); /* a sign of life of ours */
    take(r);
    assert_int_equal(r->fate, ERR_AGAIN);
    events_tick(&r->events, end_us);
    take(r);
}

/* Carries bytes to and fro until nobody has anything to say. */
static void run(struct rig *r, const struct events_config *cfg)
{
    struct events_config own = *cfg;
    own.out = &r->out;
    own.host = "hub.test";
    own.audience = "sb://hub.test/hub";
    own.group = "$Default";
    own.selector = "amqp.annotation.x-opt-offset > '-1'";
    own.token = SLICE_LIT("token text");
    events_init(&r->events, &own, 0);
    amqp_init(&r->peer.amqp, &server, &r->peer.out, 0);
    r->fate = ERR_AGAIN;
    while (r->fate == ERR_AGAIN && (buf_size(&r->out) || buf_size(&r->peer.out))) {
        struct buf bytes = r->out;
        r->out = (struct buf){0};
        serve(&r->peer, buf_slice(&bytes));
        buf_free(&bytes);
        bytes = r->peer.out;
        r->peer.out = (struct buf){0};
        events_feed(&r->events, buf_slice(&bytes), 0);
        take(r);
        buf_free(&bytes);
    }
    if (r->falls_silent) wait_in_vain(r);
    events_fini(&r->events);
    amqp_fini(&r->peer.amqp);
    buf_free(&r->out);
    buf_free(&r->peer.out);
}

static void fini(struct rig *r)
{
    buf_free(&r->peer.address);
    buf_free(&r->where);
}

static void every_partition_is_read_to_its_end_in_order(void **state)
{
    (void)state;
    static struct rig r;
    run(&r, &(struct events_config){.entity = "hub"});
    assert_int_equal(r.fate, ERR_AGAIN);
    assert_int_equal(r.ready, 1);
    assert_int_equal(r.count, PARTITIONS * EVENTS);
    assert_int_equal(r.peer.token_count, 1);
    assert_true(slice_is(buf_slice(&r.peer.address), "hub/ConsumerGroups/$Default/Partitions/2"));
    fini(&r);
}

static void partitions_are_walked_through_and_read_where_somebody_wants_them(void **state)
{
    struct rig r = {0};
    (void)state;
    run(&r, &(struct events_config){.entity = "hub", .walks = true});
    assert_int_equal(r.ready, 1);
    assert_int_equal(r.walked, PARTITIONS);
    assert_int_equal(r.count, 2 * EVENTS);
    assert_int_equal(r.next[1], 0);
    fini(&r);
}

static void a_producer_is_told_what_became_of_its_events(void **state)
{
    struct rig r = {0};
    (void)state;
    run(&r, &(struct events_config){.entity = "hub", .sends = true});
    assert_int_equal(r.ready, 1);
    assert_true(r.settled >= 1 && r.count == 0);
    assert_string_equal(r.events.identity, "hub@5");
    fini(&r);
    r = (struct rig){.peer.refuse = "hub"};
    run(&r, &(struct events_config){.entity = "hub", .sends = true});
    assert_int_equal(r.refused, 1);
    assert_int_equal(r.settled, 0);
    fini(&r);
}

static void a_hub_that_falls_silent_is_gone_after_twice_its_time(void **state)
{
    static struct rig r;
    (void)state;
    r.falls_silent = true;
    run(&r, &(struct events_config){.entity = "hub"});
    assert_int_equal(r.fate, ERR_TIMEOUT);
    assert_string_equal(fail_text(), "hub.test fell silent");
    fini(&r);
}

static void a_refused_token_is_a_refusal(void **state)
{
    (void)state;
    static struct rig r;
    r.peer.bad_token = true;
    run(&r, &(struct events_config){.entity = "hub", .login = "me@sas.root.hub"});
    assert_int_equal(r.fate, ERR_DENIED);
    assert_non_null(strstr(fail_text(), "hub.test refused the login"));
    fini(&r);
}

static void a_missing_partition_or_hub_is_not_found(void **state)
{
    (void)state;
    static const char *const missing[] = {"hub/ConsumerGroups/$Default/Partitions/1",
                                          "hub/$management"};
    for (size_t i = 0; i < 2; i++) {
        struct rig *r = calloc(1, sizeof *r);
        r->peer.refuse = missing[i];
        run(r, &(struct events_config){.entity = "hub"});
        assert_int_equal(r->fate, ERR_NOT_FOUND);
        assert_non_null(strstr(fail_text(), "no such thing"));
        fini(r);
        free(r);
    }
}

static void a_partition_has_a_number_below_the_most_that_there_are(void **state)
{
    (void)state;
    for (unsigned id = EVENTS_PARTITIONS_MAX - 1; id <= EVENTS_PARTITIONS_MAX; id++) {
        struct rig *r = calloc(1, sizeof *r);
        last_id = id;
        run(r, &(struct events_config){.entity = "hub", .sends = true});
        assert_int_equal(r->ready, id < EVENTS_PARTITIONS_MAX);
        if (id == EVENTS_PARTITIONS_MAX) assert_int_equal(r->fate, ERR_PROTOCOL);
        fini(r);
        free(r);
    }
    last_id = 0;
}

/* At its IoT name we would be sent elsewhere. */
static void who_knows_only_the_hub_asks_where_event_hubs_are_asked(void **state)
{
    (void)state;
    static const struct {
        const char *entity;
        bool at_the_name;
    } rows[] = {{"hub", true}, {"messages/events", false}, {"Messages/Events", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig *r = calloc(1, sizeof *r);
        run(r, &(struct events_config){
                   .entity = rows[i].entity, .group = "$Default", .selector = "x"});
        assert_int_equal(r->ready, 1);
        assert_int_equal(r->peer.asked_at_the_name, rows[i].at_the_name);
        fini(r);
        free(r);
    }
}

static void a_hub_may_send_us_elsewhere(void **state)
{
    (void)state;
    static struct rig r;
    r.peer.redirect = true;
    run(&r, &(struct events_config){.entity = "messages/events", .login = "me@sas.root.hub"});
    assert_int_equal(r.redirects, 1);
    assert_true(slice_is(buf_slice(&r.where), "elsewhere.test 5671 hub-name"));
    assert_int_equal(r.peer.token_count, 0);
    fini(&r);
}

/* ---- what is shown */

static void put_annotations(struct buf *out)
{
    static const uint8_t id[16] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0,
                                   1,    2,    3,    4,    5,    6,    7,    8};
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "iothub-connection-device-id");
    amqp_put_str(out, "d1");
    amqp_put_sym(out, "x-opt-enqueued-time");
    amqp_put_timestamp(out, 1900000000123);
    amqp_put_sym(out, "x-opt-sequence-number");
    amqp_put_long(out, -7);
    amqp_put_sym(out, "id");
    amqp_put_uuid(out, id);
    amqp_close(out, map, 8);
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    map = amqp_open_map(out);
    amqp_put_str(out, "big");
    amqp_put_ulong(out, UINT64_MAX);
    amqp_put_str(out, "yes");
    amqp_put_bool(out, true);
    amqp_close(out, map, 4);
}

static void check_payload(struct slice body, const char *expected)
{
    struct buf bytes = {0}, shown = {0}, line = {0};
    struct arena a = {0};
    struct amqp_message m;
    put_annotations(&bytes);
    amqp_put_data(&bytes, body);
    assert_int_equal(amqp_message_parse(buf_slice(&bytes), &m), OK);
    json_write(&shown, event_json(&a, &m, EVENT_SYSTEM | EVENT_APPLICATION | EVENT_ANNOTATIONS));
    struct buf all = {0};
    buf_printf(
        &all,
        "{\"event\":{\"origin\":\"d1\",\"module\":\"\",\"interface\":\"\",\"component\":\"\","
        "\"properties\":{\"system\":{},\"application\":{\"big\":18446744073709551615,"
        "\"yes\":true}},\"annotations\":{\"iothub-connection-device-id\":\"d1\","
        "\"x-opt-enqueued-time\":\"2030-03-17T17:46:40.1230000Z\",\"x-opt-sequence-number\":"
        "-7,\"id\":\"12345678-9abc-def0-0102-030405060708\"},\"payload\":%s}}",
        expected);
    assert_string_equal(buf_cstr(&shown), buf_cstr(&all));
    event_line(&line, &a, &m, 3);
    buf_clear(&all);
    buf_printf(&all, "2030-03-17T17:46:40.123Z  d1  3:-7  %s\n", expected);
    assert_string_equal(buf_cstr(&line), buf_cstr(&all));
    buf_free(&bytes);
    buf_free(&shown);
    buf_free(&line);
    buf_free(&all);
    arena_free(&a);
}

static void bodies_are_shown_as_json_text_or_base64(void **state)
{
    (void)state;
    check_payload(SLICE_LIT("{\"t\":1.50}"), "{\"t\":1.50}");
    check_payload(SLICE_LIT(" [1]"), "[1]");
    check_payload(SLICE_LIT("{broken"), "\"{broken\"");
    check_payload(SLICE_LIT("42"), "\"42\"");
    check_payload(SLICE_LIT("\xff\x00\x01"), "\"/wAB\"");
    check_payload(SLICE_LIT(""), "\"\"");
}

static void a_number_that_json_has_not_is_a_text(void **state)
{
    struct buf bytes = {0}, shown = {0};
    struct arena a = {0};
    struct amqp_message m;
    struct json *again;
    (void)state;
    amqp_put_descriptor(&bytes, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(&bytes);
    amqp_put_str(&bytes, "n");
    amqp_put_double(&bytes, NAN);
    amqp_put_str(&bytes, "i");
    amqp_put_double(&bytes, -INFINITY);
    amqp_put_str(&bytes, "d");
    amqp_put_double(&bytes, 0.5);
    amqp_close(&bytes, map, 6);
    assert_int_equal(amqp_message_parse(buf_slice(&bytes), &m), OK);
    json_write(&shown, event_json(&a, &m, EVENT_APPLICATION));
    assert_int_equal(json_parse(&a, buf_slice(&shown), &again), OK);
    assert_non_null(strstr(buf_cstr(&shown), "{\"n\":\"nan\",\"i\":\"-inf\",\"d\":0.5}"));
    buf_free(&bytes);
    buf_free(&shown);
    arena_free(&a);
}

/* Producers say anything. */
static void what_is_no_text_and_long_lists_are_shown(void **state)
{
    enum { ELEMENTS = 200000 };
    struct buf bytes = {0}, shown = {0};
    struct arena a = {0};
    struct amqp_message m;
    struct json *again;
    (void)state;
    amqp_put_descriptor(&bytes, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open annotations = amqp_open_map(&bytes);
    amqp_put_sym(&bytes, "iothub-connection-device-id");
    amqp_put_string(&bytes, SLICE_LIT("\xfe"));
    amqp_put_sym(&bytes, "azimuth-endpoints");
    amqp_put_string(&bytes, SLICE_LIT("a,\xfd"));
    amqp_close(&bytes, annotations, 4);
    amqp_put_descriptor(&bytes, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(&bytes);
    amqp_put_string(&bytes, SLICE_LIT("\xff\x00\x01"));
    struct amqp_open list = amqp_open_list(&bytes);
    for (int i = 0; i < ELEMENTS; i++) amqp_put_null(&bytes);
    amqp_close(&bytes, list, ELEMENTS);
    amqp_close(&bytes, map, 2);
    assert_int_equal(amqp_message_parse(buf_slice(&bytes), &m), OK);
    json_write(&shown, event_json(&a, &m, EVENT_APPLICATION));
    assert_int_equal(json_parse(&a, buf_slice(&shown), &again), OK);
    assert_non_null(strstr(buf_cstr(&shown), "{\"/wAB\":[null,null,"));
    assert_non_null(strstr(buf_cstr(&shown), "{\"origin\":\"/g==\""));
    assert_non_null(strstr(buf_cstr(&shown), "\"endpoints\":[\"a\",\"/Q==\"]"));
    assert_true(buf_size(&shown) > ELEMENTS * strlen("null,"));
    buf_free(&bytes);
    buf_free(&shown);
    arena_free(&a);
}

/* Devices say any time over AMQP. */
static void a_time_that_no_text_has_is_the_last_or_first_that_one_has(void **state)
{
    static const int64_t times[] = {INT64_MAX, INT64_MIN};
    static const char *const shown_as[] = {"9999-12-31T23:59:59.9990000Z",
                                           "1000-01-01T00:00:00.0000000Z"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct buf bytes = {0}, shown = {0}, line = {0};
        struct arena a = {0};
        struct amqp_message m;
        amqp_put_descriptor(&bytes, AMQP_MESSAGE_ANNOTATIONS);
        struct amqp_open map = amqp_open_map(&bytes);
        amqp_put_sym(&bytes, "x-opt-enqueued-time");
        amqp_put_timestamp(&bytes, times[i]);
        amqp_close(&bytes, map, 2);
        amqp_put_data(&bytes, SLICE_LIT("x"));
        assert_int_equal(amqp_message_parse(buf_slice(&bytes), &m), OK);
        json_write(&shown, event_json(&a, &m, EVENT_ANNOTATIONS));
        assert_non_null(strstr(buf_cstr(&shown), shown_as[i]));
        event_line(&line, &a, &m, 0);
        assert_int_equal(strncmp(buf_cstr(&line), shown_as[i], 23), 0);
        buf_free(&bytes);
        buf_free(&shown);
        buf_free(&line);
        arena_free(&a);
    }
}

static void check_payload_as(unsigned parts, struct slice body, const char *expected)
{
    struct buf bytes = {0}, shown = {0};
    struct arena a = {0};
    struct amqp_message m;
    amqp_put_data(&bytes, body);
    assert_int_equal(amqp_message_parse(buf_slice(&bytes), &m), OK);
    const struct json *event = json_get(event_json(&a, &m, parts), "event");
    json_write(&shown, json_get(event, "payload"));
    assert_string_equal(buf_cstr(&shown), expected);
    buf_free(&bytes);
    buf_free(&shown);
    arena_free(&a);
}

static void a_body_is_what_somebody_says_it_is(void **state)
{
    (void)state;
    check_payload_as(EVENT_AS_JSON, SLICE_LIT("42"), "42");
    check_payload_as(EVENT_AS_JSON, SLICE_LIT("{\"t\":1}"), "{\"t\":1}");
    check_payload_as(EVENT_AS_JSON, SLICE_LIT("warm"), "\"warm\"");
    check_payload_as(EVENT_AS_JSON, SLICE_LIT(""), "\"\"");
    check_payload_as(EVENT_AS_TEXT, SLICE_LIT("[1]"), "\"[1]\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_partition_is_read_to_its_end_in_order),
        cmocka_unit_test(partitions_are_walked_through_and_read_where_somebody_wants_them),
        cmocka_unit_test(a_producer_is_told_what_became_of_its_events),
        cmocka_unit_test(a_hub_that_falls_silent_is_gone_after_twice_its_time),
        cmocka_unit_test(a_refused_token_is_a_refusal),
        cmocka_unit_test(a_missing_partition_or_hub_is_not_found),
        cmocka_unit_test(a_partition_has_a_number_below_the_most_that_there_are),
        cmocka_unit_test(who_knows_only_the_hub_asks_where_event_hubs_are_asked),
        cmocka_unit_test(a_hub_may_send_us_elsewhere),
        cmocka_unit_test(bodies_are_shown_as_json_text_or_base64),
        cmocka_unit_test(a_number_that_json_has_not_is_a_text),
        cmocka_unit_test(what_is_no_text_and_long_lists_are_shown),
        cmocka_unit_test(a_time_that_no_text_has_is_the_last_or_first_that_one_has),
        cmocka_unit_test(a_body_is_what_somebody_says_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
