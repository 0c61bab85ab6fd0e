/* fit_test.c - what configurations make of one twin. */
#include "hub/configuration/fit.h"
#include "hub/configuration/item_test.h"
#include "hub/twin/twin.h"

enum { ITEMS_MAX = 3 };

struct row {
    const char *items[ITEMS_MAX]; /* "ID|PRIORITY|TARGET|CONTENT" */
    const char *configurations, *desired;
    const char *patch; /* NULL: nothing is written */
};

static void put_items(struct list *items, const struct row *row)
{
    for (int i = 0; i < ITEMS_MAX && row->items[i]; i++)
        list_push(items, &item_of("deviceContent", row->items[i])->node);
}

static void drop_items(struct list *items)
{
    LIST_EACH(node, items) conf_item_free(CONTAINER_OF(node, struct item, node));
}

static struct json *twin_of(struct arena *a, const struct row *row)
{
    struct json *twin;
    char json[2048];
    snprintf(json, sizeof json,
             "{\"deviceId\":\"d1\",\"tags\":{\"a\":1},%s%s%s\"properties\":{\"desired\":%s}}",
             row->configurations ? "\"configurations\":" : "",
             row->configurations ? row->configurations : "", row->configurations ? "," : "",
             row->desired);
    assert_int_equal(json_parse(a, slice_str(json), &twin), OK);
    return twin;
}

static void fit_row(const struct row *row)
{
    struct arena a = {0};
    struct list items;
    struct fit fit;
    list_init(&items);
    put_items(&items, row);
    conf_fit_make(&a, &items, twin_of(&a, row), false, &fit);
    assert_int_equal(fit.changes, row->patch != NULL);
    if (row->patch) {
        char *text = slice_dup(fit.json);
        assert_string_equal(text, row->patch);
        free(text);
    }
    drop_items(&items);
    arena_free(&a);
}

#define ONE          "c1|0|*|{\"properties.desired.x\":{\"y\":1}}"
#define APPLIED(id)  "\"" id "\":{\"status\":\"Applied\"}"
#define TARGETED(id) "\"" id "\":{\"status\":\"Targeted\"}"

static void who_writes_is_named(void **state)
{
    (void)state;
    static const struct {
        struct row row;
        const char *by;
    } rows[] = {
        {{{ONE}, NULL, "{}", NULL}, "configuration c1"},
        {{{ONE, "c2|1|*|{\"properties.desired.z\":1}"}, "{" APPLIED("c1") "}", "{}", NULL},
         "configuration c2"},
        {{{ONE, "c2|1|tags.a = 2|{\"properties.desired.z\":1}"},
          "{" APPLIED("c1") "," APPLIED("c2") "}",
          "{\"x\":{\"y\":1},\"z\":1}",
          NULL},
         "configuration c2"},
        {{{ONE}, "{" APPLIED("c1") "}", "{\"x\":2}", NULL}, "configuration c1"},
        {{{ONE, "c2|1|*|{\"properties.desired.z\":1}"}, NULL, "{}", NULL}, "configuration c1, c2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct list items;
        struct fit fit;
        list_init(&items);
        put_items(&items, &rows[i].row);
        conf_fit_make(&a, &items, twin_of(&a, &rows[i].row), false, &fit);
        assert_string_equal((const char *)fit.by.ptr, rows[i].by);
        drop_items(&items);
        arena_free(&a);
    }
}

static void names_of_who_writes_have_so_much_room(void **state)
{
    enum { AROUND = sizeof "configuration , , .." - 1 };
    char id[TWIN_BY_MAX + 1];
    (void)state;
    memset(id, 'i', sizeof id);
    for (unsigned more = 0; more <= 1; more++) {
        struct buf by = {0};
        conf_by_add(&by, SLICE_LIT("a"));
        conf_by_add(&by, slice_of(id, TWIN_BY_MAX - AROUND - 1 + more));
        assert_int_equal(buf_size(&by), more ? strlen("configuration a, ..") : TWIN_BY_MAX - 4);
        conf_by_add(&by, SLICE_LIT("never"));
        assert_null(strstr(buf_cstr(&by), "never"));
        assert_true(slice_ends(buf_slice(&by), SLICE_LIT(", ..")));
        assert_true(buf_size(&by) <= TWIN_BY_MAX);
        buf_free(&by);
    }
}

static void settings_become_patches(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* nobody means it */
        {{NULL}, NULL, "{}", NULL},
        {{"c1|0|tags.a = 2|{\"properties.desired.x\":1}"}, NULL, "{\"x\":5}", NULL},
        /* a setting that is not there, is there, is another one */
        {{ONE},
         NULL,
         "{\"$version\":1}",
         "{\"configurations\":{" APPLIED("c1") "},\"properties\":{\"desired\":{\"x\":{\"y\":1}}}}"},
        {{ONE}, "{" APPLIED("c1") "}", "{\"x\":{\"y\":1},\"z\":2}", NULL},
        {{ONE},
         "{" APPLIED("c1") "}",
         "{\"x\":{\"y\":2,\"w\":3}}",
         "{\"configurations\":{" APPLIED("c1") "},\"properties\":{\"desired\":{\"x\":{\"w\":null,"
                                               "\"y\":1}}}}"},
        /* it is there already, and is noted */
        {{ONE}, NULL, "{\"x\":{\"y\":1}}", "{\"configurations\":{" APPLIED("c1") "}}"},
        /* null takes away */
        {{"c1|0|*|{\"properties.desired.x\":null}"},
         NULL,
         "{\"x\":1}",
         "{\"configurations\":{" APPLIED("c1") "},\"properties\":{\"desired\":{\"x\":null}}}"},
        /* all of the desired properties at once; deep paths */
        {{"c1|0|*|{\"properties.desired\":{\"a\":1,\"b\":{\"c\":2}}}"},
         NULL,
         "{\"z\":1}",
         "{\"configurations\":{" APPLIED("c1") "},\"properties\":{\"desired\":{\"a\":1,\"b\":{"
                                               "\"c\":2}}}}"},
        {{"c1|0|*|{\"properties.desired.a.b.c\":[1]}"},
         NULL,
         "{\"a\":{\"d\":1}}",
         "{\"configurations\":{" APPLIED("c1") "},\"properties\":{\"desired\":{\"a\":{\"b\":{"
                                               "\"c\":[1]}}}}}"},
        /* the later in the list wins, path by path */
        {{ONE, "c2|5|*|{\"properties.desired.x\":{\"y\":2}}"},
         NULL,
         "{}",
         "{\"configurations\":{" TARGETED("c1") "," APPLIED("c2") "},\"properties\":{\"desired\":{"
                                                                  "\"x\":{\"y\":2}}}}"},
        {{ONE, "c2|5|*|{\"properties.desired.w\":2}"},
         NULL,
         "{}",
         "{\"configurations\":{" APPLIED("c1") "," APPLIED("c2") "},\"properties\":{\"desired\":{"
                                                                 "\"x\":{\"y\":1},\"w\":2}}}"},
        /* it leaves: what it set goes, unless another one says it */
        {{"c1|0|tags.a = 2|{\"properties.desired.x.y\":1}"},
         "{" APPLIED("c1") "}",
         "{\"x\":{\"y\":1},\"z\":2}",
         "{\"configurations\":{},\"properties\":{\"desired\":{\"x\":null}}}"},
        {{ONE, "c2|5|tags.a = 2|{\"properties.desired.x\":{\"y\":2}}"},
         "{" TARGETED("c1") "," APPLIED("c2") "}",
         "{\"x\":{\"y\":2}}",
         "{\"configurations\":{" APPLIED("c1") "},\"properties\":{\"desired\":{\"x\":{\"y\":1}}}}"},
        {{"c1|0|tags.a = 2|{\"properties.desired.x\":1}"},
         "{" TARGETED("c1") "}",
         "{\"x\":1}",
         "{\"configurations\":{}}"},
        /* it was deleted: what it set stays */
        {{NULL}, "{" APPLIED("c1") "}", "{\"x\":1}", "{\"configurations\":{}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) fit_row(&rows[i]);
}

static void configurations_have_rules(void **state)
{
    (void)state;
    static const struct {
        const char *id, *json;
        enum status status;
    } rows[] = {
        {"c1", "{\"content\":{\"deviceContent\":{}}}", STATUS_OK},
        {"a-z+%_*!'0",
         "{\"content\":{\"moduleContent\":{\"properties.desired\":{}}},"
         "\"targetCondition\":\"FROM devices.modules WHERE moduleId = 'm'\"}",
         STATUS_OK},
        {"C1", "{\"content\":{\"deviceContent\":{}}}", STATUS_ARGUMENT_INVALID},
        {"", "{\"content\":{\"deviceContent\":{}}}", STATUS_ARGUMENT_INVALID},
        {"c1", "{", STATUS_DESERIALIZATION_ERROR},
        {"c1", "[]", STATUS_ARGUMENT_INVALID},
        {"c1", "{}", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"c1", "{\"content\":{\"modulesContent\":{}}}", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"c1",
         "{\"content\":{\"deviceContent\":{\"properties.desired.x\":1},"
         "\"moduleContent\":{\"properties.desired.x\":1}}}",
         STATUS_INVALID_CONFIGURATION_CONTENT},
        {"c1",
         "{\"content\":{\"modulesContent\":{},\"moduleContent\":{},"
         "\"deviceContent\":{\"properties.desired.x\":1}}}",
         STATUS_OK},
        {"c1",
         "{\"content\":{\"deviceContent\":{},\"modulesContent\":{\"$edgeAgent\":{"
         "\"properties.desired\":{}}},\"moduleContent\":{}}}",
         STATUS_OK},
        {"c1", "{\"content\":{\"deviceContent\":{},\"moduleContent\":{},\"modulesContent\":{}}}",
         STATUS_OK},
        {"c1", "{\"content\":{\"deviceContent\":{\"tags.a\":1}}}",
         STATUS_INVALID_CONFIGURATION_CONTENT},
        {"c1", "{\"content\":{\"deviceContent\":{\"properties.desiredx\":1}}}",
         STATUS_INVALID_CONFIGURATION_CONTENT},
        {"c1", "{\"content\":{\"deviceContent\":{\"properties.desired\":1}}}",
         STATUS_INVALID_CONFIGURATION_CONTENT},
        {"c1", "{\"content\":{\"deviceContent\":{}},\"targetCondition\":\"tags. =\"}",
         STATUS_INVALID_TARGET_CONDITION},
        {"c1", "{\"content\":{\"moduleContent\":{}},\"targetCondition\":\"tags.a = 1\"}",
         STATUS_INVALID_TARGET_CONDITION},
        {"c1", "{\"content\":{\"deviceContent\":{}},\"metrics\":{\"queries\":{\"m\":\"SELECT\"}}}",
         STATUS_INVALID_METRICS_QUERY},
        {"c1", "{\"content\":{\"deviceContent\":{}},\"priority\":-1}", STATUS_ARGUMENT_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct item *it;
        assert_int_equal(
            conf_item_read(slice_str(rows[i].id), slice_str(rows[i].json), NULL, 1, &it),
            rows[i].status);
        conf_item_free(it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_become_patches),
        cmocka_unit_test(who_writes_is_named),
        cmocka_unit_test(names_of_who_writes_have_so_much_room),
        cmocka_unit_test(configurations_have_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
