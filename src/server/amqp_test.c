/* amqp_test.c - devices over AMQP against a whole hub: sessions, telemetry, what is refused. */
#include "base/io_mem.h"
#include "base/limit.h"
#include "base/metrics.h"
#include "base/text.h"
#include "front/amqp/amqp.h"
#include "hub/fault/fault.h"
#include "hub/telemetry/telemetry.h"
#include "server/amqp_client_test.h"
#include "server/edge_test.h"

/* ---- links */

static void a_device_attaches_with_its_own_token(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    put_device_token(c, "d1", KEY, 3600);
    attach_events(c, 0, "d1");
    const char *lines = heard(c);
    assert_non_null(
        strstr(lines, "1048576l"));          /* its largest message: the C SDK sends none without */
    assert_non_null(strstr(lines, " 200 ")); /* AMQP_EVENTS_CREDIT */
    rig_free(c);
}

/* By the device's own key, with a `sr` that is not encoded at all. */
static void make_plain_token(struct buf *out, const char *resource, long long until_s)
{
    struct buf text = {0}, base64 = {0};
    uint8_t signature[SAS_SIGNATURE_LEN];
    buf_printf(&text, "%s\n%lld", resource, until_s);
    sas_derive_key(SLICE_LIT(KEY), buf_slice(&text), signature); /* a HMAC, too */
    text_base64(&base64, slice_of(signature, sizeof signature));
    buf_printf(out, "SharedAccessSignature sr=%s&sig=", resource);
    text_percent(out, buf_slice(&base64));
    buf_printf(out, "&se=%lld", until_s);
    buf_free(&base64);
    buf_free(&text);
}

static void put_token_for(struct rig_conn *c, const char *resource, bool plain)
{
    struct buf token = {0};
    int64_t until_s = rig.wall_us / 1000000 + 3600;
    if (plain)
        make_plain_token(&token, resource, until_s);
    else
        sas_make(&token, slice_str(resource), SLICE_LIT(KEY), NULL, until_s);
    put_token(c, buf_slice(&token));
    buf_free(&token);
}

/* Both `a%41` and `a+b` are ids, and so are `aA` and `a%2Bb`: who has which key decides. */
static void ids_with_a_percent_are_read_as_each_sdk_writes_them(void **state)
{
    (void)state;
    static const struct {
        const char *id, *address, *resource;
        bool plain;
    } rows[] = {
        /* Node, Java */
        {"a%41", "/devices/a%41/messages/events", "hub.test/devices/a%41", false},
        {"a+b", "/devices/a+b/messages/events", "hub.test/devices/a+b", false},
        {"a%2Bb", "/devices/a%2Bb/messages/events", "hub.test/devices/a%2Bb", false},
        /* C */
        {"a%41", "amqps://hub.test/devices/a%41/messages/events", "hub.test/devices/a%41", true},
        /* .NET */
        {"a%41", "amqps://hub.test/devices/a%2541/messages/events", "hub.test/devices/a%2541",
         false},
        {"a+b", "amqps://hub.test/devices/a%2Bb/messages/events", "hub.test/devices/a%2Bb", false},
        /* none of them */
        {"a+b", "/devices/a%2Bb/messages/events", "hub.test/devices/a+b", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rig_put_device(&rig, rows[i].id, "{" KEYS "}", NULL);
        struct rig_conn *c = connect();
        put_token_for(c, rows[i].resource, rows[i].plain);
        say(c, "0 attach[\"out\" 0 false 2b 0b @40 [\"me\"] @41 [\"%s\"]]", rows[i].address);
        const char *lines = heard(c);
        if (!strstr(lines, "flow[")) fail_msg("row %zu: %s", i, lines);
        rig_free(c);
        rig_delete(&rig, rows[i].id);
    }
}

/* A policy's token says nothing of ids: C is known by the names of its links, .NET is all others. */
static void ids_with_a_percent_are_read_by_the_link_s_name_under_a_policy(void **state)
{
    (void)state;
    static const struct {
        const char *id, *name, *address;
    } rows[] = {
        {"a%41", "link-snd-a%41-1f0e", "amqps://hub.test/devices/a%41/messages/events"},
        {"a%41", "methods_requests_link-a%41", "amqps://hub.test/devices/a%41/messages/events"},
        {"aA", "TelemetrySenderLink", "amqps://hub.test/devices/a%41/messages/events"},
        {"aA", "link-snd-aA-1f0e", "amqps://hub.test/devices/a%41/messages/events"},
        {"a+b", "link-snd-a+b-1f0e", "amqps://hub.test/devices/a+b/messages/events"},
        {"a%41", "anything", "/devices/a%41/messages/events"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rig_put_device(&rig, rows[i].id, "{" KEYS "}", NULL);
        struct rig_conn *c = connect();
        struct buf token = {0};
        rig_token(&rig, "device", "", &token);
        put_token(c, buf_slice(&token));
        buf_free(&token);
        say(c, "0 attach[\"%s\" 0 false 2b 0b @40 [\"me\"] @41 [\"%s\"]]", rows[i].name,
            rows[i].address);
        const char *lines = heard(c);
        if (!strstr(lines, "flow[")) fail_msg("row %zu: %s", i, lines);
        rig_free(c);
        rig_delete(&rig, rows[i].id);
    }
}

static void a_link_without_a_good_token_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *token_for, *key, *attach;
    } rows[] = {
        {NULL, NULL, "d1"},               /* none at all */
        {"d1", "fedcba9876543210", "d1"}, /* another key */
        {"d2", KEY, "d1"},                /* another device's */
        {"nobody", KEY, "nobody"},        /* not registered */
        {"off", KEY, "off"},              /* disabled */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig_conn *c = connect();
        if (rows[i].token_for) put_device_token(c, rows[i].token_for, rows[i].key, 3600);
        attach_events(c, 0, rows[i].attach);
        assert_true(hears(c, "'amqp:unauthorized-access'"));
        assert_false(c->gone);
        open_device(c, 1, "d2"); /* others on the connection are not concerned */
        rig_free(c);
    }
}

static void a_policy_that_may_connect_devices_speaks_for_them(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    struct buf token = {0};
    rig_token(&rig, "device", "", &token);
    put_token(c, buf_slice(&token));
    attach_events(c, 0, "d1");
    assert_true(hears(c, "flow["));
    attach_events(c, 1, "d2");
    assert_true(hears(c, "flow["));
    buf_free(&token);
    rig_free(c);
}

static void sasl_plain_is_a_device_with_its_token(void **state)
{
    (void)state;
    struct rig_conn *c = rig_dial(&rig, WIRE_AMQP);
    struct buf token = {0};
    device_token("d1", KEY, 3600, &token);
    say(c,
        "AMQP3\nsasl init['PLAIN' b\"\\0d1@sas.hub\\0%s\"]\nAMQP0\n0 open[\"c\" \"hub.test\"]\n"
        "0 begin[null 1 1000 1000]",
        buf_cstr(&token));
    assert_true(hears(c, "outcome[0b null]"));
    attach_events(c, 0, "d1");
    assert_true(hears(c, "flow["));
    buf_free(&token);
    rig_free(c);
}

/* ---- telemetry */

static void a_transfer_is_accepted_once_it_is_stored(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    say(c, "0 transfer[0 1 b\"t\" 0 false] @115 [\"m1\"] @116 {\"k\" \"v\"} @117 b\"one\"");
    assert_true(hears(c, "disposition[true 1 1 true @36 []"));
    say(c, "0 transfer[0 2 b\"t\" 0 true] @117 b\"settled\"");
    assert_string_equal(heard(c), "");
    rig_free(c);
}

static void a_transfer_that_could_not_be_stored_is_rejected(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    io_mem_fail(rig.disk, IO_CALL_SYNC, 1, ERR_IO, false);
    for (int i = 1; i <= 2; i++) {
        say(c, "0 transfer[0 %d b\"t\" 0 false] @117 b\"one\"", i);
        assert_true(hears(c, "'amqp:internal-error'"));
        assert_false(log_healthy(rig.wire.log));
    }
    assert_false(c->gone);
    rig_free(c);
}

#define TOO_LARGE "'amqp:link:message-size-exceeded' \"{\"errorCode\":413001"

/* The C SDK sends every message so, annotations behind the application properties. */
static void a_batch_is_one_transfer(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    say(c, "0 transfer[0 1 b\"t\" 2147563264 false] @117 b\"\\0Su\\xa0\\x01a\" @117 "
           "b\"\\0Su\\xa0\\x01b\"");
    assert_true(hears(c, "disposition[true 1 1 true @36 []"));
    say(c, "0 transfer[0 2 b\"t\" 2147563264 false] @117 b\"\\0Su\\xa0\\x01a\" @117 b\"nonsense\"");
    assert_true(hears(c, "'amqp:decode-error' \"{\"errorCode\":400004"));
    rig_free(c);
}

static void a_message_has_a_largest_size(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    struct buf line = {0}, bytes = {0};
    open_device(c, 0, "d1");
    for (int over = 0; over < 2; over++) {
        size_t left = TELEMETRY_SIZE_MAX + (size_t)over, at = 0;
        struct buf payload = {0};
        buf_put(&payload, "\0Su\xb0", 4);
        buf_put_be32(&payload, (uint32_t)left);
        while (left--) buf_put_u8(&payload, 'x');
        while (at < buf_size(&payload)) {
            size_t piece = buf_size(&payload) - at < 30000 ? buf_size(&payload) - at : 30000;
            bool more = at + piece < buf_size(&payload);
            buf_clear(&line);
            buf_printf(&line, "0 transfer[0 %d b\"t\" 0 false %s]", 1 + over,
                       more ? "true" : "false");
            buf_clear(&bytes);
            wire_put(&bytes, buf_cstr(&line));
            buf_put(&bytes, buf_slice(&payload).ptr + at, piece);
            uint32_t size = __builtin_bswap32((uint32_t)buf_size(&bytes));
            memcpy(bytes.ptr + bytes.off, &size, sizeof size);
            rig_say(c, buf_slice(&bytes));
            at += piece;
        }
        assert_true(hears(c, over ? TOO_LARGE : "@36 []"));
        buf_free(&payload);
    }
    buf_free(&line);
    buf_free(&bytes);
    rig_free(c);
}

static void text_that_is_not_utf8_is_rejected(void **state)
{
    (void)state;
    static const char *const properties[] = {
        "@116 {\"p\" \"\xff\"}",
        "@116 {\"p\" b\"\xff\"}",
        "@116 {\"\xff\" \"v\"}",
        "@115 [\"\xff\"]",
        "@115 [b\"\xff\"]",
        "@115 [null null null null null '\xff']",
        "@115 [null null null null null null '\xff']",
        "@114 {'dt-subject' \"\xff\"}",
    };
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        say(c, "0 transfer[0 %zu b\"t\" 0 false] %s @117 b\"x\"", i + 1, properties[i]);
        assert_true(hears(c, "is not UTF-8"));
    }
    say(c, "0 transfer[0 9 b\"t\" 0 false] @115 [null b\"\xff\"] @116 {\"p\" \"\xc3\xa4\"} @117 "
           "b\"\xff\"");
    assert_true(hears(c, "@36 []"));
    rig_free(c);
}

/* ---- limits */

/* What is longer ends the link: transfer_test.c. */
static void links_say_how_long_a_message_may_be(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        unsigned most;
    } rows[] = {
        {"/devices/d1/messages/events", AMQP_EVENTS_MESSAGE_MAX},
        {"/devices/d1/twin", AMQP_TWIN_MESSAGE_MAX},
        {"/devices/d1/methods/devicebound", AMQP_METHOD_MESSAGE_MAX},
        {"$cbs", AMQP_RPC_MESSAGE_MAX},
        {"/messages/devicebound", AMQP_C2D_MESSAGE_MAX},
    };
    struct rig_conn *c = connect();
    struct buf token = {0};
    put_device_token(c, "d1", KEY, 3600);
    rig_token(&rig, "service", "", &token);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char size[32];
        snprintf(size, sizeof size, " %u", rows[i].most);
        if (strstr(rows[i].address, "/messages/devicebound")) put_token(c, buf_slice(&token));
        say(c, "0 attach[\"l%u\" %u false 2b 0b @40 [\"me\"] @41 [\"%s\"]]", i, i, rows[i].address);
        assert_true(hears(c, size));
    }
    buf_free(&token);
    rig_free(c);
}

static void a_batch_has_a_limit(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    for (int over = 0; over < 2; over++) {
        struct buf line = {0};
        buf_put_str(&line, "0 transfer[0 1 b\"t\" 2147563264 false]");
        for (int i = 0; i < AMQP_BATCH_MAX + over; i++)
            buf_put_str(&line, " @117 b\"\\0Su\\xa0\\x01a\"");
        int64_t met = limit_reached("amqp-batch");
        say(c, "%s", buf_cstr(&line));
        assert_true(hears(c, over ? TOO_LARGE : "@36 []"));
        assert_int_equal(limit_reached("amqp-batch") - met, over);
        buf_free(&line);
    }
    rig_free(c);
}

static void properties_have_a_limit(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    for (int over = 0; over < 2; over++) {
        struct buf line = {0};
        buf_put_str(&line, "0 transfer[0 1 b\"t\" 0 false] @116 {");
        for (int i = 0; i < TELEMETRY_PROPERTIES_MAX + over; i++)
            buf_printf(&line, "\"%d\" \"v\" ", i);
        buf_put_str(&line, "} @117 b\"x\"");
        say(c, "%s", buf_cstr(&line));
        assert_true(hears(c, over ? TOO_LARGE : "@36 []"));
        buf_free(&line);
    }
    rig_free(c);
}

/* In one breath, so that none is settled: who sends more than he may loses the link, not the others. */
static void transfers_have_a_credit(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct rig_conn *c = connect();
        struct buf lines = {0};
        open_device(c, 0, "d1");
        open_device(c, 1, "d2");
        for (int i = 0; i < AMQP_EVENTS_CREDIT + over; i++)
            buf_printf(&lines, "0 transfer[0 %d b\"t\" 0 false] @117 b\"x\"\n", i + 1);
        say(c, "%s", buf_cstr(&lines));
        bool lost = strstr(heard(c), "'amqp:link:transfer-limit-exceeded'") != NULL;
        assert_int_equal(lost, over);
        say(c, "0 transfer[1 1 b\"t\" 0 false] @117 b\"still here\"");
        assert_true(hears(c, "@36 []"));
        buf_free(&lines);
        rig_free(c);
    }
}

static void attach_strangers(struct rig_conn *c, int channel, int count)
{
    enum { ROUND = 500, IDS = 50 };
    for (int from = 0; from < count; from += ROUND) {
        struct buf lines = {0};
        for (int i = from; i < count && i < from + ROUND; i++)
            buf_printf(
                &lines,
                "%d attach[\"x%d\" %d true 2b 0b @40 [\"/devices/x%d/twin\"] @41 [\"me\"]]\n",
                channel, i, i, i % IDS);
        say(c, "%s", buf_cstr(&lines));
        buf_free(&lines);
    }
}

/* Links of identities that nobody lets in, refused and never given back by the client: as many as a
 * connection may have, and more in another session.  What else is on it goes on. */
static void half_open_links_harm_nobody(void **state)
{
    (void)state;
    struct rig_conn *c = connect(), *other = connect();
    open_device(c, 0, "d1");
    open_device(other, 0, "d2");
    say(c, "1 begin[null 1 1000 1000]\n2 begin[null 1 1000 1000]");
    attach_strangers(c, 1, AMQP_LINKS_MAX - 10);
    assert_null(strstr(heard(c), "'amqp:resource-limit-exceeded'"));
    attach_strangers(c, 2, 10000 - AMQP_LINKS_MAX);
    const char *lines = heard(c);
    assert_non_null(strstr(lines, "The connection has as many links as it may have."));
    assert_non_null(strstr(lines, "2 end[@29 ['amqp:resource-limit-exceeded'"));
    assert_false(c->gone);
    say(c, "0 transfer[0 1 b\"t\" 0 false] @117 b\"still here\"");
    assert_true(hears(c, "@36 []"));
    say(other, "0 transfer[0 1 b\"t\" 0 false] @117 b\"still here\"");
    assert_true(hears(other, "@36 []"));
    rig_free(other);
    rig_free(c);
}

/* .NET and Java say it with the links on which they send. */
static void a_model_is_taken_from_any_link(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    say(c,
        "0 attach[\"more\" 1 false 2b 0b @40 [\"me\"] @41 [\"/devices/d1/messages/events\"] null "
        "null 0 null null null {'com.microsoft:model-id' \"dtmi:a;1\"}]");
    assert_true(hears(c, "flow["));
    say(c, "0 transfer[1 1 b\"t\" 0 false] @117 b\"x\"");
    assert_true(hears(c, "@36 []"));
    rig_free(c);
}

/* One id alone names nobody else who asks. */
static void an_auth_chain_has_a_limit(void **state)
{
    (void)state;
    char chain[SESSION_AUTH_CHAIN_MAX + 2];
    memset(chain, 'x', sizeof chain);
    struct rig_conn *c = connect();
    put_device_token(c, "d1", KEY, 3600);
    for (int more = 0; more < 2; more++) {
        chain[SESSION_AUTH_CHAIN_MAX + more] = '\0';
        say(c,
            "0 attach[\"e%d\" %d false 2b 0b @40 [\"me\"] @41 [\"/devices/d1/messages/events\"] "
            "null null 0 null null null {'com.microsoft:auth-chain' \"%s\"}]",
            more, more, chain);
        assert_true(hears(c, more ? "'amqp:invalid-field'" : "flow["));
        chain[SESSION_AUTH_CHAIN_MAX] = 'x';
    }
    open_device(c, 2, "d1");
    rig_free(c);
}

/* ---- on behalf of a device */

static int set_up_three(void **state);

static void attach_on_behalf(struct rig_conn *c)
{
    struct buf token = {0};
    edge_token(&rig, "top", &token);
    put_token(c, buf_slice(&token));
    buf_free(&token);
    say(c, "0 attach[\"leaf\" 1 false 2b 0b @40 [\"me\"] @41 [\"/devices/leaf/messages/events\"] "
           "null null 0 null null null {'com.microsoft:auth-chain' \"leaf;mid;top\"}]");
}

/* One identity of a connection; its edge hub's own and others are not concerned. */
static void links_on_behalf_end_when_the_hierarchy_changes(void **state)
{
    for (unsigned change = 0; change < HIERARCHY_CHANGES; change++) {
        struct rig_conn *c = connect();
        struct hierarchy h = put_hierarchy(&rig);
        open_device(c, 0, "d1");
        attach_on_behalf(c);
        assert_true(hears(c, "flow["));
        change_hierarchy(&rig, &h, change);
        assert_true(hears(c, " true @29 ['amqp:unauthorized-access'"));
        say(c, "0 transfer[0 1 b\"t\" 0 false] @117 b\"still here\"");
        assert_true(hears(c, "@36 []"));
        rig_free(c);
        rig_stop(&rig);
        set_up_three(state);
    }
}

/* Services find it there, as with MQTT. */
static void the_model_of_the_first_link_is_in_the_twin(void **state)
{
    (void)state;
    struct rig_conn *c = connect(), *service = rig_dial(&rig, WIRE_HTTP);
    struct buf token = {0}, text = {0};
    put_device_token(c, "d2", KEY, 3600);
    say(c,
        "0 attach[\"first\" 0 false 2b 0b @40 [\"me\"] @41 [\"/devices/d2/messages/events\"] null "
        "null 0 null null null {'com.microsoft:model-id' \"dtmi:b;1\"}]");
    assert_true(hears(c, "flow["));
    rig_token(&rig, "service", "", &token);
    buf_printf(&text,
               "GET /twins/d2?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.test\r\n"
               "Authorization: %s\r\n\r\n",
               buf_cstr(&token));
    rig_say(service, buf_slice(&text));
    assert_non_null(strstr(buf_cstr(&service->heard), "\"modelId\":\"dtmi:b;1\""));
    buf_free(&text);
    buf_free(&token);
    rig_free(service);
    rig_free(c);
}

/* ---- ends */

static void one_identity_ends_without_the_others(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    open_device(c, 1, "d2");
    rig_put_device(&rig, "d1", "{\"status\":\"disabled\"," KEYS "}", "*");
    rig_say(c, SLICE_NONE);
    assert_true(hears(c, "true @29 ['amqp:unauthorized-access'"));
    say(c, "0 transfer[1 1 b\"t\" 0 false] @117 b\"still here\"");
    assert_true(hears(c, "@36 []"));
    rig_put_device(&rig, "d1", "{" KEYS "}", "*");
    rig_free(c);
}

/* Java's multiplexing client has a session for each device, and reuses it too early if it has to end it itself. */
static void the_session_of_an_identity_that_ends_is_ended(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    put_device_token(c, "d1", KEY, 3600);
    say(c, "1 begin[null 1 1000 1000]\n1 attach[\"events\" 0 false 2b 0b @40 [\"me\"] "
           "@41 [\"/devices/d1/messages/events\"]]");
    assert_true(hears(c, "flow["));
    rig_put_device(&rig, "d1", "{\"status\":\"disabled\"," KEYS "}", "*");
    rig_say(c, SLICE_NONE);
    const char *said = heard(c);
    assert_non_null(strstr(said, "true @29 ['amqp:unauthorized-access'"));
    assert_non_null(strstr(said, "1 end[@29 ['amqp:unauthorized-access'"));
    assert_false(c->shut);
    rig_put_device(&rig, "d1", "{" KEYS "}", "*");
    rig_free(c);
}

static void another_connection_takes_over(void **state)
{
    (void)state;
    struct rig_conn *first = connect(), *second = connect();
    open_device(first, 0, "d1");
    open_device(second, 0, "d1");
    rig_say(first, SLICE_NONE);
    assert_true(hears(first, "'com.microsoft:link-creation-conflict'"));
    assert_false(first->gone);
    rig_free(first);
    say(second, "0 transfer[0 1 b\"t\" 0 false] @117 b\"mine\"");
    assert_true(hears(second, "@36 []"));
    rig_free(second);
}

static void a_newer_token_keeps_the_links(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    put_device_token(c, "d1", KEY, -200);
    attach_events(c, 0, "d1");
    assert_true(hears(c, "flow["));
    put_device_token(c, "d1", KEY, -100);
    rig_wait(&rig, 101 * 1000000ll);
    assert_null(strstr(heard(c), "detach"));
    rig_wait(&rig, 100 * 1000000ll);
    rig_say(c, SLICE_NONE);
    assert_true(hears(c, "'amqp:unauthorized-access'"));
    rig_free(c);
}

/* One that is not signed by the device changes nothing. */
static void a_forged_token_does_not_lengthen_a_session(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    put_device_token(c, "d1", KEY, -200);
    attach_events(c, 0, "d1");
    assert_true(hears(c, "flow["));
    put_device_token(c, "d1", "fedcba9876543210", 36000);
    rig_wait(&rig, 101 * 1000000ll);
    rig_say(c, SLICE_NONE);
    assert_true(hears(c, "'amqp:unauthorized-access'"));
    rig_free(c);
}

/* ---- throttles */

static void telemetry_above_the_rate_is_rejected_as_throttled(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    limit("telemetry=1/min");
    open_device(c, 0, "d1");
    say(c, "0 transfer[0 1 b\"t\" 0 false] @117 b\"one\"");
    assert_true(hears(c, "@36 []"));
    say(c, "0 transfer[0 2 b\"t\" 0 false] @117 b\"two\"");
    assert_true(hears(c, "'com.microsoft:device-container-throttled'"));
    assert_false(c->gone);
    rig_free(c);
}

/* A batch counts each of its messages, and 4 KiB of one. */
static void telemetry_above_the_daily_quota_is_rejected(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    rig.wire.hub.quota = quota_new(&(struct quota_config){2, QUOTA_METER});
    open_device(c, 0, "d1");
    for (int i = 1; i <= 3; i++) {
        say(c, "0 transfer[0 %d b\"t\" 0 false] @117 b\"one\"", i);
        assert_true(hears(c, i < 3 ? "@36 []" : "'amqp:resource-limit-exceeded'"));
    }
    assert_int_equal(quota_used(rig.wire.hub.quota, clock_wall_us()), 2);
    assert_false(c->gone);
    rig_free(c);
}

/* Half of its credit, after which others get the next. */
static void a_device_above_the_rate_gets_no_credit_until_its_turn(void **state)
{
    (void)state;
    for (int limited = 0; limited < 2; limited++) {
        struct rig_conn *c = connect();
        unsigned rejected = 0;
        if (limited) limit("telemetry=3/s");
        open_device(c, 0, "d1");
        for (int i = 1; i <= AMQP_EVENTS_CREDIT / 2; i++) {
            say(c, "0 transfer[0 %d b\"t\" 0 false] @117 b\"x\"", i);
            const char *lines = heard(c);
            if (strstr(lines, "'com.microsoft:device-container-throttled'")) rejected++;
            bool credit = strstr(lines, "flow[") != NULL;
            assert_int_equal(credit, !limited && i == AMQP_EVENTS_CREDIT / 2);
        }
        assert_int_equal(rejected, limited ? AMQP_EVENTS_CREDIT / 2 - 3 - 30 : 0);
        rig_wait(&rig, 9900000); /* the last that was taken has to wait for ten seconds */
        assert_string_equal(heard(c), "");
        rig_wait(&rig, 200000);
        assert_int_equal(strstr(heard(c), "flow[") != NULL, limited);
        rig_free(c);
    }
}

/* It gets that once another's message went through. */
static void while_the_log_is_full_a_device_gets_no_credit(void **state)
{
    struct log_writer *writer = &rig.wire.cores[0].writer;
    (void)state;
    for (int full = 0; full < 2; full++) {
        struct rig_conn *c = connect();
        open_device(c, 0, "d1");
        open_device(c, 1, "d2");
        writer->inflight = full ? LOG_INFLIGHT_MAX : 0; /* of what others have sent */
        for (int i = 1; i <= AMQP_EVENTS_CREDIT / 2; i++) {
            say(c, "0 transfer[0 %d b\"t\" 0 false] @117 b\"x\"", i);
            bool credit = strstr(heard(c), "flow[") != NULL;
            assert_int_equal(credit, !full && i == AMQP_EVENTS_CREDIT / 2);
        }
        writer->inflight = 0;
        say(c, "0 transfer[1 %d b\"t\" 0 false] @117 b\"x\"", AMQP_EVENTS_CREDIT / 2 + 1);
        assert_int_equal(strstr(heard(c), "flow[") != NULL, full);
        rig_free(c);
    }
}

static void one_device_too_many_is_refused_as_throttled(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    limit("connections=1/min");
    open_device(c, 0, "d1");
    put_device_token(c, "d2", KEY, 3600);
    attach_events(c, 1, "d2");
    assert_true(hears(c, "'com.microsoft:device-container-throttled'"));
    assert_false(c->gone);
    rig_free(c);
}

/* ---- faults on demand */

static void plan_fault(struct rig_conn *c, const char *type, const char *reason)
{
    say(c,
        "0 transfer[0 1 b\"t\" 0 false] @116 {\"AzIoTHub_FaultOperationType\" \"%s\" "
        "\"AzIoTHub_FaultOperationCloseReason\" \"%s\" "
        "\"AzIoTHub_FaultOperationDelayInSecs\" \"1\" "
        "\"AzIoTHub_FaultOperationDurationInSecs\" \"5\"} @117 b\"x\"",
        type, reason);
    assert_true(hears(c, "@36 []"));
}

static void ask_for_fault(struct rig_conn *c, const char *type)
{
    plan_fault(c, type, "boom");
    rig_wait(&rig, 1100000);
}

/* The device's links besides events, with the handles that the client gives them. */
static const struct {
    const char *name, *address;
    unsigned handle;
    bool receives;
} links[] = {
    {"c2d", "/devices/d1/messages/devicebound", 1, true},
    {"twin-in", "/devices/d1/twin", 2, true},
    {"twin-out", "/devices/d1/twin", 3, false},
    {"method-in", "/devices/d1/methods/deviceBound", 4, true},
    {"method-out", "/devices/d1/methods/deviceBound", 5, false},
    {"cbs-again-out", "$cbs", 6, false},
    {"cbs-again-in", "$cbs", 7, true},
};

enum { LINKS = sizeof links / sizeof *links };

/* The hub's handle of the link, from its attach. */
static unsigned handle_in(const char *lines, const char *name)
{
    char attach[64];
    unsigned handle = 0;
    snprintf(attach, sizeof attach, "attach[\"%s\" ", name);
    const char *at = strstr(lines, attach);
    if (at == NULL || sscanf(at + strlen(attach), "%u", &handle) != 1)
        fail_msg("no %s in %s", attach, lines);
    return handle;
}

/* A device with all of them; those to $cbs are the only ones of their connection. */
static struct rig_conn *dial_with_all_links(unsigned handles[LINKS])
{
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    say(c, "0 detach[8 true]\n0 detach[9 true]");
    heard(c);
    for (unsigned i = 0; i < LINKS; i++) {
        const char *me = "me", *hub = links[i].address;
        say(c, "0 attach[\"%s\" %u %s 2b 0b @40 [\"%s\"] @41 [\"%s\"]]", links[i].name,
            links[i].handle, links[i].receives ? "true" : "false", links[i].receives ? hub : me,
            links[i].receives ? me : hub);
        handles[i] = handle_in(heard(c), links[i].name);
    }
    return c;
}

static void a_fault_detaches_the_one_link_that_it_names(void **state)
{
    (void)state;
    static const struct {
        const char *type, *link;
    } rows[] = {
        {"KillAmqpC2DLink", "c2d"},
        {"KillAmqpTwinLinkReq", "twin-out"},
        {"KillAmqpTwinLinkResp", "twin-in"},
        {"KillAmqpMethodReqLink", "method-in"},
        {"KillAmqpMethodRespLink", "method-out"},
        {"KillAmqpCBSLinkReq", "cbs-again-out"},
        {"KillAmqpCBSLinkResp", "cbs-again-in"},
    };
    rig.wire.hub.faults = faults_new(); /* wire_close() frees them */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned handles[LINKS];
        struct rig_conn *c = dial_with_all_links(handles);
        ask_for_fault(c, rows[i].type);
        const char *lines = heard(c);
        for (unsigned k = 0; k < LINKS; k++) {
            char want[80];
            snprintf(want, sizeof want, "0 detach[%u true @29 ['amqp:link:detach-forced'",
                     handles[k]);
            bool detached = strstr(lines, want) != NULL;
            if (detached != (strcmp(links[k].name, rows[i].link) == 0))
                fail_msg("%s, %s: %s", rows[i].type, links[k].name, lines);
        }
        assert_false(c->gone);
        rig_free(c);
    }
}

static void a_fault_breaks_what_it_names(void **state)
{
    (void)state;
    static const struct {
        const char *type, *heard;
    } rows[] = {
        {"KillAmqpD2CLink", "'amqp:link:detach-forced'"},
        {"KillAmqpSession", "end["},
        {"KillAmqpCBSLinkReq", "'amqp:link:detach-forced'"},
        {"KillAmqpConnection", "'amqp:connection:forced'"},
        {"ShutDownAmqp", "close["},
    };
    rig.wire.hub.faults = faults_new(); /* wire_close() frees them */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig_conn *c = connect();
        open_device(c, 0, "d1");
        ask_for_fault(c, rows[i].type);
        assert_true(hears(c, rows[i].heard));
        rig_free(c);
    }
}

static void a_killed_connection_says_farewell_only_if_that_was_asked(void **state)
{
    (void)state;
    static const char *const reasons[] = {"byebye", "boom"};
    rig.wire.hub.faults = faults_new();
    for (int aborted = 0; aborted < 2; aborted++) {
        struct rig_conn *c = connect();
        open_device(c, 0, "d1");
        plan_fault(c, "KillTcp", reasons[aborted]);
        assert_false(c->shut);
        rig_wait(&rig, 1100000);
        assert_true(c->shut);
        assert_int_equal(c->aborted, aborted);
        assert_string_equal(heard(c), ""); /* the protocol has no part in it */
        rig_free(c);
    }
}

static void the_newest_message_counts(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    rig.wire.hub.faults = faults_new();
    open_device(c, 0, "d1");
    plan_fault(c, "KillAmqpConnection", "boom");
    rig_wait(&rig, 600000);
    plan_fault(c, "KillAmqpD2CLink", "boom");
    rig_wait(&rig, 600000); /* when the first would have been due */
    assert_string_equal(heard(c), "");
    rig_wait(&rig, 500000);
    assert_true(hears(c, "'amqp:link:detach-forced'"));
    rig_wait(&rig, 5000000);
    assert_string_equal(heard(c), "");
    assert_false(c->shut);
    rig_free(c);
}

static void an_unauthorized_device_is_refused_when_it_comes_back(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    rig.wire.hub.faults = faults_new();
    open_device(c, 0, "d1");
    open_device(c, 1, "d2");
    ask_for_fault(c, "InvokeAuthError");
    assert_true(hears(c, "true @29 ['amqp:unauthorized-access'"));
    attach_events(c, 2, "d1");
    assert_true(hears(c, "true @29 ['amqp:unauthorized-access'"));
    say(c, "0 transfer[1 1 b\"t\" 0 false] @117 b\"another's\"");
    assert_true(hears(c, "@36 []"));
    rig_wait(&rig, 5000000);
    attach_events(c, 3, "d1");
    assert_true(hears(c, "flow["));
    rig_free(c);
}

static void refusals_on_demand_last_as_long_as_was_said(void **state)
{
    (void)state;
    static const struct {
        const char *type, *heard;
    } rows[] = {
        {"InvokeThrottling", "'com.microsoft:device-container-throttled'"},
        {"InvokeMaxMessageQuota", "'amqp:resource-limit-exceeded'"},
    };
    rig.wire.hub.faults = faults_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig_conn *c = connect();
        open_device(c, 0, "d1");
        ask_for_fault(c, rows[i].type);
        say(c, "0 transfer[0 2 b\"t\" 0 false] @117 b\"two\"");
        assert_true(hears(c, rows[i].heard));
        rig_wait(&rig, 5000000);
        say(c, "0 transfer[0 3 b\"t\" 0 false] @117 b\"three\"");
        assert_true(hears(c, "@36 []"));
        rig_free(c);
    }
}

static int set_up_three(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_put_device(&rig, "d1", "{" KEYS "}", NULL);
    rig_put_device(&rig, "d2", "{" KEYS "}", NULL);
    rig_put_device(&rig, "off", "{\"status\":\"disabled\"," KEYS "}", NULL);
    return 0;
}

/* ---- counting: the last case, over all that the others sent */

static long long ingress(const char *fate)
{
    char series[96];
    struct buf text = {0};
    metrics_write(&text);
    snprintf(series, sizeof series, "\nazimuth_d2c_telemetry_ingress_%s_total{t=\"amqp\"} ", fate);
    const char *at = strstr(buf_cstr(&text), series);
    assert_non_null(at);
    long long value = strtoll(at + strlen(series), NULL, 10);
    buf_free(&text);
    return value;
}

static void all_that_arrived_had_one_outcome(void **state)
{
    (void)state;
    assert_true(ingress("success") > 0 && ingress("sendThrottle") > 0 && ingress("refused") > 0);
    assert_int_equal(ingress("allProtocol"),
                     ingress("success") + ingress("sendThrottle") + ingress("refused"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_three, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_device_attaches_with_its_own_token),
        CASE(ids_with_a_percent_are_read_as_each_sdk_writes_them),
        CASE(ids_with_a_percent_are_read_by_the_link_s_name_under_a_policy),
        CASE(a_link_without_a_good_token_is_refused),
        CASE(a_policy_that_may_connect_devices_speaks_for_them),
        CASE(sasl_plain_is_a_device_with_its_token),
        CASE(a_transfer_is_accepted_once_it_is_stored),
        CASE(a_transfer_that_could_not_be_stored_is_rejected),
        CASE(a_batch_is_one_transfer),
        CASE(a_message_has_a_largest_size),
        CASE(text_that_is_not_utf8_is_rejected),
        CASE(links_say_how_long_a_message_may_be),
        CASE(a_batch_has_a_limit),
        CASE(properties_have_a_limit),
        CASE(transfers_have_a_credit),
        CASE(half_open_links_harm_nobody),
        CASE(a_model_is_taken_from_any_link),
        CASE(an_auth_chain_has_a_limit),
        CASE(links_on_behalf_end_when_the_hierarchy_changes),
        CASE(the_model_of_the_first_link_is_in_the_twin),
        CASE(one_identity_ends_without_the_others),
        CASE(the_session_of_an_identity_that_ends_is_ended),
        CASE(another_connection_takes_over),
        CASE(a_newer_token_keeps_the_links),
        CASE(telemetry_above_the_rate_is_rejected_as_throttled),
        CASE(telemetry_above_the_daily_quota_is_rejected),
        CASE(a_device_above_the_rate_gets_no_credit_until_its_turn),
        CASE(while_the_log_is_full_a_device_gets_no_credit),
        CASE(one_device_too_many_is_refused_as_throttled),
        CASE(a_fault_breaks_what_it_names),
        CASE(a_fault_detaches_the_one_link_that_it_names),
        CASE(a_killed_connection_says_farewell_only_if_that_was_asked),
        CASE(the_newest_message_counts),
        CASE(an_unauthorized_device_is_refused_when_it_comes_back),
        CASE(refusals_on_demand_last_as_long_as_was_said),
        CASE(a_forged_token_does_not_lengthen_a_session),
        cmocka_unit_test(all_that_arrived_had_one_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
