#include "cli/twin_diff.h"

#include "base/test.h"

/* The rows, as "key state;", with a '*' behind who says since when it is desired. */
static const char *rows(const char *properties, bool all)
{
    static struct buf said;
    struct buf twin = {0};
    struct arena a = {0};
    struct json *parsed;
    buf_clear(&said);
    buf_printf(&twin, "{\"properties\":%s}", properties);
    assert_int_equal(json_parse(&a, buf_slice(&twin), &parsed), OK);
    for (const struct json *r = twin_diff_rows(&a, parsed, all)->child; r; r = r->next)
        buf_printf(&said, "%.*s %.*s%s;", SLICE_ARG(json_str(r, "key")),
                   SLICE_ARG(json_str(r, "state")), json_get(r, "desiredSince") ? "*" : "");
    buf_put_u8(&said, 0);
    static char text[512];
    snprintf(text, sizeof text, "%s", (const char *)said.ptr);
    buf_free(&said);
    buf_free(&twin);
    arena_free(&a);
    return text;
}

static void what_is_desired_and_not_so_is_pending(void **state)
{
    (void)state;
    static const struct {
        const char *properties, *pending, *all;
    } cases[] = {
        {"{\"desired\":{\"$version\":3},\"reported\":{\"$version\":1}}", "", ""},
        {"{\"desired\":{\"a\":1},\"reported\":{\"a\":1.0}}", "", "a in sync;"},
        {"{\"desired\":{\"a\":1},\"reported\":{\"a\":2,\"t\":3}}", "a pending;",
         "a pending;t reported only;"},
        {"{\"desired\":{\"a\":{\"b\":1,\"c\":2}},\"reported\":{\"a\":{\"b\":1,\"d\":2}}}",
         "a.c pending;", "a.b in sync;a.c pending;a.d reported only;"},
        {"{\"desired\":{\"a\":{\"b\":1}},\"reported\":{\"a\":1}}", "a pending;", "a pending;"},
        {"{\"desired\":{\"a\":[1,2]},\"reported\":{\"a\":[2,1]}}", "a pending;", "a pending;"},
        {"{\"desired\":{\"a\":1,\"$metadata\":{\"a\":{\"$lastUpdated\":\"2026-01-31T12:00:00Z\"}}}"
         "}",
         "a pending*;", "a pending*;"},
        {"{}", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(rows(cases[i].properties, false), cases[i].pending);
        assert_string_equal(rows(cases[i].properties, true), cases[i].all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_desired_and_not_so_is_pending)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
