/* random_test.c - random conditions over random twins: what pages find is what each twin, fetched and
 * looked at by itself, says.  The seed is fixed; AZIMUTH_SEED and AZIMUTH_ROUNDS change it. */
#include "hub/query/fixture_test.h"
#include "hub/query/run.h"

enum { DEVICES = 40, ROUNDS = 200, DEPTH = 3 };

static uint64_t seed = 20261126;

static unsigned dice(unsigned sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 11) % sides);
}

static const char *one_of(const char *const *list, unsigned count)
{
    return list[dice(count)];
}
#define ONE_OF(list) one_of(list, sizeof(list) / sizeof *(list))

static const char *const values[] = {
    "0",
    "1",
    "-1",
    "1.5",
    "2",
    "true",
    "false",
    "'a'",
    "'b'",
    "'ab'",
    "''",
    "10",
    "'\\u00e9'",
    "'B'",
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1'",
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2'"};
static const char *const paths[] = {"tags.a",
                                    "tags.b",
                                    "tags.o",
                                    "tags.o.a",
                                    "tags.list",
                                    "tags.list[0]",
                                    "properties.desired.a",
                                    "properties.desired.b",
                                    "properties.reported.a",
                                    "properties.reported.b",
                                    "properties.desired.$version",
                                    "devices.tags['b']",
                                    "tags.gone"};

/* ---- twins */

/* As JSON has it: "a" for 'a'. */
static void put_value(struct buf *out)
{
    for (const char *c = ONE_OF(values); *c; c++) buf_put_u8(out, *c == '\'' ? '"' : (uint8_t)*c);
}

static void put_members(struct buf *out, bool deep)
{
    static const char *const names[] = {"a", "b"};
    bool first = true;
    for (unsigned i = 0; i < 2; i++) {
        if (dice(3) == 0) continue;
        buf_printf(out, "%s\"%s\":", first ? "" : ",", names[i]);
        put_value(out);
        first = false;
    }
    if (!deep || dice(2)) return;
    buf_printf(out, "%s\"list\":[", first ? "" : ",");
    put_value(out);
    buf_put_str(out, "],\"o\":{");
    put_members(out, false);
    buf_put_u8(out, '}');
}

/* So many properties that the twin is not indexed by them. */
static void put_crowd(struct buf *out, unsigned count)
{
    buf_put_str(out, "\"crowd\":{");
    for (unsigned i = 0; i < count; i++) buf_printf(out, "%s\"c%u\":1", i ? "," : "", i);
    buf_put_str(out, "}");
}

static void write_random_twin(const char *who)
{
    struct buf json = {0};
    buf_put_str(&json, "{\"tags\":{");
    put_members(&json, true);
    buf_put_str(&json, "},\"properties\":{\"desired\":{");
    if (dice(8) == 0) {
        put_crowd(&json, 600);
        if (dice(2)) buf_put_str(&json, ",\"a\":1");
    } else {
        put_members(&json, false);
    }
    buf_put_str(&json, "}}}");
    write_twin(who, dice(2) ? TWIN_MERGE : TWIN_REPLACE, buf_cstr(&json));
    buf_free(&json);
}

static void report_random(const char *who)
{
    struct buf json = {0};
    buf_put_u8(&json, '{');
    if (dice(6) == 0)
        put_crowd(&json, 140);
    else
        put_members(&json, false);
    buf_put_u8(&json, '}');
    report(who, buf_cstr(&json));
    buf_free(&json);
}

static void random_device(unsigned i)
{
    char who[32];
    snprintf(who, sizeof who, "%s%u", i % 2 ? "dev" : "x-", i);
    put_identity(who, i % 7 == 0   ? "{\"status\":\"disabled\"}"
                      : i % 5 == 0 ? "{\"capabilities\":{\"iotEdge\":true}}"
                                   : "{}");
    if (i % 6) write_random_twin(who);
    if (i % 3) report_random(who);
    if (i % 4) return;
    snprintf(who, sizeof who, "%s%u/m%u", i % 2 ? "dev" : "x-", i, i % 3);
    put_identity(who, "{}");
    write_random_twin(who);
}

static void come_or_go(const char *who, bool comes)
{
    unsigned core = 0;
    while (f.hub.cores[core] != hub_home(&f.hub, slice_str(who)).lane) core++;
    rig_on(f.rig.cores[core]);
    registry_set_connected(f.registries[core], slice_str(who), comes, rig_wall());
}

static void some_come_and_go(void)
{
    char who[32];
    unsigned i = dice(DEVICES);
    snprintf(who, sizeof who, "%s%u", i % 2 ? "dev" : "x-", i);
    come_or_go(who, dice(2));
    if (i % 4) return;
    snprintf(who, sizeof who, "%s%u/m%u", i % 2 ? "dev" : "x-", i, i % 3);
    come_or_go(who, dice(2));
}

/* ---- conditions */

static void put_condition(struct buf *out, unsigned depth);

static void put_list(struct buf *out)
{
    buf_put_u8(out, '[');
    for (unsigned i = 0, count = dice(4); i < count; i++)
        buf_printf(out, "%s%s", i ? "," : "", ONE_OF(values));
    buf_put_u8(out, ']');
}

static void put_comparison(struct buf *out)
{
    static const char *const signs[] = {"=", "!=", "<", ">", "<=", ">=", "=", "="};
    unsigned form = dice(4);
    if (form == 0)
        buf_printf(out, "%s %s %s", ONE_OF(values), ONE_OF(signs), ONE_OF(paths));
    else if (form == 1)
        buf_printf(out, "%s %s %s", ONE_OF(paths), ONE_OF(signs), ONE_OF(paths));
    else
        buf_printf(out, "%s %s %s", ONE_OF(paths), ONE_OF(signs), ONE_OF(values));
}

static void put_call(struct buf *out)
{
    static const char *const one[] = {"IS_DEFINED", "IS_STRING", "IS_NUMBER",   "IS_BOOL",
                                      "IS_ARRAY",   "IS_OBJECT", "IS_PRIMITIVE"};
    static const char *const two[] = {"STARTSWITH", "ENDS_WITH", "CONTAINS", "ARRAY_CONTAINS"};
    if (dice(2))
        buf_printf(out, "%s(%s)", ONE_OF(one), ONE_OF(paths));
    else
        buf_printf(out, "%s(%s, %s)", ONE_OF(two), ONE_OF(paths), ONE_OF(values));
}

static void put_of_identity(struct buf *out)
{
    static const char *const rows[] = {"deviceId = 'dev3'",
                                       "deviceId > 'dev3'",
                                       "deviceId <= 'x-2'",
                                       "STARTSWITH(id, 'dev1')",
                                       "deviceId IN ['dev1', 'x-4', 'dev1', 'none']",
                                       "status = 'disabled'",
                                       "status = 'enabled'",
                                       "capabilities.iotEdge = true",
                                       "capabilities.iotEdge",
                                       "moduleId = 'm1'",
                                       "moduleId = '$edgeAgent'",
                                       "status != 'enabled'",
                                       "capabilities.iotEdge != false",
                                       "connectionState = 'Connected'",
                                       "connectionState != 'Connected'",
                                       "connectionState = 'Disconnected'",
                                       "connectionState IN ['Connected', 'x']",
                                       "lastActivityTime > '0001-01-01T00:00:00Z'",
                                       "lastActivityTime >= '2020'",
                                       "lastActivityTime < '2020'",
                                       "lastActivityTime != '0001-01-01T00:00:00Z'",
                                       "deviceId NIN ['dev1']"};
    buf_put_str(out, ONE_OF(rows));
}

/* Few values of several properties: what is looked up together. */
static void put_several(struct buf *out)
{
    for (unsigned i = 0, count = 2 + dice(3); i < count; i++) {
        buf_printf(out, "%s%s IN [", i ? " AND " : "", ONE_OF(paths));
        for (unsigned k = 0, values_count = 1 + dice(6); k < values_count; k++)
            buf_printf(out, "%s%s", k ? "," : "", ONE_OF(values));
        buf_put_u8(out, ']');
    }
}

static void put_leaf(struct buf *out)
{
    switch (dice(7)) {
    case 4:
        buf_put_u8(out, '(');
        put_several(out);
        buf_put_u8(out, ')');
        break;
    case 0:
        buf_printf(out, "%s %s ", ONE_OF(paths), dice(3) ? "IN" : "NIN");
        put_list(out);
        break;
    case 1: put_call(out); break;
    case 2: put_of_identity(out); break;
    case 3: buf_put_str(out, ONE_OF(paths)); break;
    default: put_comparison(out);
    }
}

static void put_condition(struct buf *out, unsigned depth)
{
    unsigned form = depth ? dice(5) : 4;
    if (form >= 3) {
        put_leaf(out);
        return;
    }
    buf_put_str(out, form == 2 ? "NOT (" : "(");
    put_condition(out, depth - 1);
    for (unsigned more = form == 2 ? 0 : 1 + dice(2); more > 0; more--) {
        buf_put_str(out, form ? " AND " : " OR ");
        put_condition(out, depth - 1);
    }
    buf_put_u8(out, ')');
}

/* ---- both ways */

static int by_text(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* The identities with a blank before each, in their order. */
static void put_sorted(struct buf *out, struct slice *who, unsigned count)
{
    qsort(who, count, sizeof *who, by_text);
    for (unsigned i = 0; i < count; i++) buf_printf(out, " %.*s", SLICE_ARG(who[i]));
}

/* What GET shows of all of them. */
static struct json *all_twins(struct arena *a, const char *source)
{
    struct json *j;
    char query[64];
    snprintf(query, sizeof query, "SELECT * FROM %s", source);
    assert_int_equal(json_parse(a, slice_str(rows_of(query, 7)), &j), OK);
    return j;
}

static void look_at_each(struct arena *a, const char *query, const struct json *twins,
                         struct buf *out)
{
    struct slice who[3 * DEVICES];
    struct query *q;
    unsigned count = 0;
    if (query_read(a, slice_str(query), &q) != OK) fail_msg("%s: %s", query, fail_text());
    for (const struct json *twin = twins->child; twin; twin = twin->next) {
        struct buf name = {0};
        if (!query_match(a, q, twin)) continue;
        hub_put_who(&name, json_str(twin, "deviceId"), json_str(twin, "moduleId"));
        who[count++] = arena_copy(a, buf_slice(&name));
        buf_free(&name);
    }
    put_sorted(out, who, count);
}

static void read_pages(struct arena *a, const char *query, struct buf *out)
{
    struct slice who[6 * DEVICES], pages = SLICE_NONE, name;
    struct page p = {0};
    struct buf all = {0};
    unsigned count = 0, max = 1 + dice(12);
    do {
        if (ask(&p, query, max, true) != STATUS_OK) fail_msg("%s: %s", query, buf_cstr(&p.text));
        assert_true(p.count <= max);
        if (p.count) buf_printf(&all, "%s%s", buf_size(&all) ? " " : "", buf_cstr(&p.who));
    } while (buf_size(&p.next));
    pages = arena_copy(a, buf_slice(&all));
    if (pages.len == 0) pages = SLICE_NONE;
    while (slice_split(&pages, ' ', &name)) who[count++] = name;
    put_sorted(out, who, count);
    buf_free(&all);
    page_free(&p);
}

static void compare(struct arena *a, const char *source, const struct json *twins)
{
    struct buf query = {0}, each = {0}, pages = {0};
    buf_printf(&query, "SELECT * FROM %s WHERE ", source);
    put_condition(&query, DEPTH);
    look_at_each(a, buf_cstr(&query), twins, &each);
    read_pages(a, buf_cstr(&query), &pages);
    if (strcmp(buf_cstr(&each), buf_cstr(&pages)) != 0)
        fail_msg("%s\n  pages: %s\n  each:  %s", buf_cstr(&query), buf_cstr(&pages),
                 buf_cstr(&each));
    buf_free(&query);
    buf_free(&each);
    buf_free(&pages);
}

static unsigned number_of(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void pages_find_what_each_twin_says(void **state)
{
    (void)state;
    unsigned rounds = number_of("AZIMUTH_ROUNDS", ROUNDS);
    seed += number_of("AZIMUTH_SEED", 0);
    f.queries[0]->window = 3; /* several turns */
    for (unsigned i = 0; i < DEVICES; i++) random_device(i);
    for (unsigned round = 0; round < rounds; round++) {
        struct arena a = {0};
        const char *source = dice(4) ? "devices" : "devices.modules";
        if (dice(4) == 0) write_random_twin("dev1");
        if (dice(4) == 0) report_random("dev1");
        if (dice(2) == 0) some_come_and_go();
        if (dice(16) == 0) {
            drop_identity("dev3");
            random_device(3);
        }
        compare(&a, source, all_twins(&a, source));
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_find_what_each_twin_says, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
