/* cmd_route.c - azimuth hub message-route ..., hub routing ...: as `az iot hub message-route`. */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/message_routing.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "route-name rn n", "NAME", "the route"                                                     \
    }
#define SOURCE_OPTION(help)                                                                        \
    {                                                                                              \
        "source-type type t", "SOURCE", help                                                       \
    }
#define CONTENT                                                                                    \
    {"endpoint-name en", "NAME", "where messages go"},                                             \
        {"condition c", "CONDITION", "which messages [true]"},                                     \
    {                                                                                              \
        "enabled e", "BOOL", "false: it takes nothing [true]"                                      \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option message_route_create_options[] = {
    NAME_OPTION, SOURCE_OPTION("DeviceMessages, TwinChangeEvents, ..."), CONTENT, END};
const struct cli_option message_route_update_options[] = {
    NAME_OPTION, SOURCE_OPTION("another source"), CONTENT, END};
const struct cli_option message_route_options[] = {NAME_OPTION, END};
const struct cli_option message_route_list_options[] = {SOURCE_OPTION("only of that source"), END};
const struct cli_option message_route_delete_options[] = {
    NAME_OPTION, SOURCE_OPTION("all routes of that source"), END};
const struct cli_option message_route_test_options[] = {
    {"route-name rn n", "NAME", "the route [all of the source]"},
    SOURCE_OPTION("of which routes [all]"),
    {"body b", "TEXT", "the message's body"},
    {"app-properties ap", "JSON", "its application properties"},
    {"system-properties sp", "JSON", "its system properties: {\"contentType\":..}"},
    {"twin", "JSON", "its sender's twin: {\"tags\":..,\"properties\":..}"},
    END};
const struct cli_option message_route_fallback_options[] = {
    {"enabled e", "BOOL", "false: messages that no route takes are dropped"}, END};
const struct cli_option routing_apply_options[] = {
    {"file f", "FILE", "routes, endpoints, enrichments, fallbackRoute: JSON"},
    {"etag e", "ETAG", "only if it is still this version"},
    {"dry-run", NULL, "only shows what would change"},
    END};

const char message_route_help[] =
    "    azimuth hub message-route create --rn alarms -t DeviceMessages --en events -c \"level = "
    "'critical'\"\n"
    "    azimuth hub message-route create --rn hot -t DeviceMessages --en events -c "
    "'$body.temperature > 50'\n"
    "    azimuth hub message-route test --rn hot --body '{\"temperature\":60}' \\\n"
    "        --sp '{\"contentType\":\"application/json\",\"contentEncoding\":\"utf-8\"}'";

static const char *const columns =
    "name source condition endpoint=endpointNames[0] enabled=isEnabled";

enum { WHAT_MAX = 160 };

static const char *name_of(char what[WHAT_MAX], struct slice name)
{
    snprintf(what, WHAT_MAX, "route '%.*s'", SLICE_ARG(slice_head(name, 128)));
    return what;
}

static enum err print(struct cli *c, const struct json *value)
{
    return output_value(&c->output, &c->arena, value, columns);
}

/* The route that --route-name names, in a document that was fetched. */
static enum err fetch_route(struct cli *c, struct message_routing *m, struct slice *name,
                            struct json **route)
{
    TRY(cli_need(c, "route-name", name));
    TRY(message_routing_fetch(c, m));
    *route = message_routing_find(message_routing_list(c, m, "routes"), "name", *name);
    return *route ? OK : fail(ERR_NOT_FOUND, "there is no route '%.*s'", SLICE_ARG(*name));
}

static enum err set_all(struct cli *c, struct json *route)
{
    message_routing_text(c, route, "source-type", "source");
    message_routing_text(c, route, "condition", "condition");
    message_routing_names(c, route, "endpoint-name", "endpointNames");
    return cli_set_truth(c, route, "isEnabled", "enabled");
}

/* Sends the document and prints the route as the hub has it then. */
static enum err send_and_print(struct cli *c, struct message_routing *m, struct slice name)
{
    char what[WHAT_MAX];
    TRY(message_routing_send(c, m, name_of(what, name)));
    return print(c, message_routing_find(json_get(m->document, "routes"), "name", name));
}

enum err message_route_create(struct cli *c)
{
    struct message_routing m;
    struct slice name, unused;
    struct json *route = json_new(&c->arena, JSON_OBJECT);
    TRY(cli_need(c, "route-name", &name));
    TRY(cli_need(c, "source-type", &unused));
    TRY(cli_need(c, "endpoint-name", &unused));
    json_set(&c->arena, route, SLICE_LIT("name"), json_new_string(&c->arena, name));
    TRY(set_all(c, route));
    TRY(message_routing_fetch(c, &m));
    struct json *list = message_routing_list(c, &m, "routes");
    if (message_routing_find(list, "name", name))
        return fail(ERR_EXISTS, "there is a route '%.*s' already: update or delete it",
                    SLICE_ARG(name));
    json_append(list, route);
    return send_and_print(c, &m, name);
}

enum err message_route_update(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    struct json *route;
    TRY(fetch_route(c, &m, &name, &route));
    TRY(set_all(c, route));
    return send_and_print(c, &m, name);
}

enum err message_route_show(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    struct json *route;
    TRY(fetch_route(c, &m, &name, &route));
    return print(c, route);
}

/* Keeps the routes of --source-type, or the others. */
static void keep_of_source(struct cli *c, struct json *list, bool others)
{
    const char *source = cli_value(c, "source-type");
    struct json **at = &list->child;
    while (source && *at) {
        bool of_source = slice_is_nocase(json_str(*at, "source"), source);
        if (of_source != others)
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
}

enum err message_route_list(struct cli *c)
{
    struct message_routing m;
    TRY(message_routing_fetch(c, &m));
    struct json *list = message_routing_list(c, &m, "routes");
    keep_of_source(c, list, false);
    return print(c, list);
}

/* One, those of a source, or, as in az, all. */
enum err message_route_delete(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    struct json *route;
    const char *wanted = cli_value(c, "route-name");
    const char *source = wanted ? NULL : cli_value(c, "source-type");
    TRY(cli_confirm(c, "deletes %s%s%s%s", wanted ? "route " : "all routes", wanted ? wanted : "",
                    source ? " of the source " : "", source ? source : ""));
    if (wanted) {
        char what[WHAT_MAX];
        TRY(fetch_route(c, &m, &name, &route));
        json_remove(message_routing_list(c, &m, "routes"), route);
        return message_routing_send(c, &m, name_of(what, name));
    }
    TRY(message_routing_fetch(c, &m));
    struct json *list = message_routing_list(c, &m, "routes");
    if (cli_given(c, "source-type"))
        keep_of_source(c, list, true);
    else
        list->child = NULL;
    return message_routing_send(c, &m, "routes");
}

/* ---- tests */

static enum err set_json(struct cli *c, struct json *object, const char *option, const char *member)
{
    struct json *value;
    TRY(file_json_option(c, option, &value));
    if (value) json_set(&c->arena, object, slice_str(member), value);
    return OK;
}

static enum err make_test(struct cli *c, struct json *request)
{
    struct json *message = json_new(&c->arena, JSON_OBJECT);
    json_set(&c->arena, request, SLICE_LIT("message"), message);
    message_routing_text(c, message, "body", "body");
    TRY(set_json(c, message, "app-properties", "appProperties"));
    TRY(set_json(c, message, "system-properties", "systemProperties"));
    return set_json(c, request, "twin", "twin");
}

static enum err ask_test(struct cli *c, struct target *t, const char *path,
                         const struct json *request, const char *shown)
{
    struct json *answer;
    struct buf body = {0};
    json_write(&body, request);
    const struct http_call call = {.method = "POST", .path = path, .body = buf_slice(&body)};
    enum err e = http_json(t, &call, "test of routes", &answer);
    buf_free(&body);
    return e == OK ? output_value(&c->output, &c->arena, answer, shown) : e;
}

enum err message_route_test(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    struct json *route, *request = json_new(&c->arena, JSON_OBJECT);
    TRY(make_test(c, request));
    if (cli_given(c, "route-name")) {
        TRY(fetch_route(c, &m, &name, &route));
        json_set(&c->arena, request, SLICE_LIT("route"), route);
        return ask_test(c, &m.target, "/admin/v1/routing/routes/$testnew", request, "result");
    }
    message_routing_text(c, request, "source-type", "routingSource");
    TRY(target_find(c, &m.target));
    return ask_test(c, &m.target, "/admin/v1/routing/routes/$testall", request,
                    "routes=routes[].properties.name");
}

/* ---- the fallback route */

enum err message_route_fallback_show(struct cli *c)
{
    struct message_routing m;
    TRY(message_routing_fetch(c, &m));
    return print(c, json_get(m.document, "fallbackRoute"));
}

enum err message_route_fallback_set(struct cli *c)
{
    struct message_routing m;
    struct slice unused;
    TRY(cli_need(c, "enabled", &unused));
    TRY(message_routing_fetch(c, &m));
    TRY(cli_set_truth(c, json_get(m.document, "fallbackRoute"), "isEnabled", "enabled"));
    TRY(message_routing_send(c, &m, "fallback route"));
    return print(c, json_get(m.document, "fallbackRoute"));
}

/* ---- the whole document */

enum err message_routing_show(struct cli *c)
{
    struct target t;
    struct json *answer;
    const struct http_call call = {.method = "GET", .path = "/admin/v1/routing"};
    TRY(target_find(c, &t));
    TRY(http_json(&t, &call, "routing", &answer));
    return output_value(&c->output, &c->arena, answer, NULL);
}

enum err message_routing_apply(struct cli *c)
{
    struct target t;
    struct slice path, file;
    struct json *answer;
    bool dry = cli_given(c, "dry-run");
    const char *etag = cli_value(c, "etag");
    TRY(cli_need(c, "file", &path));
    TRY(file_load(c, (const char *)path.ptr, &file));
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "PUT",
                                   .path =
                                       dry ? "/admin/v1/routing?dryRun=true" : "/admin/v1/routing",
                                   .if_match = etag ? etag : "*",
                                   .body = file};
    TRY(http_json(&t, &call, "routing", &answer));
    if (dry) answer = json_get(answer, "diff");
    return output_value(&c->output, &c->arena, answer, dry ? "change what name" : NULL);
}
