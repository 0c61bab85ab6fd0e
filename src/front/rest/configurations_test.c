/* configurations_test.c - configurations over HTTP. */
#include "front/rest/fakes_test.h"

#define V "api-version=2021-04-12"

static void say(const struct configuration_answer *a)
{
    struct configuration_wait *w = world.configurations.wait;
    assert_non_null(w);
    world.configurations.wait = NULL;
    w->fn(w, a);
}

static void requests_become_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {"PUT /configurations/c1?" V, "{\"a\":1}", "put c1 match=none {\"a\":1}"},
        {"GET /configurations/c-2?" V, NULL, "get c-2 match=none "},
        {"DELETE /configurations/c1?" V, "", "delete c1 match=none "},
        {"GET /configurations?" V, NULL, "list  match=none "},
        {"GET /configurations/?top=20&" V, NULL, "list  match=none "}, /* C# and C */
        {"POST /configurations/testQueries?" V, "{}", "test  match=none {}"},
        {"POST /devices/d1/applyConfigurationContent?" V, "{}", "apply d1 match=none {}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("service", ""), rows[i].body);
        assert_string_equal(world.configurations.asked, rows[i].asked);
        say(&(struct configuration_answer){.body = SLICE_LIT("{}"), .etag = SLICE_LIT("MQ==")});
        assert_int_equal(answered(), 200);
        assert_true(said_line("etag: \"MQ==\"\r\n"));
        assert_string_equal(said_body(), "{}");
    }
}

static void a_body_has_a_limit(void **state)
{
    (void)state;
    char *body = malloc(CONFIGURATION_BODY_MAX + 2);
    memset(body, ' ', CONFIGURATION_BODY_MAX + 1);
    body[CONFIGURATION_BODY_MAX] = '\0';
    request("PUT /configurations/c1?" V, token("service", ""), body);
    say(&(struct configuration_answer){0});
    assert_int_equal(answered(), 204);
    body[CONFIGURATION_BODY_MAX] = ' ';
    body[CONFIGURATION_BODY_MAX + 1] = '\0';
    request("PUT /configurations/c1?" V, token("service", ""), body);
    assert_int_equal(answered(), 413);
    free(body);
}

static void what_says_nothing_is_204(void **state)
{
    (void)state;
    request("DELETE /configurations/c1?" V, token("service", ""), "");
    say(&(struct configuration_answer){0});
    assert_int_equal(answered(), 204);
}

static void errors_have_their_names(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        int http;
        const char *name;
    } rows[] = {
        {STATUS_CONFIGURATION_NOT_FOUND, 404, "ConfigurationNotFound"},
        {STATUS_CONFIGURATION_ALREADY_EXISTS, 409, "ConfigurationAlreadyExists"},
        {STATUS_CONFIGURATION_COUNT_LIMIT, 413, "ConfigurationCountLimitExceeded"},
        {STATUS_INVALID_CONFIGURATION_CONTENT, 400, "InvalidConfigurationContent"},
        {STATUS_INVALID_TARGET_CONDITION, 400, "InvalidConfigurationTargetCondition"},
        {STATUS_INVALID_METRICS_QUERY, 400, "InvalidConfigurationCustomMetricsQuery"},
        {STATUS_APPLY_CONFIGURATION_IN_PROGRESS, 409,
         "ApplyConfigurationAlreadyInProgressOnDevice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request("PUT /configurations/c1?" V, token("service", ""), "{}");
        say(&(struct configuration_answer){.status = rows[i].status, .text = SLICE_LIT("no")});
        expect_error(rows[i].http, rows[i].name);
    }
    request("GET /configurations?" V, token("device", ""), NULL);
    assert_int_equal(answered(), 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_become_verbs, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_body_has_a_limit, world_open, world_close),
        cmocka_unit_test_setup_teardown(what_says_nothing_is_204, world_open, world_close),
        cmocka_unit_test_setup_teardown(errors_have_their_names, world_open, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
