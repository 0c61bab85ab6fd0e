/* peer_test.c - logins, tokens, addresses and the time a connection has. */
#include "base/test.h"

#include "base/limit.h"
#include "base/num.h"
#include "front/amqp/testing/testing.h"

#define READER "hub/ConsumerGroups/$Default/Partitions/0"

static void start(struct front_rig *r, struct conn *c)
{
    front_rig_init(r);
    rig_open(r, c, 0);
}

static void stop(struct front_rig *r, struct conn *c)
{
    rig_close(r, c);
    front_rig_fini(r);
}

/* ---- SASL */

#define OFFERED "AMQP3\nsasl mechanisms[<'MSSBCBS' 'PLAIN' 'ANONYMOUS' 'EXTERNAL' 'TPM'>]\n"

/* Whether that login is welcome; the connection of one that is not is closed. */
static bool logs_in(struct front_rig *r, const char *mechanism, const char *user,
                    const char *password)
{
    struct conn c;
    rig_open(r, &c, 0);
    rig_feed_format(r, &c, "AMQP3\nsasl init['%s' b\"\\0%s\\0%s\"]", mechanism, user, password);
    const char *out = rig_output(&c);
    assert_true(strncmp(out, OFFERED, sizeof OFFERED - 1) == 0);
    bool welcome = strstr(out, "outcome[0b null]") != NULL;
    assert_int_equal(c.closing, !welcome);
    rig_close(r, &c);
    return welcome;
}

struct login_row {
    const char *user, *policy, *resource;
    int64_t lifetime_us;
    bool welcome;
};

static const struct login_row logins[] = {
    {"service@sas.root.hub", "service", "hub.test/messages/events", RIG_DAY_US, true},
    {"iothubowner@SAS.root.hub", "iothubowner", "hub.test", RIG_DAY_US, true},
    {"iothubowner@sas.root.hub", "device", "hub.test", RIG_DAY_US, false}, /* another's token */
    {"service@sas.hub", "service", "hub.test", RIG_DAY_US, false},
    {"service", "service", "hub.test", RIG_DAY_US, false},
    {"service@sas.root.hub", "service", "other.test", RIG_DAY_US, false},
    {"service@sas.root.hub", "service", "hub.test", -RIG_DAY_US, false},
};

static void plain_takes_a_policy_with_its_own_token(void **state)
{
    (void)state;
    struct front_rig r;
    front_rig_init(&r);
    for (size_t i = 0; i < sizeof logins / sizeof *logins; i++) {
        const struct login_row *row = &logins[i];
        const char *token = rig_token(&r, row->policy, row->resource, row->lifetime_us);
        assert_int_equal(logs_in(&r, "PLAIN", row->user, token), row->welcome);
    }
    front_rig_fini(&r);
}

static void plain_takes_a_policy_with_its_key(void **state)
{
    (void)state;
    struct front_rig r;
    front_rig_init(&r);
    const struct policy *service = policies_find(&r.policies, SLICE_LIT("service"));
    assert_true(logs_in(&r, "PLAIN", "service", service->keys[0].text));
    assert_true(logs_in(&r, "PLAIN", "service", service->keys[1].text));
    assert_false(logs_in(&r, "PLAIN", "iothubowner", service->keys[0].text));
    assert_false(logs_in(&r, "PLAIN", "nobody", service->keys[0].text));
    assert_false(logs_in(&r, "PLAIN", "service", ""));
    front_rig_fini(&r);
}

/* ---- SASL TPM: what comes before its home is asked */

#define TPM_INIT "AMQP3\nsasl init['TPM' b\"\\00ne1\\0device\\0key\"]\n"

static const struct {
    const char *in;
    bool challenged;
} tpm_rows[] = {
    {TPM_INIT, true},
    {"AMQP3\nsasl init['TPM' b\"\\0other\\0device\\0key\"]", false}, /* another scope */
    {"AMQP3\nsasl init['TPM' b\"\\00ne1\\0device\\0\"]", false},     /* no key */
    {"AMQP3\nsasl init['TPM' b\"\\00ne1\\0device\"]", false},
    {"AMQP3\nsasl init['TPM' b\"x\\00ne1\\0device\\0key\"]", false},
    {"AMQP3\nsasl init['TPM']", false},
    {TPM_INIT "sasl response[b\"root\"]", false}, /* without the NUL before it */
    {TPM_INIT "sasl response[b\"\\0\"]", false},  /* no storage root key */
    {TPM_INIT "sasl response[b\"\"]", false},
};

static void a_tpm_has_to_show_its_keys(void **state)
{
    (void)state;
    struct front_rig r;
    front_rig_init(&r);
    snprintf(r.hub.id_scope, sizeof r.hub.id_scope, "0ne1");
    for (size_t i = 0; i < sizeof tpm_rows / sizeof *tpm_rows; i++) {
        struct conn c;
        rig_open(&r, &c, 0);
        rig_feed(&r, &c, tpm_rows[i].in);
        const char *out = rig_output(&c);
        if ((strstr(out, "outcome[1b null]") == NULL) != tpm_rows[i].challenged)
            fail_msg("%s: %s", tpm_rows[i].in, out);
        assert_int_equal(c.closing, !tpm_rows[i].challenged);
        rig_close(&r, &c);
    }
    front_rig_fini(&r);
}

static void strangers_may_come_in_and_put_tokens(void **state)
{
    (void)state;
    struct front_rig r;
    front_rig_init(&r);
    assert_true(logs_in(&r, "ANONYMOUS", "", ""));
    assert_true(logs_in(&r, "MSSBCBS", "", ""));
    assert_true(logs_in(&r, "EXTERNAL", "", ""));
    assert_false(logs_in(&r, "SCRAM-SHA-1", "service", "x"));
    front_rig_fini(&r);
}

/* What a login brings is no more than its token's: that of a device policy opens nothing here. */
static void a_login_opens_what_its_credential_opens(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *resource;
        bool opens;
    } rows[] = {
        {"service", "hub.test", true},
        {"device", "hub.test", false},
        {"service", "hub.test/devices/d", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c);
        rig_feed_format(&r, &c, "AMQP3\nsasl init['PLAIN' b\"\\0%s@sas.root.hub\\0%s\"]\nAMQP0",
                        rows[i].policy,
                        rig_token(&r, rows[i].policy, rows[i].resource, RIG_DAY_US));
        rig_feed(&r, &c,
                 "0 open[\"c\"]\n0 begin[null 1 9 9]\n"
                 "0 attach[\"l\" 0 true 2b 0b @40 [\"" READER "\"]]");
        bool refused = strstr(rig_output(&c), "'amqp:unauthorized-access'") != NULL;
        assert_int_equal(refused, !rows[i].opens);
        stop(&r, &c);
    }
}

/* ---- $cbs */

static void attach_cbs(struct front_rig *r, struct conn *c)
{
    rig_greet(r, c);
    rig_feed(r, c,
             "0 attach[\"in\" 8 false 0b 0b @40 [\"me\"] @41 [\"$CBS\"]]\n"
             "0 attach[\"out\" 9 true 0b 0b @40 [\"amqps://hub.test/$cbs\"] @41 [\"back\"]]\n"
             "0 flow[1 9999 1 9999 9 0 9999]");
    rig_output(c);
}

/* The answer to a put-token with those properties and that body. */
static const char *put_token(struct front_rig *r, struct conn *c, const char *properties,
                             const char *operation, const char *body)
{
    rig_feed_format(r, c,
                    "0 transfer[8 0 b\"t\" 0 false] @115 [%s] @116 {\"operation\" \"%s\" \"type\" "
                    "\"jwt\"} %s",
                    properties, operation, body);
    return rig_output(c);
}

static const char *token_body(struct front_rig *r, const char *resource, int64_t lifetime_us)
{
    static char body[1100];
    snprintf(body, sizeof body, "@119 \"%s\"", rig_token(r, "service", resource, lifetime_us));
    return body;
}

/* Whatever type the id has, it comes back: clients look for the very same one. */
static void the_answer_carries_the_message_id_as_it_came(void **state)
{
    (void)state;
    static const char *const ids[] = {"\"a\"", "7l", "u\"00112233445566778899aabbccddeeff\"",
                                      "b\"x\"", "null"};
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    attach_cbs(&r, &c);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char want[200];
        snprintf(want, sizeof want,
                 "@115 [null null null null null %s] @116 {\"status-code\" 200i "
                 "\"status-description\" \"OK\"} @119 null\n",
                 ids[i]);
        const char *out =
            put_token(&r, &c, ids[i], "PUT-token", token_body(&r, "hub.test/hub", RIG_DAY_US));
        assert_non_null(strstr(out, "0 disposition[true 0 0 true @36 [] false]\n"));
        assert_non_null(strstr(out, want));
    }
    assert_non_null(
        strstr(put_token(&r, &c, "1l null null null \"back\"", "put-token", "@119 null"),
               "@115 [null null \"back\" null null 1l]"));
    stop(&r, &c);
}

static void tokens_that_are_not_good_are_answered_401(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    attach_cbs(&r, &c);
    char forged[1100];
    snprintf(forged, sizeof forged, "%s", token_body(&r, "hub.test/hub", RIG_DAY_US));
    char *sig = strstr(forged, "sig=") + 4;
    *sig = *sig == 'A' ? 'B' : 'A';
    char other[1100], old[1100];
    snprintf(other, sizeof other, "%s", token_body(&r, "other.test/hub", RIG_DAY_US));
    snprintf(old, sizeof old, "%s", token_body(&r, "hub.test/hub", -RIG_DAY_US));
    const char *const bodies[] = {forged,   other,        old, "@119 \"eyJhbGciOi\"",
                                  "@119 7", "@117 b\"x\""};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_non_null(
            strstr(put_token(&r, &c, "1l", "put-token", bodies[i]), "\"status-code\" 401i"));
    assert_non_null(strstr(put_token(&r, &c, "1l", "delete-token", "@119 null"),
                           "501i \"status-description\" \"a token stays until it ends, or the "
                           "connection does\" \"error-condition\" 'amqp:not-implemented'"));
    assert_non_null(strstr(put_token(&r, &c, "1l", "get-token", "@119 null"),
                           "400i \"status-description\" \"the operation is neither put-token nor "
                           "delete-token\" \"error-condition\" 'com.microsoft:argument-error'"));
    stop(&r, &c);
}

/* Event Hubs clients sign with the key's text, IoT clients with the bytes that it encodes. */
static void a_key_signs_as_text_and_as_bytes(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    char body[1100];
    struct buf token = {0};
    start(&r, &c);
    attach_cbs(&r, &c);
    const struct policy *p = policies_find(&r.policies, SLICE_LIT("service"));
    sas_make(&token, SLICE_LIT("sb://hub.test:5671/hub"), slice_str(p->keys[1].text), "service",
             (RIG_EPOCH_US + RIG_DAY_US) / 1000000);
    snprintf(body, sizeof body, "@117 b\"%s\"", buf_cstr(&token)); /* as data, too */
    assert_non_null(strstr(put_token(&r, &c, "1l", "put-token", body), "\"status-code\" 200i"));
    buf_free(&token);
    stop(&r, &c);
}

static void tokens_have_a_limit_per_connection(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    char resource[64];
    start(&r, &c);
    attach_cbs(&r, &c);
    int64_t met = limit_reached("amqp-tokens");
    for (int i = 0; i <= AMQP_PEER_TOKENS_MAX; i++) {
        snprintf(resource, sizeof resource, "hub.test/hub/Partitions/%d", i);
        const char *out =
            put_token(&r, &c, "1l", "put-token", token_body(&r, resource, RIG_DAY_US));
        assert_non_null(strstr(out, i < AMQP_PEER_TOKENS_MAX ? "200i" : "403i"));
        assert_int_equal(limit_reached("amqp-tokens") - met, i == AMQP_PEER_TOKENS_MAX);
    }
    const char *renewed = token_body(&r, "hub.test/hub/Partitions/0", RIG_DAY_US + 1000000);
    assert_non_null(strstr(put_token(&r, &c, "1l", "put-token", renewed), "200i"));
    stop(&r, &c);
}

/* ---- addresses and rights */

/* What the engine refuses is counted, too. */
static void sessions_have_a_limit_per_connection(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    int64_t refused = limit_reached("amqp-sessions");
    front_rig_init(&r);
    rig_welcome(&r, &c, 0);
    for (int i = 1; i < AMQP_SESSIONS_MAX; i++) rig_feed_format(&r, &c, "%d begin[null 1 1 1]", i);
    assert_null(strstr(rig_output(&c), AMQP_RESOURCE_LIMIT));
    assert_int_equal(limit_reached("amqp-sessions"), refused);
    rig_feed_format(&r, &c, "%d begin[null 1 1 1]", AMQP_SESSIONS_MAX);
    assert_non_null(strstr(rig_output(&c), AMQP_RESOURCE_LIMIT));
    assert_int_equal(limit_reached("amqp-sessions") - refused, 1);
    stop(&r, &c);
}

static void an_unknown_address_is_named_in_the_refusal(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "nothing/here",
        "",
        "hub",
        "amqps://hub.test/nothing",
        "hub/ConsumerGroups/$Default",
        "devices/d/twin", /* this rig offers none */
        "messages/servicebound/nothing",
    };
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    rig_greet(&r, &c);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        char want[200];
        snprintf(want, sizeof want,
                 "'amqp:not-found' \"The messaging entity '%s' could not be found.\"",
                 addresses[i]);
        rig_feed_format(&r, &c, "0 attach[\"l\" 0 true 2b 0b @40 [\"%s\"] @41 [\"me\"]]",
                        addresses[i]);
        const char *out = rig_output(&c);
        assert_non_null(strstr(out, "0 attach[\"l\" 0 false 2b 0b null @41 [\"me\"]"));
        assert_non_null(strstr(out, want));
        rig_feed(&r, &c, "0 detach[0 true]");
    }
    stop(&r, &c);
}

static void a_very_long_address_is_refused_like_an_unknown_one(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    struct buf text = {0};
    start(&r, &c);
    rig_greet(&r, &c);
    buf_put_str(&text, "0 attach[\"l\" 0 true 2b 0b @40 [\"");
    for (int i = 0; i < 5000; i++) buf_put_str(&text, "/");
    buf_put_str(&text, "$cbs\"]]");
    rig_feed(&r, &c, buf_cstr(&text));
    assert_non_null(strstr(rig_output(&c), "'amqp:not-found'"));
    buf_free(&text);
    stop(&r, &c);
}

static void events_cannot_be_sent_here(void **state)
{
    (void)state;
    static const char *const addresses[] = {"hub", "messages/events", READER};
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    rig_greet(&r, &c);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        rig_feed_format(&r, &c, "0 attach[\"l\" 0 false 2b 0b @40 [\"me\"] @41 [\"%s\"]]",
                        addresses[i]);
        assert_non_null(strstr(rig_output(&c), "'amqp:not-allowed' \"Events come from devices;"));
        rig_feed(&r, &c, "0 detach[0 true]");
    }
    stop(&r, &c);
}

static void a_reader_wants_a_token_with_the_right(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *resource, *address;
        bool welcome;
    } rows[] = {
        {"service", "hub.test/hub", READER, true},
        {"service", "hub.test", READER, true},
        {"iothubowner", "HUB.test:5671/Hub/consumergroups/$default/Partitions/0", READER, true},
        {"service", "hub.test/messages/events", READER, true},
        {"service", "hub.test/hub", "messages/events/ConsumerGroups/$Default/Partitions/0", true},
        {"service", "hub.test/hub/ConsumerGroups/$Default/Partitions/1", READER, false},
        {"registryRead", "hub.test/hub", READER, false},
        {NULL, NULL, READER, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c);
        rig_greet(&r, &c);
        if (rows[i].policy)
            rig_authorise(&r, &c, rig_token(&r, rows[i].policy, rows[i].resource, RIG_DAY_US));
        rig_feed_format(&r, &c, "0 attach[\"l\" 0 true 2b 0b @40 [\"%s\"]]", rows[i].address);
        bool refused = strstr(rig_output(&c), "'amqp:unauthorized-access'") != NULL;
        assert_int_equal(refused, !rows[i].welcome);
        stop(&r, &c);
    }
}

/* IoT Hub lets go about five minutes after expiry. */
static void a_link_ends_with_its_token_unless_there_is_a_newer_one(void **state)
{
    (void)state;
    const int64_t minute_us = 60 * 1000000ll, hour_us = 60 * minute_us;
    for (int renewed = 0; renewed < 2; renewed++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c);
        rig_greet(&r, &c);
        rig_authorise(&r, &c, rig_token(&r, "service", "hub.test/hub", hour_us));
        rig_feed(&r, &c, "0 attach[\"l\" 0 true 2b 0b @40 [\"" READER "\"]]");
        if (renewed) rig_authorise(&r, &c, rig_token(&r, "service", "hub.test", 2 * hour_us));
        rig_output(&c);
        for (int64_t left = hour_us + SAS_GRACE_US - 2000000; left > 0; left -= minute_us) {
            front_rig_sleep(&r, MIN(left, minute_us));
            rig_feed(&r, &c, "0 empty");
        }
        assert_string_equal(rig_output(&c), "");
        front_rig_sleep(&r, 2000000);
        const char *out = rig_output(&c);
        assert_int_equal(strstr(out, "0 detach[0 true @29 ['amqp:unauthorized-access'") != NULL,
                         !renewed);
        assert_false(c.closing);
        stop(&r, &c);
    }
}

/* ---- time */

static void a_connection_without_links_is_closed(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    rig_greet(&r, &c);
    front_rig_sleep(&r, AMQP_NO_LINK_FIRST_US - 1000);
    assert_string_equal(rig_output(&c), "");
    front_rig_sleep(&r, 1000);
    assert_string_equal(
        rig_output(&c),
        "0 close[@29 ['amqp:connection:forced' \"The connection was inactive for more "
        "than the allowed 60000 milliseconds and is closed by container 'hub'.\" "
        "null]]\n");
    assert_false(c.closing);
    rig_feed(&r, &c, "0 close[]");
    assert_true(c.closing);
    stop(&r, &c);
}

/* A link that was refused counts for nothing. */
static void a_refused_link_does_not_keep_a_connection(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    rig_greet(&r, &c);
    rig_authorise(&r, &c, rig_token(&r, "service", "hub.test/hub", RIG_DAY_US));
    rig_feed(&r, &c,
             "0 attach[\"l\" 0 true 2b 0b @40 [\"hub/ConsumerGroups/nobody/Partitions/0\"]]");
    assert_non_null(strstr(rig_output(&c), "'amqp:not-found'"));
    front_rig_sleep(&r, AMQP_NO_LINK_LATER_US);
    assert_non_null(strstr(rig_output(&c), "'amqp:connection:forced'"));
    stop(&r, &c);
}

static void a_connection_that_lost_its_links_gets_five_minutes(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    attach_cbs(&r, &c);
    front_rig_sleep(&r, AMQP_NO_LINK_FIRST_US);
    rig_feed(&r, &c, "0 detach[8]\n0 detach[9]");
    front_rig_sleep(&r, AMQP_NO_LINK_LATER_US - 1000);
    assert_null(strstr(rig_output(&c), "close"));
    front_rig_sleep(&r, 1000);
    assert_non_null(strstr(rig_output(&c), "allowed 300000 milliseconds"));
    front_rig_sleep(&r, AMQP_CLOSE_US); /* the peer does not answer */
    assert_true(c.closing);
    stop(&r, &c);
}

static void half_open_connections_do_not_stay(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    rig_feed(&r, &c, "AMQP3");
    front_rig_sleep(&r, AMQP_OPEN_US);
    assert_true(c.closing);
    rig_feed(&r, &c, "AMQP0"); /* what comes after the end is nobody's */
    stop(&r, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_takes_a_policy_with_its_own_token),
        cmocka_unit_test(plain_takes_a_policy_with_its_key),
        cmocka_unit_test(a_tpm_has_to_show_its_keys),
        cmocka_unit_test(strangers_may_come_in_and_put_tokens),
        cmocka_unit_test(a_login_opens_what_its_credential_opens),
        cmocka_unit_test(the_answer_carries_the_message_id_as_it_came),
        cmocka_unit_test(tokens_that_are_not_good_are_answered_401),
        cmocka_unit_test(a_key_signs_as_text_and_as_bytes),
        cmocka_unit_test(tokens_have_a_limit_per_connection),
        cmocka_unit_test(sessions_have_a_limit_per_connection),
        cmocka_unit_test(an_unknown_address_is_named_in_the_refusal),
        cmocka_unit_test(a_very_long_address_is_refused_like_an_unknown_one),
        cmocka_unit_test(events_cannot_be_sent_here),
        cmocka_unit_test(a_reader_wants_a_token_with_the_right),
        cmocka_unit_test(a_link_ends_with_its_token_unless_there_is_a_newer_one),
        cmocka_unit_test(a_connection_without_links_is_closed),
        cmocka_unit_test(a_refused_link_does_not_keep_a_connection),
        cmocka_unit_test(a_connection_that_lost_its_links_gets_five_minutes),
        cmocka_unit_test(half_open_connections_do_not_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
