/* scopes_test.c - IoT Edge hub's own API over HTTP: those below it, and modules written on behalf of them. */
#include "front/rest/fakes_test.h"

#define V "api-version=2020-06-30-preview"
#define P "/devices/e1/modules/$edgeHub/"

static const char *hub_token(void)
{
    return own_token("/devices/e1/modules/$edgeHub");
}

static void requests_become_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {"GET " P "devicesAndModulesInDeviceScope?" V, NULL,
         "scope e1 token of e1/ top=0 after= link=" P
         "devicesAndModulesInDeviceScope?deviceCount=0&api-version=2020-06-30-preview&"
         "continuationToken="},
        {"GET " P "devicesAndModulesInDeviceScope?deviceCount=7&continuationToken=a%2Fb&" V, NULL,
         "scope e1 token of e1/ top=7 after=a/b link=" P
         "devicesAndModulesInDeviceScope?deviceCount=7&api-version=2020-06-30-preview&"
         "continuationToken="},
        {"GET " P "deviceAndModuleInDeviceScope?targetDeviceId=d1&targetModuleId=m1&" V, NULL,
         "scope e1 token of d1/m1 only top=0 after= link="},
        {"GET " P "deviceAndModuleInDeviceScope?targetDeviceId=d%25&" V, NULL,
         "scope e1 token of d%/ only top=0 after= link="},
        {"POST " P "devicesAndModulesInTargetDeviceScope?" V,
         "{\"authChain\":\"d1/m1;e2;e1\",\"pageSize\":5,\"continuationLink\":\"x%20y\"}",
         "scope e1 token of d1/ top=5 after=x y link="},
        {"POST " P "devicesAndModulesInTargetDeviceScope?" V,
         "{\"AUTHCHAIN\":\"d1\",\"PageSize\":null,\"ContinuationLink\":null}",
         "scope e1 token of d1/ top=0 after= link="},
        {"POST " P "devicesAndModulesInTargetDeviceScope?" V, "{\"authChain\":1}",
         "scope e1 token of / top=0 after= link="},
        {"POST " P "getDeviceAndModuleOnBehalfOf?" V,
         "{\"TargetDeviceId\":\"d1\",\"targetModuleId\":\"m1\",\"authChain\":\"d1;e1\"}",
         "scope e1 token of d1/m1 only top=0 after= link="},
        {"POST " P "getDeviceAndModuleOnBehalfOf?" V, "{\"targetModuleId\":[]}",
         "scope e1 token of / only top=0 after= link="},
        {"POST " P "getModulesOnTargetDevice?" V, "{\"authChain\":\"d1;e1\"}",
         "behalf list e1 token d1;e1 '' match=none "},
        {"POST " P "getModuleOnBehalfOf?" V, "{\"AuthChain\":\"d1;e1\",\"TargetModuleId\":\"m1\"}",
         "behalf get e1 token d1;e1 'm1' match=none "},
        {"PUT " P "putModuleOnBehalfOf?" V,
         "{\"authChain\":\"d1;e1\",\"module\":{\"moduleId\":\"m1\",\"a\":[1.0]}}",
         "behalf put e1 token d1;e1 'm1' match=none {\"moduleId\":\"m1\",\"a\":[1.0]}"},
        {"POST " P "deleteModuleOnBehalfOf?" V, "{\"authChain\":\"d1;e1\",\"moduleId\":\"m1\"}",
         "behalf delete e1 token d1;e1 'm1' match=none "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, hub_token(), rows[i].body);
        assert_string_equal(world.registry.asked, rows[i].asked);
        registry_says(&(struct registry_answer){.etag = SLICE_LIT("x"), .body = SLICE_LIT("{}")});
        assert_int_equal(answered(), 200);
        assert_string_equal(said_body(), "{}");
    }
}

/* Each request of the API, with a body that is good. */
static const struct {
    const char *method, *name, *body; /* NULL: none */
    bool writes;
} requests[] = {
    {"GET", "devicesAndModulesInDeviceScope", NULL, false},
    {"GET", "deviceAndModuleInDeviceScope", NULL, false},
    {"POST", "devicesAndModulesInTargetDeviceScope", "{}", false},
    {"POST", "getDeviceAndModuleOnBehalfOf", "{}", false},
    {"POST", "getModulesOnTargetDevice", "{}", false},
    {"POST", "getModuleOnBehalfOf", "{\"targetModuleId\":\"m\"}", false},
    {"PUT", "putModuleOnBehalfOf", "{\"module\":{\"moduleId\":\"m\"}}", true},
    {"POST", "deleteModuleOnBehalfOf", "{\"moduleId\":\"m\"}", true},
};

enum { REQUESTS = sizeof requests / sizeof *requests };

static void ask(size_t i, const char *who, const char *credential, const char *body)
{
    char line[256];
    snprintf(line, sizeof line, "%s /devices/%s/%s?" V, requests[i].method, who, requests[i].name);
    request(line, credential, body);
}

static void edge_hubs_and_services_may_ask_and_nobody_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < REQUESTS; i++) {
        ask(i, "e1/modules/$edgeHub", token("registryReadWrite", ""), requests[i].body);
        assert_non_null(world.registry.wait);
        assert_null(strstr(world.registry.asked, " token"));
        registry_says(&(struct registry_answer){.status = STATUS_UNAUTHORIZED_ACCESS});
        expect_error(401, "IotHubUnauthorizedAccess");
        ask(i, "e1/modules/$edgeHub", token("registryRead", ""), requests[i].body);
        assert_int_equal(world.registry.wait != NULL, !requests[i].writes);
        if (world.registry.wait) registry_says(&(struct registry_answer){.body = SLICE_LIT("[]")});
        assert_int_equal(answered(), requests[i].writes ? 401 : 200);
        ask(i, "e1/modules/$edgeHub", token("service", ""), requests[i].body);
        expect_error(401, "IotHubUnauthorizedAccess");
        ask(i, "e1/modules/$edgeHub", "", requests[i].body);
        expect_error(401, "IotHubUnauthorizedAccess");
        ask(i, "e1/modules/$edgeAgent", own_token("/devices/e1/modules/$edgeAgent"),
            requests[i].body);
        expect_error(401, "IotHubUnauthorizedAccess");
        ask(i, "e1/modules/$edgehub", token("iothubowner", ""), requests[i].body);
        expect_error(401, "IotHubUnauthorizedAccess");
        ask(i, "e%2F1/modules/$edgeHub", token("iothubowner", ""), requests[i].body);
        expect_error(400, "ArgumentInvalid");
        assert_null(world.registry.wait);
    }
}

static void a_body_that_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "{", "[]", "\"a\"", "null", "{}{}"};
    for (size_t i = 0; i < REQUESTS; i++) {
        if (requests[i].body == NULL) continue;
        for (size_t j = 0; j < sizeof bodies / sizeof *bodies; j++) {
            ask(i, "e1/modules/$edgeHub", hub_token(), bodies[j]);
            expect_error(400, "DeserializationError");
            assert_null(world.registry.wait);
        }
    }
}

static void a_module_needs_an_id(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body;
    } rows[] = {
        {"POST " P "getModuleOnBehalfOf?" V, "{\"moduleId\":\"m\"}"},
        {"POST " P "getModuleOnBehalfOf?" V, "{\"targetModuleId\":\"m/x\"}"},
        {"PUT " P "putModuleOnBehalfOf?" V, "{\"moduleId\":\"m\"}"},
        {"PUT " P "putModuleOnBehalfOf?" V, "{\"module\":\"m\"}"},
        {"PUT " P "putModuleOnBehalfOf?" V, "{\"module\":{\"moduleId\":7}}"},
        {"POST " P "deleteModuleOnBehalfOf?" V, "{\"moduleId\":\"\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, hub_token(), rows[i].body);
        expect_error(400, "ArgumentInvalid");
        assert_null(world.registry.wait);
    }
}

static void ask_count(const char *count)
{
    char line[256], body[256];
    snprintf(line, sizeof line, "GET " P "devicesAndModulesInDeviceScope?deviceCount=%s&" V, count);
    request(line, hub_token(), NULL);
    if (world.registry.wait) registry_says(&(struct registry_answer){.body = SLICE_LIT("{}")});
    int by_query = answered();
    snprintf(body, sizeof body, "{\"authChain\":\"d;e1\",\"pageSize\":%s}", count);
    request("POST " P "devicesAndModulesInTargetDeviceScope?" V, hub_token(), body);
    if (world.registry.wait) registry_says(&(struct registry_answer){.body = SLICE_LIT("{}")});
    assert_int_equal(answered(), by_query);
}

static void a_page_has_a_thousand_and_not_one_more(void **state)
{
    (void)state;
    static const char *const bad[] = {"1001", "-1", "1.5", "1e2", "99999999999999999999"};
    ask_count("1000");
    assert_true(said_line("HTTP/1.1 200"));
    assert_non_null(strstr(world.registry.asked, "top=1000"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask_count(bad[i]);
        assert_true(said_line("HTTP/1.1 400"));
        assert_true(said_line("iothub-errorcode: ArgumentInvalid\r\n"));
    }
    request("POST " P "devicesAndModulesInTargetDeviceScope?" V, hub_token(),
            "{\"pageSize\":\"5\"}");
    expect_error(400, "ArgumentInvalid");
    request("GET " P "devicesAndModulesInDeviceScope?deviceCount=x&" V, hub_token(), NULL);
    expect_error(400, "ArgumentInvalid");
}

static void bodies_have_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < REQUESTS; i++) {
        if (requests[i].body == NULL) continue;
        size_t max = requests[i].method[1] == 'U' ? REGISTRY_BODY_MAX : REST_SMALL_BODY_MAX;
        char *body = malloc(max + 2);
        for (size_t more = 0; more < 2; more++) {
            memset(body, ' ', max + more);
            memcpy(body, requests[i].body, strlen(requests[i].body));
            body[max + more] = '\0';
            ask(i, "e1/modules/$edgeHub", hub_token(), body);
            assert_int_equal(world.registry.wait != NULL, !more);
            if (!more) registry_says(&(struct registry_answer){.body = SLICE_LIT("{}")});
            assert_int_equal(answered(), more ? 413 : 200);
        }
        free(body);
        call_again();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_become_verbs),
        TEST(edge_hubs_and_services_may_ask_and_nobody_else),
        TEST(a_body_that_is_no_object_is_refused),
        TEST(a_module_needs_an_id),
        TEST(a_page_has_a_thousand_and_not_one_more),
        TEST(bodies_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
