/* target.c - see target.h. */
#include "cli/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "auth/sas.h"
#include "auth/x509_make.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/file.h"
#include "cli/http.h"
#include "cli/profile.h"

static const char *keep(struct cli *c, struct slice text)
{
    return (const char *)arena_copy(&c->arena, text).ptr;
}

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static const char *below(struct cli *c, const char *directory, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", directory, name);
    const char *text = keep(c, buf_slice(&path));
    buf_free(&path);
    return text;
}

/* ---- by connection string */

static enum err use_login(struct target *t, const char *text, const char *source)
{
    struct slice copy = arena_copy(&t->cli->arena, slice_str(text));
    if (connstr_parse(copy, &t->login) != OK) {
        const char *why = keep(t->cli, slice_str(fail_text()));
        return fail(ERR_INVALID, "%s: %s", source, why);
    }
    t->source = source;
    t->name = keep(t->cli, t->login.host);
    t->dial = keep(t->cli, connstr_dial(&t->login));
    struct slice label = slice_head(t->login.host, slice_find(t->login.host, '.'));
    t->hub_name = keep(t->cli, t->login.entity.len ? t->login.entity : label);
    return OK;
}

/* `*found` stays false when nobody has written down a hub. */
static enum err use_profile(struct target *t, const char *name, bool *found)
{
    struct profile p;
    TRY(profile_find(t->cli, name, &p));
    t->ca = p.ca;
    t->admin_url = p.admin_url;
    *found = p.connection_string != NULL;
    return *found ? use_login(t, p.connection_string, p.path) : OK;
}

bool target_is_azure(const struct target *t)
{
    struct slice host = slice_str(t->name);
    static const char *const ends[] = {".azure-devices.net", ".azure-devices.cn",
                                       ".azure-devices.us", ".servicebus.windows.net"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (slice_ends(host, slice_str(ends[i]))) return true;
    return false;
}

static const char *data_directory(const struct cli *c)
{
    if (cli_data(c)) return cli_data(c);
    const char *variable = getenv("AZIMUTH_DATA");
    return variable && *variable ? variable : "./azimuth-data";
}

const char *target_directory(struct cli *c, bool service)
{
    const char *here = data_directory(c), *variable = getenv("AZIMUTH_DATA");
    if (!service || cli_data(c) || (variable && *variable) || is_there(here)) return here;
    return is_there(below(c, TARGET_SERVICE_DATA, "lock")) ? TARGET_SERVICE_DATA : here;
}

/* What somebody named is there, or nothing is asked: without it all would look as if the hub were a stranger. */
static enum err use_ca(struct target *t, const char *source, const char *path)
{
    struct slice pem;
    char place[64];
    t->ca = path;
    snprintf(place, sizeof place, "%s", source);
    enum err e = file_load(t->cli, path, &pem);
    if (e != OK) return file_blame(ERR_INVALID, place);
    X509 *first = x509_read_pem(pem);
    X509_free(first);
    if (first) return OK;
    return fail(ERR_INVALID, "%s: %s: there is no certificate in it (PEM)", source, path);
}

/* --ca, AZIMUTH_CA, the profile's, the server's of this directory, what Node is told. */
static enum err choose_ca(struct target *t)
{
    const char *option = cli_value(t->cli, "ca"), *variable = getenv("AZIMUTH_CA");
    const char *node = getenv("NODE_EXTRA_CA_CERTS");
    const char *own = below(t->cli, data_directory(t->cli), "ca.pem");
    if (option) return use_ca(t, "--ca", option);
    if (variable && *variable) return use_ca(t, "AZIMUTH_CA", variable);
    if (t->ca) return t->data ? OK : use_ca(t, t->source, t->ca);
    if (target_is_azure(t)) return OK;
    if (t->data == NULL && is_there(own)) /* else the server was asked, and has none */
        t->ca = own;
    else if (node && is_there(node)) /* Node goes on without it, too */
        t->ca = node;
    return OK;
}

/* ---- by a server's socket */

static unsigned member_port(const struct json *hub, const char *name, unsigned otherwise)
{
    int64_t port;
    return json_i64(json_get(hub, name), &port) == OK ? (unsigned)port : otherwise;
}

/* Where it listens; a wildcard stands for this machine. */
static const char *address_of(struct cli *c, const struct json *hub)
{
    const struct json *list = json_get(hub, "addresses");
    struct slice first = list && list->child ? list->child->text : SLICE_NONE;
    if (first.len == 0 || slice_is(first, "0.0.0.0")) return "127.0.0.1";
    return slice_is(first, "::") ? "::1" : keep(c, first);
}

static enum err no_server(const struct cli *c, const char *directory)
{
    bool service = is_there(TARGET_SERVICE_DATA);
    if (strcmp(directory, TARGET_SERVICE_DATA) ==
        0) /* where root's own would make files of root's */
        return fail(ERR_NOT_FOUND,
                    "no server runs on %s, or this user may not reach it: root starts the service "
                    "with 'systemctl start azimuth' and reaches it; another hub is named with "
                    "--login or --data",
                    directory);
    return fail(ERR_NOT_FOUND,
                "no server runs on %s: start one with '%s serve --data %s', or name a hub with "
                "--login%s",
                directory, c->program, directory,
                service ? "; root reaches the service of this machine with "
                          "--data " TARGET_SERVICE_DATA
                        : "");
}

static enum err use_data(struct target *t, const char *directory)
{
    struct json *hub;
    t->data = directory;
    t->name = "the server";
    if (!is_there(below(t->cli, directory, "azimuth.sock"))) return no_server(t->cli, directory);
    const struct http_call call = {.method = "GET", .path = "/admin/v1/hub"};
    TRY(http_json(t, &call, "description", &hub));
    t->hub = hub;
    t->name = keep(t->cli, json_str(hub, "hostname"));
    t->hub_name = keep(t->cli, json_str(hub, "hubName"));
    if (json_str(hub, "admin").len) t->admin_url = keep(t->cli, json_str(hub, "admin"));
    t->dial = address_of(t->cli, hub);
    t->https_port = member_port(hub, "https", t->https_port);
    t->mqtt_port = member_port(hub, "mqtt", t->mqtt_port);
    t->amqp_port = member_port(hub, "amqp", t->amqp_port);
    if (json_str(hub, "ca").len) t->ca = keep(t->cli, json_str(hub, "ca"));
    return OK;
}

/* ---- the choice */

static enum err port_variable(const char *name, unsigned *port)
{
    const char *text = getenv(name);
    uint64_t number;
    if (text == NULL || *text == '\0') return OK;
    if (num_u64(slice_str(text), &number) != OK || number < 1 || number > 65535)
        return fail(ERR_INVALID, "%s: a number from 1 to 65535", name);
    *port = (unsigned)number;
    return OK;
}

/* Another hub's token would go astray at the URL and the ports of this one, so they belong together. */
static enum err use_environment(struct target *t, const char *login, const char *variable)
{
    const char *url = getenv("AZIMUTH_ADMIN_URL");
    if (url && *url) t->admin_url = url;
    TRY(port_variable("AZIMUTH_DIAL_HTTPS_PORT", &t->https_port));
    TRY(port_variable("AZIMUTH_DIAL_MQTT_PORT", &t->mqtt_port));
    TRY(port_variable("AZIMUTH_DIAL_AMQP_PORT", &t->amqp_port));
    return use_login(t, login, variable);
}

static enum err choose(struct target *t)
{
    static const char *const variables[] = {"AZIMUTH_CONNECTION_STRING",
                                            "IOTHUB_CONNECTION_STRING"};
    const char *login = cli_value(t->cli, "login");
    bool found = false;
    if (login) return use_login(t, login, "--login");
    if (cli_data(t->cli)) return use_data(t, cli_data(t->cli));
    if (cli_given(t->cli, "profile")) return use_profile(t, cli_value(t->cli, "profile"), &found);
    for (size_t i = 0; i < 2; i++) {
        const char *text = getenv(variables[i]);
        if (text && *text) return use_environment(t, text, variables[i]);
    }
    TRY(use_profile(t, NULL, &found));
    return found ? OK : use_data(t, target_directory(t->cli, true));
}

static enum err port_option(const struct cli *c, const char *name, unsigned *port)
{
    int64_t number;
    TRY(cli_number(c, name, 1, 65535, *port, &number));
    *port = (unsigned)number;
    return OK;
}

/* --admin-url, that of the place where the login is from, else the console's standard port. */
static void choose_admin_url(struct target *t)
{
    struct buf url = {0};
    if (cli_given(t->cli, "admin-url")) t->admin_url = cli_value(t->cli, "admin-url");
    if (t->admin_url || t->data) return;
    bool v6 = strchr(t->dial, ':') != NULL;
    buf_printf(&url, "https://%s%s%s:%d", v6 ? "[" : "", t->dial, v6 ? "]" : "",
               TARGET_CONSOLE_PORT);
    t->admin_url = keep(t->cli, buf_slice(&url));
    buf_free(&url);
}

static enum err settle(struct target *t)
{
    if (t->login.port) t->amqp_port = t->login.port;
    TRY(port_option(t->cli, "https-port", &t->https_port));
    TRY(port_option(t->cli, "mqtt-port", &t->mqtt_port));
    TRY(port_option(t->cli, "amqp-port", &t->amqp_port));
    TRY(choose_ca(t));
    choose_admin_url(t);
    return OK;
}

static const struct target standard = {.https_port = 443, .mqtt_port = 8883, .amqp_port = 5671};

enum err target_find(struct cli *c, struct target *t)
{
    *t = standard;
    t->cli = c;
    TRY(choose(t));
    return settle(t);
}

enum err target_of_directory(struct cli *c, const char *directory, struct target *t)
{
    *t = standard;
    t->cli = c;
    TRY(use_data(t, directory));
    return settle(t);
}

enum err target_login(struct cli *c, const char *text, const char *source, struct target *t)
{
    *t = standard;
    t->cli = c;
    TRY(use_login(t, text, source));
    return settle(t);
}

/* ---- keys */

/* The event hub's port where it is not the standard one: Event Hubs clients can be told it. */
static uint16_t event_hub_port(const struct target *t)
{
    return t->amqp_port == 5671 ? 0 : (uint16_t)t->amqp_port;
}

enum err target_policy(struct target *t, const char *name, struct connstr *out)
{
    if (t->data == NULL) {
        *out = t->login;
        if (name && !slice_is_nocase(t->login.policy, name))
            return fail(ERR_UNSUPPORTED,
                        "the key of policy '%s' is told only on the machine of the hub: use --data",
                        name);
        return OK;
    }
    struct json *policy;
    struct buf what = {0};
    const char *wanted = name ? name : "iothubowner";
    const char *path = http_path(t->cli, "/admin/v1/policies/", slice_str(wanted));
    buf_printf(&what, "policy '%s'", wanted);
    const struct http_call call = {.method = "GET", .path = path};
    enum err e = http_json(t, &call, buf_cstr(&what), &policy);
    buf_free(&what);
    if (e != OK) return e;
    *out = (struct connstr){
        .kind = CONNSTR_SERVICE,
        .host = slice_str(t->name),
        .policy = json_str(policy, "keyName"),
        .key = json_str(policy, "primaryKey"),
        .port = event_hub_port(t),
    };
    return OK;
}

enum err target_token(struct target *t, const char *path, struct buf *out)
{
    struct connstr as;
    struct buf resource = {0}, key = BUF_SECRET, policy = {0};
    TRY(target_policy(t, NULL, &as));
    if (as.signature.len) {
        buf_put_slice(out, as.signature);
        return OK;
    }
    buf_printf(&resource, "%.*s%s%s", SLICE_ARG(as.host), *path ? "/" : "", path);
    buf_put_slice(&policy, as.policy);
    enum err e = text_unbase64(&key, as.key);
    if (e == OK)
        sas_make(out, buf_slice(&resource), buf_slice(&key), buf_cstr(&policy),
                 clock_wall_us() / 1000000 + TARGET_TOKEN_S);
    else
        (void)!fail(e, "%s: the SharedAccessKey is not base64", t->source ? t->source : t->name);
    buf_free(&resource);
    buf_wipe(&key);
    buf_free(&policy);
    return e;
}

enum err target_way(const struct target *t, unsigned port, struct line_to *out)
{
    struct slice ca = SLICE_NONE;
    *out = (struct line_to){.name = t->data ? t->name : t->dial};
    if (t->ca) TRY(file_load(t->cli, t->ca, &ca));
    TRY(tls_client_context(ca, &out->tls));
    return line_resolve(t->dial, port, out);
}
