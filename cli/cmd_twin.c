/* cmd_twin.c - azimuth hub device-twin ..., hub module-twin ... */
#include "cli/cmd.h"

#include <inttypes.h>

#include "cli/file.h"
#include "cli/http.h"
#include "cli/identity.h"

#define DEVICE_OPTION                                                                              \
    {                                                                                              \
        "device-id d", "ID", "the device"                                                          \
    }
#define MODULE_OPTION                                                                              \
    {                                                                                              \
        "module-id m", "ID", "the module"                                                          \
    }
#define UPDATE_OPTIONS                                                                             \
    {"desired", "JSON", "merged into the desired properties, or a file with that"},                \
        {"tags", "JSON", "merged into the tags, or a file with that"},                             \
        {"set", "PATH=VALUE...", "merged, too: tags.place=north properties.desired.interval=30"},  \
        ETAG_OPTIONS
#define UNDO_OPTIONS                                                                               \
    {"to-version", "NUMBER", "a version of the history"},                                          \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }
#define REPLACE_OPTIONS {"json j", "JSON", "the twin, or a file with that"}, ETAG_OPTIONS
#define ETAG_OPTIONS                                                                               \
    {"etag e", "ETAG", "only if it is still this version"},                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option twin_device_options[] = {DEVICE_OPTION, {"", NULL, NULL}};
const struct cli_option twin_module_options[] = {DEVICE_OPTION, MODULE_OPTION, {"", NULL, NULL}};
const struct cli_option twin_device_update_options[] = {DEVICE_OPTION, UPDATE_OPTIONS};
const struct cli_option twin_module_update_options[] = {DEVICE_OPTION, MODULE_OPTION,
                                                        UPDATE_OPTIONS};
const struct cli_option twin_device_undo_options[] = {DEVICE_OPTION, UNDO_OPTIONS};
const struct cli_option twin_module_undo_options[] = {DEVICE_OPTION, MODULE_OPTION, UNDO_OPTIONS};
const struct cli_option twin_device_replace_options[] = {DEVICE_OPTION, REPLACE_OPTIONS};
const struct cli_option twin_module_replace_options[] = {DEVICE_OPTION, MODULE_OPTION,
                                                         REPLACE_OPTIONS};

const char twin_update_help[] =
    "Objects are merged, null takes away, everything else takes the place of what is there.\n\n"
    "    azimuth hub device-twin update -d dev1 --desired '{\"interval\": 30}' --tags '{\"place\": "
    "null}'";
const char twin_replace_help[] =
    "Tags and desired properties become those of the JSON; what it leaves out is empty "
    "afterwards.\n\n"
    "    azimuth hub device-twin show -d dev1 > twin.json; $EDITOR twin.json\n"
    "    azimuth hub device-twin replace -d dev1 -j twin.json";

const char twin_history_help[] =
    "The latest first: who changed what of tags and desired properties, and `undo`, the patch that "
    "leads\n"
    "back to what they were at that version. The last line is what was there before.\n\n"
    "    azimuth hub device-twin history -d dev1 -o json --query '[0].patch'";
const char twin_undo_help[] =
    "A patch is written that makes tags and desired properties what they were at that version, or "
    "at the\n"
    "latest one of the history before it; status 6 if somebody else writes the twin meanwhile.\n\n"
    "    azimuth hub device-twin undo -d dev1 --to-version 7";

/* `call` without its path, which is `before` the twin's own and `after` it. */
static enum err fetch(struct cli *c, struct http_call *call, const char *before, const char *after,
                      struct json **answer)
{
    struct target t;
    struct slice device, module;
    struct buf path = {0};
    TRY(identity_option(c, &device, &module));
    TRY(target_find(c, &t));
    buf_printf(&path, "%s%s%s", before, identity_path(c, "/twins/", device, module), after);
    call->path = cli_keep(c, &path);
    return http_json(&t, call, identity_name(c, device, module), answer);
}

/* `body` NULL: none. */
static enum err ask(struct cli *c, const char *method, const char *if_match,
                    const struct json *body)
{
    struct json *twin = NULL;
    struct buf text = {0};
    struct http_call call = {.method = method, .if_match = if_match};
    if (body) json_write(&text, body);
    if (body) call.body = buf_slice(&text);
    enum err e = fetch(c, &call, "", "", &twin);
    if (e == OK) e = output_value(&c->output, &c->arena, twin, NULL);
    buf_free(&text);
    return e;
}

enum err twin_show(struct cli *c)
{
    return ask(c, "GET", NULL, NULL);
}

static enum err not_of_services(struct slice path)
{
    return fail(ERR_INVALID, "--set %.*s: it is tags or properties.desired that can be set",
                SLICE_ARG(path));
}

/* What --set names, beside what the other options do. */
static enum err set_paths(struct cli *c, struct json *twin)
{
    TRY(cli_assign(c, twin));
    for (const struct json *m = twin->child; m; m = m->next) {
        bool properties = slice_is(m->key, "properties");
        if (!properties && !slice_is(m->key, "tags")) return not_of_services(m->key);
        for (const struct json *p = properties ? m->child : NULL; p; p = p->next)
            if (!slice_is(p->key, "desired")) return not_of_services(p->key);
    }
    return OK;
}

enum err twin_update(struct cli *c)
{
    struct json *desired, *tags, *twin = json_new(&c->arena, JSON_OBJECT);
    TRY(file_json_option(c, "desired", &desired));
    TRY(file_json_option(c, "tags", &tags));
    if (desired == NULL && tags == NULL && !cli_given(c, "set"))
        return fail(ERR_INVALID, "nothing to change: give --desired, --tags, --set or all of them");
    if (tags) json_set(&c->arena, twin, SLICE_LIT("tags"), tags);
    if (desired) {
        struct json *properties = json_new(&c->arena, JSON_OBJECT);
        json_set(&c->arena, properties, SLICE_LIT("desired"), desired);
        json_set(&c->arena, twin, SLICE_LIT("properties"), properties);
    }
    TRY(set_paths(c, twin));
    return ask(c, "PATCH", cli_value(c, "etag"), twin);
}

enum err twin_replace(struct cli *c)
{
    struct json *twin;
    TRY(file_json_option(c, "json", &twin));
    if (twin == NULL) return fail(ERR_INVALID, "--json is missing: the twin, or a file with it");
    return ask(c, "PUT", cli_value(c, "etag"), twin);
}

/* ---- history */

static enum err fetch_history(struct cli *c, struct json **answer)
{
    struct http_call call = {.method = "GET"};
    TRY(fetch(c, &call, "/admin/v1", "/history", answer));
    return json_get(*answer, "history") ? OK : fail(ERR_PROTOCOL, "the answer has no history");
}

enum err twin_history_show(struct cli *c)
{
    struct json *answer = NULL;
    TRY(fetch_history(c, &answer));
    return output_value(&c->output, &c->arena, json_get(answer, "history"),
                        "version time by patch");
}

/* The latest that is not younger than that; NULL: the history does not reach back so far. */
static const struct json *find_version(const struct json *answer, int64_t version)
{
    int64_t number;
    for (const struct json *j = json_get(answer, "history")->child; j; j = j->next)
        if (json_i64(json_get(j, "version"), &number) == OK && number <= version) return j;
    return NULL;
}

enum err twin_undo(struct cli *c)
{
    int64_t version;
    struct slice text;
    struct json *answer = NULL;
    TRY(cli_need(c, "to-version", &text));
    TRY(cli_number(c, "to-version", 1, INT64_MAX, 0, &version));
    TRY(fetch_history(c, &answer));
    const struct json *then = find_version(answer, version);
    if (then == NULL)
        return fail(ERR_NOT_FOUND,
                    "the history of the twin does not reach back to version %" PRId64, version);
    const struct json *undo = json_get(then, "undo");
    if (undo == NULL || undo->child == NULL) return twin_show(c); /* it is as it was */
    struct buf etag = {0};
    buf_printf(&etag, "%.*s", SLICE_ARG(json_str(answer, "etag")));
    enum err e = ask(c, "PATCH", buf_cstr(&etag), undo);
    buf_free(&etag);
    return e;
}
