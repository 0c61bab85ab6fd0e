/* table_test.c - tables of routes, the fallback, enrichments. */
#include "base/test.h"

#include "route/fixture_test.h"

enum { TELEMETRY = ROUTE_SOURCE_TELEMETRY, TWIN_CHANGE = 1 };

#define ROUTE(name_, source_, condition_, endpoint_)                                               \
    {                                                                                              \
        .name = SLICE_LIT(name_), .source = source_, .condition = SLICE_LIT(condition_),           \
        .endpoint = endpoint_, .enabled = true                                                     \
    }

static struct route_table *table_of(const struct route_table_config *cfg)
{
    struct route_table *t = NULL;
    size_t bad;
    struct route_mistake mistake;
    assert_int_equal(route_table_new(cfg, &t, &bad, &mistake), OK);
    return t;
}

static struct route_result match(const struct route_table *t, const struct route_message *m)
{
    struct route_matcher *x = route_matcher_new();
    struct route_result result;
    route_match(t, x, m, &result);
    route_matcher_free(x);
    return result;
}

static void note_route(void *ctx, size_t route)
{
    uint64_t *routes = ctx;
    *routes |= (uint64_t)1 << route;
}

static void each_route_is_tested_for_its_source(void **state)
{
    struct route routes[] = {
        ROUTE("body", TELEMETRY, "$body.t > 20", 1), ROUTE("all", TELEMETRY, "", 2),
        ROUTE("twin", TWIN_CHANGE, "true", 3),       ROUTE("off", TELEMETRY, "true", 4),
        ROUTE("same", TELEMETRY, "$body.t > 10", 1), ROUTE("never", TELEMETRY, "nothing = '1'", 5),
    };
    (void)state;
    routes[3].enabled = false;
    struct route_table_config cfg = {.routes = routes, .route_count = 6};
    struct route_table *t = table_of(&cfg);
    struct route_message m = message_of("{\"t\":15}");
    struct route_result r = match(t, &m);
    assert_int_equal(r.endpoints, 1 << 1 | 1 << 2);
    assert_int_equal(r.undefined, 1);
    assert_int_equal(r.tested, 4);
    assert_false(r.fallback);
    assert_false(r.unreadable);
    m.body = SLICE_LIT("{\"t\":");
    assert_true(match(t, &m).unreadable);
    m.source = TWIN_CHANGE;
    assert_false(match(t, &m).unreadable); /* no condition of it is about the body */
    m = message_of("{\"t\":15}");
    m.system[ROUTE_CONTENT_TYPE] = SLICE_LIT("text/plain");
    assert_true(match(t, &m).unreadable);
    m = message_of("{\"t\":25}");
    assert_int_equal(match(t, &m).tested, 3); /* the endpoint of "same" has it already */

    uint64_t matched = 0;
    struct route_matcher *x = route_matcher_new();
    route_match_each(t, x, &m, note_route, &matched);
    assert_int_equal(matched, 1 << 0 | 1 << 1 | 1 << 4);
    route_matcher_free(x);

    m.source = TWIN_CHANGE;
    assert_int_equal(match(t, &m).endpoints, 1 << 3);
    m.source = 4;
    assert_int_equal(match(t, &m).endpoints, 0);
    m.source = ROUTE_SOURCES_MAX;
    assert_int_equal(match(t, &m).endpoints, 0);
    route_table_free(t);
}

/* Alike comparisons are sorted and found by halves: for values at, between and beside constants, of other
 * types and missing, what each says alone. */
static void many_alike_conditions_say_what_each_says_alone(void **state)
{
    static const char *const compares[] = {"=", "!=", "<", ">", "<=", ">="};
    static const char *const constants[] = {"7", "-3", "20.5", "'7'", "20.5", "'m'", "'b'", "null"};
    static const char *const values[] = {"-4",    "-3",    "0",     "7",    "20.5", "21",   "'m'",
                                         "\"m\"", "\"7\"", "\"b\"", "\"\"", "null", "true", "[]"};
    enum { ROUTES = 6 * 8 };
    static char names[ROUTES][4], texts[ROUTES][32];
    struct route routes[ROUTES];
    (void)state;
    for (unsigned i = 0; i < ROUTES; i++) {
        snprintf(names[i], sizeof names[i], "r%u", i);
        snprintf(texts[i], sizeof texts[i], "$body.x %s %s AND $body.y", compares[i % 6],
                 constants[i / 6]);
        routes[i] = (struct route){.name = slice_str(names[i]),
                                   .condition = slice_str(texts[i]),
                                   .endpoint = i,
                                   .enabled = true};
    }
    struct route_table_config cfg = {.routes = routes, .route_count = ROUTES};
    struct route_table *t = table_of(&cfg);
    for (unsigned i = 0; i <= sizeof values / sizeof *values; i++) {
        char body[64];
        bool there = i < sizeof values / sizeof *values;
        snprintf(body, sizeof body, there ? "{\"x\":%s,\"y\":true}" : "{\"y\":%s}",
                 there ? values[i] : "true");
        struct route_message m = message_of(body);
        struct route_result r = match(t, &m);
        unsigned undefined = 0;
        for (unsigned n = 0; n < ROUTES; n++) {
            int truth = truth_of(texts[n], &m);
            undefined += truth == ROUTE_UNDEFINED;
            if ((r.endpoints >> n & 1) != (truth == ROUTE_TRUE))
                fail_msg("%s of %s is %d", texts[n], body, truth);
        }
        assert_int_equal(r.undefined, undefined);
        assert_int_equal(r.tested, ROUTES);
    }
    route_table_free(t);
}

static void the_fallback_takes_telemetry_that_no_route_took(void **state)
{
    struct route routes[] = {ROUTE("hot", TELEMETRY, "path = 'hot'", 3)};
    struct route_property hot = {SLICE_LIT("path"), SLICE_LIT("hot")};
    struct route_table_config cfg = {
        .routes = routes, .route_count = 1, .fallback_enabled = true, .fallback_endpoint = 0};
    (void)state;
    struct route_table *t = table_of(&cfg);
    struct route_message m = message_of("{}");
    assert_int_equal(match(t, &m).endpoints, 1);
    assert_true(match(t, &m).fallback);
    m.properties = &hot;
    m.property_count = 1;
    assert_int_equal(match(t, &m).endpoints, 1 << 3);
    assert_false(match(t, &m).fallback);
    m.source = TWIN_CHANGE;
    assert_int_equal(match(t, &m).endpoints, 0);
    assert_false(match(t, &m).fallback);
    route_table_free(t);

    cfg.fallback_enabled = false;
    t = table_of(&cfg);
    m = message_of("{}");
    assert_int_equal(match(t, &m).endpoints, 0);
    route_table_free(t);
    route_table_free(NULL);
}

static void a_matcher_serves_one_table_after_another(void **state)
{
    struct route small[] = {ROUTE("a", TELEMETRY, "$body.a = 1", 1)};
    struct route large[] = {ROUTE("a", TELEMETRY, "$body.b = 1 AND $body.a = 1", 1),
                            ROUTE("b", TELEMETRY, "NOT ($body.b = 1 AND $body.a = 1)", 2),
                            ROUTE("c", TELEMETRY, "lower($body.c) = 'x'", 3)};
    struct route_table_config cfg = {.routes = small, .route_count = 1},
                              other = {.routes = large, .route_count = 3};
    (void)state;
    struct route_table *first = table_of(&cfg), *second = table_of(&other);
    struct route_matcher *x = route_matcher_new();
    struct route_message one = message_of("{\"a\":1,\"c\":\"X\"}"), two = message_of("{\"b\":1}");
    for (int i = 0; i < 10; i++) {
        struct route_result r;
        route_match(first, x, &one, &r);
        assert_int_equal(r.endpoints, 1 << 1);
        route_match(second, x, &one, &r);
        assert_int_equal(r.endpoints, 1 << 3);
        route_match(first, x, &two, &r);
        assert_int_equal(r.endpoints, 0);
        route_match(second, x, &two, &r);
        assert_int_equal(r.endpoints, 0);
        assert_int_equal(r.undefined, 3);
    }
    route_matcher_free(x);
    route_matcher_free(NULL);
    route_table_free(first);
    route_table_free(second);
}

/* ---- what is refused */

static void a_mistake_says_which_route_it_is_in(void **state)
{
    struct route routes[] = {ROUTE("good", TELEMETRY, "true", 1),
                             ROUTE("bad", TELEMETRY, "a = ", 1)};
    struct route_table_config cfg = {.routes = routes, .route_count = 2};
    struct route_table *t;
    struct route_mistake mistake;
    size_t bad;
    (void)state;
    assert_int_equal(route_table_new(&cfg, &t, &bad, &mistake), ERR_INVALID);
    assert_int_equal(bad, 1);
    assert_int_equal(mistake.start_column, 5);
    routes[1] = routes[0];
    assert_int_equal(route_table_new(&cfg, &t, &bad, &mistake), ERR_EXISTS);
    assert_int_equal(bad, 1);
    routes[1].name = SLICE_LIT("a b");
    assert_int_equal(route_table_new(&cfg, &t, &bad, &mistake), ERR_INVALID);
    routes[1].name = SLICE_LIT("b");
    routes[1].endpoint = ROUTE_ENDPOINTS_MAX - 1;
    route_table_free(table_of(&cfg));
    routes[1].endpoint = ROUTE_ENDPOINTS_MAX;
    assert_int_equal(route_table_new(&cfg, &t, &bad, NULL), ERR_INVALID);
    routes[1].endpoint = 0;
    routes[1].source = ROUTE_SOURCES_MAX;
    assert_int_equal(route_table_new(&cfg, &t, NULL, NULL), ERR_INVALID);
}

/* `count` routes, and in their conditions `parts` numbers, each of which is there once. */
static enum err many(size_t count, size_t parts)
{
    static struct route routes[ROUTES_MAX + 1];
    static char names[ROUTES_MAX + 1][24];
    static struct buf conditions[ROUTES_MAX + 1];
    struct route_table *t = NULL;
    struct route_mistake mistake = {0};
    size_t each = (parts + count - 1) / count, next = 1;
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "r%zu", i);
        buf_clear(&conditions[i]);
        buf_printf(&conditions[i], "%zu IN [0", i);
        for (size_t j = 0; j < each && next <= parts; j++)
            buf_printf(&conditions[i], ",%zu", next++);
        buf_put_u8(&conditions[i], ']');
        routes[i] = (struct route){
            .name = slice_str(names[i]), .condition = buf_slice(&conditions[i]), .enabled = true};
    }
    struct route_table_config cfg = {.routes = routes, .route_count = count};
    enum err err = route_table_new(&cfg, &t, NULL, &mistake);
    for (size_t i = 0; i < count; i++) buf_free(&conditions[i]);
    route_table_free(t);
    if (err && err != ERR_FULL) fail_msg("%s", mistake.text);
    return err;
}

static void a_table_has_so_many_routes_and_parts_and_no_more(void **state)
{
    enum { COUNT = 32, OTHERS = COUNT + 1 }; /* an IN of each route, and 0 */
    (void)state;
    assert_int_equal(many(ROUTES_MAX, 0), OK);
    assert_int_equal(many(ROUTES_MAX + 1, 0), ERR_FULL);
    assert_int_equal(many(COUNT, ROUTE_TABLE_NODES_MAX - OTHERS), OK);
    assert_int_equal(many(COUNT, ROUTE_TABLE_NODES_MAX - OTHERS + 1), ERR_FULL);
}

/* ---- enrichments */

static void enrich(const struct route_table *t, const struct route_message *m, uint64_t endpoints,
                   struct buf *out)
{
    struct route_matcher *x = route_matcher_new();
    struct route_result r;
    route_match(t, x, m, &r);
    route_enrich(t, x, endpoints, out);
    route_matcher_free(x);
}

static struct slice stamped(const struct route_table *t, const struct route_message *m,
                            unsigned endpoint, const char *key)
{
    static struct buf out;
    struct route_property p;
    buf_clear(&out);
    enrich(t, m, UINT64_MAX, &out);
    struct slice extra = buf_slice(&out);
    while (route_enrichment_next(&extra, endpoint, &p) == OK)
        if (slice_is(p.name, key)) return p.value;
    buf_free(&out);
    return SLICE_NONE;
}

static void assert_stamped(const struct route_table *t, const struct route_message *m,
                           unsigned endpoint, const char *key, const char *value)
{
    struct slice v = stamped(t, m, endpoint, key);
    if (!slice_is(v, value)) fail_msg("%s: %.*s, not %s", key, SLICE_ARG(v), value);
}

static const struct route_enrichment enrichments[] = {
    {SLICE_LIT("static"), SLICE_LIT("text"), 1 << 1 | 1 << 2},
    {SLICE_LIT("hub"), SLICE_LIT("$iothubname"), 1 << 1},
    {SLICE_LIT("site"), SLICE_LIT("$twin.tags.site"), 1 << 1},
    {SLICE_LIT("limit"), SLICE_LIT("$twin.properties.desired.limits.high"), 1 << 1},
    {SLICE_LIT("limits"), SLICE_LIT("$twin.properties.desired.limits"), 1 << 1},
    {SLICE_LIT("missing"), SLICE_LIT("$twin.tags.nothing"), 1 << 1},
    {SLICE_LIT("no-path"), SLICE_LIT("$twin.other.x"), 1 << 1},
    {SLICE_LIT("quoted"), SLICE_LIT("$twin.properties.reported.q"), 1 << 1},
    {SLICE_LIT("on"), SLICE_LIT("$twin.properties.reported.on"), 1 << 1},
};

static const char twin[] =
    "{\"tags\":{\"site\":\"north\"},\"properties\":{\"desired\":{\"limits\":"
    "{\"high\":1.50,\"low\":[1,2]}},\"reported\":{\"q\":\"a\\\"b\",\"on\":true}}}";

static void enrichments_come_from_texts_the_hub_and_the_twin(void **state)
{
    struct route_table_config cfg = {
        .hub_name = SLICE_LIT("factory"), .enrichments = enrichments, .enrichment_count = 9};
    (void)state;
    struct route_table *t = table_of(&cfg);
    struct route_message m = message_of("{}");
    m.twin = slice_str(twin);
    assert_stamped(t, &m, 1, "static", "text");
    assert_stamped(t, &m, 2, "static", "text");
    assert_null(stamped(t, &m, 2, "hub").ptr);
    assert_null(stamped(t, &m, 0, "static").ptr);
    assert_stamped(t, &m, 1, "hub", "factory");
    assert_stamped(t, &m, 1, "site", "north");
    assert_stamped(t, &m, 1, "limit", "1.50");
    assert_stamped(t, &m, 1, "limits", "{\"high\":1.50,\"low\":[1,2]}");
    assert_stamped(t, &m, 1, "missing", "$twin.tags.nothing");
    assert_stamped(t, &m, 1, "no-path", "$twin.other.x");
    assert_stamped(t, &m, 1, "quoted", "a\"b");
    assert_stamped(t, &m, 1, "on", "true");
    m.twin = SLICE_NONE;
    assert_stamped(t, &m, 1, "site", "$twin.tags.site");
    m.source = ROUTE_SOURCE_DIGITAL_TWIN_CHANGE;
    assert_null(stamped(t, &m, 1, "static").ptr);
    route_table_free(t);
}

/* The twin that a condition has read serves them, that of the message before does not. */
static void enrichments_are_of_the_message_that_was_matched_last(void **state)
{
    struct route route = ROUTE("north", TELEMETRY, "$twin.tags.site = 'north'", 1);
    struct route_table_config cfg = {
        .routes = &route, .route_count = 1, .enrichments = enrichments, .enrichment_count = 9};
    static const char *const twins[] = {twin, "{\"tags\":{\"site\":\"south\"}}", "", "[", twin};
    static const char *const sites[] = {"north", "south", "$twin.tags.site", "$twin.tags.site",
                                        "north"};
    (void)state;
    struct route_table *t = table_of(&cfg);
    struct route_matcher *x = route_matcher_new();
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++) {
        struct route_message m = message_of("{}");
        struct route_result r;
        struct route_property p = {0};
        struct buf out = {0};
        m.twin = slice_str(twins[i]);
        route_match(t, x, &m, &r);
        assert_int_equal(r.endpoints, twins[i] == twin ? 1 << 1 : 0);
        route_enrich(t, x, 1 << 1, &out);
        struct slice extra = buf_slice(&out);
        while (!slice_is(p.name, "site"))
            assert_int_equal(route_enrichment_next(&extra, 1, &p), OK);
        assert_true(slice_is(p.value, sites[i]));
        buf_free(&out);
    }
    route_matcher_free(x);
    route_table_free(t);
}

static void the_twin_is_wanted_by_what_names_it(void **state)
{
    struct route routes[] = {ROUTE("a", TELEMETRY, "true", 1),
                             ROUTE("b", TWIN_CHANGE, "$twin.tags.site = 'x'", 2),
                             ROUTE("c", 2, "true", 2)};
    struct route_table_config cfg = {.routes = routes, .route_count = 3};
    (void)state;
    struct route_table *t = table_of(&cfg);
    assert_false(route_table_wants_twin(t, TELEMETRY));
    assert_true(route_table_wants_twin(t, TWIN_CHANGE));
    assert_false(route_table_wants_twin(t, 2));
    assert_false(route_table_wants_twin(t, ROUTE_SOURCES_MAX));
    route_table_free(t);
    cfg.enrichments = enrichments;
    cfg.enrichment_count = 9;
    t = table_of(&cfg);
    assert_true(route_table_wants_twin(t, TELEMETRY));
    assert_false(route_table_wants_twin(t, 2)); /* endpoint 2 gets a text only */
    route_table_free(t);
}

static void enrichments_have_limits(void **state)
{
    static char key[ROUTE_ENRICHMENT_KEY_MAX + 1], value[ROUTE_ENRICHMENT_VALUE_MAX + 1];
    static struct route_enrichment list[ROUTE_ENRICHMENTS_MAX + 1];
    static char keys[ROUTE_ENRICHMENTS_MAX + 1][8];
    struct route_table_config cfg = {.enrichments = list, .enrichment_count = 1};
    struct route_table *t;
    struct route_mistake mistake;
    (void)state;
    memset(key, 'k', sizeof key);
    memset(value, 'v', sizeof value);
    list[0] = (struct route_enrichment){slice_of(key, sizeof key - 1),
                                        slice_of(value, sizeof value - 1), 1};
    route_table_free(table_of(&cfg));
    list[0].key.len++;
    assert_int_equal(route_table_new(&cfg, &t, NULL, &mistake), ERR_TOO_BIG);
    list[0].key.len--;
    list[0].value.len++;
    assert_int_equal(route_table_new(&cfg, &t, NULL, &mistake), ERR_TOO_BIG);
    list[0] = (struct route_enrichment){SLICE_LIT("a b"), SLICE_LIT("v"), 1};
    assert_int_equal(route_table_new(&cfg, &t, NULL, &mistake), ERR_INVALID);
    for (unsigned i = 0; i <= ROUTE_ENRICHMENTS_MAX; i++) {
        snprintf(keys[i], sizeof keys[i], "k%u", i);
        list[i] = (struct route_enrichment){slice_str(keys[i]), SLICE_LIT("v"), 1};
    }
    cfg.enrichment_count = ROUTE_ENRICHMENTS_MAX;
    route_table_free(table_of(&cfg));
    cfg.enrichment_count++;
    assert_int_equal(route_table_new(&cfg, &t, NULL, &mistake), ERR_FULL);
    cfg.enrichment_count = 2;
    list[1].key = SLICE_LIT("K0");
    assert_int_equal(route_table_new(&cfg, &t, NULL, &mistake), ERR_EXISTS);
    list[1].endpoints = 2;
    route_table_free(table_of(&cfg));
}

static void bytes_that_are_no_enrichments_are_told(void **state)
{
    struct route_enrichment one = {SLICE_LIT("key"), SLICE_LIT("value"), 1};
    struct route_table_config cfg = {.enrichments = &one, .enrichment_count = 1};
    struct route_message m = message_of("{}");
    struct buf out = {0};
    struct route_property p;
    (void)state;
    struct route_table *t = table_of(&cfg);
    enrich(t, &m, 1, &out);
    for (size_t len = 1; len < out.len; len++) {
        struct slice extra = slice_of(out.ptr, len);
        assert_int_equal(route_enrichment_next(&extra, 0, &p), ERR_CORRUPT);
    }
    struct slice extra = buf_slice(&out);
    assert_int_equal(route_enrichment_next(&extra, 0, &p), OK);
    assert_int_equal(route_enrichment_next(&extra, 0, &p), ERR_NOT_FOUND);
    buf_free(&out);
    route_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_is_tested_for_its_source),
        cmocka_unit_test(many_alike_conditions_say_what_each_says_alone),
        cmocka_unit_test(the_fallback_takes_telemetry_that_no_route_took),
        cmocka_unit_test(a_matcher_serves_one_table_after_another),
        cmocka_unit_test(a_mistake_says_which_route_it_is_in),
        cmocka_unit_test(a_table_has_so_many_routes_and_parts_and_no_more),
        cmocka_unit_test(enrichments_come_from_texts_the_hub_and_the_twin),
        cmocka_unit_test(enrichments_are_of_the_message_that_was_matched_last),
        cmocka_unit_test(the_twin_is_wanted_by_what_names_it),
        cmocka_unit_test(enrichments_have_limits),
        cmocka_unit_test(bytes_that_are_no_enrichments_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
