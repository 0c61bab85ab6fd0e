/* identity.c - fetching, making and describing identities: devices, and modules of devices. */
#include "cli/identity.h"

#include "base/text.h"
#include "cli/http.h"

const char *identity_path(struct cli *c, const char *before, struct slice device,
                          struct slice module)
{
    struct buf path = {0};
    buf_put_str(&path, http_path(c, before, device));
    if (module.len) buf_put_str(&path, http_path(c, "/modules/", module));
    return cli_keep(c, &path);
}

static const char *path_of(struct cli *c, struct slice device, struct slice module)
{
    return identity_path(c, "/devices/", device, module);
}

const char *identity_name(struct cli *c, struct slice device, struct slice module)
{
    struct buf what = {0};
    if (module.len) buf_printf(&what, "module '%.*s' of ", SLICE_ARG(module));
    buf_printf(&what, "device '%.*s'", SLICE_ARG(device));
    return cli_keep(c, &what);
}

enum err identity_option(struct cli *c, struct slice *device, struct slice *module)
{
    *module = SLICE_NONE;
    TRY(cli_need(c, "device-id", device));
    return cli_has(c, "module-id") ? cli_need(c, "module-id", module) : OK;
}

enum err identity_option_either(struct cli *c, struct slice *device, struct slice *module)
{
    TRY(cli_need(c, "device-id", module));
    slice_split(module, '/', device);
    if (cli_given(c, "module-id")) *module = slice_str(cli_value(c, "module-id"));
    return OK;
}

static enum err is_missing(const struct target *t, struct slice device, struct slice module)
{
    const char *name = identity_name(t->cli, device, module);
    if (module.len == 0)
        return fail(ERR_NOT_FOUND,
                    "there is no %s on %s: make it with '%s hub device-identity create -d %.*s'",
                    name, t->name, t->cli->program, SLICE_ARG(device));
    return fail(
        ERR_NOT_FOUND,
        "there is no %s on %s: make it with '%s hub module-identity create -d %.*s -m %.*s'", name,
        t->name, t->cli->program, SLICE_ARG(device), SLICE_ARG(module));
}

enum err identity_get(struct target *t, struct slice device, struct slice module, struct json **out)
{
    struct http_answer a;
    const struct http_call call = {.method = "GET", .path = path_of(t->cli, device, module)};
    TRY(http_do(t, &call, &a));
    http_answer_free(&a);
    *out = a.json;
    if (a.status == 404) return is_missing(t, device, module);
    if (a.status < 300 && a.json) return OK;
    return http_refusal(t, &a, identity_name(t->cli, device, module));
}

/* ---- many */

static void put_entry(struct buf *body, struct slice prefix, unsigned number)
{
    struct buf id = {0};
    buf_put_slice(&id, prefix);
    if (number) buf_printf(&id, "-%u", number);
    buf_put_str(body, "{\"id\":");
    text_json_string(body, buf_slice(&id));
    buf_put_str(body, ",\"importMode\":\"create\",\"status\":\"enabled\"}");
    buf_free(&id);
}

/* The bulk answer names each that failed; those that exist already are as good as made. */
static enum err check_bulk(const struct target *t, const struct http_answer *a)
{
    const struct json *errors = json_get(a->json, "errors");
    if (a->status != 200 && errors == NULL) return http_refusal(t, a, "devices");
    for (const struct json *e = errors ? errors->child : NULL; e; e = e->next) {
        struct slice code = json_str(e, "errorCode");
        if (!slice_is(code, "DeviceAlreadyExists"))
            return fail(ERR_PROTOCOL, "%s did not make device '%.*s': %.*s", t->name,
                        SLICE_ARG(json_str(e, "deviceId")), SLICE_ARG(code));
    }
    return OK;
}

enum err identity_make(struct target *t, struct slice prefix, unsigned count)
{
    for (unsigned from = 1; from <= count; from += IDENTITY_BULK_MAX) {
        struct http_answer a;
        struct buf body = {0};
        for (unsigned i = from; i <= count && i < from + IDENTITY_BULK_MAX; i++) {
            buf_put_u8(&body, i == from ? '[' : ',');
            put_entry(&body, prefix, count > 1 ? i : 0);
        }
        buf_put_u8(&body, ']');
        const struct http_call call = {
            .method = "POST", .path = "/devices", .body = buf_slice(&body)};
        enum err e = http_do(t, &call, &a);
        buf_free(&body);
        if (e != OK) return e;
        http_answer_free(&a);
        TRY(check_bulk(t, &a));
    }
    return OK;
}

/* ---- connection strings */

enum err identity_connstr(struct target *t, struct slice device, struct slice module,
                          struct connstr *out)
{
    struct json *identity;
    TRY(identity_get(t, device, module, &identity));
    const struct json *authentication = json_get(identity, "authentication");
    struct slice host = slice_str(t->name);
    bool dot = slice_find(host, '.') < host.len;
    *out = (struct connstr){
        .kind = CONNSTR_DEVICE,
        .host = dot ? host : SLICE_LIT("azimuth.localhost"), /* the C SDK cuts it at a dot */
        .gateway = dot ? t->login.gateway : host,
        .device_id = device,
        .module_id = module,
        .key = json_str(json_get(authentication, "symmetricKey"), "primaryKey"),
    };
    out->x509 = out->key.len == 0;
    return OK;
}

enum err identity_put(struct target *t, struct json *identity, const char *etag, struct json **out)
{
    struct buf body = BUF_SECRET, match = {0};
    struct slice device = json_str(identity, "deviceId"), module = json_str(identity, "moduleId");
    if (etag) buf_printf(&match, "\"%s\"", etag);
    json_write(&body, identity);
    const struct http_call call = {
        .method = "PUT",
        .path = path_of(t->cli, device, module),
        .if_match = etag ? cli_keep(t->cli, &match) : NULL,
        .body = arena_copy(&t->cli->arena, buf_slice(&body)),
    };
    buf_wipe(&body);
    enum err e = http_json(t, &call, identity_name(t->cli, device, module), out);
    bool creates = etag == NULL && module.len; /* then its device is what is not there */
    return e == ERR_NOT_FOUND && creates ? is_missing(t, device, SLICE_NONE) : e;
}

enum err identity_drop(struct target *t, struct slice device, struct slice module, const char *etag)
{
    struct buf match = {0};
    struct json *nothing;
    buf_printf(&match, etag ? "\"%s\"" : "*", etag);
    const struct http_call call = {.method = "DELETE",
                                   .path = path_of(t->cli, device, module),
                                   .if_match = cli_keep(t->cli, &match)};
    return http_json(t, &call, identity_name(t->cli, device, module), &nothing);
}

enum err identity_modules(struct target *t, struct slice device, struct json **out)
{
    struct buf path = {0};
    buf_printf(&path, "%s/modules", path_of(t->cli, device, SLICE_NONE));
    return http_get(t, cli_keep(t->cli, &path), identity_name(t->cli, device, SLICE_NONE), out);
}
