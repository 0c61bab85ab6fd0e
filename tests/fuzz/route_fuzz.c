/* route_fuzz.c - route: a condition, a newline, then the message: a first byte says what it is.
 *
 * Conditions that compile are tested alone and in a table where they stand twice, on a matcher that has seen
 * other messages; the answers are the same, and what is refused has a place in the text.  The rest of the
 * input is a body in one of three encodings, or enrichments to be read.
 */
#include "base/buf.h"
#include "fuzz.h"
#include "route/route.h"

static const struct route_property properties[] = {{SLICE_LIT("a"), SLICE_LIT("1")},
                                                   {SLICE_LIT("B"), SLICE_LIT("text")}};

static const char twin[] = "{\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"a\":{\"b\":[true]}},"
                           "\"reported\":{}}}";

static struct route_message message_of(uint8_t kind, struct slice body)
{
    static const char *const encodings[] = {"utf-8", "utf-16", "UTF-32", "other"};
    struct route_message m = {.properties = properties, .property_count = 2, .body = body};
    m.system[ROUTE_CONTENT_TYPE] = SLICE_LIT("application/json");
    m.system[ROUTE_CONTENT_ENCODING] = slice_str(encodings[kind & 3]);
    m.system[ROUTE_ENQUEUED_TIME] = SLICE_LIT("2024-05-06T07:08:09.5000000Z");
    if (kind & 4) m.twin = slice_str(twin);
    if (kind & 8) m.twin = body;
    return m;
}

static void read_enrichments(struct slice bytes)
{
    struct route_property p;
    struct slice rest = bytes;
    while (route_enrichment_next(&rest, 0, &p) == OK) assert(p.name.len + p.value.len <= bytes.len);
}

static void enrich(const struct route_table *t, struct route_matcher *x)
{
    struct buf out = {0};
    struct route_property p;
    unsigned count = 0;
    route_enrich(t, x, 2, &out);
    struct slice extra = buf_slice(&out);
    while (route_enrichment_next(&extra, 1, &p) == OK) count++;
    assert(count == 1);
    buf_free(&out);
}

static void match(struct slice condition, enum route_truth truth, const struct route_message *m)
{
    struct route routes[] = {
        {.name = SLICE_LIT("a"), .condition = condition, .endpoint = 1, .enabled = true},
        {.name = SLICE_LIT("b"), .condition = condition, .endpoint = 2, .enabled = true},
        {.name = SLICE_LIT("c"),
         .condition = SLICE_LIT("$body.a = 1"),
         .endpoint = 3,
         .enabled = true}};
    struct route_enrichment e = {SLICE_LIT("k"), slice_head(condition, ROUTE_ENRICHMENT_VALUE_MAX),
                                 2};
    struct route_table_config cfg = {
        .routes = routes, .route_count = 3, .enrichments = &e, .enrichment_count = 1};
    struct route_message other = message_of(4, SLICE_LIT("{\"a\":1,\"b\":[{\"a\":\"\\u0041\"}]}"));
    struct route_matcher *x = route_matcher_new();
    struct route_table *t = NULL;
    struct route_result r;
    enum err err = route_table_new(&cfg, &t, NULL, NULL);
    assert(err == OK);
    route_match(t, x, &other, &r);
    assert(r.endpoints >> 3 & 1);
    route_match(t, x, m, &r);
    assert((r.endpoints >> 1 & 1) == (truth == ROUTE_TRUE));
    assert((r.endpoints >> 2 & 1) == (truth == ROUTE_TRUE));
    enrich(t, x);
    route_matcher_free(x);
    route_table_free(t);
}

void fuzz_one(struct slice input)
{
    struct route_condition *c = NULL;
    struct route_mistake mistake = {0};
    struct slice text;
    if (!slice_split(&input, '\n', &text)) return;
    uint8_t kind = input.len ? input.ptr[0] : 0;
    input = slice_from(input, 1);
    read_enrichments(input);
    if (route_compile(text, &c, &mistake) != OK) {
        assert(mistake.start_line >= 1 && mistake.start_column >= 1 && mistake.text[0]);
        assert(mistake.end_line >= mistake.start_line);
        return;
    }
    struct route_message m = message_of(kind, input);
    enum route_truth truth = route_test(c, &m);
    route_condition_free(c);
    match(text, truth, &m);
}
