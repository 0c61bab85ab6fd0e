/* cmd_access.c - azimuth connection-string, env, hub generate-sas-token: what others need to get in.
 */
#include "cli/cmd.h"

#include "auth/sas.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/http.h"
#include "cli/identity.h"

const struct cli_option access_connection_string_options[] = {
    {"policy policy-name pn", "NAME", "a shared access policy's [iothubowner]"},
    {"device-id d", "ID", "a device's"},
    {"module-id m", "ID", "a module's of that device"},
    {"event-hub eh", NULL, "the built-in event hub's, with policy 'service'"},
    {"event-hub-name", "NAME", "an event hub's that you made, with policy 'service'"},
    {"dps", NULL, "the provisioning service's"},
    {"digital-twins", NULL, "the digital twins'"},
    {"", NULL, NULL}};

#define KEY_TYPE                                                                                   \
    {                                                                                              \
        "key-type kt", "KEY", "with its primary or secondary key [primary]"                        \
    }

const struct cli_option access_policy_show_options[] = {
    {"policy policy-name pn", "NAME", "a shared access policy's [iothubowner]"},
    KEY_TYPE,
    {"event-hub default-eventhub eh", NULL, "the built-in event hub's, with policy 'service'"},
    {"", NULL, NULL}};
const struct cli_option access_device_show_options[] = {
    {"device-id d", "ID", "the device"}, KEY_TYPE, {"", NULL, NULL}};
const struct cli_option access_module_show_options[] = {{"device-id d", "ID", "the device"},
                                                        {"module-id m", "ID", "the module"},
                                                        KEY_TYPE,
                                                        {"", NULL, NULL}};

const struct cli_option access_dps_options[] = {
    {"policy-name pn", "NAME", "a shared access policy's [provisioningserviceowner]"},
    KEY_TYPE,
    {"", NULL, NULL}};

const struct cli_option access_env_options[] = {
    {"device-id d", "ID", "whose connection string [the first device's]"},
    {"format", "FORMAT", "sh, dotenv, json or github [sh]"},
    {"", NULL, NULL}};

const struct cli_option access_token_options[] = {
    {"device-id d", "ID", "for a device, signed with its key"},
    {"module-id m", "ID", "for a module of it"},
    {"policy-name pn", "NAME", "signed with this policy's key [iothubowner]"},
    {"key-type kt", "KEY", "primary or secondary [primary]"},
    {"duration du", CLI_DURATION, "how long it is good for [1h]"},
    {"connection-string", "CONNECTION_STRING", "signed with the key in it, without asking a hub"},
    {"", NULL, NULL}};

/* ---- connection strings */

/* `name` NULL: the built-in one's. */
static enum err event_hub_connstr(struct target *t, const char *policy, const char *name,
                                  struct connstr *out)
{
    TRY(target_policy(t, t->data && policy == NULL ? "service" : policy, out));
    out->kind = CONNSTR_EVENT_HUBS;
    out->entity = slice_str(name ? name : t->hub_name);
    return OK;
}

/* `--device-id "$ID"` of a shell where ID is not set means no hub's string. */
static enum err refuse_empty(const struct cli *c)
{
    static const char *const names[] = {"device-id", "module-id", "policy", "event-hub-name",
                                        "policy-name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = cli_has(c, names[i]) ? cli_value(c, names[i]) : NULL;
        if (value && *value == '\0') return fail(ERR_INVALID, "--%s is empty", names[i]);
    }
    return OK;
}

static enum err wanted_connstr(struct cli *c, struct target *t, struct connstr *out)
{
    const char *device = cli_value(c, "device-id"), *module = cli_value(c, "module-id");
    const char *policy = cli_value(c, "policy");
    if (module && device == NULL)
        return fail(ERR_INVALID, "--module-id needs the --device-id that it belongs to");
    if (device) return identity_connstr(t, slice_str(device), slice_str(module), out);
    const char *event_hub = cli_value(c, "event-hub-name");
    if (event_hub || cli_given(c, "event-hub")) return event_hub_connstr(t, policy, event_hub, out);
    if (cli_given(c, "dps") && policy == NULL) policy = "provisioningserviceowner";
    TRY(target_policy(t, policy, out));
    out->port = 0;
    return OK;
}

static enum err print_connstr(const struct connstr *connstr)
{
    struct buf line = BUF_SECRET;
    connstr_write(&line, connstr);
    buf_put_u8(&line, '\n');
    enum err e = output_text(buf_slice(&line));
    buf_wipe(&line);
    return e;
}

enum err access_connection_string(struct cli *c)
{
    struct target t;
    struct connstr connstr;
    if (cli_given(c, "digital-twins"))
        return fail(ERR_INVALID, "--digital-twins comes with a later release");
    TRY(refuse_empty(c));
    TRY(target_find(c, &t));
    TRY(wanted_connstr(c, &t, &connstr));
    return print_connstr(&connstr);
}

static void set(struct cli *c, struct json *all, const char *name, struct slice value)
{
    if (value.len) json_set(&c->arena, all, slice_str(name), json_new_string(&c->arena, value));
}

static struct slice text_of(struct cli *c, const struct connstr *connstr)
{
    struct buf line = BUF_SECRET;
    connstr_write(&line, connstr);
    struct slice text = arena_copy(&c->arena, buf_slice(&line));
    buf_wipe(&line);
    return text;
}

/* --key-type, where the verb has it. */
static enum err wants_secondary(const struct cli *c, bool *out)
{
    const char *kind = cli_has(c, "key-type") ? cli_value(c, "key-type") : NULL;
    *out = kind && strcmp(kind, "secondary") == 0;
    if (kind == NULL || *out || strcmp(kind, "primary") == 0) return OK;
    return fail(ERR_INVALID, "--key-type %s: primary or secondary", kind);
}

/* The other key of what was found, where the hub tells it. */
static enum err use_secondary(struct target *t, struct connstr *signer)
{
    struct json *found;
    if (signer->device_id.len) {
        TRY(identity_get(t, signer->device_id, signer->module_id, &found));
        found = json_get(json_get(found, "authentication"), "symmetricKey");
    } else {
        const struct http_call call = {
            .method = "GET", .path = http_path(t->cli, "/admin/v1/policies/", signer->policy)};
        TRY(http_json(t, &call, "policy", &found));
    }
    signer->key = json_str(found, "secondaryKey");
    return signer->key.len ? OK : fail(ERR_NOT_FOUND, "there is no secondary key");
}

/* As az shows them. */
enum err access_connection_string_show(struct cli *c)
{
    struct target t;
    struct connstr connstr;
    struct slice unused;
    struct json *shown = json_new(&c->arena, JSON_OBJECT);
    bool secondary;
    TRY(wants_secondary(c, &secondary));
    if (cli_has(c, "device-id")) TRY(cli_need(c, "device-id", &unused));
    if (cli_has(c, "module-id")) TRY(cli_need(c, "module-id", &unused));
    TRY(refuse_empty(c));
    TRY(target_find(c, &t));
    TRY(wanted_connstr(c, &t, &connstr));
    if (secondary) TRY(use_secondary(&t, &connstr));
    set(c, shown, "connectionString", text_of(c, &connstr));
    return output_value(&c->output, &c->arena, shown, NULL);
}

static enum err dps_connstr(struct cli *c, struct connstr *out)
{
    struct target t;
    const char *policy = cli_value(c, "policy-name");
    bool secondary;
    TRY(wants_secondary(c, &secondary));
    TRY(refuse_empty(c));
    TRY(target_find(c, &t));
    TRY(target_policy(&t, policy ? policy : "provisioningserviceowner", out));
    out->port = 0;
    return secondary ? use_secondary(&t, out) : OK;
}

enum err access_dps_connection_string(struct cli *c)
{
    struct connstr connstr;
    TRY(dps_connstr(c, &connstr));
    return print_connstr(&connstr);
}

enum err access_dps_connection_string_show(struct cli *c)
{
    struct connstr connstr;
    struct json *shown = json_new(&c->arena, JSON_OBJECT);
    TRY(dps_connstr(c, &connstr));
    set(c, shown, "connectionString", text_of(c, &connstr));
    return output_value(&c->output, &c->arena, shown, NULL);
}

/* ---- environment */

/* The one that was named, or any; none at all is fine. */
static enum err choose_device(struct target *t, struct slice *out)
{
    struct json *list;
    *out = slice_str(cli_value(t->cli, "device-id"));
    if (out->len) return OK;
    const struct http_call call = {.method = "GET", .path = "/devices?top=1"};
    TRY(http_json(t, &call, "list of devices", &list));
    *out = json_str(list ? list->child : NULL, "deviceId");
    return OK;
}

static enum err collect_device(struct target *t, struct json *all)
{
    struct slice id;
    struct connstr device;
    TRY(choose_device(t, &id));
    if (id.len == 0) return OK;
    TRY(identity_connstr(t, id, SLICE_NONE, &device));
    struct slice text = text_of(t->cli, &device);
    set(t->cli, all, "IOTHUB_DEVICE_CONNECTION_STRING", text);
    set(t->cli, all, "IOTHUB_DEVICE_SECURITY_TYPE", SLICE_LIT("connectionString"));
    set(t->cli, all, "AZ_IOT_HUB_DEVICE_ID", id);
    return OK;
}

/* One value, under the names that samples of several languages have for it. */
static void set_each(struct cli *c, struct json *all, const char *names, struct slice value)
{
    struct slice rest = slice_str(names), name;
    while (slice_split(&rest, ' ', &name))
        set(c, all, (const char *)arena_copy(&c->arena, name).ptr, value);
}

/* The provisioning service, whose key is told on the hub's own machine alone. */
static enum err collect_provisioning(struct target *t, struct json *all)
{
    struct connstr service;
    if (t->data == NULL) return OK;
    TRY(target_policy(t, "provisioningserviceowner", &service));
    service.port = 0;
    set_each(t->cli, all,
             "PROVISIONING_CONNECTION_STRING PROVISIONING_SERVICE_CONNECTION_STRING "
             "DPS_CONNECTION_STRING",
             text_of(t->cli, &service));
    set_each(t->cli, all,
             "PROVISIONING_HOST IOTHUB_DEVICE_DPS_ENDPOINT DPS_GLOBALDEVICEENDPOINT "
             "DPS_GLOBAL_ENDPOINT",
             slice_str(t->name));
    set_each(t->cli, all,
             "PROVISIONING_IDSCOPE IOTHUB_DEVICE_DPS_ID_SCOPE DPS_IDSCOPE DPS_ID_SCOPE "
             "AZ_IOT_PROVISIONING_ID_SCOPE",
             json_str(t->hub, "idScope"));
    return OK;
}

/* Connection strings have no room for these.  Also the standard ones: what another hub's `env` left goes. */
static void collect_ports(struct target *t, struct json *all)
{
    const struct {
        const char *name;
        unsigned port;
    } rows[] = {{"AZIMUTH_DIAL_HTTPS_PORT", t->https_port},
                {"AZIMUTH_DIAL_MQTT_PORT", t->mqtt_port},
                {"AZIMUTH_DIAL_AMQP_PORT", t->amqp_port}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[NUM_TEXT_MAX];
        set(t->cli, all, rows[i].name,
            (struct slice){(const uint8_t *)text, num_text(rows[i].port, text)});
    }
}

/* The names that Azure's samples read. */
static enum err collect(struct target *t, struct json *all)
{
    struct connstr hub, stream;
    TRY(target_policy(t, NULL, &hub));
    hub.port = 0;
    TRY(event_hub_connstr(t, NULL, NULL, &stream));
    set(t->cli, all, "IOTHUB_CONNECTION_STRING", text_of(t->cli, &hub));
    TRY(collect_device(t, all));
    set(t->cli, all, "EVENTHUB_CONNECTION_STRING", text_of(t->cli, &stream));
    set(t->cli, all, "IOTHUB_EVENTHUB_CONNECTION_STRING", text_of(t->cli, &stream));
    set(t->cli, all, "AZ_IOT_HUB_HOSTNAME", slice_str(t->name));
    TRY(collect_provisioning(t, all));
    set(t->cli, all, "NODE_EXTRA_CA_CERTS", slice_str(t->ca));
    set(t->cli, all, "AZIMUTH_CA", slice_str(t->ca));
    set(t->cli, all, "AZIMUTH_ADMIN_URL", slice_str(t->admin_url));
    collect_ports(t, all);
    return OK;
}

/* In single quotes, which a shell leaves alone; a quote within is '\'' */
static void put_quoted(struct buf *out, struct slice text)
{
    buf_put_u8(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            buf_put_str(out, "'\\''");
        else
            buf_put_u8(out, text.ptr[i]);
    }
    buf_put_u8(out, '\'');
}

enum env_format { ENV_SH, ENV_DOTENV, ENV_JSON, ENV_GITHUB };

static enum err read_format(const struct cli *c, enum env_format *out)
{
    static const char *const names[] = {"sh", "dotenv", "json", "github"};
    const char *text = cli_value(c, "format");
    *out = ENV_SH;
    if (text == NULL) return OK;
    for (; *out <= ENV_GITHUB; ++*out)
        if (strcmp(text, names[*out]) == 0) return OK;
    return fail(ERR_INVALID, "--format %s: sh, dotenv, json or github", text);
}

static void write_environment(struct buf *out, enum env_format format, const struct json *all)
{
    if (format == ENV_JSON) {
        output_pretty(out, all, 0);
        buf_put_u8(out, '\n');
        return;
    }
    for (const struct json *j = all->child; j; j = j->next) {
        buf_printf(out, "%s%.*s=", format == ENV_SH ? "export " : "", SLICE_ARG(j->key));
        if (format == ENV_SH)
            put_quoted(out, j->text);
        else if (format == ENV_DOTENV)
            text_json_string(out, j->text);
        else
            buf_put_slice(out, j->text);
        buf_put_u8(out, '\n');
    }
}

enum err access_env(struct cli *c)
{
    struct target t;
    struct json *all = json_new(&c->arena, JSON_OBJECT);
    struct buf text = BUF_SECRET;
    enum env_format format;
    TRY(read_format(c, &format));
    TRY(target_find(c, &t));
    TRY(collect(&t, all));
    write_environment(&text, format, all);
    enum err e = output_text(buf_slice(&text));
    buf_wipe(&text);
    return e;
}

/* ---- tokens */

static enum err signer_of_hub(struct target *t, const char *device, const char *module,
                              const char *policy, struct connstr *out)
{
    if (device == NULL || policy) return target_policy(t, policy, out);
    TRY(identity_connstr(t, slice_str(device), slice_str(module), out));
    out->host = slice_str(t->name);
    return OK;
}

/* Whose key signs: of the string that was given, of a device, of a policy. */
static enum err find_signer(struct cli *c, struct connstr *out)
{
    struct target t;
    const char *device = cli_value(c, "device-id"), *module = cli_value(c, "module-id");
    const char *given = cli_value(c, "connection-string"), *policy = cli_value(c, "policy-name");
    bool secondary;
    TRY(wants_secondary(c, &secondary));
    if (given) TRY(connstr_parse(slice_str(given), out));
    if (given && !secondary) return OK;
    TRY(target_find(c, &t));
    if (given == NULL) TRY(signer_of_hub(&t, device, module, policy, out));
    return secondary ? use_secondary(&t, out) : OK;
}

static enum err make_token(struct cli *c, const struct connstr *signer, int64_t seconds,
                           struct buf *token)
{
    struct buf resource = {0}, key = BUF_SECRET;
    const char *device = cli_value(c, "device-id");
    struct slice id = device ? slice_str(device) : signer->device_id;
    if (text_unbase64(&key, signer->key) != OK || buf_size(&key) == 0) {
        buf_wipe(&key);
        return fail(ERR_INVALID, "there is no key in base64 to sign with");
    }
    buf_put_slice(&resource, signer->host);
    if (id.len) buf_printf(&resource, "/devices/%.*s", SLICE_ARG(id));
    if (signer->module_id.len) buf_printf(&resource, "/modules/%.*s", SLICE_ARG(signer->module_id));
    const char *policy = (const char *)arena_copy(&c->arena, signer->policy).ptr;
    sas_make(token, buf_slice(&resource), buf_slice(&key), policy,
             clock_wall_us() / 1000000 + seconds);
    buf_free(&resource);
    buf_wipe(&key);
    return OK;
}

enum err access_token(struct cli *c)
{
    struct connstr signer;
    struct buf token = BUF_SECRET;
    int64_t seconds;
    TRY(cli_seconds(c, "duration", 1, INT32_MAX, 3600, &seconds));
    TRY(find_signer(c, &signer));
    TRY(make_token(c, &signer, seconds, &token));
    struct json *answer = json_new(&c->arena, JSON_OBJECT);
    set(c, answer, "sas", buf_slice(&token));
    buf_wipe(&token);
    return output_value(&c->output, &c->arena, answer, NULL);
}
