/* dps_amqp_test.c - device provisioning over AMQP, as .NET, Java and C ask and read it. */
#include "base/limit.h"
#include "base/num.h"
#include "front/amqp/amqp.h"
#include "server/amqp_line_test.h"
#include "server/dps_client_test.h"

enum { TO_HUB, FROM_HUB };

static struct rig_conn *login(const char *scope, const char *id, const char *token)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_AMQP);
    say(c, "AMQP3\nsasl init['PLAIN' b\"\\0%s/registrations/%s\\0%s\"]\nAMQP0", scope, id, token);
    return c;
}

/* Both links, at an address of that form. */
static struct rig_conn *connect_at(const char *before, const char *id)
{
    struct rig_conn *c = login(rig.wire.hub.id_scope, id, own_token(id));
    assert_true(hears(c, "outcome[0b"));
    say(c, "0 open[\"client\" \"hub.test\"]\n0 begin[null 1 1000 1000]");
    heard(c);
    const char *scope = rig.wire.hub.id_scope;
    say(c,
        "0 attach[\"in\" %d false 0b 0b @40 [\"me\"] @41 [\"%s%s/registrations/%s\"]]\n"
        "0 attach[\"out\" %d true 0b 0b @40 [\"%s%s/registrations/%s\"] @41 [\"me\"]]\n"
        "0 flow[1 1000 1 1000 %d 0 100]",
        TO_HUB, before, scope, id, FROM_HUB, before, scope, id, FROM_HUB);
    rig_run(&rig);
    assert_true(hears(c, "flow["));
    return c;
}

static void ask_for(struct rig_conn *c, unsigned delivery, const char *properties, const char *body)
{
    say(c,
        "0 transfer[%d %u b\"t\" 0 false] @115 [null null null null null \"corr-%u\"] @116 {%s} "
        "@117 b\"%s\"",
        TO_HUB, delivery, delivery, properties, body);
    rig_wait(&rig, DPS_LATE_US);
}

#define REGISTER "\"iotdps-operation-type\" \"iotdps-register\" \"iotdps-forceRegistration\" true"

/* .NET reads Retry-After, the others retry-after, and keys of a map have a case. */
static void when_to_ask_again_is_said_in_both_spellings(void **state)
{
    (void)state;
    static const char *const befores[] = {"", "/",
                                          "amqps://hub.test/"}; /* .NET and Node, Java, C */
    put_enrollment("a1", "");
    for (size_t i = 0; i < sizeof befores / sizeof *befores; i++) {
        struct rig_conn *c = connect_at(befores[i], "a1");
        ask_for(c, 1, REGISTER, "{}");
        const char *lines = heard(c);
        assert_non_null(strstr(lines, "disposition[true 1 1 true @36 []"));
        assert_non_null(strstr(lines, "\"corr-1\""));
        assert_non_null(strstr(lines, "\"retry-after\""));
        assert_non_null(strstr(lines, "\"Retry-After\""));
        assert_non_null(strstr(lines, "assigning"));
        rig_free(c);
    }
}

/* .NET reads the description as JSON, and takes its number for the status. */
static void what_is_refused_is_described_in_json(void **state)
{
    (void)state;
    static const struct {
        const char *properties, *body, *condition, *number;
    } rows[] = {
        {REGISTER, "{\\x22registrationId\\x22:\\x22other\\x22}", "com.microsoft:argument-error",
         "\"errorCode\":400202"},
        {REGISTER, "nonsense", "com.microsoft:argument-error", "\"errorCode\":400004"},
        {"\"iotdps-operation-type\" \"iotdps-dance\"", "", "com.microsoft:argument-error",
         "\"errorCode\":400004"},
        {"\"iotdps-operation-type\" \"iotdps-get-operationstatus\" \"iotdps-operation-id\" \"4.0\"",
         "", "amqp:not-found", "\"errorCode\":404203"},
    };
    put_enrollment("a1", "");
    struct rig_conn *c = connect_at("", "a1");
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_for(c, i + 1, rows[i].properties, rows[i].body);
        const char *lines = heard(c);
        if (!strstr(lines, rows[i].condition) || !strstr(lines, rows[i].number))
            fail_msg("%s: %s", rows[i].number, lines);
    }
    rig_free(c);
}

static void who_has_another_scope_or_key_is_not_let_in(void **state)
{
    (void)state;
    put_enrollment("a1", "");
    put_enrollment("a2", "");
    char scope[64];
    snprintf(scope, sizeof scope, "%s1", rig.wire.hub.id_scope);
    const struct {
        const char *scope, *id, *of;
    } rows[] = {
        {scope, "a1", "a1"},
        {rig.wire.hub.id_scope, "a1", "a2"},
        {rig.wire.hub.id_scope, "nobody", "nobody"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig_conn *c = login(rows[i].scope, rows[i].id, own_token(rows[i].of));
        say(c,
            "0 open[\"client\" \"hub.test\"]\n0 begin[null 1 1000 1000]\n"
            "0 attach[\"in\" %d false 0b 0b @40 [\"me\"] @41 [\"%s/registrations/%s\"]]",
            TO_HUB, rows[i].scope, rows[i].id);
        rig_run(&rig);
        const char *lines = heard(c);
        assert_true(strstr(lines, "outcome[1b") || strstr(lines, "amqp:unauthorized-access"));
        assert_null(strstr(lines, "flow["));
        rig_free(c);
    }
}

/* In frames of 32 KiB: what is larger ends the link before it is whole. */
static void a_request_has_a_largest_size(void **state)
{
    (void)state;
    enum { PIECE = 32 << 10 };
    put_enrollment("a1", "");
    for (size_t over = 0; over < 2; over++) {
        struct rig_conn *c = connect_at("", "a1");
        int64_t met = limit_reached("amqp-message");
        heard(c);
        for (size_t left = AMQP_DPS_MESSAGE_MAX + over, len; left; left -= len) {
            struct buf frame = {0};
            char head[64];
            len = MIN(left, (size_t)PIECE);
            snprintf(head, sizeof head, "0 transfer[%d 1 b\"t\" 0 false %s]", TO_HUB,
                     left > len ? "true" : "false");
            wire_put(&frame, head);
            memset(buf_reserve(&frame, len), 'x', len);
            buf_commit(&frame, len);
            uint32_t size = __builtin_bswap32((uint32_t)buf_size(&frame));
            memcpy(frame.ptr, &size, sizeof size);
            rig_say(c, buf_slice(&frame));
            buf_free(&frame);
        }
        assert_true(hears(c, over ? "amqp:link:message-size-exceeded"
                                  : "the request is not an AMQP message"));
        assert_int_equal(limit_reached("amqp-message") - met, over);
        rig_free(c);
    }
}

/* The first key comes with the init, the second one as a response: each has its frame of SASL. */
static void the_keys_of_a_tpm_have_4_kilobytes(void **state)
{
    (void)state;
    enum { FIRST = DPS_TPM_MAX / 2, SECOND = DPS_TPM_MAX - FIRST };
    for (int over = 0; over < 2; over++) {
        int64_t met = limit_reached("tpm-keys");
        struct rig_conn *c = rig_dial(&rig, WIRE_AMQP);
        say(c, "AMQP3\nsasl init['TPM' b\"\\0%s\\0t1\\0%0*d\"]", rig.wire.hub.id_scope, FIRST, 0);
        assert_true(hears(c, "sasl challenge["));
        say(c, "sasl response[b\"\\0%0*d\"]", SECOND + over, 0);
        rig_run(&rig);
        assert_true(hears(c, "sasl outcome[1b")); /* nobody has enrolled it */
        assert_int_equal(limit_reached("tpm-keys") - met, over);
        rig_free(c);
    }
}

static int start(void **state)
{
    (void)state;
    rig_start_with(&rig, &network);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    arena_free(&arena);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(when_to_ask_again_is_said_in_both_spellings),
        TEST(what_is_refused_is_described_in_json),
        TEST(who_has_another_scope_or_key_is_not_let_in),
        TEST(the_keys_of_a_tpm_have_4_kilobytes),
        TEST(a_request_has_a_largest_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
