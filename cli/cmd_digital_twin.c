/* cmd_digital_twin.c - azimuth hub digital-twin show, update; its third verb is in cmd_method.c. */
#include "cli/cmd.h"

#include "cli/file.h"
#include "cli/http.h"

#define DEVICE_OPTION                                                                              \
    {                                                                                              \
        "device-id d", "ID", "the device"                                                          \
    }

const struct cli_option digital_twin_options[] = {DEVICE_OPTION, {"", NULL, NULL}};
const struct cli_option digital_twin_update_options[] = {
    DEVICE_OPTION,
    {"json-patch patch", "JSON", "operations on its properties, or a file with them"},
    {"etag e", "ETAG", "only if it is still this version"},
    {"", NULL, NULL}};

const char digital_twin_update_help[] =
    "A JSON Patch of add, replace and remove; it becomes desired properties.\n\n"
    "    azimuth hub digital-twin update -d dev1 --json-patch \\\n"
    "        '[{\"op\": \"add\", \"path\": \"/thermostat1/targetTemperature\", \"value\": 21}]'";

/* `patch` NULL: reads. */
static enum err ask(struct cli *c, const char *path, const struct json *patch, struct json **twin)
{
    struct target t;
    struct buf what = {0}, text = {0};
    struct http_call call = {.method = patch ? "PATCH" : "GET", .path = path};
    enum err e = target_find(c, &t);
    if (e == OK) {
        buf_printf(&what, "device '%s'", cli_value(c, "device-id"));
        if (patch) json_write(&text, patch);
        if (patch) call.body = buf_slice(&text);
        if (patch && cli_has(c, "etag")) call.if_match = cli_value(c, "etag");
        e = http_json(&t, &call, buf_cstr(&what), twin);
    }
    buf_free(&what);
    buf_free(&text);
    return e;
}

static enum err find_path(struct cli *c, const char **path)
{
    struct slice device;
    TRY(cli_need(c, "device-id", &device));
    *path = http_path(c, "/digitaltwins/", device);
    return OK;
}

enum err digital_twin_show(struct cli *c)
{
    struct json *twin = NULL;
    const char *path;
    TRY(find_path(c, &path));
    TRY(ask(c, path, NULL, &twin));
    return output_value(&c->output, &c->arena, twin, NULL);
}

/* Shows what has become of it, as az does. */
enum err digital_twin_change(struct cli *c)
{
    struct json *patch, *none = NULL;
    struct slice given;
    const char *path;
    TRY(find_path(c, &path));
    TRY(cli_need(c, "json-patch", &given));
    TRY(file_json_option(c, "json-patch", &patch));
    TRY(ask(c, path, patch, &none));
    return digital_twin_show(c);
}
