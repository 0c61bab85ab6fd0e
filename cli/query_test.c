/* query_test.c - JMESPath rows; the expected results follow its specification. */
#include "base/test.h"

#include "cli/query.h"

static const char *const devices =
    "{\"items\":[{\"id\":\"b\",\"n\":2,\"tags\":{\"site\":\"x\"},\"keys\":[1,2]},"
    "{\"id\":\"a\",\"n\":10,\"tags\":{\"site\":\"y\"},\"keys\":[3]},"
    "{\"id\":\"c\",\"n\":3,\"keys\":[[4,5],6]}],"
    "\"count\":3,\"name with space\":\"s\",\"flag\":false,\"empty\":\"\",\"map\":{\"p\":{\"v\":1},"
    "\"q\":{\"v\":2}}}";

static void expressions_select_what_the_specification_says(void **state)
{
    (void)state;
    static const struct {
        const char *query, *expected;
    } rows[] = {
        {"count", "3"},
        {"@.count", "3"},
        {"missing", "null"},
        {"count.deeper", "null"},
        {"\"name with space\"", "\"s\""},
        {"items[0].id", "\"b\""},
        {"items[-1].id", "\"c\""},
        {"items[3].id", "null"},
        {"items[-4]", "null"},
        {"items[*].id", "[\"b\",\"a\",\"c\"]"},
        {"items[].id", "[\"b\",\"a\",\"c\"]"},
        {"items[*].tags.site", "[\"x\",\"y\"]"},
        {"items[*].keys", "[[1,2],[3],[[4,5],6]]"},
        {"items[*].keys[]", "[1,2,3,[4,5],6]"},
        {"items[].keys[][]", "[1,2,3,4,5,6]"},
        {"items[*].keys[0]", "[1,3,[4,5]]"},
        {"items[*].keys | [0]", "[1,2]"},
        {"items[*].id | length(@)", "3"},
        {"map.*.v", "[1,2]"},
        {"map.* | [0].v", "1"},
        {"items[?n > `2`].id", "[\"a\",\"c\"]"},
        {"items[?n >= `3` && id != 'a'].id", "[\"c\"]"},
        {"items[?id == 'a' || id == 'b'].n", "[2,10]"},
        {"items[?tags.site == 'x'].id", "[\"b\"]"},
        {"items[?!tags].id", "[\"c\"]"},
        {"items[?tags].id | [1]", "\"a\""},
        {"items[?id < 'b'].id", "[\"a\"]"},
        {"items[?n == '2']", "[]"},
        {"items[0].[id, n]", "[\"b\",2]"},
        {"items[*].[id, n]", "[[\"b\",2],[\"a\",10],[\"c\",3]]"},
        {"items[*].{name: id, site: tags.site}", "[{\"name\":\"b\",\"site\":\"x\"},{\"name\":\"a\","
                                                 "\"site\":\"y\"},{\"name\":\"c\",\"site\":null}]"},
        {"{n: count, \"a b\": flag}", "{\"n\":3,\"a b\":false}"},
        {"[count, flag]", "[3,false]"},
        {"missing.[a]", "null"},
        {"length(items)", "3"},
        {"length(items[0].id)", "1"},
        {"length('\xc3\xbc')", "1"},
        {"length(map)", "2"},
        {"sort_by(items, &n)[*].id", "[\"b\",\"c\",\"a\"]"},
        {"sort_by(items, &id)[0].n", "10"},
        {"reverse(sort_by(items, &id))[*].id", "[\"c\",\"b\",\"a\"]"},
        {"keys(map)", "[\"p\",\"q\"]"},
        {"items[?contains(keys, `3`)].id", "[\"a\"]"},
        {"contains('abc', 'bc')", "true"},
        {"items[?starts_with(id, 'b')] | length(@)", "1"},
        {"ends_with(\"name with space\", 's')", "true"},
        {"to_string(items[0].keys)", "\"[1,2]\""},
        {"flag || empty || 'x'", "\"x\""},
        {"count && `{\"a\":[1]}`", "{\"a\":[1]}"},
        {"!flag", "true"},
        {"(count)", "3"},
        {"items[?(n > `2` && n < `5`)].id", "[\"c\"]"},
        {"'it\\'s'", "\"it's\""},
        {"@ | count", "3"},
    };
    struct arena a = {0};
    struct json *input;
    assert_int_equal(json_parse(&a, slice_str(devices), &input), OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct query *q;
        struct json *result;
        struct buf text = {0};
        if (query_parse(&a, rows[i].query, &q) != OK)
            fail_msg("%s: %s", rows[i].query, fail_text());
        if (query_run(&a, q, input, &result) != OK) fail_msg("%s: %s", rows[i].query, fail_text());
        json_write(&text, result);
        if (strcmp(buf_cstr(&text), rows[i].expected) != 0)
            fail_msg("%s gives %s", rows[i].query, buf_cstr(&text));
        buf_free(&text);
    }
    arena_free(&a);
}

static void bad_expressions_are_refused_with_their_position(void **state)
{
    (void)state;
    static const struct {
        const char *query, *why;
    } rows[] = {
        {"", "something is missing at character 1"},
        {"a.", "something is missing at character 3"},
        {"a b", "nothing more was expected at character 3"},
        {"a[", "index or '*' was expected at character 3"},
        {"a[x]", "index or '*' was expected at character 3"},
        {"a[0", "']' was expected at character 4"},
        {"a[*", "']' was expected"},
        {"a[?b", "']' was expected"},
        {"[a", "',' or an end was expected"},
        {"{a}", "':' was expected at character 3"},
        {"{1: a}", "a name was expected at character 2"},
        {"f(a", "',' or an end was expected"},
        {"(a", "')' was expected"},
        {"a ||", "something is missing"},
        {"'open", "something is missing"},
        {"`[`", "not JSON between"},
        {"a = b", "nothing more was expected at character 3"},
        {"a[0:2]", "']' was expected at character 4"},
        {"a[*]b", "nothing more was expected"},
        {"nope(a)", "no function nope()"},
        {"length(a, b)", "takes 1 arguments"},
        {"length(flag)", "length() wants"},
        {"sort_by(items, id)", "sort_by() wants"},
        {"sort_by(items, &tags)", "sort_by() wants keys"},
        {"&a", "belongs into sort_by"},
        {"((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((a", "too many levels"},
    };
    struct arena a = {0};
    struct json *input, *result;
    assert_int_equal(json_parse(&a, slice_str(devices), &input), OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct query *q;
        enum err e = query_parse(&a, rows[i].query, &q);
        if (e == OK) e = query_run(&a, q, input, &result);
        if (e != ERR_INVALID) fail_msg("%s: accepted", rows[i].query);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].query, fail_text());
    }
    arena_free(&a);
}

static void nesting_is_limited(void **state)
{
    (void)state;
    for (int levels = QUERY_DEPTH_MAX - 1; levels <= QUERY_DEPTH_MAX; levels++) {
        struct arena a = {0};
        struct query *q;
        char text[QUERY_DEPTH_MAX + 2];
        memset(text, '!', (size_t)levels);
        memcpy(text + levels, "a", 2);
        assert_int_equal(query_parse(&a, text, &q), levels < QUERY_DEPTH_MAX ? OK : ERR_INVALID);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_select_what_the_specification_says),
        cmocka_unit_test(bad_expressions_are_refused_with_their_position),
        cmocka_unit_test(nesting_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
