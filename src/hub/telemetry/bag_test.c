/* bag_test.c - property bags as SDKs write them, and as attackers do. */
#include "base/test.h"

#include "base/limit.h"
#include "hub/telemetry/telemetry.h"

static struct property space[TELEMETRY_PROPERTIES_MAX];
static struct buf scratch;

static enum err parse(struct slice bag, struct envelope *out)
{
    *out = (struct envelope){0};
    return telemetry_parse_bag(bag, &scratch, space, out);
}

static void system_properties_reach_their_fields(void **state)
{
    (void)state;
    struct envelope m;
    assert_int_equal(parse(SLICE_LIT("%24.mid=42&%24.cid=c%201&$.uid=u&%24.to=%2Fx&"
                                     "%24.ct=application%2Fjson&%24.ce=utf-8&%24.sub=comp&"
                                     "%24.exp=2025-01-02T03%3A04%3A05.678Z"),
                           &m),
                     OK);
    assert_true(slice_is(m.message_id, "42"));
    assert_true(slice_is(m.correlation_id, "c 1"));
    assert_true(slice_is(m.user_id, "u"));
    assert_true(slice_is(m.to, "/x"));
    assert_true(slice_is(m.content_type, "application/json"));
    assert_true(slice_is(m.content_encoding, "utf-8"));
    assert_true(slice_is(m.subject, "comp"));
    assert_int_equal(m.expiry_ms, 1735787045678);
    assert_int_equal(m.property_count, 0);
}

static void an_expiry_may_be_a_number(void **state)
{
    (void)state;
    struct envelope m;
    assert_int_equal(parse(SLICE_LIT("%24.exp=1735787045678"), &m), OK);
    assert_int_equal(m.expiry_ms, 1735787045678);
    assert_int_equal(parse(SLICE_LIT("%24.exp=0"), &m), ERR_INVALID);
    assert_int_equal(parse(SLICE_LIT("%24.exp=-1"), &m), ERR_INVALID);
}

static void application_properties_keep_their_order_and_text(void **state)
{
    (void)state;
    struct envelope m;
    assert_int_equal(parse(SLICE_LIT("b=2%2B2&a=x+y&empty=&null&%24.ctime=t/"), &m), OK);
    static const char *const want[][2] = {
        {"b", "2+2"}, {"a", "x+y"}, {"empty", ""}, {"null", ""}, {"iothub-creation-time-utc", "t"}};
    assert_int_equal(m.property_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(slice_is(m.properties[i].name, want[i][0]));
        assert_true(slice_is(m.properties[i].value, want[i][1]));
    }
    assert_non_null(m.properties[2].value.ptr);
    assert_null(m.properties[3].value.ptr);
}

static void what_only_the_hub_may_say_is_dropped(void **state)
{
    (void)state;
    struct envelope m;
    assert_int_equal(parse(SLICE_LIT("%24.cdid=other&%24.cmid=m&iothub-connection-device-id=other&"
                                     "IoTHub-Connection-Auth-Method=x"),
                           &m),
                     OK);
    assert_int_equal(m.property_count, 0);
}

static void malformed_bags_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"a=%zz", "a=%4",  "=x",    "a=%00",
                                       "%00=a", "a=%ff", "%c3=a", "%24.exp=tomorrow"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct envelope m;
        assert_int_equal(parse(slice_str(rows[i]), &m), ERR_INVALID);
    }
}

static void empty_bags_are_fine(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "/", "&", "&&", "/"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct envelope m;
        assert_int_equal(parse(slice_str(rows[i]), &m), OK);
        assert_int_equal(m.property_count, 0);
    }
}

static void properties_have_a_limit(void **state)
{
    (void)state;
    struct envelope m;
    struct buf bag = {0};
    for (int i = 0; i < TELEMETRY_PROPERTIES_MAX; i++) buf_put_str(&bag, "a=b&");
    assert_int_equal(parse(buf_slice(&bag), &m), OK);
    assert_int_equal(m.property_count, TELEMETRY_PROPERTIES_MAX);
    int64_t met = limit_reached("telemetry-properties");
    buf_put_str(&bag, "a=b");
    assert_int_equal(parse(buf_slice(&bag), &m), ERR_TOO_BIG);
    assert_int_equal(limit_reached("telemetry-properties") - met, 1);
    buf_free(&bag);
}

static int free_scratch(void **state)
{
    (void)state;
    buf_free(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_properties_reach_their_fields),
        cmocka_unit_test(an_expiry_may_be_a_number),
        cmocka_unit_test(application_properties_keep_their_order_and_text),
        cmocka_unit_test(what_only_the_hub_may_say_is_dropped),
        cmocka_unit_test(malformed_bags_are_refused),
        cmocka_unit_test(empty_bags_are_fine),
        cmocka_unit_test(properties_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, free_scratch);
}
