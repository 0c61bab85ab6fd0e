/* transfers_test.c - import and export jobs over HTTP. */
#include "front/rest/fakes_test.h"

#define V "api-version=2021-04-12"

static void requests_become_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {"POST /jobs/create?" V, "{\"type\":\"export\"}", "create {\"type\":\"export\"}"},
        {"POST /jobs/create?" V, "{", "create {"}, /* the hub judges it */
        {"GET /jobs?" V, NULL, "list "},
        {"GET /jobs/j%2D1?" V, NULL, "get j-1"},
        {"DELETE /jobs/j1?" V, NULL, "cancel j1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("registryReadWrite", ""), rows[i].body);
        assert_string_equal(world.transfers.asked, rows[i].asked);
        transfers_say(&(struct transfer_answer){.body = SLICE_LIT("{\"jobId\":\"j1\"}")});
        assert_int_equal(answered(), 200);
        assert_string_equal(said_body(), "{\"jobId\":\"j1\"}");
    }
    request("DELETE /jobs/j1?" V, token("registryReadWrite", ""), NULL);
    transfers_say(&(struct transfer_answer){0});
    assert_int_equal(answered(), 204);
}

static void readers_see_and_writers_change(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body;
        bool writes;
    } rows[] = {
        {"POST /jobs/create?" V, "{}", true},
        {"GET /jobs?" V, NULL, false},
        {"GET /jobs/j1?" V, NULL, false},
        {"DELETE /jobs/j1?" V, NULL, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("registryRead", ""), rows[i].body);
        assert_int_equal(world.transfers.wait != NULL, !rows[i].writes);
        if (world.transfers.wait) transfers_say(&(struct transfer_answer){0});
        assert_int_equal(answered(), rows[i].writes ? 401 : 204);
        request(rows[i].line, token("service", ""), rows[i].body);
        expect_error(401, "IotHubUnauthorizedAccess");
        request(rows[i].line, own_token("/devices/d1"), rows[i].body);
        expect_error(401, "IotHubUnauthorizedAccess");
        assert_null(world.transfers.wait);
    }
}

static void a_body_has_a_limit(void **state)
{
    (void)state;
    char *body = malloc(TRANSFER_BODY_MAX + 2);
    for (size_t more = 0; more < 2; more++) {
        memset(body, ' ', TRANSFER_BODY_MAX + more);
        body[TRANSFER_BODY_MAX + more] = '\0';
        request("POST /jobs/create?" V, token("iothubowner", ""), body);
        assert_int_equal(world.transfers.wait != NULL, !more);
        if (!more) transfers_say(&(struct transfer_answer){0});
        assert_int_equal(answered(), more ? 413 : 204);
    }
    free(body);
}

static void errors_have_their_names(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        int http;
    } rows[] = {
        {STATUS_ARGUMENT_INVALID, 400},
        {STATUS_JOB_NOT_FOUND, 404},
        {STATUS_JOB_QUOTA_EXCEEDED, 403},
        {STATUS_BLOB_CONTAINER_VALIDATION_ERROR, 400},
        {STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED, 429},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request("POST /jobs/create?" V, token("iothubowner", ""), "{}");
        transfers_say(&(struct transfer_answer){.status = rows[i].status, .text = SLICE_LIT("no")});
        expect_error(rows[i].http, status_name(rows[i].status));
    }
}

static void who_goes_away_is_forgotten(void **state)
{
    (void)state;
    request("GET /jobs?" V, token("iothubowner", ""), NULL);
    assert_non_null(world.transfers.wait);
    call_again();
    assert_null(world.transfers.wait);
}

/* Asked of the console. */
static void the_hubs_own_container_is_told_to_its_owner(void **state)
{
    (void)state;
    call_console();
    request("POST /admin/v1/container/uri", token("iothubowner", ""), "");
    assert_int_equal(answered(), 404);
    world.transfers.has_container = true;
    request("POST /admin/v1/container/uri", token("iothubowner", ""), "");
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "{\"uri\":\"https://my.hub/files?sig=x\"}");
    world.config.https_port = 8443;
    request("POST /admin/v1/container/uri", token("iothubowner", ""), "");
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "{\"uri\":\"https://my.hub:8443/files?sig=x\"}");
    request("POST /admin/v1/container/uri", token("registryReadWrite", ""), "");
    assert_int_equal(answered(), 401);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_become_verbs),      TEST(readers_see_and_writers_change),
        TEST(a_body_has_a_limit),         TEST(errors_have_their_names),
        TEST(who_goes_away_is_forgotten), TEST(the_hubs_own_container_is_told_to_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
