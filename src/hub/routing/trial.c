/* trial.c - a message that is not sent: which routes would take it?
 *
 * Source: ARM IotHubResource TestRoute, TestAllRoutes (RoutingMessage, RoutingTwin, RouteCompilationError).
 */
#include "base/text.h"
#include "hub/routing/home.h"

enum { TRIAL_PROPERTIES_MAX = 1000 };

struct trial {
    struct arena arena;
    const struct json *request;
    struct route_message message;
};

/* ---- members */

/* NULL if it is absent. */
static enum err object_of(const struct json *in, const char *key, const struct json **out)
{
    *out = json_given(in, key);
    return *out == NULL || (*out)->type == JSON_OBJECT
               ? OK
               : fail(ERR_INVALID, "%s is not an object", key);
}

/* Empty if it is absent. */
static enum err text_of(const struct json *in, const char *key, struct slice *out)
{
    const struct json *member = json_given(in, key);
    *out = json_str(in, key);
    return member == NULL || member->type == JSON_STRING
               ? OK
               : fail(ERR_INVALID, "%s is not a string", key);
}

/* ---- the message */

static const struct {
    const char *name, *annotation;
} system_names[ROUTE_SYSTEM_PROPERTIES] = {
    [ROUTE_CONTENT_TYPE] = {"contentType", "content-type"},
    [ROUTE_CONTENT_ENCODING] = {"contentEncoding", "content-encoding"},
    [ROUTE_CONNECTION_DEVICE_ID] = {"connectionDeviceId", "iothub-connection-device-id"},
    [ROUTE_CONNECTION_MODULE_ID] = {"connectionModuleId", "iothub-connection-module-id"},
    [ROUTE_ENQUEUED_TIME] = {"enqueuedTime", "iothub-enqueuedtime"},
    [ROUTE_MESSAGE_ID] = {"messageId", "message-id"},
    [ROUTE_CORRELATION_ID] = {"correlationId", "correlation-id"},
    [ROUTE_USER_ID] = {"userId", "user-id"},
    [ROUTE_MESSAGE_SOURCE] = {"messageSource", "iothub-message-source"},
    [ROUTE_DT_DATASCHEMA] = {"dt-dataschema", "dt-dataschema"},
    [ROUTE_DT_SUBJECT] = {"dt-subject", "dt-subject"},
};

/* "contentType", "$contentType" or as consumers see it. */
static bool system_of(struct slice key, unsigned *out)
{
    if (slice_starts(key, SLICE_LIT("$"))) key = slice_from(key, 1);
    for (unsigned i = 0; i < ROUTE_SYSTEM_PROPERTIES; i++) {
        if (!slice_is_nocase(key, system_names[i].name) &&
            !slice_is_nocase(key, system_names[i].annotation))
            continue;
        *out = i;
        return true;
    }
    return false;
}

static enum err read_system(struct trial *t, const struct json *map)
{
    for (const struct json *m = map ? map->child : NULL; m; m = m->next) {
        unsigned i;
        if (m->type != JSON_STRING)
            return fail(ERR_INVALID, "system property '%.*s' is not a string", SLICE_ARG(m->key));
        if (!system_of(m->key, &i))
            return fail(ERR_INVALID, "there is no system property '%.*s'", SLICE_ARG(m->key));
        t->message.system[i] = m->text;
    }
    return OK;
}

static enum err read_properties(struct trial *t, const struct json *map)
{
    struct route_property *all =
        arena_alloc(&t->arena, TRIAL_PROPERTIES_MAX * sizeof(struct route_property));
    size_t count = 0;
    for (const struct json *m = map ? map->child : NULL; m; m = m->next) {
        if (m->type != JSON_STRING)
            return fail(ERR_INVALID, "application property '%.*s' is not a string",
                        SLICE_ARG(m->key));
        if (count == TRIAL_PROPERTIES_MAX)
            return fail(ERR_INVALID, "more than %d application properties", TRIAL_PROPERTIES_MAX);
        all[count++] = (struct route_property){m->key, m->text};
    }
    t->message.properties = all;
    t->message.property_count = count;
    return OK;
}

static enum err read_message(struct trial *t)
{
    const struct json *message, *twin, *system, *properties;
    struct buf text = {0};
    TRY(object_of(t->request, "message", &message));
    TRY(object_of(t->request, "twin", &twin));
    TRY(text_of(message, "body", &t->message.body));
    TRY(object_of(message, "systemProperties", &system));
    TRY(object_of(message, "appProperties", &properties));
    TRY(read_system(t, system));
    TRY(read_properties(t, properties));
    if (twin) {
        json_write(&text, twin);
        t->message.twin = arena_copy(&t->arena, buf_slice(&text));
        buf_free(&text);
    }
    return OK;
}

/* Of messages that are sent the hub says what they are. */
static void set_source(struct trial *t, enum record_source source)
{
    static const char *const words[RECORD_SOURCES] = {"Telemetry",
                                                      "twinChangeEvents",
                                                      "deviceLifecycleEvents",
                                                      "deviceConnectionStateEvents",
                                                      "deviceJobLifecycleEvents",
                                                      "digitalTwinChangeEvents"};
    t->message.source = source;
    t->message.system[ROUTE_MESSAGE_SOURCE] = slice_str(words[source]);
}

static enum err trial_init(struct trial *t, struct slice request)
{
    struct json *parsed;
    *t = (struct trial){0};
    TRY(json_parse(&t->arena, request, &parsed));
    if (parsed->type != JSON_OBJECT) return fail(ERR_INVALID, "the body is not an object");
    t->request = parsed;
    return read_message(t);
}

static enum err read_source(const struct json *object, const char *key, enum record_source *out)
{
    struct slice name;
    *out = RECORD_TELEMETRY;
    TRY(text_of(object, key, &name));
    return json_given(object, key) ? routing_source_of(name, out) : OK;
}

/* ---- one route */

static void put_mistake(struct buf *out, const struct route_mistake *m)
{
    buf_put_str(out, "{\"message\":");
    text_json_string(out, slice_str(m->text));
    buf_printf(out,
               ",\"severity\":\"error\",\"location\":{\"start\":{\"line\":%u,\"column\":%u},"
               "\"end\":{\"line\":%u,\"column\":%u}}}",
               m->start_line, m->start_column, m->end_line, m->end_column);
}

static enum err test_route(struct trial *t, struct buf *out)
{
    static const char *const words[] = {"false", "true", "undefined"};
    const struct json *route;
    struct slice text;
    struct route_condition *condition;
    struct route_mistake mistake = {0};
    enum record_source source;
    TRY(object_of(t->request, "route", &route));
    if (route == NULL) return fail(ERR_INVALID, "the body has no route");
    TRY(read_source(route, "source", &source));
    TRY(text_of(route, "condition", &text));
    set_source(t, source);
    bool compiles = route_compile(text, &condition, &mistake) == OK;
    enum route_truth truth = compiles ? route_test(condition, &t->message) : ROUTE_UNDEFINED;
    buf_printf(out, "{\"result\":\"%s\",\"details\":{\"compilationErrors\":[", words[truth]);
    if (compiles)
        route_condition_free(condition);
    else
        put_mistake(out, &mistake);
    buf_put_str(out, "]}}");
    return OK;
}

enum err routing_test_route(const struct routing *r, struct slice request, struct buf *out)
{
    struct trial t;
    (void)r;
    enum err e = trial_init(&t, request);
    if (e == OK) e = test_route(&t, out);
    arena_free(&t.arena);
    return e;
}

/* ---- all of them */

struct taking {
    const struct snapshot *snapshot;
    struct buf *out;
};

static void put_route(struct buf *out, const struct json *route)
{
    if (out->ptr[out->len - 1] != '[') buf_put_u8(out, ',');
    buf_put_str(out, "{\"properties\":");
    json_write(out, route);
    buf_put_u8(out, '}');
}

static void take_route(void *ctx, size_t index)
{
    const struct taking *x = ctx;
    const struct json *route = json_get(x->snapshot->document, "routes")->child;
    while (index--) route = route->next;
    put_route(x->out, route);
}

static void test_source(const struct routing *r, struct trial *t, enum record_source source,
                        struct buf *out)
{
    struct taking x = {r->now, out};
    const struct json *fallback = json_get(r->now->document, "fallbackRoute");
    size_t before = buf_size(out);
    set_source(t, source);
    if (r->now->table) route_match_each(r->now->table, r->matcher, &t->message, take_route, &x);
    if (source == RECORD_TELEMETRY && buf_size(out) == before &&
        json_get(fallback, "isEnabled")->truth)
        put_route(out, fallback);
}

static enum err test_all(const struct routing *r, struct trial *t, struct buf *out)
{
    enum record_source source;
    TRY(read_source(t->request, "routingSource", &source));
    buf_put_str(out, "{\"routes\":[");
    if (json_given(t->request, "routingSource"))
        test_source(r, t, source, out);
    else
        for (source = 0; source < RECORD_SOURCES; source++) test_source(r, t, source, out);
    buf_put_str(out, "]}");
    return OK;
}

enum err routing_test_all(const struct routing *r, struct slice request, struct buf *out)
{
    struct trial t;
    enum err e = trial_init(&t, request);
    if (e == OK) e = test_all(r, &t, out);
    arena_free(&t.arena);
    return e;
}
