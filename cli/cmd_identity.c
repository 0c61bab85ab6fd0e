/* cmd_identity.c - azimuth hub device-identity ..., hub module-identity ... */
#include <stdio.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "cli/http.h"
#include "cli/identity.h"

enum { LIST_MAX = 1000 /* IoT Hub: the most that one list has */ };

static const char *const columns =
    "id=deviceId status connection=connectionState auth=authentication.type "
    "last-activity=lastActivityTime";
static const char *const module_columns =
    "id=moduleId device=deviceId connection=connectionState auth=authentication.type "
    "managed-by=managedBy last-activity=lastActivityTime";

#define DEVICE_OPTION                                                                              \
    {                                                                                              \
        "device-id d", "ID", "the device"                                                          \
    }
#define MODULE_OPTION                                                                              \
    {                                                                                              \
        "module-id m", "ID", "the module"                                                          \
    }
#define ETAG_OPTION                                                                                \
    {                                                                                              \
        "etag e", "ETAG", "only if it is still this version"                                       \
    }
#define CREDENTIAL_OPTIONS                                                                         \
    {"auth-method am", "METHOD", "shared_private_key, x509_thumbprint or x509_ca"},                \
        {"primary-key pk", "KEY", "base64 of 16 to 64 bytes; made by the hub if not given"},       \
        {"secondary-key sk", "KEY", "the other one"},                                              \
        {"primary-thumbprint ptp", "HEX", "of an X.509 certificate"},                              \
    {                                                                                              \
        "secondary-thumbprint stp", "HEX", "of its successor"                                      \
    }
#define CONTENT_OPTIONS                                                                            \
    {"status sta", "STATE", "enabled or disabled"},                                                \
        {"status-reason star", "TEXT", "why, up to 128 characters"}, CREDENTIAL_OPTIONS,           \
    {                                                                                              \
        "edge-enabled ee", "BOOL", "an IoT Edge device: true or false"                             \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option identity_create_options[] = {DEVICE_OPTION, CONTENT_OPTIONS, END};
const struct cli_option identity_device_options[] = {DEVICE_OPTION, END};
const struct cli_option identity_list_options[] = {{"top", "N", "at most so many [1000]"}, END};
const struct cli_option identity_update_options[] = {
    DEVICE_OPTION,
    CONTENT_OPTIONS,
    {"set", "PATH=VALUE...", "any members, as in capabilities.iotEdge=true"},
    ETAG_OPTION,
    END};
const struct cli_option identity_delete_options[] = {DEVICE_OPTION, ETAG_OPTION, END};
const struct cli_option identity_key_options[] = {
    DEVICE_OPTION, {"key-type kt", "KEY", "primary, secondary or swap"}, ETAG_OPTION, END};

const struct cli_option module_create_options[] = {DEVICE_OPTION, MODULE_OPTION, CREDENTIAL_OPTIONS,
                                                   END};
const struct cli_option module_options[] = {DEVICE_OPTION, MODULE_OPTION, END};
const struct cli_option module_list_options[] = {DEVICE_OPTION, END};
const struct cli_option module_update_options[] = {
    DEVICE_OPTION,      MODULE_OPTION,
    CREDENTIAL_OPTIONS, {"set", "PATH=VALUE...", "any members, as in managedBy=me"},
    ETAG_OPTION,        END};
const struct cli_option module_delete_options[] = {DEVICE_OPTION, MODULE_OPTION, ETAG_OPTION, END};
const struct cli_option module_key_options[] = {
    DEVICE_OPTION,
    MODULE_OPTION,
    {"key-type kt", "KEY", "primary, secondary or swap"},
    ETAG_OPTION,
    END};

static enum err print(struct cli *c, const struct json *value)
{
    const struct json *one = value && value->type == JSON_ARRAY ? value->child : value;
    bool modules = json_get(one, "moduleId") != NULL;
    return output_value(&c->output, &c->arena, value, modules ? module_columns : columns);
}

/* Whom the verb is about; a verb of modules needs both. */
static enum err need_ids(const struct cli *c, struct slice *device, struct slice *module)
{
    *module = SLICE_NONE;
    TRY(cli_need(c, "device-id", device));
    return cli_has(c, "module-id") ? cli_need(c, "module-id", module) : OK;
}

/* ---- building an identity */

/* az's names of authentication methods, and the wire's. */
static enum err set_method(struct cli *c, struct json *identity)
{
    static const char *const methods[][2] = {
        {"shared_private_key", "sas"},
        {"x509_thumbprint", "selfSigned"},
        {"x509_ca", "certificateAuthority"},
    };
    const char *method = cli_value(c, "auth-method");
    if (method == NULL) return OK;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (!slice_is_nocase(slice_str(method), methods[i][0])) continue;
        cli_set_text(c, cli_object(c, identity, SLICE_LIT("authentication")), "type",
                     slice_str(methods[i][1]));
        return OK;
    }
    return fail(ERR_INVALID, "--auth-method %s: shared_private_key, x509_thumbprint or x509_ca",
                method);
}

/* A pair of members, where at least one was given. */
static void set_pair(struct cli *c, struct json *identity, const char *group, const char *kind)
{
    static const char *const ranks[] = {"primary", "secondary"};
    for (size_t i = 0; i < 2; i++) {
        char option[40], member[40];
        snprintf(option, sizeof option, "%s-%s", ranks[i], kind);
        snprintf(member, sizeof member, "%s%c%s", ranks[i], kind[0] & ~0x20, kind + 1);
        if (!cli_given(c, option)) continue;
        struct json *authentication = cli_object(c, identity, SLICE_LIT("authentication"));
        cli_set_text(c, cli_object(c, authentication, slice_str(group)), member,
                     slice_str(cli_value(c, option)));
        if (json_get(authentication, "type") == NULL)
            cli_set_text(c, authentication, "type",
                         slice_str(kind[0] == 'k' ? "sas" : "selfSigned"));
    }
}

static enum err set_edge(struct cli *c, struct json *identity)
{
    const char *text = cli_value(c, "edge-enabled");
    if (text == NULL) return OK;
    struct json *yes = json_new(&c->arena, JSON_BOOL);
    yes->truth = slice_is_nocase(slice_str(text), "true");
    if (!yes->truth && !slice_is_nocase(slice_str(text), "false"))
        return fail(ERR_INVALID, "--edge-enabled %s: true or false", text);
    json_set(&c->arena, cli_object(c, identity, SLICE_LIT("capabilities")), SLICE_LIT("iotEdge"),
             yes);
    return OK;
}

static enum err set_content(struct cli *c, struct json *identity)
{
    const char *status = cli_value(c, "status");
    if (status && strcmp(status, "enabled") != 0 && strcmp(status, "disabled") != 0)
        return fail(ERR_INVALID, "--status %s: enabled or disabled", status);
    cli_set_text(c, identity, "status", slice_str(status));
    cli_set_text(c, identity, "statusReason", slice_str(cli_value(c, "status-reason")));
    TRY(set_method(c, identity));
    set_pair(c, identity, "symmetricKey", "key");
    set_pair(c, identity, "x509Thumbprint", "thumbprint");
    return set_edge(c, identity);
}

/* ---- verbs */

enum err identity_create(struct cli *c)
{
    struct target t;
    struct slice device, module;
    struct json *identity = json_new(&c->arena, JSON_OBJECT), *made;
    TRY(need_ids(c, &device, &module));
    json_set(&c->arena, identity, SLICE_LIT("deviceId"), json_new_string(&c->arena, device));
    if (module.len)
        json_set(&c->arena, identity, SLICE_LIT("moduleId"), json_new_string(&c->arena, module));
    TRY(set_content(c, identity));
    TRY(target_find(c, &t));
    TRY(identity_put(&t, identity, NULL, &made));
    return print(c, made);
}

enum err identity_show(struct cli *c)
{
    struct target t;
    struct slice device, module;
    struct json *identity;
    TRY(need_ids(c, &device, &module));
    TRY(target_find(c, &t));
    TRY(identity_get(&t, device, module, &identity));
    return print(c, identity);
}

enum err identity_list_modules(struct cli *c)
{
    struct target t;
    struct slice device;
    struct json *list;
    TRY(cli_need(c, "device-id", &device));
    TRY(target_find(c, &t));
    TRY(identity_modules(&t, device, &list));
    return print(c, list);
}

enum err identity_list(struct cli *c)
{
    struct target t;
    struct json *list;
    int64_t top;
    char path[64];
    TRY(cli_number(c, "top", 1, LIST_MAX, LIST_MAX, &top));
    TRY(target_find(c, &t));
    snprintf(path, sizeof path, "/devices?top=%d", (int)top);
    const struct http_call call = {.method = "GET", .path = path};
    TRY(http_json(&t, &call, "list of devices", &list));
    return print(c, list);
}

/* Reads the identity and the etag that a change of it is to name. */
static enum err open_identity(struct cli *c, struct target *t, struct json **identity,
                              const char **etag)
{
    struct slice device, module;
    TRY(need_ids(c, &device, &module));
    TRY(target_find(c, t));
    TRY(identity_get(t, device, module, identity));
    *etag = cli_value(c, "etag");
    if (*etag == NULL) *etag = (const char *)arena_copy(&c->arena, json_str(*identity, "etag")).ptr;
    return OK;
}

enum err identity_update(struct cli *c)
{
    struct target t;
    struct json *identity, *updated;
    const char *etag;
    TRY(open_identity(c, &t, &identity, &etag));
    TRY(set_content(c, identity));
    TRY(cli_assign(c, identity));
    TRY(identity_put(&t, identity, etag, &updated));
    return print(c, updated);
}

enum err identity_delete(struct cli *c)
{
    struct target t;
    struct slice device, module;
    TRY(need_ids(c, &device, &module));
    TRY(cli_confirm(c, "deletes %s%.*s%s%.*s with its keys and its twin",
                    module.ptr ? "module " : "device ", SLICE_ARG(module),
                    module.ptr ? " of device " : "", SLICE_ARG(device)));
    TRY(target_find(c, &t));
    return identity_drop(&t, device, module, cli_value(c, "etag"));
}

static struct json *new_key(struct cli *c)
{
    uint8_t bytes[32];
    struct buf text = BUF_SECRET;
    rand_bytes(bytes, sizeof bytes);
    text_base64(&text, slice_of(bytes, sizeof bytes));
    struct json *key = json_new_string(&c->arena, buf_slice(&text));
    mem_wipe(bytes, sizeof bytes);
    buf_wipe(&text);
    return key;
}

enum err identity_renew_key(struct cli *c)
{
    struct target t;
    struct slice which;
    struct json *identity, *updated;
    const char *etag;
    TRY(cli_need(c, "key-type", &which));
    TRY(open_identity(c, &t, &identity, &etag));
    struct json *keys = cli_object(c, cli_object(c, identity, SLICE_LIT("authentication")),
                                   SLICE_LIT("symmetricKey"));
    struct slice primary = json_str(keys, "primaryKey"), secondary = json_str(keys, "secondaryKey");
    if (slice_is(which, "primary")) {
        json_set(&c->arena, keys, SLICE_LIT("primaryKey"), new_key(c));
    } else if (slice_is(which, "secondary")) {
        json_set(&c->arena, keys, SLICE_LIT("secondaryKey"), new_key(c));
    } else if (slice_is(which, "swap")) {
        json_set(&c->arena, keys, SLICE_LIT("primaryKey"), json_new_string(&c->arena, secondary));
        json_set(&c->arena, keys, SLICE_LIT("secondaryKey"), json_new_string(&c->arena, primary));
    } else {
        return fail(ERR_INVALID, "--key-type %.*s: primary, secondary or swap", SLICE_ARG(which));
    }
    TRY(identity_put(&t, identity, etag, &updated));
    return print(c, updated);
}
