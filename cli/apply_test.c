/* apply_test.c - when a hub has what a file wants, and how much a file may want. */
#include "base/test.h"

#include "base/json.h"
#include "base/yaml.h"
#include "cli/apply.h"

static struct json *json(struct arena *a, const char *text)
{
    struct json *value;
    assert_int_equal(json_parse(a, slice_str(text), &value), OK);
    return value;
}

static void what_is_not_wanted_is_not_looked_at_and_the_first_difference_is_named(void **state)
{
    static const struct {
        const char *have, *want, *where; /* NULL: nothing differs */
    } rows[] = {
        {"{\"a\":1,\"b\":[2]}", "{\"a\":1}", NULL},
        {"{\"a\":1}", "{\"a\":1.5}", "a"},
        {"{\"a\":\"1\"}", "{\"a\":1}", "a"},
        {"{\"a\":null}", "{\"a\":\"x\"}", "a"},
        {"{\"a\":\"x\"}", "{\"a\":null}", NULL},
        {"{}", "{\"a\":null,\"b\":{}}", "b"},
        {"{\"a\":{\"b\":{\"c\":true,\"d\":1}}}", "{\"a\":{\"b\":{\"d\":1,\"c\":false}}}", "a.b.c"},
        {"{\"a\":[{\"n\":1,\"m\":2},3]}", "{\"a\":[{\"n\":1},3]}", NULL},
        {"{\"a\":[1,2]}", "{\"a\":[1]}", "a"},
        {"{\"a\":[1]}", "{\"a\":[1,2]}", "a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct buf where = {0};
        bool same = apply_covers(json(&a, rows[i].have), json(&a, rows[i].want), &where);
        if (same != (rows[i].where == NULL) ||
            strcmp(buf_cstr(&where), rows[i].where ? rows[i].where : "") != 0)
            fail_msg("%s, %s: '%s'", rows[i].have, rows[i].want, buf_cstr(&where));
        buf_free(&where);
        arena_free(&a);
    }
}

static void what_is_wanted_is_put_into_what_is_there(void **state)
{
    struct arena a = {0};
    struct buf text = {0};
    (void)state;
    struct json *have = json(&a, "{\"a\":{\"b\":1,\"c\":2},\"d\":[1],\"e\":\"x\"}");
    apply_merge(&a, have, json(&a, "{\"a\":{\"c\":3},\"d\":[2,3],\"e\":null,\"f\":true}"));
    json_write(&text, have);
    assert_string_equal(buf_cstr(&text),
                        "{\"a\":{\"b\":1,\"c\":3},\"d\":[2,3],\"e\":\"x\",\"f\":true}");
    buf_free(&text);
    arena_free(&a);
}

static void a_word_is_written_as_the_hub_has_it(void **state)
{
    struct arena a = {0};
    struct buf text = {0};
    (void)state;
    struct json *want = json(&a, "{\"a\":\"AVRO\",\"b\":\"other\",\"d\":1}");
    struct json *have = json(&a, "{\"a\":\"Avro\",\"b\":\"Avro\",\"c\":\"x\",\"d\":\"1\"}");
    for (char name[] = "a"; name[0] <= 'e'; name[0]++) apply_word(have, want, name);
    json_write(&text, want);
    assert_string_equal(buf_cstr(&text), "{\"a\":\"Avro\",\"b\":\"other\",\"d\":1}");
    buf_free(&text);
    arena_free(&a);
}

/* The first has no name, so nobody is asked about any. */
static enum err things(struct cli *c, unsigned count,
                       enum err (*check)(struct apply *a, const struct yaml *list))
{
    struct apply a = {.cli = c, .path = "hub.yaml"};
    struct buf text = {0};
    struct yaml *list;
    buf_put_str(&text, "- null\n");
    for (unsigned i = 1; i < count; i++) buf_put_str(&text, "- d\n");
    assert_int_equal(yaml_parse(&c->arena, a.path, buf_slice(&text), &list), OK);
    enum err e = check(&a, list);
    buf_free(&text);
    return e;
}

static void things_are_counted_before_one_is_looked_at(void **state)
{
    static const struct {
        enum err (*check)(struct apply *a, const struct yaml *list);
        unsigned max;
        const char *words;
    } rows[] = {
        {apply_check_devices, APPLY_DEVICES_MAX,
         "hub.yaml:10001: there are more than 10000 devices"},
        {apply_check_enrollments, APPLY_ENROLLMENTS_MAX,
         "hub.yaml:10001: there are more than 10000 enrollments"},
        {apply_check_enrollment_groups, APPLY_ENROLLMENT_GROUPS_MAX,
         "hub.yaml:1001: there are more than 1000 enrollment groups"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cli c = {0};
        assert_int_equal(things(&c, rows[i].max, rows[i].check), ERR_INVALID);
        assert_string_equal(fail_text(), "hub.yaml:1: it has no name");
        assert_int_equal(things(&c, rows[i].max + 1, rows[i].check), ERR_INVALID);
        assert_string_equal(fail_text(), rows[i].words);
        arena_free(&c.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_wanted_is_not_looked_at_and_the_first_difference_is_named),
        cmocka_unit_test(what_is_wanted_is_put_into_what_is_there),
        cmocka_unit_test(a_word_is_written_as_the_hub_has_it),
        cmocka_unit_test(things_are_counted_before_one_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
