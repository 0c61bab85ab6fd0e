/* plan_test.c - what deployments make of an edge device and its modules. */
#include "hub/configuration/item_test.h"
#include "hub/configuration/plan.h"

enum { ITEMS_MAX = 4, MODULES_MAX = 4 };

#define BASE(agent)    "{\"$edgeAgent\":{\"properties.desired\":" agent "}}"
#define LAYER(m, p, v) "{\"" m "\":{\"properties.desired." p "\":" v "}}"
#define APPLIED(id)    "\"" id "\":{\"status\":\"Applied\"}"
#define TARGETED(id)   "\"" id "\":{\"status\":\"Targeted\"}"
#define EDGE           "\"capabilities\":{\"iotEdge\":true},"

struct row {
    const char *items[ITEMS_MAX]; /* "ID|PRIORITY|TARGET|CONTENT", the least important first */
    const char *device;           /* members of its twin, with a comma at the end */
    const char *had;              /* configurations of $edgeAgent, or NULL */
    const char *meant;
    struct {
        const char *id, *desired, *patch; /* in order; patch NULL: nothing changes */
    } modules[MODULES_MAX];
};

static struct json *twin_of(struct arena *a, const char *members, const char *had)
{
    struct json *twin;
    char json[1024];
    snprintf(json, sizeof json, "{\"deviceId\":\"d1\",%s%s%s%s\"tags\":{\"a\":1}}", members,
             had ? "\"configurations\":" : "", had ? had : "", had ? "," : "");
    assert_int_equal(json_parse(a, slice_str(json), &twin), OK);
    return twin;
}

static void expect_patch(struct arena *a, const struct plan *p, const char *desired,
                         const char *patch, struct slice id)
{
    struct json *is;
    struct buf text = {0};
    assert_int_equal(json_parse(a, slice_str(desired), &is), OK);
    struct json *got = conf_plan_patch(a, p, id, is);
    if (got) json_write(&text, got);
    assert_string_equal(got ? buf_cstr(&text) : "", patch ? patch : "");
    buf_free(&text);
}

static void plan_row(const struct row *row)
{
    struct arena a = {0};
    struct list items;
    struct plan plan;
    struct buf text = {0};
    list_init(&items);
    for (int i = 0; i < ITEMS_MAX && row->items[i]; i++)
        list_push(&items, &item_of("modulesContent", row->items[i])->node);
    conf_plan_make(&a, &items, twin_of(&a, row->device, NULL), twin_of(&a, "", row->had), &plan);
    conf_meant_put(&text, &plan.meant);
    assert_string_equal(buf_cstr(&text), row->meant);
    unsigned n = 0;
    for (; n < MODULES_MAX && row->modules[n].id; n++) {
        assert_true(n < plan.module_count);
        assert_true(slice_is(plan.modules[n], row->modules[n].id));
        expect_patch(&a, &plan, row->modules[n].desired, row->modules[n].patch, plan.modules[n]);
    }
    assert_int_equal(plan.module_count, n);
    conf_plan_drop(&plan);
    LIST_EACH(node, &items) conf_item_free(CONTAINER_OF(node, struct item, node));
    buf_free(&text);
    arena_free(&a);
}

static void who_writes_a_module_is_named(void **state)
{
    struct arena a = {0};
    struct list items;
    struct plan plan;
    static const struct {
        const char *module, *by;
    } rows[] = {{"m", "configuration gone, l"},
                {"$edgeAgent", "configuration b"},
                {"other", "configuration gone, b, l"}};
    (void)state;
    list_init(&items);
    list_push(&items, &item_of("modulesContent", "b|1|*|" BASE("{}"))->node);
    list_push(&items, &item_of("modulesContent", "l|2|*|" LAYER("m", "x", "1"))->node);
    list_push(&items, &item_of("modulesContent", "gone|3|tags.a = 2|" LAYER("m", "y", "1"))->node);
    conf_plan_make(&a, &items, twin_of(&a, EDGE, NULL), twin_of(&a, "", "{" APPLIED("gone") "}"),
                   &plan);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf by = {0};
        conf_plan_by(&plan, slice_str(rows[i].module), &by);
        assert_string_equal(buf_cstr(&by), rows[i].by);
        buf_free(&by);
    }
    conf_plan_drop(&plan);
    LIST_EACH(node, &items) conf_item_free(CONTAINER_OF(node, struct item, node));
    arena_free(&a);
}

static void deployments_become_patches(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* only edge devices, only those that are meant */
        {{"b|1|*|" BASE("{\"x\":1}")}, "", NULL, "{}", {{0}}},
        {{"b|1|tags.a = 2|" BASE("{\"x\":1}")}, EDGE, NULL, "{}", {{0}}},
        {{"b|1|tags.a = 1|" BASE("{\"x\":1}")},
         EDGE,
         NULL,
         "{" APPLIED("b") "}",
         {{"$edgeAgent", "{\"y\":1,\"$version\":3}", "{\"y\":null,\"x\":1}"}}},
        /* it is so already */
        {{"b|1|*|" BASE("{\"x\":1}")},
         EDGE,
         "{" APPLIED("b") "}",
         "{" APPLIED("b") "}",
         {{"$edgeAgent", "{\"x\":1}", NULL}}},
        /* of two bases the higher one; the later one at a tie */
        {{"b1|1|*|" BASE("{\"x\":1}"), "b2|1|*|" BASE("{\"x\":2}")},
         EDGE,
         NULL,
         "{" TARGETED("b1") "," APPLIED("b2") "}",
         {{"$edgeAgent", "{}", "{\"x\":2}"}}},
        /* layers count above the base only, the highest last */
        {{"l0|0|*|" LAYER("$edgeAgent", "modules.m", "0"), "b|1|*|" BASE("{\"modules\":{}}"),
          "l2|2|*|" LAYER("$edgeAgent", "modules.m", "2"),
          "l3|3|*|" LAYER("$edgeAgent", "modules.n", "3")},
         EDGE,
         NULL,
         "{" TARGETED("l0") "," APPLIED("b") "," APPLIED("l2") "," APPLIED("l3") "}",
         {{"$edgeAgent", "{}", "{\"modules\":{\"m\":2,\"n\":3}}"}}},
        {{"b|1|*|" BASE("{}"), "l1|1|*|" LAYER("$edgeAgent", "modules.m", "1")},
         EDGE,
         NULL,
         "{" APPLIED("b") "," TARGETED("l1") "}",
         {{"$edgeAgent", "{}", NULL}}},
        {{"l|1|*|" LAYER("m", "x", "1")},
         EDGE,
         NULL,
         "{" TARGETED("l") "}",
         {{"$edgeAgent", "{}", NULL}}},
        /* users' modules come before $edgeHub, that before $edgeAgent */
        {{"b|1|*|{\"$edgeAgent\":{\"properties.desired\":{}},\"$edgeHub\":{\"properties.desired\":{"
          "\"r\":1}},\"m\":{\"properties.desired\":{\"x\":1}}}"},
         EDGE,
         NULL,
         "{" APPLIED("b") "}",
         {{"m", "{\"old\":1}", "{\"old\":null,\"x\":1}"},
          {"$edgeHub", "{}", "{\"r\":1}"},
          {"$edgeAgent", "{}", NULL}}},
        /* within a module the whole comes before its paths */
        {{"b|1|*|{\"$edgeAgent\":{\"properties.desired.modules.m\":1,\"properties.desired\":{\"v\":"
          "1}}}"},
         EDGE,
         NULL,
         "{" APPLIED("b") "}",
         {{"$edgeAgent", "{\"w\":1}", "{\"w\":null,\"v\":1,\"modules\":{\"m\":1}}"}}},
        /* a layer that leaves takes its paths along */
        {{"b|1|*|" BASE("{\"v\":1}"), "l|2|tags.a = 2|" LAYER("m", "x.y", "1")},
         EDGE,
         "{" APPLIED("b") "," APPLIED("l") "}",
         "{" APPLIED("b") "}",
         {{"m", "{\"x\":{\"y\":1},\"z\":2}", "{\"x\":null}"}, {"$edgeAgent", "{\"v\":1}", NULL}}},
        /* nothing is meant any more; one that was deleted leaves what it had set */
        {{"b|1|tags.a = 2|" BASE("{\"v\":1}")},
         EDGE,
         "{" APPLIED("b") "}",
         "{}",
         {{"$edgeAgent", "{\"v\":1}", "{\"v\":null}"}}},
        {{NULL}, EDGE, "{" APPLIED("b") "}", "{}", {{"$edgeAgent", "{\"v\":1}", NULL}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) plan_row(&rows[i]);
}

static enum status read_modules(const char *modules)
{
    struct buf json = {0};
    struct item *it;
    buf_printf(&json, "{\"modulesContent\":{%s}}", modules);
    enum status s = conf_item_read_content(buf_slice(&json), &it);
    conf_item_free(it);
    buf_free(&json);
    return s;
}

static void deployments_have_rules(void **state)
{
    (void)state;
    static const struct {
        const char *modules;
        enum status status;
    } rows[] = {
        {"\"$edgeAgent\":{\"properties.desired\":{}}", STATUS_OK},
        {"\"$edgeHub\":{\"properties.desired.routes.r\":\"\"}", STATUS_OK},
        {"", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"\"m\":{\"properties.desired\":{}}", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"\"$mine\":{\"properties.desired.x\":1}", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"\"a/b\":{\"properties.desired.x\":1}", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"\"m\":{\"properties.desired.\":1}", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"\"m\":{\"properties.desired.a..b\":1}", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"\"m\":{\"properties.desired.a.$b\":1}", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"\"m\":1", STATUS_INVALID_CONFIGURATION_CONTENT},
        {"\"m\":{\"properties.reported.x\":1}", STATUS_INVALID_CONFIGURATION_CONTENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(read_modules(rows[i].modules), rows[i].status);
}

static void a_deployment_has_50_modules(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_put_str(&text, "\"$edgeAgent\":{\"properties.desired\":{}},\"$edgeHub\":{}");
    for (int i = 0; i < CONFIGURATION_MODULES_MAX; i++)
        buf_printf(&text, ",\"m%d\":{\"properties.desired\":{}}", i);
    assert_int_equal(read_modules(buf_cstr(&text)), STATUS_OK);
    buf_put_str(&text, ",\"more\":{}");
    assert_int_equal(read_modules(buf_cstr(&text)), STATUS_INVALID_CONFIGURATION_CONTENT);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deployments_become_patches),
        cmocka_unit_test(who_writes_a_module_is_named),
        cmocka_unit_test(deployments_have_rules),
        cmocka_unit_test(a_deployment_has_50_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
