/* routing_fuzz.c - hub/routing/document.h: any document is refused with a reason, or becomes one that reads back the
 * same: as it is stored, and as it is shown, without its secrets, put in its own place.
 *
 * Input: a byte that says which tier the hub has, a document, and behind a zero byte one more, which is put in the
 * first one's place.
 */
#include "deliver/deliver.h"
#include "fuzz.h"
#include "hub/routing/document.h"
#include "route/route.h"

static struct arena arena;

static const struct hub *own(void)
{
    static struct hub hub = {.name = "hub", .https_port = 443, .mqtt_port = 8883};
    if (hub.host_count == 0) assert(hub_add_host(&hub, SLICE_LIT("hub.test")) == OK);
    return &hub;
}

/* ---- what there may be */

static size_t count(const struct json *list)
{
    size_t n = 0;
    for (const struct json *j = list ? list->child : NULL; j; j = j->next) n++;
    return n;
}

static size_t endpoints_of(const struct json *document)
{
    size_t n = 0;
    for (const struct json *k = json_get(document, "endpoints")->child; k; k = k->next)
        n += count(k);
    return n;
}

static void check_limits(const struct json *document, enum throttle_tier tier)
{
    static const struct {
        size_t routes, endpoints, enrichments;
    } most[] = {[THROTTLE_OFF] = {ROUTES_MAX, ROUTE_ENDPOINTS_MAX - 1, ROUTE_ENRICHMENTS_MAX},
                [THROTTLE_F1] = {5, 1, 2},
                [THROTTLE_S1] = {100, 10, 10}};
    assert(count(json_get(document, "routes")) <= most[tier].routes);
    assert(endpoints_of(document) <= most[tier].endpoints);
    assert(count(json_get(document, "enrichments")) <= most[tier].enrichments);
}

static bool is_there(const struct json *document, struct slice name)
{
    bool found = slice_is_nocase(name, ROUTING_EVENTS);
    for (unsigned i = 0; i < deliver_kind_count; i++)
        found = found || routing_document_endpoint(document, deliver_kinds[i]->list, name);
    return found;
}

/* Whoever goes by it finds what it names. */
static void check_names(const struct json *document, const struct json *list, size_t most)
{
    for (const struct json *item = list->child; item; item = item->next) {
        const struct json *names = json_get(item, "endpointNames");
        assert(count(names) > 0 && count(names) <= most);
        for (const struct json *n = names->child; n; n = n->next)
            assert(is_there(document, n->text));
    }
}

static void check_conditions(const struct json *routes)
{
    for (const struct json *r = routes->child; r; r = r->next) {
        struct route_condition *compiled;
        struct route_mistake where;
        enum err e = route_compile(json_str(r, "condition"), &compiled, &where);
        assert(e == OK);
        route_condition_free(compiled);
    }
}

/* ---- secrets */

/* Of a connection string: what is behind its keys, wherever they stand. */
static void check_parts(struct slice text)
{
    static const char *const secrets[] = {"AccountKey", "SharedAccessKey", "SharedAccessSignature"};
    struct slice part, key;
    while (slice_split(&text, ';', &part)) {
        slice_split(&part, '=', &key);
        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
            assert(!slice_is_nocase(slice_trim(key), secrets[i]) || part.len == 0 ||
                   slice_is(part, "****"));
    }
}

static void check_masked(const struct json *shown)
{
    static const char *const secrets[] = {"password", "saslPassword", "primaryKey", "secondaryKey"};
    for (const struct json *k = json_get(shown, "endpoints")->child; k; k = k->next)
        for (const struct json *e = k->child; e; e = e->next) {
            for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
                assert(json_given(e, secrets[i]) == NULL ||
                       slice_is(json_str(e, secrets[i]), "****"));
            check_parts(json_str(e, "connectionString"));
        }
}

/* ---- there and back */

static void write(struct buf *out, const struct json *document)
{
    buf_clear(out);
    json_write(out, document);
}

/* `text` in the place of `before` makes `wanted`. */
static void check_reads(const struct routing_config *config, struct slice text,
                        const struct json *before, struct slice wanted)
{
    struct buf again = {0};
    struct json *document;
    if (text.len > ROUTING_DOCUMENT_MAX) return; /* escapes are longer */
    enum err e = routing_document_read(&arena, config, text, before, &document);
    assert(e == OK);
    write(&again, document);
    assert(slice_eq(buf_slice(&again), wanted));
    buf_free(&again);
}

static void check_round(const struct routing_config *config, const struct json *document)
{
    struct buf stored = {0}, shown = {0}, diff = {0};
    write(&stored, document);
    check_reads(config, buf_slice(&stored), NULL, buf_slice(&stored));
    check_reads(config, buf_slice(&stored), document, buf_slice(&stored));
    const struct json *masked = routing_document_shown(&arena, config, document);
    check_masked(masked);
    write(&shown, masked);
    check_reads(config, buf_slice(&shown), document, buf_slice(&stored));
    routing_document_diff(&diff, masked, masked);
    assert(slice_is(buf_slice(&diff), "[]"));
    buf_wipe(&stored);
    buf_free(&shown);
    buf_free(&diff);
}

/* What is told of a change is JSON, and nothing when there is none. */
static void check_diff(const struct routing_config *config, const struct json *before,
                       const struct json *after)
{
    struct buf diff = {0}, first = {0}, second = {0};
    struct json *told;
    const struct json *old = routing_document_shown(&arena, config, before);
    const struct json *new = routing_document_shown(&arena, config, after);
    write(&first, old);
    write(&second, new);
    routing_document_diff(&diff, old, new);
    enum err e = json_parse(&arena, buf_slice(&diff), &told);
    assert(e == OK);
    assert(told->child || count(json_get(old, "routes")) == count(json_get(new, "routes")));
    assert(told->child == NULL || !slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_free(&diff);
    buf_free(&first);
    buf_free(&second);
}

static const struct json *take(const struct routing_config *config, struct slice text,
                               const struct json *before)
{
    struct json *document;
    enum err e = routing_document_read(&arena, config, text, before, &document);
    assert(e == OK || *fail_text());
    assert(e == OK || e == ERR_INVALID || e == ERR_TOO_BIG || e == ERR_FULL);
    if (e != OK) return NULL;
    check_limits(document, config->tier);
    check_names(document, json_get(document, "routes"), 1);
    check_names(document, json_get(document, "enrichments"), ROUTE_ENDPOINTS_MAX);
    check_conditions(json_get(document, "routes"));
    check_round(config, document);
    return document;
}

void fuzz_one(struct slice input)
{
    static const enum throttle_tier tiers[] = {THROTTLE_OFF, THROTTLE_F1, THROTTLE_S1};
    struct routing_config config = {
        .kinds = deliver_kinds, .kind_count = deliver_kind_count, .hub = own()};
    config.tier = tiers[input.len ? input.ptr[0] % 3 : 0];
    struct slice text = slice_from(input, 1), first;
    if (slice_split(&text, '\0', &first)) {
        const struct json *before = routing_document_initial(&arena, &config);
        const struct json *document = take(&config, first, before);
        if (document) check_diff(&config, before, document);
        const struct json *next = text.ptr ? take(&config, text, document) : NULL;
        if (document && next) check_diff(&config, document, next);
    }
    arena_free(&arena);
}
