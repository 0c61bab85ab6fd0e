/* cmd_explain.c - azimuth route explain: where the newest message of a device went, and what each route says
 * of it now. */
#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/message_routing.h"
#include "cli/newest.h"

const struct cli_option route_explain_options[] = {
    {"device-id device d", "ID", "the device; may also stand alone behind the verb"},
    {"last", NULL, "its newest message, as without this option"},
    {"from", "WHERE", "10m (ago) or a time: it is sought since then [1h]"},
    {"", NULL, NULL}};

const char route_explain_help[] =
    "    azimuth route explain --device dev1 --last\n"
    "A message that is not sent yet: azimuth hub message-route test --body '{\"temperature\":60}'";

static void set(struct cli *c, struct json *object, const char *name, struct json *value)
{
    json_set(&c->arena, object, slice_str(name), value);
}

static void set_text(struct cli *c, struct json *object, const char *name, struct slice text)
{
    set(c, object, name, json_new_string(&c->arena, text));
}

/* A copy as text: conditions compare texts, and a body is one. */
static struct slice text_of(struct cli *c, const struct json *value)
{
    struct buf text = {0};
    if (value == NULL || value->type == JSON_STRING) return value ? value->text : SLICE_LIT("");
    json_write(&text, value);
    struct slice kept = arena_copy(&c->arena, buf_slice(&text));
    buf_free(&text);
    return kept;
}

/* ---- the event as the test of routes takes it */

static const char *const system_names[][2] = {{"message_id", "messageId"},
                                              {"correlation_id", "correlationId"},
                                              {"content_type", "contentType"},
                                              {"content_encoding", "contentEncoding"}};
static const char *const annotation_names[][2] = {
    {"iothub-connection-device-id", "connectionDeviceId"},
    {"iothub-connection-module-id", "connectionModuleId"},
    {"iothub-enqueuedtime", "enqueuedTime"},
    {"dt-dataschema", "dt-dataschema"},
    {"dt-subject", "dt-subject"}};

static void move(struct cli *c, struct json *out, const struct json *from,
                 const char *const names[2])
{
    const struct json *value = json_get(from, names[0]);
    if (value) set_text(c, out, names[1], text_of(c, value));
}

static struct json *message_of(struct cli *c, const struct json *event)
{
    struct json *message = json_new(&c->arena, JSON_OBJECT);
    struct json *application = json_new(&c->arena, JSON_OBJECT),
                *system = json_new(&c->arena, JSON_OBJECT);
    const struct json *properties = json_get(event, "properties");
    const struct json *given = json_get(properties, "application");
    for (const struct json *p = given ? given->child : NULL; p; p = p->next)
        json_set(&c->arena, application, p->key, json_new_string(&c->arena, text_of(c, p)));
    for (size_t i = 0; i < sizeof system_names / sizeof *system_names; i++)
        move(c, system, json_get(properties, "system"), system_names[i]);
    for (size_t i = 0; i < sizeof annotation_names / sizeof *annotation_names; i++)
        move(c, system, json_get(event, "annotations"), annotation_names[i]);
    set_text(c, message, "body", text_of(c, json_get(event, "payload")));
    set(c, message, "appProperties", application);
    set(c, message, "systemProperties", system);
    return message;
}

/* ---- what each route says */

struct explain {
    struct cli *cli;
    struct target *target;
    struct slice device;
    struct json *message, *twin, *rows;
    bool taken;
};

static struct json *copy_of(struct explain *x, const struct json *value)
{
    struct json *copy = NULL;
    if (value == NULL) return json_new(&x->cli->arena, JSON_NULL);
    struct buf text = {0};
    json_write(&text, value);
    enum err e = json_parse(&x->cli->arena, arena_copy(&x->cli->arena, buf_slice(&text)), &copy);
    buf_free(&text);
    assert(e == OK); /* it was just written */
    return copy;
}

static enum err fetch_twin(struct explain *x)
{
    if (x->twin) return OK;
    struct buf what = {0};
    buf_printf(&what, "device '%.*s'", SLICE_ARG(x->device));
    return http_get(x->target, http_path(x->cli, "/twins/", x->device), cli_keep(x->cli, &what),
                    &x->twin);
}

static enum err ask(struct explain *x, const struct json *route, struct slice *result)
{
    struct json *answer, *request = json_new(&x->cli->arena, JSON_OBJECT);
    struct slice condition = json_str(route, "condition");
    struct buf body = {0};
    bool of_twin = slice_find(condition, '$') < condition.len; /* $twin, or only $body */
    if (of_twin) TRY(fetch_twin(x));
    set(x->cli, request, "message", copy_of(x, x->message));
    set(x->cli, request, "route", copy_of(x, route));
    if (of_twin) set(x->cli, request, "twin", copy_of(x, x->twin));
    json_write(&body, request);
    const struct http_call call = {
        .method = "POST", .path = "/admin/v1/routing/routes/$testnew", .body = buf_slice(&body)};
    enum err e = http_json(x->target, &call, "test of a route", &answer);
    buf_free(&body);
    if (e == OK) *result = json_str(answer, "result");
    return e;
}

static void put_row(struct explain *x, const struct json *route, struct slice result)
{
    struct json *row = json_append(x->rows, json_new(&x->cli->arena, JSON_OBJECT));
    set_text(x->cli, row, "route", json_str(route, "name"));
    set_text(x->cli, row, "condition", json_str(route, "condition"));
    set_text(x->cli, row, "now", result);
    set(x->cli, row, "endpointNames", copy_of(x, json_get(route, "endpointNames")));
}

static bool is_enabled(const struct json *route)
{
    const struct json *enabled = json_get(route, "isEnabled");
    return enabled && enabled->truth;
}

static enum err ask_all(struct explain *x, const struct json *routing)
{
    const struct json *routes = json_get(routing, "routes");
    const struct json *fallback = json_get(routing, "fallbackRoute");
    for (const struct json *r = routes ? routes->child : NULL; r; r = r->next) {
        struct slice result = SLICE_LIT("disabled");
        if (!slice_is_nocase(json_str(r, "source"), "DeviceMessages")) continue;
        if (is_enabled(r)) TRY(ask(x, r, &result));
        x->taken = x->taken || slice_is(result, "true");
        put_row(x, r, result);
    }
    if (fallback)
        put_row(x, fallback,
                !is_enabled(fallback) ? SLICE_LIT("disabled")
                : x->taken            ? SLICE_LIT("not asked")
                                      : SLICE_LIT("true"));
    return OK;
}

/* ---- shown */

static void put_sentence(struct buf *out, struct slice device, const struct json *event)
{
    struct buf line = {0};
    const struct json *went = json_get(event, "endpoints");
    struct slice when = json_str(json_get(event, "annotations"), "x-opt-enqueued-time");
    buf_printf(&line, "The newest message of %.*s, of %.*s, went ", SLICE_ARG(device),
               SLICE_ARG(when));
    if (went && went->child == NULL)
        buf_put_str(&line, "nowhere: no route took it, it was dropped");
    if (went == NULL) buf_put_str(&line, "to the stream");
    for (const struct json *name = went ? went->child : NULL; name; name = name->next)
        buf_printf(&line, "%s%.*s", name == went->child ? "to " : ", ", SLICE_ARG(name->text));
    buf_put_u8(&line, '.');
    output_put_line(out, &line);
    buf_put_u8(out, '\n');
}

static enum err show(struct explain *x, const struct json *event)
{
    struct cli *c = x->cli;
    if (c->output.format == OUTPUT_TABLE && c->output.query == NULL) {
        struct buf text = {0};
        put_sentence(&text, x->device, event);
        enum err e = output_text(buf_slice(&text));
        buf_free(&text);
        if (e != OK) return e;
        return output_value(&c->output, &c->arena, x->rows,
                            "route condition now to=endpointNames[0]");
    }
    struct json *all = json_new(&c->arena, JSON_OBJECT);
    set(c, all, "event", copy_of(x, event));
    set(c, all, "message", x->message);
    set(c, all, "routes", x->rows);
    return output_value(&c->output, &c->arena, all, NULL);
}

static enum err read_from(const struct cli *c, int64_t *out)
{
    const char *from = cli_value(c, "from");
    if (cli_moment(from ? from : "1h", out)) return OK;
    return fail(ERR_INVALID, "--from %s: a duration (10m) or a time (2026-01-31T12:00:00Z)", from);
}

enum err route_explain(struct cli *c)
{
    struct message_routing m;
    struct json *event;
    struct explain x = {.cli = c, .target = &m.target, .rows = json_new(&c->arena, JSON_ARRAY)};
    int64_t since_us;
    TRY(cli_need(c, "device-id", &x.device));
    TRY(read_from(c, &since_us));
    TRY(message_routing_fetch(c, &m));
    TRY(newest_find(c, &m.target, x.device, since_us, &event));
    x.message = message_of(c, event);
    TRY(ask_all(&x, m.document));
    return show(&x, event);
}
