/* why_test.c - the journal of refusals through a whole hub: what is noted over HTTPS is told on the console. */
#include "base/limit.h"
#include "server/fixture_test.h"

static int say(struct rig_conn *c, const char *line, const char *token, const char *body)
{
    struct buf out = {0};
    int status = 0;
    buf_printf(&out, "%s HTTP/1.1\r\nhost: hub.test\r\n", line);
    if (*token) buf_printf(&out, "authorization: %s\r\n", token);
    buf_printf(&out, "content-length: %zu\r\n\r\n%s", strlen(body), body);
    buf_clear(&c->heard);
    rig_say(c, buf_slice(&out));
    buf_free(&out);
    sscanf(buf_cstr(&c->heard), "HTTP/1.1 %d", &status);
    return status;
}

/* A device that shows a token which is no good. */
static void refuse(const char *device_id, const char *token)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    char line[128];
    snprintf(line, sizeof line, "POST /devices/%s/messages/events?api-version=2020-09-30",
             device_id);
    assert_int_equal(say(c, line, token, "x"), 401);
    assert_null(strstr(buf_cstr(&c->heard), "C1"));
    rig_free(c);
}

#define SIGNED(sr, se)                                                                             \
    "SharedAccessSignature sr=hub.test%2Fdevices%2F" sr                                            \
    "&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D&se=" se

static const char *answer; /* the last one's text */

static int ask(const char *path, bool as_owner)
{
    static struct buf kept;
    struct rig_conn *c = rig_dial(&rig, WIRE_CONSOLE);
    struct buf token = {0}, line = {0};
    if (as_owner) rig_token(&rig, "iothubowner", "", &token);
    buf_printf(&line, "GET /admin/v1/%s", path);
    int status = say(c, buf_cstr(&line), buf_cstr(&token), "");
    buf_free(&kept);
    buf_put_slice(&kept, buf_slice(&c->heard));
    answer = buf_cstr(&kept);
    rig_free(c);
    buf_free(&token);
    buf_free(&line);
    return status;
}

static bool told(const char *text)
{
    return strstr(answer, text) != NULL;
}

static void what_was_refused_is_told_to_administrators_only(void **state)
{
    (void)state;
    refuse("d1", SIGNED("d1", "1799990000"));
    refuse("d1", SIGNED("d1", "1799990000"));
    refuse("d1", SIGNED("d1", "1900000000"));
    assert_int_equal(ask("devices/d1/attempts", false), 401);
    assert_int_equal(ask("refusals", false), 401);
    assert_int_equal(ask("devices/d1/attempts", true), 200);
    assert_true(told("\"cause\":\"C133\""));
    assert_true(told("\"count\":2,\"id\":\"d1\",\"cause\":\"C131\""));
    assert_true(told("\"stage\":\"credential\",\"state\":\"failed\""));
    assert_false(told("AAAAAAA")); /* the signature */
    assert_int_equal(ask("devices/d1/attempts?top=1", true), 200);
    assert_false(told("C131"));
}

static void an_id_that_does_not_exist_is_a_stranger_and_another_spelling_is_told(void **state)
{
    (void)state;
    refuse("D1", SIGNED("D1", "1900000000"));
    assert_int_equal(ask("devices/D1/attempts", true), 200);
    assert_true(told("\"cause\":\"C140\""));
    assert_true(told("d1 exists: ids are case-sensitive"));
    assert_int_equal(ask("devices/d1/attempts", true), 200);
    assert_true(told("\"attempts\":[]"));
}

/* With a policy's key, and without its name. */
static void refuse_guessed(const char *device_id)
{
    const struct policy *p = policies_find(rig.wire.hub.policies, SLICE_LIT("device"));
    char resource[64];
    struct buf token = {0};
    snprintf(resource, sizeof resource, "hub.test/devices/%s", device_id);
    sas_make(&token, slice_str(resource), slice_of(p->keys[0].bytes, p->keys[0].len), NULL,
             1900000000);
    refuse(device_id, buf_cstr(&token));
    buf_free(&token);
}

/* What is more is refused all the same, and nobody says whose key it was. */
static void whose_key_it_was_is_guessed_50_times_a_second(void **state)
{
    (void)state;
    char id[32];
    for (unsigned i = 0; i <= SESSION_GUESSES_MAX; i++) {
        snprintf(id, sizeof id, "guessed-%u", i);
        rig_create_device(&rig, id);
    }
    rig_wait(&rig, 1000000 - rig.wall_us % 1000000);
    int64_t began_us = rig.wall_us;
    int64_t met = limit_reached("login-guesses");
    for (unsigned i = 0; i <= SESSION_GUESSES_MAX; i++) {
        char path[64];
        snprintf(id, sizeof id, "guessed-%u", i);
        refuse_guessed(id);
        snprintf(path, sizeof path, "devices/%s/attempts", id);
        assert_int_equal(ask(path, true), 200);
        assert_true(told("C133"));
        assert_int_equal(told("the key of the policy 'device'"), i < SESSION_GUESSES_MAX);
        assert_int_equal(limit_reached("login-guesses") - met, i == SESSION_GUESSES_MAX);
    }
    assert_true(rig.wall_us - began_us < 1000000);
    rig_wait(&rig, 1000000);
    refuse_guessed("d1");
    assert_int_equal(ask("devices/d1/attempts", true), 200);
    assert_true(told("the key of the policy 'device'"));
}

static void the_same_cause_for_many_is_an_alert(void **state)
{
    (void)state;
    refuse("n1", SIGNED("n1", "1900000000"));
    refuse("n2", SIGNED("n2", "1900000000"));
    refuse("n3", SIGNED("n3", "1900000000"));
    assert_int_equal(ask("refusals?top=1", true), 200);
    assert_true(told("\"alerts\":[]"));
    refuse("n4", SIGNED("n4", "1900000000"));
    assert_int_equal(ask("refusals?cause=C131", true), 200); /* alerts are of all causes */
    assert_true(told("\"alerts\":[{\"cause\":\"C140\",\"name\":\"unknown-id\",\"ids\":4,"));
    assert_int_equal(ask("devices/n1/attempts", true), 200);
    assert_true(told("It is not alone: 4 ids were refused for C140 unknown-id"));
}

static void the_list_has_pages_and_filters(void **state)
{
    char path[128], *token;
    (void)state;
    refuse("d1", SIGNED("d1", "1799990000"));
    refuse("nobody", SIGNED("nobody", "1900000000"));
    assert_int_equal(ask("refusals?top=1", true), 200);
    assert_true(told("C140") && !told("C131"));
    token = strstr(answer, "continuationToken\":\"");
    assert_non_null(token);
    token += strlen("continuationToken\":\"");
    snprintf(path, sizeof path, "refusals?top=1&continuationToken=%.*s", (int)strcspn(token, "\""),
             token);
    assert_int_equal(ask(path, true), 200);
    assert_true(told("C131") && !told("C140") && told("\"continuationToken\":null"));
    assert_int_equal(ask("refusals?cause=sas-expired&since=1h", true), 200);
    assert_true(told("C131") && !told("C140"));
    assert_int_equal(ask("refusals?since=31622400", true), 200);
    assert_int_equal(ask("refusals?id=nobody", true), 200);
    assert_true(told("C140") && !told("C131"));
    assert_int_equal(ask("refusals/causes", true), 200);
    assert_true(told("\"cause\":\"C101\",\"name\":\"no-tls\",\"stage\":\"tls\""));
}

static void wrong_questions_are_said_to_be_so(void **state)
{
    static const char *const paths[] = {
        "refusals?cause=C999",
        "refusals?since=yesterday",
        "refusals?since=5y",
        "refusals?since=1735689600",
        "refusals?since=31622401",
        "refusals?top=0",
        "refusals?top=257",
        "refusals?continuationToken=x",
        "refusals?continuationToken=1.64",
        "devices/d1/attempts?top=65",
        "devices/d%2F1/attempts",
    };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(ask(paths[i], true), 400);
    assert_int_equal(ask("refusals?top=256&continuationToken=1.63", true), 200);
    assert_int_equal(ask("devices/d1/attempts?top=64", true), 200);
}

static void a_success_ends_the_story(void **state)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    struct buf token = {0};
    (void)state;
    refuse("d1", SIGNED("d1", "1799990000"));
    rig_token(&rig, "device", "", &token);
    assert_int_equal(
        say(c, "POST /devices/d1/messages/events?api-version=2020-09-30", buf_cstr(&token), "x"),
        204);
    assert_int_equal(ask("devices/d1/attempts", true), 200);
    assert_true(told("\"summary\":\"d1 connected over https"));
    assert_true(told("C131"));
    buf_free(&token);
    rig_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_refused_is_told_to_administrators_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            an_id_that_does_not_exist_is_a_stranger_and_another_spelling_is_told, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(whose_key_it_was_is_guessed_50_times_a_second, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_cause_for_many_is_an_alert, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_list_has_pages_and_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_questions_are_said_to_be_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_success_ends_the_story, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
