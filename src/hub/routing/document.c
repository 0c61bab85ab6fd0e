/* document.c - the rules of Azure's routing properties. */
#include "hub/routing/document.h"

#include <stdio.h>

#include "base/limit.h"
#include "base/member.h"
#include "route/route.h"

LIMIT_REACHED(too_many_endpoints, "endpoints")
LIMIT_REACHED(too_many_routes, "routes")
LIMIT_REACHED(too_many_enrichments, "enrichments")

/* How many there may be. */
struct limits {
    size_t routes, endpoints, enrichments;
};

static void limits_of(enum throttle_tier tier, struct limits *out)
{
    static const struct limits ours = {ROUTES_MAX, ROUTE_ENDPOINTS_MAX - 1, ROUTE_ENRICHMENTS_MAX};
    static const struct limits free_tier = {5, 1, 2}, paid = {100, 10, 10};
    *out = tier == THROTTLE_OFF ? ours : tier == THROTTLE_F1 ? free_tier : paid;
}

/* ---- names */

static bool is_name_char(uint8_t c, const char *more)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || (c && strchr(more, c));
}

static bool is_name(struct slice s, size_t max)
{
    bool valid = s.len > 0 && s.len <= max;
    for (size_t i = 0; i < s.len && valid; i++) valid = is_name_char(s.ptr[i], "._-");
    return valid;
}

static bool is_reserved(struct slice name)
{
    static const char *const reserved[] = {ROUTING_EVENTS, "fileNotifications",
                                           "operationsMonitoringEvents", "$default"};
    bool found = false;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        found = found || slice_is_nocase(name, reserved[i]);
    return found;
}

static enum err check_name(const char *what, const struct json *given)
{
    struct slice name = json_str(given, "name");
    const struct json *member = json_given(given, "name");
    if (is_name(name, ROUTE_NAME_MAX)) return OK;
    if (member && member->type != JSON_STRING)
        return fail(ERR_INVALID, "the name of %s is not a string", what);
    return fail(ERR_INVALID,
                "the name of %s has 1 to %d letters, digits, '.', '_' and '-', not '%.*s'", what,
                ROUTE_NAME_MAX, SLICE_ARG(slice_head(name, ROUTE_NAME_MAX)));
}

/* ---- members */

static void put_text(struct arena *a, struct json *object, const char *key, struct slice value)
{
    json_set(a, object, slice_str(key), json_new_string(a, value));
}

/* A string that may be left out. */
static enum err text_of(const struct json *object, const char *what, const char *key,
                        struct slice initial, struct slice *out)
{
    const struct json *m = json_given(object, key);
    *out = initial;
    if (m == NULL) return OK;
    if (m->type != JSON_STRING) return fail(ERR_INVALID, "%s: %s is not a string", what, key);
    *out = m->text;
    return OK;
}

static enum err list_of(const struct json *object, const char *key, const struct json **first)
{
    const struct json *list = json_given(object, key);
    *first = NULL;
    if (list == NULL) return OK;
    if (list->type != JSON_ARRAY) return fail(ERR_INVALID, "%s is not a list", key);
    *first = list->child;
    return OK;
}

/* ---- endpoints */

struct reading {
    struct arena *arena;
    const struct routing_config *config;
    struct limits limits;
    const struct json *before;
    struct json *made; /* what is read already */
};

const struct json *routing_document_endpoint(const struct json *document, const char *kind,
                                             struct slice name)
{
    const struct json *list = json_get(json_get(document, "endpoints"), kind);
    for (const struct json *e = list ? list->child : NULL; e; e = e->next)
        if (slice_eq_nocase(json_str(e, "name"), name)) return e;
    return NULL;
}

static bool has_endpoint(const struct reading *r, struct slice name)
{
    bool found = slice_is_nocase(name, ROUTING_EVENTS);
    for (unsigned i = 0; i < r->config->kind_count && !found; i++)
        found = routing_document_endpoint(r->made, r->config->kinds[i]->list, name) != NULL;
    return found;
}

static enum err read_endpoint(struct reading *r, const struct routing_kind *kind,
                              const struct json *given, struct json *list)
{
    struct slice name = json_str(given, "name");
    if (given->type != JSON_OBJECT) return fail(ERR_INVALID, "%s: not an object", kind->list);
    TRY(check_name("an endpoint", given));
    if (is_reserved(name))
        return fail(ERR_INVALID, "'%.*s' is a reserved name of endpoints", SLICE_ARG(name));
    if (has_endpoint(r, name))
        return fail(ERR_INVALID, "there are two endpoints '%.*s'", SLICE_ARG(name));
    struct json *e = json_new(r->arena, JSON_OBJECT);
    for (const struct json *m = given->child; m; m = m->next) {
        struct json *copy = arena_zero(r->arena, sizeof *copy);
        *copy = *m;
        if (m->type != JSON_NULL) json_set(r->arena, e, m->key, copy);
    }
    enum err err = kind->check(r->config->hub, r->arena, e,
                               routing_document_endpoint(r->before, kind->list, name));
    if (err != OK) {
        char why[512];
        snprintf(why, sizeof why, "%s", fail_text());
        return fail(err, "endpoint '%.*s': %s", SLICE_ARG(name), why);
    }
    json_append(list, e);
    return OK;
}

static const struct routing_kind *kind_of(const struct routing_config *config, struct slice list)
{
    for (unsigned i = 0; i < config->kind_count; i++)
        if (slice_is(list, config->kinds[i]->list)) return config->kinds[i];
    return NULL;
}

/* Azure's documents have an empty list of each kind that there is. */
static enum err check_kinds(const struct reading *r, const struct json *endpoints)
{
    for (const struct json *m = endpoints->child; m; m = m->next) {
        if (kind_of(r->config, m->key) || m->type == JSON_NULL) continue;
        if (m->type == JSON_ARRAY && m->child == NULL) continue;
        return fail(ERR_INVALID, "this hub has no endpoints of the kind '%.*s'",
                    SLICE_ARG(slice_head(m->key, ROUTE_NAME_MAX)));
    }
    return OK;
}

static enum err read_kind(struct reading *r, const struct routing_kind *kind,
                          const struct json *endpoints, struct json *out, size_t *count)
{
    const struct json *item;
    struct json *list = json_new(r->arena, JSON_ARRAY);
    json_set(r->arena, out, slice_str(kind->list), list);
    TRY(list_of(endpoints, kind->list, &item));
    for (; item; item = item->next) {
        if (++*count > r->limits.endpoints) {
            metric_inc(&too_many_endpoints);
            return fail(ERR_FULL, "there may be %zu endpoints besides " ROUTING_EVENTS,
                        r->limits.endpoints);
        }
        TRY(read_endpoint(r, kind, item, list));
    }
    return OK;
}

static enum err read_endpoints(struct reading *r, const struct json *given)
{
    const struct json *endpoints = json_given(given, "endpoints");
    struct json *out = json_new(r->arena, JSON_OBJECT);
    size_t count = 0;
    json_set(r->arena, r->made, SLICE_LIT("endpoints"), out);
    if (endpoints && endpoints->type != JSON_OBJECT)
        return fail(ERR_INVALID, "endpoints is not an object");
    if (endpoints) TRY(check_kinds(r, endpoints));
    for (unsigned i = 0; i < r->config->kind_count; i++)
        TRY(read_kind(r, r->config->kinds[i], endpoints, out, &count));
    return OK;
}

/* "endpointNames": one to `max` endpoints that there are. */
static enum err read_names(const struct reading *r, const char *what, const struct json *object,
                           size_t max, struct json *out)
{
    const struct json *name;
    struct json *names = json_new(r->arena, JSON_ARRAY);
    size_t count = 0;
    TRY(list_of(object, "endpointNames", &name));
    for (; name; name = name->next) {
        if (name->type != JSON_STRING || !has_endpoint(r, name->text))
            return fail(ERR_INVALID, "%s: there is no endpoint '%.*s'", what,
                        SLICE_ARG(slice_head(name->text, ROUTE_NAME_MAX)));
        if (++count > max) break;
        json_append(names, json_new_string(r->arena, name->text));
    }
    if (count == 0 || count > max)
        return fail(ERR_INVALID,
                    max == 1 ? "%s: endpointNames must have one name"
                             : "%s: endpointNames must have 1 to 64 names",
                    what);
    json_set(r->arena, out, SLICE_LIT("endpointNames"), names);
    return OK;
}

/* ---- routes */

static const char *const route_members[] = {"name",          "source",    "condition",
                                            "endpointNames", "isEnabled", NULL};

static enum err read_enabled(struct arena *a, const char *what, const struct json *given,
                             struct json *out)
{
    const struct json *flag = json_given(given, "isEnabled");
    if (flag && flag->type != JSON_BOOL)
        return fail(ERR_INVALID, "%s: isEnabled is neither true nor false", what);
    struct json *value = json_new(a, JSON_BOOL);
    value->truth = flag == NULL || flag->truth;
    json_set(a, out, SLICE_LIT("isEnabled"), value);
    return OK;
}

static enum err read_source(struct arena *a, const char *what, const struct json *given,
                            struct slice initial, struct json *out)
{
    struct slice name;
    enum record_source source;
    TRY(text_of(given, what, "source", initial, &name));
    if (name.len == 0) return fail(ERR_INVALID, "%s: source is missing", what);
    if (routing_source_of(name, &source) != OK)
        return fail(ERR_INVALID, "%s: '%.*s' is no source of messages", what,
                    SLICE_ARG(slice_head(name, ROUTE_NAME_MAX)));
    put_text(a, out, "source", slice_str(routing_source_name(source)));
    return OK;
}

static enum err read_condition(struct arena *a, const char *what, const struct json *given,
                               struct json *out)
{
    struct slice condition;
    struct route_condition *compiled;
    struct route_mistake where = {0};
    TRY(text_of(given, what, "condition", SLICE_LIT("true"), &condition));
    if (slice_trim(condition).len == 0) condition = SLICE_LIT("true");
    enum err e = route_compile(condition, &compiled, &where);
    if (e != OK)
        return fail(e, "%s: condition, line %u, column %u: %s", what, where.start_line,
                    where.start_column, where.text);
    route_condition_free(compiled);
    put_text(a, out, "condition", condition);
    return OK;
}

/* All but the endpoints. */
static enum err read_route(struct arena *a, const char *what, const struct json *given,
                           struct slice source, struct json *out)
{
    TRY(member_only(given, what, route_members));
    put_text(a, out, "name", json_str(given, "name"));
    TRY(read_source(a, what, given, source, out));
    return read_condition(a, what, given, out);
}

static bool is_in(const struct json *list, const char *key, struct slice text)
{
    for (const struct json *item = list->child; item; item = item->next)
        if (slice_eq_nocase(json_str(item, key), text)) return true;
    return false;
}

static enum err read_named_route(struct reading *r, const struct json *given, struct json *list)
{
    char what[ROUTE_NAME_MAX + 16];
    struct slice name = json_str(given, "name");
    struct json *route = json_new(r->arena, JSON_OBJECT);
    TRY(check_name("a route", given));
    snprintf(what, sizeof what, "route '%.*s'", SLICE_ARG(name));
    if (is_in(list, "name", name))
        return fail(ERR_INVALID, "there are two routes '%.*s'", SLICE_ARG(name));
    TRY(read_route(r->arena, what, given, SLICE_NONE, route));
    TRY(read_names(r, what, given, 1, route));
    TRY(read_enabled(r->arena, what, given, route));
    json_append(list, route);
    return OK;
}

/* Routes or enrichments. */
struct list_kind {
    const char *name;
    enum err (*read)(struct reading *r, const struct json *item, struct json *list);
    struct metric *too_many;
};

static enum err read_list(struct reading *r, const struct json *given, const struct list_kind *kind,
                          size_t max)
{
    const struct json *item;
    struct json *list = json_new(r->arena, JSON_ARRAY);
    size_t count = 0;
    TRY(list_of(given, kind->name, &item));
    for (; item; item = item->next) {
        if (++count > max) {
            metric_inc(kind->too_many);
            return fail(ERR_FULL, "there may be %zu %s", max, kind->name);
        }
        if (item->type != JSON_OBJECT) return fail(ERR_INVALID, "%s: not an object", kind->name);
        TRY(kind->read(r, item, list));
    }
    json_set(r->arena, r->made, slice_str(kind->name), list);
    return OK;
}

static struct json *fallback_route(struct arena *a, bool enabled)
{
    struct json *route = json_new(a, JSON_OBJECT), *names = json_new(a, JSON_ARRAY);
    struct json *flag = json_new(a, JSON_BOOL);
    flag->truth = enabled;
    put_text(a, route, "name", SLICE_LIT("$fallback"));
    put_text(a, route, "source", SLICE_LIT("DeviceMessages"));
    put_text(a, route, "condition", SLICE_LIT("true"));
    json_append(names, json_new_string(a, SLICE_LIT(ROUTING_EVENTS)));
    json_set(a, route, SLICE_LIT("endpointNames"), names);
    json_set(a, route, SLICE_LIT("isEnabled"), flag);
    return route;
}

/* Azure's has a fixed source and condition.  A document without it has it disabled, as in a template
 * of Azure's; a hub without routes has the implicit flow to `events` then. */
static enum err read_fallback(struct reading *r, const struct json *given)
{
    static const char *const what = "fallbackRoute";
    const struct json *fallback = json_given(given, what);
    bool no_routes = json_get(r->made, "routes")->child == NULL;
    struct json *out = fallback_route(r->arena, no_routes);
    json_set(r->arena, r->made, slice_str(what), out);
    if (fallback == NULL) return OK;
    TRY(read_route(r->arena, what, fallback, SLICE_LIT("DeviceMessages"), out));
    put_text(r->arena, out, "name", SLICE_LIT("$fallback"));
    if (!slice_is(json_str(out, "source"), "DeviceMessages") ||
        !slice_is_nocase(slice_trim(json_str(out, "condition")), "true"))
        return fail(ERR_INVALID, "%s: its source is DeviceMessages and its condition true", what);
    if (json_given(fallback, "endpointNames")) TRY(read_names(r, what, fallback, 1, out));
    return read_enabled(r->arena, what, fallback, out);
}

/* ---- enrichments */

/* What begins like a path into the twin must be one. */
static bool is_value(struct slice value)
{
    static const char *const roots[] = {"$twin.tags.", "$twin.properties.desired.",
                                        "$twin.properties.reported."};
    bool fine = !slice_starts_nocase(value, SLICE_LIT("$twin."));
    for (size_t i = 0; i < sizeof roots / sizeof *roots && !fine; i++)
        fine = slice_starts_nocase(value, slice_str(roots[i])) && value.len > strlen(roots[i]);
    return fine;
}

static enum err read_enrichment(struct reading *r, const struct json *given, struct json *list)
{
    static const char *const members[] = {"key", "value", "endpointNames", NULL};
    char what[ROUTE_ENRICHMENT_KEY_MAX + 16];
    struct slice key, value;
    struct json *out = json_new(r->arena, JSON_OBJECT);
    TRY(text_of(given, "an enrichment", "key", SLICE_NONE, &key));
    if (!is_name(key, ROUTE_ENRICHMENT_KEY_MAX))
        return fail(ERR_INVALID,
                    "the key of an enrichment has 1 to %d letters, digits, '.', '_' and '-'",
                    ROUTE_ENRICHMENT_KEY_MAX);
    snprintf(what, sizeof what, "enrichment '%.*s'", SLICE_ARG(key));
    TRY(member_only(given, what, members));
    if (is_in(list, "key", key))
        return fail(ERR_INVALID, "there are two enrichments '%.*s'", SLICE_ARG(key));
    TRY(text_of(given, what, "value", SLICE_NONE, &value));
    if (value.len == 0 || value.len > ROUTE_ENRICHMENT_VALUE_MAX)
        return fail(ERR_INVALID, "%s: its value has 1 to %d bytes", what,
                    ROUTE_ENRICHMENT_VALUE_MAX);
    if (!is_value(value))
        return fail(ERR_INVALID,
                    "%s: of a twin there are $twin.tags.x, $twin.properties.desired.x and "
                    "$twin.properties.reported.x",
                    what);
    put_text(r->arena, out, "key", key);
    put_text(r->arena, out, "value", value);
    TRY(read_names(r, what, given, ROUTE_ENDPOINTS_MAX, out));
    json_append(list, out);
    return OK;
}

/* ---- the whole */

static enum err read_all(struct reading *r, const struct json *given)
{
    static const struct list_kind routes = {"routes", read_named_route, &too_many_routes};
    static const struct list_kind enrichments = {"enrichments", read_enrichment,
                                                 &too_many_enrichments};
    static const char *const members[] = {"endpoints", "routes", "fallbackRoute", "enrichments",
                                          NULL};
    TRY(member_only(given, "routing", members));
    TRY(read_endpoints(r, given));
    TRY(read_list(r, given, &routes, r->limits.routes));
    TRY(read_fallback(r, given));
    return read_list(r, given, &enrichments, r->limits.enrichments);
}

enum err routing_document_read(struct arena *a, const struct routing_config *config,
                               struct slice text, const struct json *before, struct json **out)
{
    struct json *given;
    struct reading r = {.arena = a, .config = config, .before = before};
    if (text.len > ROUTING_DOCUMENT_MAX)
        return fail(ERR_TOO_BIG, "the document has more than %d bytes", ROUTING_DOCUMENT_MAX);
    TRY(json_parse(a, text, &given));
    const struct json *inner = json_get(json_get(given, "properties"), "routing");
    r.made = json_new(a, JSON_OBJECT);
    limits_of(config->tier, &r.limits);
    TRY(read_all(&r, inner ? inner : given));
    *out = r.made;
    return OK;
}

struct json *routing_document_initial(struct arena *a, const struct routing_config *config)
{
    struct json *document;
    enum err e = routing_document_read(a, config, SLICE_LIT("{}"), NULL, &document);
    assert(e == OK);
    return document;
}

struct json *routing_document_shown(struct arena *a, const struct routing_config *config,
                                    const struct json *document)
{
    struct buf text = BUF_SECRET;
    struct json *copy;
    json_write(&text, document);
    enum err e = json_parse(a, buf_slice(&text), &copy);
    assert(e == OK);
    buf_wipe(&text);
    for (unsigned i = 0; i < config->kind_count; i++) {
        const struct routing_kind *kind = config->kinds[i];
        struct json *list = json_get(json_get(copy, "endpoints"), kind->list);
        for (struct json *e2 = list ? list->child : NULL; e2; e2 = e2->next)
            if (kind->mask) kind->mask(a, e2);
    }
    return copy;
}
