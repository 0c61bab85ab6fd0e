/* routing_test.c - the document's rules, its versions, the bits of endpoints, and that cores agree. */
#include "base/limit.h"
#include "store/rig.h"

#include "base/json.h"
#include "base/metrics.h"
#include "base/text.h"
#include "hub/routing/bits.h"
#include "hub/routing/routing.h"
#include "route/route.h"

/* ---- a kind of endpoint: it has a url and a key */

static enum err check_queue(const struct hub *hub, struct arena *a, struct json *endpoint,
                            const struct json *before)
{
    if (slice_is(json_str(endpoint, "url"), hub->name)) return fail(ERR_INVALID, "a loop");
    struct slice key = json_str(endpoint, "key");
    if (json_str(endpoint, "url").len == 0) return fail(ERR_INVALID, "url is missing");
    if (slice_is(key, "****"))
        json_set(a, endpoint, SLICE_LIT("key"), json_new_string(a, json_str(before, "key")));
    return OK;
}

static void mask_queue(struct arena *a, struct json *endpoint)
{
    json_set(a, endpoint, SLICE_LIT("key"), json_new_string(a, SLICE_LIT("****")));
}

static const struct routing_kind queues = {"queues", check_queue, mask_queue};
static const struct routing_kind *const kinds[] = {&queues};

struct fixture {
    struct rig rig;
    struct hub hub;
    struct routing *routing[RIG_CORES_MAX];
    struct routing_config config;
};

static void open_routing(struct fixture *f)
{
    f->hub = (struct hub){
        .office = &f->rig.office, .core_count = f->rig.core_count, .store = f->rig.store};
    snprintf(f->hub.name, sizeof f->hub.name, "plant");
    for (unsigned i = 0; i < f->rig.core_count; i++) f->hub.cores[i] = f->rig.cores[i]->id;
    for (unsigned i = 0; i < f->rig.core_count; i++)
        assert_int_equal(routing_new(&f->hub, f->rig.cores[i], &f->config, &f->routing[i]), OK);
}

static void close_routing(struct fixture *f)
{
    for (unsigned i = 0; i < f->rig.core_count; i++) routing_free(f->routing[i]);
}

static void restart(struct fixture *f)
{
    close_routing(f);
    rig_restart(&f->rig);
    open_routing(f);
}

static int set_up(void **state)
{
    struct fixture *f = *state = NEW(struct fixture);
    rig_init_cores(&f->rig, io_mem_new(), 3);
    f->config = (struct routing_config){.kinds = kinds, .kind_count = 1};
    open_routing(f);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    close_routing(f);
    rig_fini(&f->rig);
    free(f);
    return 0;
}

struct asker {
    struct routing_wait wait;
    unsigned answers;
    enum err result;
    char text[512];
};

static void note(struct routing_wait *w, enum err result, const char *text)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->answers++;
    a->result = result;
    snprintf(a->text, sizeof a->text, "%s", text);
}

static struct asker last;

static enum err put_at(struct fixture *f, unsigned core, const char *if_match,
                       struct slice document)
{
    last = (struct asker){.wait.fn = note};
    rig_on(f->rig.cores[core]);
    routing_put(f->routing[core], if_match ? slice_str(if_match) : SLICE_NONE, document,
                &last.wait);
    rig_run(&f->rig);
    assert_int_equal(last.answers, 1);
    return last.result;
}

static enum err put(struct fixture *f, const char *document)
{
    return put_at(f, 1, "*", slice_str(document));
}

/* The document of a core, as text; borrowed until the next call. */
static const char *shown(const struct fixture *f, unsigned core)
{
    static struct buf text;
    buf_free(&text);
    routing_put_document(f->routing[core], &text);
    static char copy[1 << 16];
    snprintf(copy, sizeof copy, "%s", buf_cstr(&text));
    buf_free(&text);
    return copy;
}

static void has(const struct fixture *f, const char *part)
{
    for (unsigned i = 0; i < f->rig.core_count; i++)
        if (strstr(shown(f, i), part) == NULL)
            fail_msg("core %u: no %s in %s", i, part, shown(f, i));
}

#define ROUTE(name, more) "{\"name\":\"" name "\",\"source\":\"DeviceMessages\"," more "}"
#define TO(name)          "\"endpointNames\":[\"" name "\"]"
#define QUEUE(name)       "{\"name\":\"" name "\",\"url\":\"x\",\"key\":\"secret\"}"

static const char *const whole =
    "{\"routes\":[" ROUTE("r1", TO("q1")) "],\"endpoints\":{\"queues\":[" QUEUE(
        "q1") "]},"
              "\"enrichments\":[{\"key\":\"site\",\"value\":\"$twin.tags.site\","
              "\"endpointNames\":[\"events\",\"q1\"]}]}";

/* ---- the document */

static void a_new_hub_has_no_routes_and_the_fallback_route(void **state)
{
    struct fixture *f = *state;
    has(f, "\"etag\":\"MA==\"");
    has(f, "\"routes\":[]");
    has(f, "\"fallbackRoute\":{\"name\":\"$fallback\",\"source\":\"DeviceMessages\","
           "\"condition\":\"true\",\"endpointNames\":[\"events\"],\"isEnabled\":true}");
    for (unsigned source = 0; source < RECORD_SOURCES; source++)
        assert_false(routing_decides(f->routing[0], (enum record_source)source));
}

static void what_is_left_out_is_filled_in(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, "{\"routes\":[{\"name\":\"r\",\"source\":\"twinchangeevents\","
                            "\"endpointNames\":[\"EVENTS\"]}]}"),
                     OK);
    has(f, "{\"name\":\"r\",\"source\":\"TwinChangeEvents\",\"condition\":\"true\","
           "\"endpointNames\":[\"EVENTS\"],\"isEnabled\":true}");
    has(f, "\"isEnabled\":false}"); /* the fallback route, as in a template of Azure's */
    assert_true(routing_decides(f->routing[0], RECORD_TWIN_CHANGE));
    assert_true(routing_decides(f->routing[0], RECORD_TELEMETRY));
    assert_false(routing_decides(f->routing[0], RECORD_JOB_LIFECYCLE));
}

static void every_core_knows_and_it_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, whole), OK);
    has(f, "\"name\":\"r1\"");
    restart(f);
    has(f, "\"name\":\"r1\"");
    has(f, "\"key\":\"site\"");
    const struct routing_endpoint *e = routing_endpoint_find(f->routing[2], SLICE_LIT("Q1"));
    assert_non_null(e);
    assert_int_equal(e->bit, 1);
    assert_true(e->since_us > 0);
    assert_ptr_equal(e->kind, &queues);
    assert_string_equal(routing_endpoint_at(f->routing[2], 0)->name, "events");
    assert_null(routing_endpoint_at(f->routing[2], 2));
}

static void azure_s_shell_and_empty_lists_of_other_kinds_are_taken(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, "{\"id\":\"x\",\"properties\":{\"routing\":{\"endpoints\":{"
                            "\"serviceBusQueues\":[],\"queues\":null},\"routes\":null}}}"),
                     OK);
}

static void bad_documents_are_refused_with_a_reason(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"nonsense", "JSON"},
        {"[]", "not an object"},
        {"{\"route\":[]}", "no member 'route'"},
        {"{\"routes\":{}}", "not a list"},
        {"{\"routes\":[1]}", "routes: not an object"},
        {"{\"routes\":[{\"name\":5}]}", "the name of a route is not a string"},
        {"{\"enrichments\":[1]}", "enrichments: not an object"},
        {"{\"enrichments\":[{\"key\":5}]}", "an enrichment: key is not a string"},
        {"{\"enrichments\":[{\"key\":\"a\",\"value\":5," TO("events") "}]}",
         "enrichment 'a': value is not a string"},
        {"{\"routes\":[" ROUTE("a b", TO("events")) "]}", "name of a route"},
        {"{\"routes\":[" ROUTE("a", TO("nowhere")) "]}", "no endpoint 'nowhere'"},
        {"{\"routes\":[" ROUTE("a", "\"endpointNames\":[]") "]}", "must have one name"},
        {"{\"routes\":[" ROUTE("a", "\"endpointNames\":[\"events\",\"events\"]") "]}",
         "must have one name"},
        {"{\"routes\":[" ROUTE("a", TO("events")) "," ROUTE("A", TO("events")) "]}", "two routes"},
        {"{\"routes\":[" ROUTE("a", TO("events") ",\"isEnabled\":1") "]}", "isEnabled"},
        {"{\"routes\":[" ROUTE("a", TO("events") ",\"conditon\":\"true\"") "]}", "'conditon'"},
        {"{\"routes\":[" ROUTE("a", TO("events") ",\"condition\":\"a b\"") "]}", "line 1, column"},
        {"{\"routes\":[{\"name\":\"a\"," TO("events") "}]}", "source is missing"},
        {"{\"routes\":[{\"name\":\"a\",\"source\":\"x\"," TO("events") "}]}", "no source"},
        {"{\"fallbackRoute\":{\"condition\":\"false\"}}", "condition true"},
        {"{\"fallbackRoute\":{\"source\":\"TwinChangeEvents\"}}", "DeviceMessages"},
        {"{\"endpoints\":{\"webhooks\":[{}]}}", "no endpoints of the kind 'webhooks'"},
        {"{\"endpoints\":{\"queues\":[" QUEUE("events") "]}}", "reserved"},
        {"{\"endpoints\":{\"queues\":[" QUEUE("fileNotifications") "]}}", "reserved"},
        {"{\"endpoints\":{\"queues\":[" QUEUE("q") "," QUEUE("Q") "]}}", "two endpoints"},
        {"{\"endpoints\":{\"queues\":[{\"name\":\"q\"}]}}", "endpoint 'q': url is missing"},
        {"{\"endpoints\":{\"queues\":[{\"name\":\"q\",\"url\":\"plant\"}]}}",
         "endpoint 'q': a loop"},
        {"{\"enrichments\":[{\"key\":\"a b\",\"value\":\"x\"," TO("events") "}]}", "key of an"},
        {"{\"enrichments\":[{\"key\":\"a\",\"value\":\"\"," TO("events") "}]}", "its value"},
        {"{\"enrichments\":[{\"key\":\"a\",\"value\":\"$twin.tag.x\"," TO("events") "}]}",
         "$twin.tags.x"},
        {"{\"enrichments\":[{\"key\":\"a\",\"value\":\"x\"}]}", "endpointNames"},
        {"{\"enrichments\":[{\"key\":\"a\",\"value\":\"x\"," TO(
             "events") "},"
                       "{\"key\":\"A\",\"value\":\"x\"," TO("events") "}]}",
         "two enrichments"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(put(f, rows[i][0]), ERR_INVALID);
        if (strstr(last.text, rows[i][1]) == NULL) fail_msg("'%s' for %s", last.text, rows[i][0]);
    }
    has(f, "\"etag\":\"MA==\"");
}

static void names_have_64_characters(void **state)
{
    struct fixture *f = *state;
    char name[ROUTE_NAME_MAX + 2], document[512];
    memset(name, 'n', sizeof name);
    for (unsigned over = 0; over < 2; over++) {
        name[ROUTE_NAME_MAX + over] = '\0';
        snprintf(document, sizeof document,
                 "{\"routes\":[{\"name\":\"%s\",\"source\":\"DeviceMessages\"," TO("events") "}]}",
                 name);
        assert_int_equal(put(f, document), over ? ERR_INVALID : OK);
        name[ROUTE_NAME_MAX] = 'n';
    }
}

static void a_document_has_a_size(void **state)
{
    struct fixture *f = *state;
    struct buf text = {0};
    buf_put_str(&text, "{}");
    while (buf_size(&text) < ROUTING_DOCUMENT_MAX) buf_put_u8(&text, ' ');
    assert_int_equal(put_at(f, 0, "*", buf_slice(&text)), OK);
    buf_put_u8(&text, ' ');
    assert_int_equal(put_at(f, 0, "*", buf_slice(&text)), ERR_TOO_BIG);
    buf_free(&text);
}

/* ---- how many */

static enum err put_many(struct fixture *f, unsigned routes, unsigned endpoints,
                         unsigned enrichments)
{
    struct buf text = {0};
    buf_put_str(&text, "{\"routes\":[");
    for (unsigned i = 0; i < routes; i++)
        buf_printf(&text, "%s{\"name\":\"r%u\",\"source\":\"DeviceMessages\"," TO("events") "}",
                   i ? "," : "", i);
    buf_put_str(&text, "],\"endpoints\":{\"queues\":[");
    for (unsigned i = 0; i < endpoints; i++)
        buf_printf(&text, "%s{\"name\":\"q%u\",\"url\":\"x\"}", i ? "," : "", i);
    buf_put_str(&text, "]},\"enrichments\":[");
    for (unsigned i = 0; i < enrichments; i++)
        buf_printf(&text, "%s{\"key\":\"k%u\",\"value\":\"x\"," TO("events") "}", i ? "," : "", i);
    buf_put_str(&text, "]}");
    enum err e = put_at(f, 0, "*", buf_slice(&text));
    buf_free(&text);
    return e;
}

static void there_are_limits_of_ours_and_of_tiers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum throttle_tier tier;
        unsigned routes, endpoints, enrichments;
    } rows[] = {{THROTTLE_OFF, ROUTES_MAX, ROUTE_ENDPOINTS_MAX - 1, ROUTE_ENRICHMENTS_MAX},
                {THROTTLE_S1, 100, 10, 10},
                {THROTTLE_F1, 5, 1, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        f->config.tier = rows[i].tier;
        restart(f);
        unsigned r = rows[i].routes, e = rows[i].endpoints, x = rows[i].enrichments;
        int64_t routes = limit_reached("routes"), endpoints = limit_reached("endpoints"),
                enrichments = limit_reached("enrichments");
        assert_int_equal(put_many(f, r + 1, e, x), ERR_FULL);
        assert_int_equal(put_many(f, r, e + 1, x), ERR_FULL);
        assert_int_equal(put_many(f, r, e, x + 1), ERR_FULL);
        assert_int_equal(put_many(f, r, e, x), OK);
        assert_int_equal(limit_reached("routes") - routes, 1);
        assert_int_equal(limit_reached("endpoints") - endpoints, 1);
        assert_int_equal(limit_reached("enrichments") - enrichments, 1);
    }
}

/* ---- versions */

static void a_change_names_the_version_that_it_changes(void **state)
{
    struct fixture *f = *state;
    char first[ETAG_MAX + 1], second[ETAG_MAX + 1];
    assert_int_equal(put_at(f, 2, NULL, SLICE_LIT("{}")), ERR_PRECONDITION);
    assert_int_equal(put_at(f, 2, "other", SLICE_LIT("{}")), ERR_PRECONDITION);
    assert_int_equal(put_at(f, 2, "\"MA==\"", SLICE_LIT("{}")), OK);
    routing_etag(f->routing[1], first);
    assert_int_equal(put_at(f, 2, "MA==", SLICE_LIT("{}")), ERR_PRECONDITION);
    assert_int_equal(put_at(f, 0, first, SLICE_LIT("{}")), OK);
    routing_etag(f->routing[1], second);
    assert_string_not_equal(first, second);
    restart(f);
    routing_etag(f->routing[0], first);
    assert_string_equal(first, second);
}

static void an_if_match_at_its_limit_counts_and_one_over_it_matches_nothing(void **state)
{
    struct fixture *f = *state;
    char wanted[ROUTING_IF_MATCH_MAX + 2];
    snprintf(wanted, sizeof wanted, "%-*s", ROUTING_IF_MATCH_MAX + 1, "*");
    assert_int_equal(put_at(f, 2, wanted, SLICE_LIT("{}")), ERR_PRECONDITION);
    wanted[ROUTING_IF_MATCH_MAX] = '\0';
    assert_int_equal(put_at(f, 2, wanted, SLICE_LIT("{}")), OK);
}

static void of_changes_that_come_together_one_wins(void **state)
{
    struct fixture *f = *state;
    struct asker askers[ROUTING_CHANGES_MAX + 1];
    unsigned won = 0, late = 0, refused = 0;
    rig_on(f->rig.cores[0]);
    for (unsigned i = 0; i < ROUTING_CHANGES_MAX + 1; i++) {
        askers[i] = (struct asker){.wait.fn = note};
        routing_put(f->routing[0], SLICE_LIT("MA=="), SLICE_LIT("{}"), &askers[i].wait);
    }
    rig_run(&f->rig);
    for (unsigned i = 0; i < ROUTING_CHANGES_MAX + 1; i++) {
        assert_int_equal(askers[i].answers, 1);
        won += askers[i].result == OK;
        late += askers[i].result == ERR_PRECONDITION;
        refused += askers[i].result == ERR_THROTTLED;
    }
    assert_int_equal(won, 1);
    assert_int_equal(refused, 1);
    assert_int_equal(late, ROUTING_CHANGES_MAX - 1);
}

static void a_try_shows_what_would_change_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct buf out = {0};
    assert_int_equal(put(f, whole), OK);
    assert_int_equal(routing_try(f->routing[0], SLICE_LIT("*"),
                                 SLICE_LIT("{\"routes\":[" ROUTE("r2", TO("events")) "]}"), &out),
                     OK);
    assert_non_null(strstr(
        buf_cstr(&out), "\"diff\":[{\"change\":\"removed\",\"what\":\"endpoint\",\"name\":\"q1\"},"
                        "{\"change\":\"removed\",\"what\":\"route\",\"name\":\"r1\"},"
                        "{\"change\":\"added\",\"what\":\"route\",\"name\":\"r2\"},"
                        "{\"change\":\"removed\",\"what\":\"enrichment\",\"name\":\"site\"}]"));
    has(f, "\"name\":\"r1\"");
    assert_int_equal(routing_try(f->routing[0], SLICE_LIT("x"), SLICE_LIT("{}"), &out),
                     ERR_PRECONDITION);
    assert_int_equal(routing_try(f->routing[0], SLICE_LIT("*"), SLICE_LIT("{"), &out), ERR_INVALID);
    buf_free(&out);
}

static void secrets_are_masked_and_kept(void **state)
{
    struct fixture *f = *state;
    struct buf document = {0};
    assert_int_equal(put(f, whole), OK);
    assert_null(strstr(shown(f, 0), "secret"));
    buf_printf(&document, "%s", shown(f, 0));
    assert_int_equal(put(f, buf_cstr(&document)), OK);
    buf_free(&document);
    const struct routing_endpoint *e = routing_endpoint_find(f->routing[1], SLICE_LIT("q1"));
    assert_true(slice_is(json_str(e->json, "key"), "secret"));
    assert_int_equal(e->bit, 1);
}

/* ---- bits */

static void a_bit_of_an_endpoint_that_went_is_not_given_away(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, "{\"endpoints\":{\"queues\":[" QUEUE("a") "," QUEUE("b") "]}}"), OK);
    assert_int_equal(put(f, "{\"endpoints\":{\"queues\":[" QUEUE("b") "," QUEUE("c") "]}}"), OK);
    restart(f);
    assert_int_equal(put(f, "{\"endpoints\":{\"queues\":[" QUEUE("a") "," QUEUE("b") "]}}"), OK);
    assert_int_equal(routing_endpoint_find(f->routing[0], SLICE_LIT("a"))->bit, 4);
    assert_int_equal(routing_endpoint_find(f->routing[0], SLICE_LIT("b"))->bit, 2);
}

static void bits_that_were_chosen_before_an_endpoint_came_are_not_its(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, whole), OK);
    const struct routing_endpoint *e = routing_endpoint_find(f->routing[0], SLICE_LIT("q1"));
    assert_int_equal(routing_still(f->routing[0], 3, e->since_us), 3);
    assert_int_equal(routing_still(f->routing[0], 3, e->since_us - 1), 1);
    assert_int_equal(routing_still(f->routing[0], 7, INT64_MAX), 3);
    assert_int_equal(routing_still(NULL, 7, INT64_MAX), 1);
}

static void the_oldest_bit_that_was_left_is_asked_for(void **state)
{
    struct routing_bits b = {0};
    struct arena a = {0};
    struct json *document;
    unsigned oldest;
    (void)state;
    for (unsigned i = 1; i < ROUTE_ENDPOINTS_MAX; i++)
        b.bit[i] = (struct routing_bit){.taken = true, .since_us = 1, .removed_us = 100 - i};
    assert_int_equal(
        json_parse(&a, SLICE_LIT("{\"endpoints\":{\"queues\":[{\"name\":\"q\"}]}}"), &document),
        OK);
    assert_int_equal(routing_bits_assign(&b, document, 200, &oldest), ERR_FULL);
    assert_int_equal(oldest, 63);
    b.bit[63] = (struct routing_bit){0};
    assert_int_equal(routing_bits_assign(&b, document, 200, &oldest), OK);
    assert_int_equal(routing_bits_find(&b, SLICE_LIT("queues"), SLICE_LIT("q")), 63);
    arena_free(&a);
}

/* ---- messages */

static uint64_t choose(struct fixture *f, struct slice twin, size_t size, size_t *extra)
{
    struct routing_choice choice;
    const struct route_message m = {.source = RECORD_TELEMETRY, .twin = twin};
    rig_on(f->rig.cores[0]);
    routing_choose(f->routing[0], &m, size, &choice);
    *extra = choice.extra.len;
    return choice.destinations;
}

static void a_message_with_its_enrichments_has_a_size(void **state)
{
    struct fixture *f = *state;
    size_t extra;
    assert_int_equal(
        put(f, "{\"routes\":[" ROUTE("r1", TO("q1")) "," ROUTE(
                   "r2",
                   TO("events")) "],"
                                 "\"endpoints\":{\"queues\":[" QUEUE(
                                     "q1") "]},\"enrichments\":[{"
                                           "\"key\":\"key\",\"value\":\"value\"," TO("q1") "}]}"),
        OK);
    assert_int_equal(choose(f, SLICE_NONE, ROUTING_MESSAGE_MAX - 8, &extra), 3);
    const struct routing_delivery q1 = {routing_endpoint_find(f->routing[0], SLICE_LIT("q1"))->kind,
                                        "q1", RECORD_TELEMETRY};
    struct metric *invalid = routing_deliveries(&q1, ROUTING_INVALID);
    assert_string_equal(
        invalid->labels,
        "Result=\"failure\",FailureReasonCategory=\"invalid\",RoutingSource=\"Device "
        "Messages\",EndpointType=\"queues\",EndpointName=\"q1\"");
    int64_t before = metric_value(invalid);
    for (int64_t i = 1; i <= 2; i++) {
        assert_int_equal(choose(f, SLICE_NONE, ROUTING_MESSAGE_MAX - 7, &extra), 1);
        assert_int_equal(metric_value(invalid), before + i);
    }
}

/* Each of 16 endpoints has one, of 15 bytes and what the twin says. */
static void all_enrichments_of_a_message_have_a_size(void **state)
{
    enum { COUNT = 16, VALUE = ROUTING_EXTRA_MAX / COUNT - 15 };
    struct fixture *f = *state;
    struct buf text = {0}, twin = {0};
    size_t extra;
    buf_put_str(&text, "{\"routes\":[" ROUTE("r", TO("events")));
    for (unsigned i = 0; i < COUNT; i++)
        buf_printf(&text,
                   ",{\"name\":\"r%u\",\"source\":\"DeviceMessages\",\"endpointNames\":[\"q%u\"]}",
                   i, i);
    buf_put_str(&text, "],\"endpoints\":{\"queues\":[");
    for (unsigned i = 0; i < COUNT; i++)
        buf_printf(&text, "%s{\"name\":\"q%u\",\"url\":\"x\"}", i ? "," : "", i);
    buf_put_str(&text, "]},\"enrichments\":[");
    for (unsigned i = 0; i < COUNT; i++)
        buf_printf(&text,
                   "%s{\"key\":\"k%02u\",\"value\":\"$twin.tags.x\",\"endpointNames\":[\"q%u\"]}",
                   i ? "," : "", i, i);
    buf_put_str(&text, "]}");
    assert_int_equal(put_at(f, 0, "*", buf_slice(&text)), OK);
    for (unsigned over = 0; over < 2; over++) {
        buf_clear(&twin);
        buf_put_str(&twin, "{\"tags\":{\"x\":\"");
        for (unsigned i = 0; i < VALUE + over; i++) buf_put_u8(&twin, 'v');
        buf_put_str(&twin, "\"}}");
        uint64_t all = (UINT64_C(1) << (COUNT + 1)) - 1;
        assert_int_equal(choose(f, buf_slice(&twin), 1, &extra), over ? 1 : all);
        assert_int_equal(extra, over ? 0 : ROUTING_EXTRA_MAX);
    }
    buf_free(&text);
    buf_free(&twin);
}

/* ---- loops */

static uint64_t choose_passed(struct fixture *f, const char *passed)
{
    struct routing_choice choice;
    struct route_property p = {SLICE_LIT(ROUTING_PASSED), slice_str(passed)};
    const struct route_message m = {
        .source = RECORD_TELEMETRY, .properties = &p, .property_count = 1};
    rig_on(f->rig.cores[0]);
    routing_choose(f->routing[0], &m, 1, &choice);
    return choice.destinations;
}

static long loops(void)
{
    static const char name[] = "\nazimuth_routing_loops_total ";
    struct buf text = {0};
    metrics_write(&text);
    const char *at = strstr(buf_cstr(&text), name);
    assert_non_null(at);
    long count = strtol(at + strlen(name), NULL, 10);
    buf_free(&text);
    return count;
}

static void a_message_that_came_back_does_not_go_there_again(void **state)
{
    static const struct {
        const char *passed;
        uint64_t destinations; /* of bits 0: events, 1: q1, 2: q2 */
    } rows[] = {{"", 7},
                {"plant-00000000/q1", 5},
                {"plant-00000000/Q1", 5},
                {"plant-00000000/q1,plant-00000000/q2", 1},
                {"other-00000000/q1 , plant-00000000/q2", 3},
                {"plant-00000001/q1", 7}, /* a hub of that name, not this one */
                {"plant-00000000/", 7},
                {"plant-00000000/events", 7},
                {"plant-00000000/gone,,", 7},
                {"q1", 7}};
    struct fixture *f = *state;
    long before = loops();
    assert_int_equal(
        put(f, "{\"routes\":[" ROUTE("r1", TO("q1")) "," ROUTE("r2", TO("q2")) "," ROUTE(
                   "r3",
                   TO("events")) "],\"endpoints\":{\"queues\":[" QUEUE("q1") "," QUEUE("q2") "]}}"),
        OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (choose_passed(f, rows[i].passed) != rows[i].destinations)
            fail_msg("\"%s\"", rows[i].passed);
    assert_int_equal(loops() - before, 5);
}

static void the_list_of_endpoints_passed_has_a_size(void **state)
{
    struct fixture *f = *state;
    struct buf before = {0}, out = {0};
    const size_t own = strlen("plant-00000000/a");
    buf_put_str(&before, "plant-00000000/b");
    routing_put_passed(&f->hub, "a", buf_slice(&before), &out);
    assert_string_equal(buf_cstr(&out), "plant-00000000/b,plant-00000000/a");
    buf_clear(&before);
    routing_put_passed(&f->hub, "b", buf_slice(&out), &before);
    assert_string_equal(buf_cstr(&before), "plant-00000000/b,plant-00000000/a");
    for (unsigned over = 0; over < 2; over++) {
        buf_clear(&before);
        buf_clear(&out);
        while (buf_size(&before) < ROUTING_PASSED_MAX - own - 1 + over) buf_put_u8(&before, 'x');
        routing_put_passed(&f->hub, "a", buf_slice(&before), &out);
        assert_int_equal(buf_size(&out), over ? own : ROUTING_PASSED_MAX);
    }
    buf_free(&before);
    buf_free(&out);
}

/* ---- agreements */

/* A rate is a number of one digit, or of as many as there may be. */
static enum err agrees(void *ctx, const struct routing_endpoint *e,
                       const struct routing_consent *consent)
{
    (void)ctx;
    if (strcmp(e->name, "q1") != 0 || !slice_is(consent->code, "code")) return ERR_NOT_FOUND;
    bool known = consent->rate.len <= 1 || consent->rate.len == ROUTING_RATE_MAX;
    return known ? OK : fail(ERR_INVALID, "no rate");
}

static enum err agree(struct fixture *f, const char *endpoint, struct slice code, const char *rate)
{
    const struct routing_consent consent = {code, slice_str(rate)};
    last = (struct asker){.wait.fn = note};
    rig_on(f->rig.cores[2]);
    routing_agree(f->routing[2], slice_str(endpoint), &consent, &last.wait);
    rig_run(&f->rig);
    assert_int_equal(last.answers, 1);
    return last.result;
}

static void an_endpoint_that_agrees_is_asked_for_on_its_core(void **state)
{
    static const struct {
        const char *endpoint, *code, *rate;
        enum err err;
    } rows[] = {{"q1", "code", "", OK},
                {"Q1", "code", "", OK},
                {"q1", "code", "*", OK},
                {"q1", "code", "12", ERR_INVALID},
                {"q1", "code", "18446744073709551615", OK},
                {"q1", "code", "184467440737095516150", OK}, /* the rest is cut off */
                {"q1", "", "", ERR_NOT_FOUND},
                {"q1", "cod", "", ERR_NOT_FOUND},
                {"q2", "code", "", ERR_NOT_FOUND},
                {"", "code", "", ERR_NOT_FOUND},
                {"events", "code", "", ERR_NOT_FOUND}};
    struct fixture *f = *state;
    char longer[ROUTING_CODE_MAX + 2];
    memset(longer, 'x', sizeof longer);
    assert_int_equal(put(f, "{\"endpoints\":{\"queues\":[" QUEUE("q1") "," QUEUE("q2") "]}}"), OK);
    routing_set_agree(f->routing[1 % f->rig.core_count], agrees, NULL); /* bit 1 */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(agree(f, rows[i].endpoint, slice_str(rows[i].code), rows[i].rate),
                         rows[i].err);
    assert_int_equal(agree(f, "q1", slice_of(longer, sizeof longer), ""), ERR_NOT_FOUND);
}

/* ---- listeners, tests */

struct ear {
    struct routing_listener listener;
    unsigned heard;
};

static void hear(struct routing_listener *l)
{
    CONTAINER_OF(l, struct ear, listener)->heard++;
}

static void listeners_are_told_on_their_core(void **state)
{
    struct fixture *f = *state;
    struct ear ear = {.listener.changed = hear};
    routing_listen(f->routing[2], &ear.listener);
    assert_int_equal(put(f, whole), OK);
    assert_int_equal(put(f, "{"), ERR_INVALID);
    assert_int_equal(ear.heard, 1);
}

static void health_is_what_who_delivers_says(void **state)
{
    struct fixture *f = *state;
    struct buf out = {0};
    assert_int_equal(put(f, whole), OK);
    routing_put_health(f->routing[0], &out);
    assert_string_equal(buf_cstr(&out),
                        "{\"value\":[{\"endpointId\":\"events\",\"healthStatus\":\"healthy\"},"
                        "{\"endpointId\":\"q1\",\"healthStatus\":\"unknown\"}]}");
    buf_free(&out);
}

static void a_message_is_tested_against_routes(void **state)
{
    struct fixture *f = *state;
    struct buf out = {0};
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"{\"message\":{\"appProperties\":{\"a\":\"b\"}},\"route\":{\"condition\":\"a='b'\"}}",
         "{\"result\":\"true\",\"details\":{\"compilationErrors\":[]}}"},
        {"{\"message\":{\"appProperties\":{\"a\":\"c\"}},\"route\":{\"condition\":\"a='b'\"}}",
         "{\"result\":\"false\",\"details\":{\"compilationErrors\":[]}}"},
        {"{\"route\":{\"condition\":\"a='b'\"}}",
         "{\"result\":\"undefined\",\"details\":{\"compilationErrors\":[]}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++, buf_clear(&out)) {
        assert_int_equal(routing_test_route(f->routing[0], slice_str(rows[i].request), &out), OK);
        assert_string_equal(buf_cstr(&out), rows[i].answer);
    }
    assert_int_equal(
        routing_test_route(f->routing[0], SLICE_LIT("{\"route\":{\"condition\":\"a b\"}}"), &out),
        OK);
    assert_non_null(
        strstr(buf_cstr(&out), "\"severity\":\"error\",\"location\":{\"start\":{\"line"));
    buf_clear(&out);
    assert_int_equal(routing_test_route(f->routing[0], SLICE_LIT("{}"), &out), ERR_INVALID);
    assert_int_equal(put(f, whole), OK);
    assert_int_equal(
        routing_test_all(f->routing[0], SLICE_LIT("{\"routingSource\":\"DeviceMessages\"}"), &out),
        OK);
    assert_non_null(strstr(buf_cstr(&out), "{\"routes\":[{\"properties\":{\"name\":\"r1\""));
    buf_free(&out);
}

/* What was expected is said: a member of another type is not passed over. */
static void what_is_tested_has_members_of_their_types(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *request, *why;
    } rows[] = {
        {"{\"route\":5}", "route is not an object"},
        {"{\"route\":{\"condition\":5}}", "condition is not a string"},
        {"{\"route\":{\"source\":5}}", "source is not a string"},
        {"{\"route\":{},\"message\":\"x\"}", "message is not an object"},
        {"{\"route\":{},\"message\":{\"body\":{}}}", "body is not a string"},
        {"{\"route\":{},\"message\":{\"appProperties\":[]}}", "appProperties is not an object"},
        {"{\"route\":{},\"message\":{\"systemProperties\":5}}",
         "systemProperties is not an object"},
        {"{\"route\":{},\"twin\":5}", "twin is not an object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        struct slice request = slice_str(rows[i].request);
        if (routing_test_route(f->routing[0], request, &out) != ERR_INVALID)
            fail_msg("row %zu was taken", i);
        if (strstr(fail_text(), rows[i].why) == NULL) fail_msg("row %zu: %s", i, fail_text());
        if (i > 2) assert_int_equal(routing_test_all(f->routing[0], request, &out), ERR_INVALID);
        buf_free(&out);
    }
}

static void a_message_that_is_tested_has_1000_properties(void **state)
{
    struct fixture *f = *state;
    for (unsigned count = 1000; count <= 1001; count++) {
        struct buf request = {0}, out = {0};
        buf_put_str(&request, "{\"route\":{\"condition\":\"p999 = 'x'\"},\"message\":"
                              "{\"appProperties\":{");
        for (unsigned i = 0; i < count; i++)
            buf_printf(&request, "%s\"p%u\":\"x\"", i ? "," : "", i);
        buf_put_str(&request, "}}}");
        enum err e = routing_test_route(f->routing[0], buf_slice(&request), &out);
        assert_int_equal(e, count > 1000 ? ERR_INVALID : OK);
        if (e == OK) assert_non_null(strstr(buf_cstr(&out), "\"result\":\"true\""));
        buf_free(&request);
        buf_free(&out);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_hub_has_no_routes_and_the_fallback_route),
        TEST(what_is_left_out_is_filled_in),
        TEST(every_core_knows_and_it_survives_a_restart),
        TEST(azure_s_shell_and_empty_lists_of_other_kinds_are_taken),
        TEST(bad_documents_are_refused_with_a_reason),
        TEST(names_have_64_characters),
        TEST(a_document_has_a_size),
        TEST(there_are_limits_of_ours_and_of_tiers),
        TEST(a_change_names_the_version_that_it_changes),
        TEST(an_if_match_at_its_limit_counts_and_one_over_it_matches_nothing),
        TEST(of_changes_that_come_together_one_wins),
        TEST(a_try_shows_what_would_change_and_changes_nothing),
        TEST(secrets_are_masked_and_kept),
        TEST(a_bit_of_an_endpoint_that_went_is_not_given_away),
        TEST(bits_that_were_chosen_before_an_endpoint_came_are_not_its),
        cmocka_unit_test(the_oldest_bit_that_was_left_is_asked_for),
        TEST(a_message_with_its_enrichments_has_a_size),
        TEST(all_enrichments_of_a_message_have_a_size),
        TEST(a_message_that_came_back_does_not_go_there_again),
        TEST(the_list_of_endpoints_passed_has_a_size),
        TEST(an_endpoint_that_agrees_is_asked_for_on_its_core),
        TEST(listeners_are_told_on_their_core),
        TEST(health_is_what_who_delivers_says),
        TEST(a_message_is_tested_against_routes),
        TEST(what_is_tested_has_members_of_their_types),
        TEST(a_message_that_is_tested_has_1000_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
