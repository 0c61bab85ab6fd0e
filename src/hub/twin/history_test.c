/* history_test.c - what services wrote lately, and the way back: contents, limits, restarts. */
#include "hub/twin/fixture_test.h"

/* ---- asking */

static void merge(const char *json)
{
    must_change("d1", TWIN_MERGE, json);
}

static enum status history(struct reply *r)
{
    twin_history(asking(r), SLICE_LIT("d1"), &r->wait);
    return answered(r);
}

/* ---- looking */

static const struct json *items(const struct reply *r)
{
    return json_get(r->body, "history")->child;
}

static unsigned count(const struct reply *r)
{
    unsigned n = 0;
    for (const struct json *j = items(r); j; j = j->next) n++;
    return n;
}

/* "VERSION PATCH UNDO" of the n-th; without a patch it is what was before the oldest. */
static const char *item(const struct reply *r, unsigned n)
{
    static struct buf out;
    const struct json *j = items(r);
    while (n--) j = j->next;
    buf_clear(&out);
    json_write(&out, json_get(j, "version"));
    for (int i = 0; i < 2; i++) {
        const struct json *patch = json_get(j, i ? "undo" : "patch");
        buf_put_u8(&out, ' ');
        if (patch) json_write(&out, patch);
    }
    return buf_cstr(&out);
}

static const char *member(const struct json *j, const char *name)
{
    static struct buf out;
    buf_clear(&out);
    json_write(&out, json_get(j, name));
    return buf_cstr(&out);
}

/* ---- tests */

static void a_twin_that_nobody_wrote_has_no_history(void **state)
{
    (void)state;
    struct reply r = {0};
    assert_int_equal(history(&r), STATUS_DEVICE_NOT_FOUND);
    create("d1");
    assert_int_equal(history(&r), STATUS_OK);
    assert_int_equal(count(&r), 0);
    must_report("d1", "{\"a\":1}");
    assert_int_equal(history(&r), STATUS_OK);
    assert_int_equal(count(&r), 0); /* reports have none */
    assert_string_equal(member(r.body, "version"), "3");
    reply_free(&r);
}

static void each_write_is_there_with_its_patch_and_the_way_back(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    merge(
        "{\"tags\":{\"site\":\"a\"},\"properties\":{\"desired\":{\"rate\":1,\"deep\":{\"x\":1}}}}");
    must_report("d1", "{\"rate\":1}");
    merge("{\"properties\":{\"desired\":{\"rate\":2,\"deep\":{\"x\":null,\"y\":[1]}}}}");
    assert_int_equal(history(&r), STATUS_OK);
    assert_string_equal(r.etag, "AAAAAAAAAAM=");
    assert_string_equal(member(r.body, "etag"), "\"AAAAAAAAAAM=\"");
    assert_int_equal(count(&r), 3);
    assert_string_equal(member(items(&r), "by"), "\"policy service\"");
    assert_string_equal(
        item(&r, 0),
        "5 {\"properties\":{\"desired\":{\"rate\":2,\"deep\":{\"x\":null,\"y\":[1]}}}} {}");
    assert_string_equal(item(&r, 1),
                        "3 {\"tags\":{\"site\":\"a\"},\"properties\":{\"desired\":{\"rate\":1,"
                        "\"deep\":{\"x\":1}}}} {\"properties\":{\"desired\":{\"rate\":1,"
                        "\"deep\":{\"y\":null,\"x\":1}}}}");
    assert_string_equal(item(&r, 2), "2  {\"tags\":{\"site\":null},\"properties\":{\"desired\":{"
                                     "\"rate\":null,\"deep\":null}}}");
    reply_free(&r);
}

/* What was replaced as a whole, and what is written with the etag that came along. */
static void the_way_back_leads_back(void **state)
{
    (void)state;
    struct reply r = {0}, then = {0};
    struct buf undo = {0}, before = {0};
    create("d1");
    merge("{\"tags\":{\"a\":{\"b\":1}},\"properties\":{\"desired\":{\"n\":1.50,\"o\":{}}}}");
    assert_int_equal(change(&then, "d1", TWIN_REPLACE_DESIRED, NULL, "{\"other\":true}"),
                     STATUS_OK);
    assert_int_equal(change(&then, "d1", TWIN_REPLACE_TAGS, NULL, "{\"a\":5}"), STATUS_OK);
    assert_int_equal(history(&r), STATUS_OK);
    json_write(&undo, json_get(items(&r)->next->next, "undo"));
    assert_int_equal(change(&then, "d1", TWIN_MERGE, "\"AAAAAAAAAAE=\"", buf_cstr(&undo)),
                     STATUS_PRECONDITION_FAILED);
    assert_int_equal(change(&then, "d1", TWIN_MERGE, r.etag, buf_cstr(&undo)), STATUS_OK);
    assert_string_equal(member(then.body, "tags"), "{\"a\":{\"b\":1}}");
    json_write(&before, json_get(json_get(json_get(then.body, "properties"), "desired"), "n"));
    assert_string_equal(buf_cstr(&before), "1.50");
    assert_int_equal(history(&r), STATUS_OK);
    assert_string_equal(strrchr(item(&r, 3), ' '), " {}"); /* where we are again */
    buf_free(&undo);
    buf_free(&before);
    reply_free(&r);
    reply_free(&then);
}

static void the_newest_stay(void **state)
{
    (void)state;
    struct reply r = {0};
    char json[64];
    create("d1");
    for (int i = 1; i <= TWIN_HISTORY_MAX; i++) {
        snprintf(json, sizeof json, "{\"tags\":{\"n\":%d}}", i);
        merge(json);
    }
    assert_int_equal(history(&r), STATUS_OK);
    assert_int_equal(count(&r), TWIN_HISTORY_MAX + 1);
    assert_string_equal(item(&r, TWIN_HISTORY_MAX), "2  {\"tags\":{\"n\":null}}");
    merge("{\"tags\":{\"n\":0}}");
    assert_int_equal(history(&r), STATUS_OK);
    assert_int_equal(count(&r), TWIN_HISTORY_MAX + 1);
    assert_string_equal(item(&r, TWIN_HISTORY_MAX), "3  {\"tags\":{\"n\":1}}");
    reply_free(&r);
}

/* Each write changes a list of 240 KiB: long numbers, which count little. */
static void merge_long_list(int last)
{
    struct buf json = {0};
    buf_put_str(&json, "{\"properties\":{\"desired\":{\"n\":[");
    for (int i = 0; i < 3800; i++) buf_printf(&json, "1.%061d,", last);
    buf_printf(&json, "%d]}}}", last);
    merge(buf_cstr(&json));
    buf_free(&json);
}

static void a_history_that_is_longer_than_a_page_shows_the_newest(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    for (int i = 0; i < 2; i++) merge_long_list(i);
    assert_int_equal(history(&r), STATUS_OK);
    assert_int_equal(count(&r), 3);
    for (int i = 2; i < 6; i++) merge_long_list(i);
    assert_int_equal(history(&r), STATUS_OK);
    assert_in_range(count(&r), 3, 6);
    assert_null(json_get(json_get(items(&r), "undo"), "properties"));
    reply_free(&r);
}

static void a_restart_keeps_it_and_a_new_identity_has_none(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    merge("{\"tags\":{\"n\":1}}");
    restart();
    assert_int_equal(history(&r), STATUS_OK);
    assert_int_equal(count(&r), 2);
    drop("d1");
    create("d1");
    assert_int_equal(history(&r), STATUS_OK);
    assert_int_equal(count(&r), 0);
    merge("{\"tags\":{\"m\":1}}");
    assert_int_equal(history(&r), STATUS_OK);
    assert_string_equal(item(&r, 1), "2  {\"tags\":{\"m\":null}}");
    reply_free(&r);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_twin_that_nobody_wrote_has_no_history),
        TEST(each_write_is_there_with_its_patch_and_the_way_back),
        TEST(the_way_back_leads_back),
        TEST(the_newest_stay),
        TEST(a_history_that_is_longer_than_a_page_shows_the_newest),
        TEST(a_restart_keeps_it_and_a_new_identity_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
