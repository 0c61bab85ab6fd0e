/* plan_test.c - what SQLite makes of a query: whatever is looked up is searched by an index, in its order. */
#include "hub/query/fixture_test.h"

#include "hub/query/plan.h"
#include "hub/query/query_sql.h"
#include "hub/query/tree.h"

/* Each statement with EXPLAIN QUERY PLAN before it. */
static const struct store_statement *const statements[] = {
    &sql_query_devices,        &sql_query_modules,       &sql_query_property,
    &sql_query_disabled,       &sql_query_edge,          &sql_query_scope,
    &sql_query_parent,         &sql_query_module,        &sql_query_probe,
    &sql_query_window,         &sql_query_filtered,      &sql_query_named_devices,
    &sql_query_named_modules,  &sql_query_device_names,  &sql_query_module_names,
    &sql_query_property_names, &sql_query_probe_devices, &sql_query_values,
    &sql_query_probe_disabled, &sql_query_probe_edge,    &sql_query_waiting,
    &sql_query_probe_waiting,
};
enum { STATEMENTS = sizeof statements / sizeof *statements, TEXT_MAX = 4096 };
static struct store_statement explained[STATEMENTS];
static char texts[STATEMENTS][TEXT_MAX];

__attribute__((constructor)) static void register_explained(void)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        int len = snprintf(texts[i], TEXT_MAX, "EXPLAIN QUERY PLAN %s", statements[i]->text);
        explained[i] = *statements[i];
        explained[i].text = len < TEXT_MAX ? texts[i] : NULL;
        store_register(&explained[i]);
    }
}

/* Plans do not look at what is bound. */
static void bind_anything(struct store_request *q, const struct store_statement *s)
{
    for (unsigned i = 0; i < s->param_count; i++) store_put_int(q, s->params[i], 1);
}

/* Lines of the plan, with " / " between them. */
static const char *plan_of(const struct store_statement *s)
{
    static struct buf lines;
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    size_t i = 0;
    while (i < STATEMENTS && statements[i] != s) i++;
    assert_true(i < STATEMENTS);
    buf_clear(&lines);
    store_begin_query(&q, &explained[i]);
    bind_anything(&q, &explained[i]);
    assert_int_equal(store_now_query(f.rig.store, &q, &a, &page), OK);
    while (store_next(&a))
        buf_printf(&lines, "%s%.*s", buf_size(&lines) ? " / " : "", SLICE_ARG(a.col[3].bytes));
    msg_free(page);
    return buf_cstr(&lines);
}

static void no_statement_reads_what_it_does_not_return(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATEMENTS; i++) {
        const char *plan = plan_of(statements[i]);
        bool counts = strstr(statements[i]->name, "probe") || /* what its inner SELECT found */
                      statements[i] == &sql_query_values;
        if (strstr(plan, "SCAN") && !counts) fail_msg("%s: %s", statements[i]->name, plan);
        if (strstr(plan, "TEMP B-TREE")) fail_msg("%s sorts: %s", statements[i]->name, plan);
    }
}

#define PROPERTY "SEARCH p USING PRIMARY KEY (path_id=? AND (value,device_id,module_id)>(?,?,?)"

static void what_is_indexed_is_searched(void **state)
{
    (void)state;
    static const struct {
        const char *query, *plan;
    } rows[] = {
        {"SELECT * FROM devices WHERE tags.floor = 7", PROPERTY},
        {"SELECT * FROM devices WHERE tags.place.city IN ['Bern', 'Wien']", PROPERTY},
        {"SELECT * FROM devices WHERE properties.desired.mode > 3", PROPERTY},
        {"SELECT * FROM devices WHERE properties.reported.firmware.version = '1.2'", PROPERTY},
        {"SELECT * FROM devices WHERE properties.reported.t >= 20 AND NOT tags.a = 1", PROPERTY},
        {"SELECT * FROM devices WHERE STARTSWITH(properties.reported.name, 'x')", PROPERTY},
        {"SELECT * FROM devices WHERE is_defined(properties.reported.fan)", PROPERTY},
        {"SELECT * FROM devices WHERE tags.a = 1 OR properties.reported.b = 2", PROPERTY},
        {"SELECT * FROM devices WHERE connectionState = 'Connected' AND tags.floor = 7", PROPERTY},
        {"SELECT * FROM devices.modules WHERE properties.reported.b = 2", PROPERTY},
        {"SELECT * FROM devices WHERE deviceId = 'd1'",
         "SEARCH i USING INDEX sqlite_autoindex_identity_1 (device_id>?"},
        {"SELECT * FROM devices WHERE STARTSWITH(deviceId, 'd1')",
         "SEARCH i USING INDEX sqlite_autoindex_identity_1 (device_id>?"},
        {"SELECT * FROM devices WHERE status = 'disabled'", "identity_disabled"},
        {"SELECT * FROM devices WHERE capabilities.iotEdge = true", "identity_edge"},
        {"SELECT * FROM devices WHERE cloudToDeviceMessageCount > 0",
         "SEARCH q USING COVERING INDEX sqlite_autoindex_c2d_message_1 (device_id>?)"},
        {"SELECT * FROM devices WHERE 2 <= cloudToDeviceMessageCount", "SEARCH q USING COVERING"},
        {"SELECT * FROM devices WHERE NOT cloudToDeviceMessageCount = 0", "SEARCH q USING"},
        {"SELECT * FROM devices WHERE cloudToDeviceMessageCount IN [3, 50]", "SEARCH q USING"},
        {"SELECT * FROM devices WHERE deviceScope = 'ms-azure-iot-edge://e-1'", "identity_scope"},
        {"SELECT * FROM devices WHERE ARRAY_CONTAINS(parentScopes, 'ms-azure-iot-edge://e-1')",
         "identity_parent"},
        {"SELECT * FROM devices.modules WHERE moduleId = '$edgeAgent'", "identity_module "},
        {"SELECT * FROM devices.modules WHERE deviceId = 'd1'",
         "SEARCH i USING INDEX identity_modules ((device_id,module_id)>(?,?) AND device_id<?)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct query *q;
        struct plans plans;
        struct store_request r;
        if (query_read(&a, slice_str(rows[i].query), &q) != OK) fail_msg("%s", fail_text());
        plans_make(&a, q, &plans);
        for (const struct range *range = plans.plans[0].ranges; range; range = range->next) {
            plan_ask(&r, q->source, range, &(struct cursor){0}, 100);
            const char *plan = plan_of(r.statement);
            if (!strstr(plan, rows[i].plan)) fail_msg("%s: %s", rows[i].query, plan);
            buf_free(&r.body);
        }
        arena_free(&a);
    }
}

static void what_is_not_indexed_is_read_row_by_row(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "SELECT * FROM devices WHERE connectionState = 'Disconnected'",
        "SELECT * FROM devices WHERE status = 'enabled'",
        "SELECT * FROM devices WHERE cloudToDeviceMessageCount = 0",
        "SELECT * FROM devices WHERE cloudToDeviceMessageCount < 7",
        "SELECT * FROM devices WHERE cloudToDeviceMessageCount >= 0",
        "SELECT * FROM devices WHERE cloudToDeviceMessageCount > -1",
        "SELECT * FROM devices WHERE cloudToDeviceMessageCount > 'a'",
        "SELECT * FROM devices WHERE cloudToDeviceMessageCount IN [0, 1]",
        "SELECT * FROM devices WHERE properties.reported.$version > 3",
        "SELECT * FROM devices WHERE NOT is_defined(tags.a)",
        "SELECT * FROM devices WHERE tags.list[0] = 1",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct query *q;
        struct plans plans;
        assert_int_equal(query_read(&a, slice_str(rows[i]), &q), OK);
        plans_make(&a, q, &plans);
        assert_int_equal(plans.count, 1);
        assert_int_equal(plans.plans[0].ranges->kind, RANGE_KEYS);
        arena_free(&a);
    }
}

static void plans_of(struct arena *a, const char *condition, struct plans *out)
{
    struct query *q;
    char text[256];
    snprintf(text, sizeof text, "SELECT * FROM devices WHERE %s", condition);
    if (query_read(a, slice_str(text), &q) != OK) fail_msg("%s: %s", text, fail_text());
    plans_make(a, q, out);
}

static void ranges_of_one_property_are_one(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        unsigned plans;
    } rows[] = {
        {"tags.a > 1 AND tags.a < 5", 1},
        {"tags.a > 1 AND tags.b < 5", 2},
        {"tags.a > 1 AND tags.a < 5 AND tags.b = 1", 2},
        {"tags.a > 1 AND (tags.a = 2 OR tags.a = 3)", 2},
        {"properties.reported.a > 1 AND properties.desired.a < 5", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct plans plans;
        plans_of(&a, rows[i].condition, &plans);
        if (plans.count != rows[i].plans) fail_msg("%s: %u", rows[i].condition, plans.count);
        arena_free(&a);
    }
}

/* What plans make of a condition: kind, path and filters of each range of each. */
static void parts_of_an_and_are_filters(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        unsigned plans, ranges, filters; /* of the first plan, of its first range */
    } rows[] = {
        {"tags.a = 1 AND tags.b = 2", 2, 1, 1},
        {"tags.a = 1 AND properties.reported.b = 2 AND tags.c = 3", 3, 1, 2},
        {"tags.a = 1 AND tags.b = 2 AND tags.c = 3 AND tags.d = 4 AND tags.e = 5", 5, 1, 3},
        {"tags.a = 1 AND tags.b > 2", 2, 1, 1},
        {"tags.a = 1 AND tags.b IN [1, 2, 3, 4, 5]", 2, 1, 1},
        {"tags.a = 1 AND tags.b IN [1, 2, 3, 4, 5, 6]", 2, 1, 0},
        {"tags.a = 1 AND (tags.b = 2 OR tags.b = 3)", 2, 1, 1},
        {"tags.a = 1 AND (tags.b = 2 OR tags.c = 3)", 2, 1, 0},
        {"tags.a IN [1, 2] AND tags.b = 2", 2, 1, 1},
        {"tags.a = 1 AND tags.flag AND NOT tags.off", 3, 1, 2},
        {"tags.a = 1 AND IS_NULL(tags.b)", 2, 1, 1},
        {"tags.a = 1 AND STARTSWITH(tags.b, 'x')", 2, 1, 1},
        {"(tags.a = 1 AND tags.b = 2) OR (tags.c = 1 AND tags.d = 2)", 1, 2, 1},
        {"NOT (tags.a != 1 OR tags.b != 2)", 2, 1, 1},
        {"(tags.a = 1 AND tags.b = 2) AND tags.c = 3", 3, 1, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct plans plans;
        plans_of(&a, rows[i].condition, &plans);
        const struct range *r = plans.plans[0].ranges;
        unsigned ranges = 0;
        for (const struct range *at = r; at; at = at->next) ranges += at->kind == RANGE_PROPERTY;
        if (plans.count != rows[i].plans || ranges != rows[i].ranges ||
            r->filter_count != rows[i].filters)
            fail_msg("%s: %u plans, %u ranges, %u filters", rows[i].condition, plans.count, ranges,
                     r->filter_count);
        arena_free(&a);
    }
}

static void what_is_not_equal_is_what_lies_around(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        unsigned kind, ranges;
    } rows[] = {
        {"tags.a != 1", RANGE_PROPERTY, 2},
        {"NOT tags.a = 1", RANGE_PROPERTY, 2},
        {"tags.a NIN [3, 1, 2, 1]", RANGE_PROPERTY, 4},
        {"NOT tags.a IN [1, 2]", RANGE_PROPERTY, 3},
        {"tags.a != null", RANGE_PROPERTY, 1},
        {"NOT tags.a > 1", RANGE_PROPERTY, 1},
        {"NOT STARTSWITH(tags.a, 'x')", RANGE_PROPERTY, 1},
        {"status != 'enabled'", RANGE_DISABLED, 1},
        {"NOT status = 'enabled'", RANGE_DISABLED, 1},
        {"NOT capabilities.iotEdge = false", RANGE_EDGE, 1},
        {"connectionState = 'Connected'", RANGE_KNOWN, 1},
        {"NOT connectionState = 'Disconnected'", RANGE_KNOWN, 1},
        {"lastActivityTime > '2026-11-26'", RANGE_KNOWN, 1},
        {"lastActivityTime < '2026-11-26'", RANGE_KEYS, 1},
        {"expectedActivityTime < '2026-11-26' AND expectedActivityTime > '0001-01-02'", RANGE_KNOWN,
         1},
        {"lastActivityTime >= '0001-01-01T00:00:00Z'", RANGE_KEYS, 1},
        {"connectionState != 'Connected'", RANGE_KEYS, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct plans plans;
        unsigned ranges = 0;
        plans_of(&a, rows[i].condition, &plans);
        for (const struct range *r = plans.plans[0].ranges; r; r = r->next)
            ranges += r->kind == rows[i].kind;
        if (ranges != rows[i].ranges) fail_msg("%s: %u ranges", rows[i].condition, ranges);
        arena_free(&a);
    }
}

/* No row with 5 is read to find those above. */
static void what_is_equal_is_not_greater(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        bool has;
    } rows[] = {{"tags.a > 5", false}, {"tags.a >= 5", true}, {"tags.a < 5", false},
                {"tags.a <= 5", true}, {"tags.a = 5", true},  {"tags.a > 5 AND tags.a < 6", false}};
    struct buf five = {0};
    twin_index_put_number(&five, 5);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct plans plans;
        plans_of(&a, rows[i].condition, &plans);
        const struct range *r = plans.plans[0].ranges;
        bool has =
            slice_cmp(buf_slice(&five), r->low) >= 0 && slice_cmp(buf_slice(&five), r->end) < 0;
        if (has != rows[i].has) fail_msg("%s", rows[i].condition);
        arena_free(&a);
    }
    buf_free(&five);
}

/* A string that the index cuts may be greater than what is there. */
static void cut_strings_are_read(void **state)
{
    (void)state;
    char condition[128], text[TWIN_INDEX_STRING_MAX + 1] = {0};
    for (size_t len = TWIN_INDEX_STRING_MAX - 1; len <= TWIN_INDEX_STRING_MAX; len++) {
        struct arena a = {0};
        struct plans plans;
        struct buf value = {0};
        memset(text, 'x', len);
        snprintf(condition, sizeof condition, "tags.a > '%s'", text);
        plans_of(&a, condition, &plans);
        twin_index_put_string(&value, slice_str(text));
        bool has = slice_cmp(buf_slice(&value), plans.plans[0].ranges->low) >= 0;
        assert_int_equal(has, len == TWIN_INDEX_STRING_MAX);
        buf_free(&value);
        arena_free(&a);
    }
}

/* ---- limits */

/* `before`, numbers from 1 to `count`, `after`, and what is between them. */
static void plans_of_many(struct arena *a, const char *before, const char *between, unsigned count,
                          const char *after, struct plans *out)
{
    struct buf text = {0};
    struct query *q;
    buf_printf(&text, "SELECT * FROM devices WHERE %s", before);
    for (unsigned i = 1; i <= count; i++) buf_printf(&text, "%s%u", i > 1 ? between : "", i);
    buf_put_str(&text, after);
    if (query_read(a, slice_str(buf_cstr(&text)), &q) != OK) fail_msg("%s", fail_text());
    plans_make(a, q, out);
    buf_free(&text);
}

static unsigned count_of(const struct range *ranges, enum range_kind kind)
{
    unsigned count = 0;
    for (; ranges; ranges = ranges->next) count += ranges->kind == kind;
    return count;
}

/* One above, the property is looked up whatever its value; what the condition says is evaluated. */
static void a_plan_has_so_many_ranges_and_not_one_more(void **state)
{
    (void)state;
    static const struct {
        const char *before, *between, *after;
        unsigned count, ranges; /* RANGE_PROPERTY */
    } rows[] = {
        {"tags.a IN [", ",", "]", PLAN_RANGES_MAX, PLAN_RANGES_MAX},
        {"tags.a IN [", ",", "]", PLAN_RANGES_MAX + 1, 1},
        {"tags.a NIN [", ",", "]", 16, 17},
        {"tags.a NIN [", ",", "]", 17, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct plans plans;
        plans_of_many(&a, rows[i].before, rows[i].between, rows[i].count, rows[i].after, &plans);
        assert_int_equal(plans.count, 1);
        assert_int_equal(count_of(plans.plans[0].ranges, RANGE_PROPERTY), rows[i].ranges);
        arena_free(&a);
    }
    for (unsigned more = 0; more < 2;
         more++) { /* of two INs joined by OR: no plan but all devices */
        struct arena a = {0};
        struct plans plans;
        plans_of_many(&a, more ? "tags.b IN [8, 9] OR tags.a IN [" : "tags.b IN [9] OR tags.a IN [",
                      ",", PLAN_RANGES_MAX - 1, "]", &plans);
        assert_int_equal(count_of(plans.plans[0].ranges, RANGE_PROPERTY),
                         more ? 0 : PLAN_RANGES_MAX);
        arena_free(&a);
    }
}

static void eight_parts_of_an_and_are_plans(void **state)
{
    (void)state;
    for (unsigned count = PLANS_MAX; count <= PLANS_MAX + 1; count++) {
        struct arena a = {0};
        struct plans plans;
        plans_of_many(&a, "tags.t0 = 0 AND tags.t", " = 1 AND tags.u", count - 1, " = 1", &plans);
        assert_int_equal(plans.count, PLANS_MAX);
        arena_free(&a);
    }
}

/* With more, it is taken for large, and not counted. */
static void sixteen_ranges_of_a_plan_are_counted(void **state)
{
    (void)state;
    struct arena a = {0};
    struct plans plans;
    plans_of_many(&a, "tags.b IN [1, 2] AND tags.a IN [", ",", PLAN_PROBES_MAX, "]", &plans);
    assert_int_equal(plans.count, 2);
    assert_true(plans.plans[0].count <= PLAN_PROBES_MAX && plans_need_probes(&plans));
    assert_true(plans.plans[1].count > PLAN_PROBES_MAX); /* the twins that the index has not */
    arena_free(&a);
}

/* The range gives names from the index alone; each filter is a key of it, before any row is read. */
static void a_filter_is_a_look_up_for_each_row(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "SEARCH p USING PRIMARY KEY (path_id=? AND (value,device_id,module_id)>(?,?,?) AND "
        "(value,device_id,module_id)<(?,?,?))",
        "SEARCH f USING PRIMARY KEY (path_id=? AND value=? AND device_id=? AND module_id=?)",
    };
    const char *plan = plan_of(&sql_query_filtered);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(plan, parts[i])) fail_msg("%s", plan);
    const char *values = plan_of(&sql_query_values);
    if (!strstr(values, "SEARCH p USING PRIMARY KEY (path_id=? AND value>? AND value<?)") ||
        strstr(values, "SCAN p") || strstr(values, "SCAN twin_prop"))
        fail_msg("%s", values);
    const char *named = plan_of(&sql_query_named_modules);
    if (!strstr(named, "(device_id=? AND module_id=?)")) fail_msg("%s", named);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_statement_reads_what_it_does_not_return),
        TEST(what_is_indexed_is_searched),
        TEST(what_is_not_indexed_is_read_row_by_row),
        TEST(ranges_of_one_property_are_one),
        TEST(parts_of_an_and_are_filters),
        TEST(what_is_not_equal_is_what_lies_around),
        TEST(a_filter_is_a_look_up_for_each_row),
        TEST(what_is_equal_is_not_greater),
        TEST(cut_strings_are_read),
        TEST(a_plan_has_so_many_ranges_and_not_one_more),
        TEST(eight_parts_of_an_and_are_plans),
        TEST(sixteen_ranges_of_a_plan_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
