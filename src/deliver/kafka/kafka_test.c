/* kafka_test.c - a topic that takes, refuses, hangs and comes back; the test is who talks to Kafka. */
#include "deliver/deliver_rig.h"

#include "deliver/kafka/carrier.h"
#include "deliver/kafka/message.h"
#include "deliver/kafka/verdict.h"

enum { HEARD_MAX = 4096, S = RIG_S };

static struct fixture {
    struct deliver_rig d;
    struct lane *lane;
    unsigned opened, closed, looks, sends;
    enum deliver_outcome topic, takes; /* what is answered */
    const char *text;
    const char *poison; /* refused is a batch with this in it */
    bool holds;
    struct addr held;
    char settings[512]; /* of the last one that was opened */
    int heard[HEARD_MAX];
    unsigned count, largest; /* messages in a batch */
    char last[1024];         /* key, time, headers, value */
} f;

static void *fake_open(const struct kafka_settings *s, struct lane *lane)
{
    f.lane = lane;
    f.opened++;
    snprintf(f.settings, sizeof f.settings, "%s %s %s %s %s %s %.10s", s->servers, s->topic,
             s->protocol, s->mechanism, s->user, s->password, s->ca);
    return &f;
}

static void fake_close(void *own)
{
    assert_ptr_equal(own, &f);
    f.closed++;
}

static void fake_look(void *own, struct addr to)
{
    (void)own;
    f.looks++;
    kafka_answer(f.lane, to, f.topic, f.text ? f.text : "");
}

static void note(const struct kafka_message *m, struct slice *rest)
{
    struct buf line = {0};
    struct slice name, value;
    buf_printf(&line, "%.*s %lld", SLICE_ARG(m->has_key ? m->key : SLICE_LIT("(none)")),
               (long long)m->time_ms);
    for (uint32_t i = 0; i < m->header_count; i++) {
        kafka_next_header(rest, &name, &value);
        buf_printf(&line, " %.*s=%.*s", SLICE_ARG(name), SLICE_ARG(value));
    }
    buf_printf(&line, " %.*s", SLICE_ARG(slice_head(m->value, 64)));
    snprintf(f.last, sizeof f.last, "%s", buf_cstr(&line));
    const char *n = strstr(f.last, "\"n\":");
    if (n && f.count < HEARD_MAX) f.heard[f.count++] = atoi(n + 4);
    buf_free(&line);
}

static void fake_send(void *own, struct addr to, struct buf *batch)
{
    struct slice rest = buf_slice(batch);
    struct kafka_message m;
    enum deliver_outcome outcome = f.takes;
    unsigned messages = 0;
    (void)own;
    f.sends++;
    f.held = to;
    if (f.holds) return;
    if (f.poison && memmem(rest.ptr, rest.len, f.poison, strlen(f.poison)))
        outcome = DELIVER_REFUSED;
    while (rest.len && outcome == DELIVER_TAKEN) {
        kafka_next_message(&rest, &m);
        note(&m, &rest);
        messages++;
    }
    if (messages > f.largest) f.largest = messages;
    kafka_answer(f.lane, to, outcome, f.text ? f.text : "");
}

static const struct kafka_carrier fake = {fake_open, fake_close, fake_look, fake_send};

static void begin(void *ctx, struct out_call *call)
{
    (void)ctx, (void)call;
    fail_msg("nobody asks over HTTP");
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    kafka_use(&fake);
    deliver_rig_init(&f.d, 2, begin);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deliver_rig_fini(&f.d);
    assert_int_equal(f.opened, f.closed);
    kafka_use(NULL);
    return 0;
}

#define MEMBERS     "\"bootstrapServers\":\"a:9092, b:9092\",\"topic\":\"t\""
#define TOPIC(more) "{\"endpoints\":{\"kafka\":[{\"name\":\"a\"," MEMBERS more "}]}}"
#define SASL                                                                                       \
    ",\"securityProtocol\":\"SASL_SSL\",\"saslMechanism\":\"SCRAM-SHA-256\",\"saslUsername\":"     \
    "\"me\",\"saslPassword\":\"secret\""

static void run(int64_t us)
{
    cursor_rig_run(&f.d.rig, us);
}

/* ---- */

static void a_message_has_key_time_and_headers(void **state)
{
    (void)state;
    deliver_rig_use(&f.d, TOPIC(SASL));
    assert_string_equal(f.settings, "a:9092, b:9092 t SASL_SSL SCRAM-SHA-256 me secret ");
    assert_int_equal(deliver_rig_health(&f.d).status, ROUTING_HEALTHY);
    deliver_rig_say_n(&f.d, 1, "pump", 7);
    run(0);
    assert_string_equal(f.last, "pump 1700000001000 level=hot azimuth-passed=plant-6553f100/a "
                                "iothub-content-type=application/json "
                                "iothub-content-encoding=utf-8 iothub-connection-device-id=pump "
                                "{\"n\":7}");
    deliver_rig_say(&f.d, 1, "pump", "text/plain", "");
    run(0);
    assert_int_equal(f.sends, 2);
    assert_int_equal(deliver_rig_health(&f.d).status, ROUTING_HEALTHY);
}

static void a_topic_that_is_not_there_gets_nothing_until_it_is(void **state)
{
    (void)state;
    f.topic = DELIVER_SLOW;
    f.text = "Kafka: there is no such topic";
    deliver_rig_use(&f.d, TOPIC(""));
    deliver_rig_say_n(&f.d, 0, "pump", 1);
    run(290 * S);
    assert_int_equal(f.looks, 1);
    assert_int_equal(f.sends, 0);
    assert_string_equal(deliver_rig_health(&f.d).error, "Kafka: there is no such topic");
    f.topic = DELIVER_TAKEN;
    run(120 * S);
    assert_int_equal(f.count, 1);
}

static void what_is_not_acknowledged_comes_again_in_order(void **state)
{
    (void)state;
    deliver_rig_use(&f.d, TOPIC(""));
    f.takes = DELIVER_AGAIN;
    f.text = "Kafka: not acknowledged within 30 s: refused";
    for (int n = 0; n < 40; n++) deliver_rig_say_n(&f.d, 0, "pump", n);
    run(10 * S);
    assert_int_equal(f.count, 0);
    assert_int_equal(deliver_rig_health(&f.d).status, ROUTING_UNHEALTHY);
    f.takes = DELIVER_TAKEN;
    run(60 * S);
    assert_int_equal(f.count, 40);
    for (int n = 0; n < 40; n++) assert_int_equal(f.heard[n], n);
}

static void a_message_that_is_refused_alone_is_passed_over(void **state)
{
    (void)state;
    int64_t refused = deliver_rig_count("refused");
    deliver_rig_use(&f.d, TOPIC(""));
    f.holds = true;
    deliver_rig_say_n(&f.d, 0, "pump", 0);
    for (int n = 1; n < 20; n++) deliver_rig_say_n(&f.d, 0, "pump", n);
    f.holds = false;
    f.poison = "\"n\":11}";
    f.text = "Kafka: the message is larger than the topic allows";
    kafka_answer(f.lane, f.held, DELIVER_TAKEN, "");
    run(5 * S);
    assert_int_equal(deliver_rig_count("refused") - refused, 1);
    assert_int_equal(f.count, 18);
    assert_int_equal(f.heard[f.count - 1], 19);
    assert_string_equal(deliver_rig_health(&f.d).error, f.text);
}

/* What the document names: bodies of 2 bytes, a device of 4, no more than a message may have. */
static void a_message_that_is_too_large_with_its_headers_is_passed_over(void **state)
{
    (void)state;
    static const size_t sizes[] = {KAFKA_MESSAGE_MAX - 512, KAFKA_MESSAGE_MAX + 1};
    deliver_rig_use(&f.d, TOPIC(""));
    for (unsigned i = 0; i < 2; i++) {
        int64_t refused = deliver_rig_count("refused");
        char *large = mem_zero(sizes[i] + 1);
        memset(large, 'x', sizes[i]);
        deliver_rig_say(&f.d, 0, "pump", "text/plain", large);
        run(S);
        assert_int_equal(deliver_rig_count("refused") - refused, i);
        free(large);
    }
    assert_int_equal(f.sends, 1);
}

static void a_batch_has_no_more_than_so_many_messages(void **state)
{
    (void)state;
    enum { MANY = 2 * KAFKA_BATCH_MAX + 100 };
    deliver_rig_use(&f.d, TOPIC(""));
    f.takes = DELIVER_AGAIN;
    for (int n = 0; n < MANY; n++) deliver_rig_say_n(&f.d, 0, "p", n);
    f.takes = DELIVER_TAKEN;
    run(120 * S);
    assert_int_equal(f.count, MANY);
    assert_int_equal(f.largest, KAFKA_BATCH_MAX);
}

static void an_answer_that_comes_too_late_finds_nobody(void **state)
{
    (void)state;
    deliver_rig_use(&f.d, TOPIC(""));
    f.holds = true;
    deliver_rig_say_n(&f.d, 0, "pump", 1);
    struct addr old = f.held;
    f.holds = false;
    deliver_rig_use(&f.d, "{\"endpoints\":{\"kafka\":[{\"name\":\"a\",\"bootstrapServers\":\"c\","
                          "\"topic\":\"t\"}]}}");
    assert_int_equal(f.opened, 2);
    assert_int_equal(f.closed, 1);
    assert_int_equal(f.count, 1);
    kafka_answer(f.lane, old, DELIVER_SLOW, "late");
    run(S);
    assert_int_equal(deliver_rig_health(&f.d).status, ROUTING_HEALTHY);
}

static void errors_of_kafka_have_outcomes(void **state)
{
    static const struct {
        rd_kafka_resp_err_t code;
        enum deliver_outcome outcome;
    } rows[] = {{RD_KAFKA_RESP_ERR_NO_ERROR, DELIVER_TAKEN},
                {RD_KAFKA_RESP_ERR__TRANSPORT, DELIVER_AGAIN},
                {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, DELIVER_AGAIN},
                {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, DELIVER_AGAIN},
                {RD_KAFKA_RESP_ERR__FATAL, DELIVER_AGAIN},
                {RD_KAFKA_RESP_ERR__AUTHENTICATION, DELIVER_SLOW},
                {RD_KAFKA_RESP_ERR__SSL, DELIVER_SLOW},
                {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, DELIVER_SLOW},
                {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, DELIVER_SLOW},
                {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, DELIVER_REFUSED},
                {RD_KAFKA_RESP_ERR_INVALID_RECORD, DELIVER_REFUSED}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(kafka_outcome(rows[i].code), rows[i].outcome);
}

#define AT(servers, topic) "\"bootstrapServers\":\"" servers "\",\"topic\":\"" topic "\""
#define X83                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void topics_are_looked_at_and_shown_without_their_password(void **state)
{
    static const struct deliver_rig_row rows[] = {
        {MEMBERS, NULL},
        {MEMBERS SASL, NULL},
        {AT("[::1]:9092", "a.b_c-1"), NULL},
        {"\"topic\":\"t\"", "bootstrapServers is missing"},
        {AT("a,,b", "t"), "is not a list HOST:PORT"},
        {AT("http://a", "t"), "is not a list HOST:PORT"},
        {"\"bootstrapServers\":\"a\"", "topic is missing"},
        {AT("a", X83 X83 X83), NULL},
        {AT("a", X83 X83 X83 "x"), "1 to 249 bytes"},
        {AT("a", "a b"), "topic is no name"},
        {AT("a", ".."), "topic is no name"},
        {MEMBERS ",\"acks\":1", "no member 'acks'"},
        {MEMBERS ",\"securityProtocol\":\"TLS\"",
         "none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"},
        {MEMBERS ",\"securityProtocol\":\"ssl\"", NULL},
        {MEMBERS ",\"saslPassword\":\"x\"", "wants securityProtocol SASL"},
        {MEMBERS ",\"securityProtocol\":\"SASL_SSL\"", "saslUsername is missing"},
        {MEMBERS ",\"securityProtocol\":\"SASL_SSL\",\"saslUsername\":\"u\"",
         "saslPassword is missing"},
        {MEMBERS ",\"securityProtocol\":\"SASL_SSL\",\"saslMechanism\":\"GSSAPI\"",
         "none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"},
        {MEMBERS ",\"sslCaPem\":\"-----BEGIN CERTIFICATE-----\\n\"", "wants securityProtocol SSL"},
        {MEMBERS ",\"securityProtocol\":\"SSL\",\"sslCaPem\":\"x\"", "not certificates in PEM"},
        {MEMBERS
         ",\"securityProtocol\":\"SSL\",\"sslCaPem\":\"-----BEGIN CERTIFICATE-----\\nx\\n\"",
         NULL},
    };
    (void)state;
    deliver_rig_check(&f.d, "kafka", rows, sizeof rows / sizeof *rows);
    deliver_rig_use(&f.d, TOPIC(SASL));
    deliver_rig_assert_hidden(&f.d, "secret");
    deliver_rig_use(&f.d, TOPIC(",\"securityProtocol\":\"SASL_SSL\",\"saslUsername\":\"you\","
                                "\"saslPassword\":\"****\""));
    assert_string_equal(f.settings, "a:9092, b:9092 t SASL_SSL PLAIN you secret ");
    assert_int_equal(
        deliver_rig_put(&f.d, "{\"endpoints\":{\"kafka\":[{\"name\":\"a\",\"bootstrapServers\":"
                              "\"thief\",\"topic\":\"t\",\"securityProtocol\":\"SASL_SSL\","
                              "\"saslUsername\":\"me\",\"saslPassword\":\"****\"}]}}"),
        ERR_INVALID);
    assert_non_null(strstr(f.d.text, "it must be given"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_message_has_key_time_and_headers),
        TEST(a_topic_that_is_not_there_gets_nothing_until_it_is),
        TEST(what_is_not_acknowledged_comes_again_in_order),
        TEST(a_message_that_is_refused_alone_is_passed_over),
        TEST(a_message_that_is_too_large_with_its_headers_is_passed_over),
        TEST(a_batch_has_no_more_than_so_many_messages),
        TEST(an_answer_that_comes_too_late_finds_nobody),
        cmocka_unit_test(errors_of_kafka_have_outcomes),
        TEST(topics_are_looked_at_and_shown_without_their_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
