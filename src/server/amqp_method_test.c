/* amqp_method_test.c - direct methods of a device over AMQP, through a whole hub. */
#include <stdlib.h>

#include "front/amqp/amqp.h"
#include "hub/method/method.h"
#include "server/amqp_client_test.h"

enum { IN = 2, OUT = 3 }; /* the client's handles: it receives, it sends */

#define ADDRESS "/devices/d1/methods/deviceBound"

static void attach_in(struct rig_conn *c)
{
    say(c, "0 attach[\"in\" %d true 2b 0b @40 [\"" ADDRESS "\"] @41 [\"requests\"]]", IN);
    assert_true(hears(c, "0 attach[\"in\""));
}

static void give_credit(struct rig_conn *c, unsigned credit)
{
    say(c, "0 flow[1 5000 1 5000 %d 0 %u]", IN, credit);
    heard(c);
}

static struct rig_conn *method_client(void)
{
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    attach_in(c);
    say(c,
        "0 attach[\"out\" %d false 2b 0b @40 [\"responses\"] @41 [\"amqps://hub.test" ADDRESS
        "\"]]",
        OUT);
    assert_true(hears(c, " 100 "));
    give_credit(c, 1000);
    return c;
}

/* ---- a caller */

struct caller {
    struct method_call call;
    bool answered;
    enum status status;
    int32_t device_status;
    char payload[64];
};

static void on_result(struct method_call *call, const struct method_result *r)
{
    struct caller *c = CONTAINER_OF(call, struct caller, call);
    c->answered = true;
    c->status = r->status;
    c->device_status = r->device_status;
    snprintf(c->payload, sizeof c->payload, "%.*s", SLICE_ARG(r->payload));
}

static void call(struct caller *c, const char *name, const char *payload)
{
    *c = (struct caller){.call.fn = on_result};
    struct method_ask ask = {.who = SLICE_LIT("d1"),
                             .name = slice_str(name),
                             .payload = slice_str(payload),
                             .response_s = 30};
    lane_running = &rig.core;
    assert_int_equal(method_call(rig.wire.cores[0].methods, &ask, &c->call), OK);
    rig_run(&rig);
}

/* The uuid that the request came with, as 32 digits. */
static void take_request(struct rig_conn *c, const char *name, const char *payload, char uuid[33])
{
    char want[200];
    const char *lines = heard(c), *at = strstr(lines, "u\"");
    snprintf(want, sizeof want, "\"] @116 {\"IoThub-methodname\" \"%s\"} @117 b\"%s\"", name,
             payload);
    if (at == NULL || !strstr(at, want)) fail_msg("%s", lines);
    assert_non_null(strstr(lines, " true ")); /* settled: at most once */
    snprintf(uuid, 33, "%.32s", at + 2);
    assert_int_equal(uuid[12], '4');
    assert_int_equal(uuid[16], '8');
}

static void answer(struct rig_conn *c, const char *id, const char *status, const char *payload)
{
    say(c,
        "0 transfer[%d 1 b\"t\" 0 false] @115 [null null null null null %s] @116 "
        "{\"IoThub-status\" %s} @117 b\"%s\"",
        OUT, id, status, payload);
}

/* ---- cases */

static void a_call_is_answered_by_its_uuid_or_the_text_of_it(void **state)
{
    (void)state;
    struct rig_conn *c = method_client();
    for (int as_text = 0; as_text < 2; as_text++) {
        struct caller caller;
        char uuid[33], id[64];
        call(&caller, "reboot", "7");
        take_request(c, "reboot", "7", uuid);
        assert_false(caller.answered);
        if (as_text)
            snprintf(id, sizeof id, "\"%.8s-%.4s-%.4s-%.4s-%s\"", uuid, uuid + 8, uuid + 12,
                     uuid + 16, uuid + 20);
        else
            snprintf(id, sizeof id, "u\"%s\"", uuid);
        answer(c, id, "-7i", "[1]");
        assert_true(hears(c, "disposition[true 1 1 true @36 []"));
        assert_true(caller.answered);
        assert_int_equal(caller.status, STATUS_OK);
        assert_int_equal(caller.device_status, -7);
        assert_string_equal(caller.payload, "[1]");
    }
    rig_free(c);
}

static void answers_to_nobody_are_harmless(void **state)
{
    (void)state;
    static const char *const ids[] = {"null",
                                      "7l",
                                      "\"x\"",
                                      "\"\"",
                                      "u\"00000000000040008000000000000000\"",
                                      "u\"ffffffffffffffffffffffffffffffff\"",
                                      "b\"\\0\""};
    struct rig_conn *c = method_client();
    struct caller caller;
    char uuid[33], id[64];
    call(&caller, "m", "null");
    take_request(c, "m", "null", uuid);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) answer(c, ids[i], "200i", "1");
    assert_false(caller.answered);
    snprintf(id, sizeof id, "u\"%s\"", uuid);
    answer(c, id, "\"fine\"", "1"); /* no number */
    assert_true(caller.answered);
    assert_int_equal(caller.status, STATUS_BAD_GATEWAY);
    rig_free(c);
}

static void who_does_not_listen_is_not_online(void **state)
{
    (void)state;
    struct caller caller;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    call(&caller, "m", "1");
    assert_int_equal(caller.status, STATUS_DEVICE_NOT_ONLINE);
    attach_in(c);
    call(&caller, "m", "1");
    assert_false(caller.answered);
    say(c, "0 detach[%d true]", IN); /* without having given credit */
    rig_run(&rig);
    assert_int_equal(caller.status, STATUS_DEVICE_NOT_ONLINE);
    call(&caller, "m", "1");
    assert_int_equal(caller.status, STATUS_DEVICE_NOT_ONLINE);
    rig_free(c);
}

static void a_call_waits_for_credit_as_long_as_its_caller(void **state)
{
    (void)state;
    struct caller late, in_time;
    char uuid[33];
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    attach_in(c);
    call(&late, "late", "1");
    rig_wait(&rig, 29 * 1000000);
    assert_false(late.answered);
    call(&in_time, "next", "2");
    rig_wait(&rig, 1000000);
    assert_int_equal(late.status, STATUS_GATEWAY_TIMEOUT);
    say(c, "0 flow[1 5000 1 5000 %d 0 1]", IN);
    take_request(c, "next", "2", uuid);
    method_forget(&in_time.call);
    rig_free(c);
}

static void calls_wait_for_credit_up_to_a_limit(void **state)
{
    (void)state;
    enum { LEN = AMQP_METHOD_UNSENT_MAX / 2 };
    struct caller callers[4];
    struct rig_conn *c = connect();
    char *text = mem_zero(LEN + 1);
    memset(text, '1', LEN);
    open_device(c, 0, "d1");
    attach_in(c);
    for (int i = 0; i < 3; i++) call(&callers[i], "m", i == 0 ? text + 100 : i == 1 ? text : "1");
    assert_false(callers[0].answered);
    assert_false(callers[1].answered);
    assert_int_equal(callers[2].status, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
    give_credit(c, 1);
    call(&callers[3], "m", "1");
    assert_false(callers[3].answered);
    for (int i = 0; i < 4; i++)
        if (!callers[i].answered) method_forget(&callers[i].call);
    free(text);
    rig_free(c);
}

static void calls_end_with_the_link_they_would_be_answered_on(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct rig_conn *c = method_client();
        struct caller caller;
        call(&caller, "m", "1");
        assert_false(caller.answered);
        if (whole)
            rig_hang_up(c);
        else
            say(c, "0 detach[%d true]", OUT);
        rig_run(&rig);
        assert_true(caller.answered);
        assert_int_equal(caller.status, STATUS_GATEWAY_TIMEOUT);
        rig_free(c);
    }
}

/* The link ends and comes again before home has answered: it is asked anew, not believed. */
static void a_link_that_comes_again_at_once_is_heard_of(void **state)
{
    (void)state;
    struct rig_conn *c = method_client();
    struct caller caller;
    say(c,
        "0 detach[%d true]\n"
        "0 attach[\"in\" %d true 2b 0b @40 [\"" ADDRESS "\"] @41 [\"requests\"]]\n"
        "0 detach[%d true]\n"
        "0 attach[\"in2\" %d true 2b 0b @40 [\"" ADDRESS "\"] @41 [\"requests\"]]",
        IN, IN, IN, IN);
    assert_true(hears(c, "0 attach[\"in2\""));
    give_credit(c, 10);
    call(&caller, "m", "1");
    assert_false(caller.answered);
    method_forget(&caller.call);
    rig_free(c);
}

/* Each change is one that home answers, however many links come and go meanwhile: the session has
 * one under way, and SESSION_SUBSCRIBES_MAX is out of reach. */
static void any_number_of_links_may_come_and_go_at_once(void **state)
{
    (void)state;
    struct rig_conn *c = method_client();
    struct buf lines = {0};
    struct caller caller;
    for (int i = 0; i < 4 * SESSION_SUBSCRIBES_MAX; i++)
        buf_printf(&lines,
                   "0 detach[%d true]\n"
                   "0 attach[\"in%d\" %d true 2b 0b @40 [\"" ADDRESS "\"] @41 [\"me\"]]\n",
                   IN, i, IN);
    say(c, "%s", buf_cstr(&lines));
    assert_false(c->gone);
    heard(c);
    give_credit(c, 10);
    call(&caller, "m", "1");
    assert_false(caller.answered);
    method_forget(&caller.call);
    buf_free(&lines);
    rig_free(c);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_keyed, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_call_is_answered_by_its_uuid_or_the_text_of_it),
        CASE(answers_to_nobody_are_harmless),
        CASE(who_does_not_listen_is_not_online),
        CASE(a_call_waits_for_credit_as_long_as_its_caller),
        CASE(calls_wait_for_credit_up_to_a_limit),
        CASE(calls_end_with_the_link_they_would_be_answered_on),
        CASE(a_link_that_comes_again_at_once_is_heard_of),
        CASE(any_number_of_links_may_come_and_go_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
