/* cmd_twin.c - azimuth hub device-twin ..., hub module-twin ... */
#include "cli/cmd.h"

#include "cli/file.h"
#include "cli/http.h"

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
        {"tags", "JSON", "merged into the tags, or a file with that"}, ETAG_OPTIONS
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
const struct cli_option twin_device_replace_options[] = {DEVICE_OPTION, REPLACE_OPTIONS};
const struct cli_option twin_module_replace_options[] = {DEVICE_OPTION, MODULE_OPTION,
                                                         REPLACE_OPTIONS};

const char twin_update_help[] =
    "Objects are merged, null takes away, everything else takes the place of what is there.\n\n"
    "    device-twin update -d dev1 --desired '{\"interval\": 30}' --tags '{\"place\": null}'";
const char twin_replace_help[] =
    "Tags and desired properties become those of the JSON; what it leaves out is empty "
    "afterwards.\n\n"
    "    device-twin show -d dev1 > twin.json; $EDITOR twin.json\n"
    "    device-twin replace -d dev1 -j twin.json";

/* "/twins/d[/modules/m]", and "device 'd'" or "module 'm' of device 'd'". */
static enum err address(struct cli *c, struct buf *path, struct buf *what)
{
    struct slice device, module = SLICE_NONE;
    TRY(cli_need(c, "device-id", &device));
    if (cli_has(c, "module-id")) TRY(cli_need(c, "module-id", &module));
    buf_put_str(path, http_path(c, "/twins/", device));
    if (module.len) {
        buf_put_str(path, http_path(c, "/modules/", module));
        buf_printf(what, "module '%.*s' of ", SLICE_ARG(module));
    }
    buf_printf(what, "device '%.*s'", SLICE_ARG(device));
    return OK;
}

/* `body` NULL: none. */
static enum err ask(struct cli *c, const char *method, const struct json *body)
{
    struct target t;
    struct json *twin = NULL;
    struct buf path = {0}, what = {0}, text = {0};
    struct http_call call = {.method = method};
    enum err e = address(c, &path, &what);
    if (e == OK) e = target_find(c, &t);
    if (e == OK) {
        if (body) json_write(&text, body);
        call.path = buf_cstr(&path);
        call.body = body ? buf_slice(&text) : SLICE_NONE;
        if (body && cli_has(c, "etag")) call.if_match = cli_value(c, "etag");
        e = http_json(&t, &call, buf_cstr(&what), &twin);
    }
    if (e == OK) e = output_value(&c->output, &c->arena, twin, NULL);
    buf_free(&path);
    buf_free(&what);
    buf_free(&text);
    return e;
}

enum err twin_show(struct cli *c)
{
    return ask(c, "GET", NULL);
}

enum err twin_update(struct cli *c)
{
    struct json *desired, *tags, *twin = json_new(&c->arena, JSON_OBJECT);
    TRY(file_json_option(c, "desired", &desired));
    TRY(file_json_option(c, "tags", &tags));
    if (desired == NULL && tags == NULL)
        return fail(ERR_INVALID, "nothing to change: give --desired, --tags or both");
    if (tags) json_set(&c->arena, twin, SLICE_LIT("tags"), tags);
    if (desired) {
        struct json *properties = json_new(&c->arena, JSON_OBJECT);
        json_set(&c->arena, properties, SLICE_LIT("desired"), desired);
        json_set(&c->arena, twin, SLICE_LIT("properties"), properties);
    }
    return ask(c, "PATCH", twin);
}

enum err twin_replace(struct cli *c)
{
    struct json *twin;
    TRY(file_json_option(c, "json", &twin));
    if (twin == NULL) return fail(ERR_INVALID, "--json is missing: the twin, or a file with it");
    return ask(c, "PUT", twin);
}
