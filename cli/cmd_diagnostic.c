/* cmd_diagnostic.c - azimuth monitor diagnostic-settings ...: where resource logs go, as `az monitor` has it. */
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/http.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "name n", "NAME", "the setting"                                                            \
    }
#define PLACE_OPTIONS(as_it_is)                                                                    \
    {"event-hub", "NAME", "records go to this event hub of the server" as_it_is},                  \
        {"file", "YES", "true: to DATA/diagnostics/NAME.jsonl of the server" as_it_is},            \
        {"file-size", "BYTES", "then the next file begins, of 8 [16777216]"},                      \
    {                                                                                              \
        "logs", "JSON",                                                                            \
            "[{\"category\": NAME, \"enabled\": true}, ..], or a file with that" as_it_is          \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option diagnostic_options[] = {NAME_OPTION, END};
const struct cli_option diagnostic_create_options[] = {NAME_OPTION, PLACE_OPTIONS(""), END};
const struct cli_option diagnostic_update_options[] = {NAME_OPTION, PLACE_OPTIONS(" [as it is]"),
                                                       END};

const char diagnostic_help[] =
    "    azimuth monitor diagnostic-settings create -n audit --file true \\\n"
    "        --logs '[{\"category\": \"Connections\", \"enabled\": true}]'\n"
    "    azimuth monitor diagnostic-settings create -n all --event-hub insights --logs "
    "'[{\"categoryGroup\": \"allLogs\"}]'";

enum { FILE_SIZE_MIN = 4096, FILE_SIZE_MAX = 1 << 30 };

#define SETTINGS "/admin/v1/diagnostic-settings"

static const char columns[] =
    "name eventHub=properties.eventHubName fileSize=properties.file.sizeInBytes "
    "categories=length(properties.logs[?enabled])";

static enum err ask(struct cli *c, const char *method, const struct json *doc, struct json **answer)
{
    struct target t;
    struct slice name;
    struct buf body = {0}, what = {0};
    TRY(cli_need(c, "name", &name));
    TRY(target_find(c, &t));
    if (doc) json_write(&body, doc);
    buf_printf(&what, "diagnostic setting '%.*s'", SLICE_ARG(slice_head(name, 64)));
    const struct http_call call = {
        .method = method, .path = http_path(c, SETTINGS "/", name), .body = buf_slice(&body)};
    enum err e = http_json(&t, &call, buf_cstr(&what), answer);
    buf_free(&body);
    buf_free(&what);
    return e;
}

/* ---- what it is to be */

static enum err read_switch(struct cli *c, const char *option, bool *out)
{
    struct slice given = slice_str(cli_value(c, option));
    *out = slice_is_nocase(given, "true");
    if (*out || slice_is_nocase(given, "false")) return OK;
    return fail(ERR_INVALID, "--%s is true or false", option);
}

static enum err set_file(struct cli *c, struct json *properties)
{
    struct json *file = json_get(properties, "file");
    bool wanted = file && file->type == JSON_OBJECT;
    if (cli_given(c, "file")) TRY(read_switch(c, "file", &wanted));
    if (!wanted) {
        if (cli_given(c, "file-size")) return fail(ERR_INVALID, "--file-size: without --file true");
        json_set(&c->arena, properties, SLICE_LIT("file"), json_new(&c->arena, JSON_NULL));
        return OK;
    }
    if (file == NULL || file->type != JSON_OBJECT)
        file = json_set(&c->arena, properties, SLICE_LIT("file"), json_new(&c->arena, JSON_OBJECT));
    return cli_set_number(c, file, "sizeInBytes", "file-size", FILE_SIZE_MIN, FILE_SIZE_MAX);
}

static enum err set_logs(struct cli *c, struct json *properties)
{
    struct json *logs;
    TRY(file_json_option(c, "logs", &logs));
    if (logs == NULL) return OK;
    if (logs->type != JSON_ARRAY) return fail(ERR_INVALID, "--logs is a list of objects");
    json_set(&c->arena, properties, SLICE_LIT("logs"), logs);
    return OK;
}

static enum err describe(struct cli *c, struct json *properties)
{
    const char *event_hub = cli_value(c, "event-hub");
    if (event_hub) cli_set_text(c, properties, "eventHubName", slice_str(event_hub));
    TRY(set_file(c, properties));
    return set_logs(c, properties);
}

static enum err put(struct cli *c, struct json *properties)
{
    struct json *doc = json_new(&c->arena, JSON_OBJECT), *made;
    TRY(describe(c, properties));
    json_set(&c->arena, doc, SLICE_LIT("properties"), properties);
    TRY(ask(c, "PUT", doc, &made));
    return made ? output_value(&c->output, &c->arena, made, columns) : OK;
}

/* ---- verbs */

enum err diagnostic_create(struct cli *c)
{
    struct slice given;
    TRY(cli_need(c, "logs", &given));
    return put(c, json_new(&c->arena, JSON_OBJECT));
}

enum err diagnostic_update(struct cli *c)
{
    struct json *there;
    TRY(ask(c, "GET", NULL, &there));
    struct json *properties = json_get(there, "properties");
    if (properties == NULL) return fail(ERR_PROTOCOL, "the answer is no diagnostic setting");
    properties->next = NULL;
    return put(c, properties);
}

enum err diagnostic_show(struct cli *c)
{
    struct json *found;
    TRY(ask(c, "GET", NULL, &found));
    return found ? output_value(&c->output, &c->arena, found, columns) : OK;
}

enum err diagnostic_delete(struct cli *c)
{
    struct json *nothing;
    return ask(c, "DELETE", NULL, &nothing);
}

static enum err list(struct cli *c, const char *path, const char *shown)
{
    struct target t;
    struct json *all;
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "GET", .path = path};
    TRY(http_json(&t, &call, "list", &all));
    return output_value(&c->output, &c->arena, all, shown);
}

enum err diagnostic_show_all(struct cli *c)
{
    return list(c, SETTINGS, columns);
}

enum err diagnostic_categories(struct cli *c)
{
    return list(c, "/admin/v1/diagnostic-categories", "name");
}
