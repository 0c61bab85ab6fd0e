/* feedback_test.c - /messages/serviceBound/feedback: what is asked of the queue, and how it is answered. */
#include "front/rest/fakes_test.h"

#define GUID "33221100-5544-7766-8899-aabbccddeeff"

static const uint8_t lock[NOTICE_LOCK_LEN] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                              0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
static const char *const receive = "GET /messages/serviceBound/feedback?api-version=2021-04-12";

static const char *asked(void)
{
    return world.c2d.feedback.asked;
}

static struct notice_receiver *visitor(void)
{
    struct notice_receiver *r = world.c2d.feedback.wait;
    assert_non_null(r);
    return r;
}

static void ask(const char *line)
{
    request(line, token("service", ""), "");
}

/* ---- */

static void a_batch_is_answered_with_its_lock(void **state)
{
    (void)state;
    ask(receive);
    assert_string_equal(asked(), "take");
    visitor()->batch(visitor(), lock, 1000000, SLICE_LIT("[{\"statusCode\":\"Success\"}]"));
    assert_null(world.c2d.feedback.wait);
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "[{\"statusCode\":\"Success\"}]");
    assert_true(said_line("etag: \"" GUID "\"\r\n"));
    assert_true(said_line("iothub-enqueuedtime: 1970-01-01T00:00:01.0000000Z\r\n"));
    assert_true(said_line("application/json; charset=utf-8"));
}

static void nothing_is_204_and_a_broken_store_503(void **state)
{
    (void)state;
    ask("GET /Messages/ServiceBound/Feedback/?api-version=2018-06-30");
    visitor()->nothing(visitor(), STATUS_OK);
    assert_int_equal(answered(), 204);
    ask(receive);
    visitor()->nothing(visitor(), STATUS_SERVICE_UNAVAILABLE);
    expect_error(503, "ServiceUnavailable");
}

static void a_lock_completes_rejects_or_abandons(void **state)
{
    static const struct {
        const char *line, *asked;
    } rows[] = {
        {"DELETE /messages/serviceBound/feedback/" GUID "?api-version=1", "complete 00..ff"},
        {"DELETE /messages/serviceBound/feedback/%22" GUID "%22?api-version=1", "complete 00..ff"},
        {"DELETE /messages/serviceBound/feedback/" GUID "?api-version=1&reject", "reject 00..ff"},
        {"DELETE /messages/serviceBound/feedback/" GUID "?api-version=1&reject=false",
         "complete 00..ff"},
        {"POST /messages/servicebound/feedback/" GUID "/abandon?api-version=1", "abandon 00..ff"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask(rows[i].line);
        assert_string_equal(asked(), rows[i].asked);
        visitor()->settled(visitor(), lock, STATUS_OK);
        assert_int_equal(answered(), 204);
        assert_null(world.c2d.feedback.wait);
    }
}

static void a_lock_that_is_over_or_none_is_refused(void **state)
{
    (void)state;
    const char *line = "DELETE /messages/serviceBound/feedback/" GUID "?api-version=1";
    ask(line);
    visitor()->settled(visitor(), lock, STATUS_DEVICE_MESSAGE_LOCK_LOST);
    expect_error(412, "DeviceMessageLockLost");
    ask(line);
    visitor()->settled(visitor(), lock, STATUS_SERVICE_UNAVAILABLE);
    expect_error(503, "ServiceUnavailable");
    ask("DELETE /messages/serviceBound/feedback/x?api-version=1");
    expect_error(400, "ArgumentInvalid");
    ask("POST /messages/serviceBound/feedback/x/abandon?api-version=1");
    expect_error(400, "ArgumentInvalid");
    ask("POST /messages/serviceBound/feedback/" GUID "?api-version=1");
    assert_int_equal(answered(), 405);
    ask("HEAD /messages/serviceBound/feedback?api-version=1");
    assert_int_equal(answered(), 405);
    assert_null(world.c2d.feedback.wait);
}

static void who_goes_away_is_forgotten(void **state)
{
    (void)state;
    ask(receive);
    assert_non_null(world.c2d.feedback.wait);
    call_again();
    assert_null(world.c2d.feedback.wait);
}

static void services_only(void **state)
{
    (void)state;
    request(receive, token("registryReadWrite", ""), "");
    expect_error(401, "IotHubUnauthorizedAccess");
    request("GET /messages/serviceBound/feedback?x=1", token("service", ""), "");
    expect_error(400, "InvalidProtocolVersion");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_answered_with_its_lock),    TEST(nothing_is_204_and_a_broken_store_503),
        TEST(a_lock_completes_rejects_or_abandons), TEST(a_lock_that_is_over_or_none_is_refused),
        TEST(who_goes_away_is_forgotten),           TEST(services_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
