/* config.c - flags over environment over file over defaults. */
#include "server/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/blob_sas.h"
#include "base/net.h"
#include "base/num.h"
#include "base/text.h"
#include "base/yaml.h"
#include "hub/hub.h"
#include "hub/user/user.h"
#include "proto/tls/tls.h"
#include "server/config_option.h"

enum { HELP_COLUMN = 28 };

/* Kept for config_show(): the values of a list a line each. */
static void note(struct config *c, const struct option *o, struct slice value, const char *where,
                 bool first)
{
    struct buf text = {0};
    size_t i = (size_t)(o - config_options);
    bool more = !first && c->said[i].value && config_option_is_list(o);
    if (more) buf_printf(&text, "%s\n", c->said[i].value);
    buf_put_slice(&text, value);
    c->said[i].value = (const char *)arena_copy(&c->arena, buf_slice(&text)).ptr;
    struct slice place = slice_str(where); /* "FILE:LINE: NAME" */
    size_t colon = slice_rfind(place, ' ');
    if (colon < place.len) place = slice_head(place, colon - 1);
    c->said[i].where = (const char *)arena_copy(&c->arena, place).ptr;
    buf_free(&text);
}

/* One value for one option from a place that `where` names. */
static enum err assign(struct config *c, const struct option *o, struct slice value,
                       enum config_origin origin, const char *where)
{
    enum config_origin *from = &c->origin[o - config_options];
    bool first = *from != origin;
    if (first) config_option_clear(c, o);
    *from = origin;
    if (config_option_set(c, o, value) == OK) {
        note(c, o, value, where, first);
        return OK;
    }
    char why[512];
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(ERR_INVALID, "%s: %s", where, why);
}

/* As assign(), with "a,b" for two values: of a retention anywhere, of a list in the environment (in
 * the other places a name with a comma can be written). */
static enum err assign_all(struct config *c, const struct option *o, struct slice value,
                           enum config_origin origin, const char *where)
{
    bool split =
        o->kind == OPTION_RETENTION || (config_option_is_list(o) && origin == CONFIG_ENVIRONMENT);
    if (!split) return assign(c, o, value, origin, where);
    struct slice item;
    while (slice_split(&value, ',', &item)) TRY(assign(c, o, slice_trim(item), origin, where));
    return OK;
}

/* ---- flags */

struct flags {
    int argc, at;
    char *const *argv;
};

/* The next flag and its value: --name VALUE, --name=VALUE, --switch. */
static enum err next_flag(struct flags *f, const struct option **option, struct slice *value)
{
    const char *word = f->argv[f->at++];
    struct slice name = slice_str(word);
    if (!slice_starts(name, SLICE_LIT("--")))
        return fail(ERR_INVALID, "'%s' is not an option; 'azimuth serve --help' lists them", word);
    *value = slice_from(name, 2);
    slice_split(value, '=', &name);
    *option = config_option_find(name);
    if (*option == NULL)
        return fail(ERR_INVALID, "there is no option '--%.*s'; 'azimuth serve --help' lists them",
                    SLICE_ARG(name));
    if (value->ptr) return OK;
    if ((*option)->value == NULL) {
        *value = SLICE_LIT("true");
        return OK;
    }
    if (f->at == f->argc)
        return fail(ERR_INVALID, "--%s needs a value: --%s %s", (*option)->name, (*option)->name,
                    (*option)->value);
    *value = slice_str(f->argv[f->at++]);
    return OK;
}

static enum err assign_flags(struct config *c, int argc, char *const argv[])
{
    struct flags f = {.argc = argc, .argv = argv};
    while (f.at < argc) {
        const struct option *o;
        struct slice value;
        char where[64];
        TRY(next_flag(&f, &o, &value));
        snprintf(where, sizeof where, "--%s", o->name);
        TRY(assign_all(c, o, value, CONFIG_FLAG, where));
    }
    return OK;
}

static bool asks_for_help(int argc, char *const argv[])
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

/* ---- environment */

/* mqtt-port: AZIMUTH_MQTT_PORT */
static void variable_of(const struct option *o, char *out, size_t size)
{
    snprintf(out, size, "AZIMUTH_%s", o->name);
    for (char *p = out; *p; p++) *p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
}

/* The value of a variable; SLICE_NONE when it is absent or empty. */
static struct slice look_up(char *const env[], const char *name)
{
    size_t len = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=' && (*env)[len + 1])
            return slice_str(*env + len + 1);
    return SLICE_NONE;
}

static enum err assign_environment(struct config *c, char *const env[])
{
    for (size_t i = 0; i < config_option_count; i++) {
        char name[64];
        variable_of(&config_options[i], name, sizeof name);
        struct slice value = look_up(env, name);
        if (value.ptr) TRY(assign_all(c, &config_options[i], value, CONFIG_ENVIRONMENT, name));
    }
    return OK;
}

/* ---- file */

static enum err assign_line(void *ctx, struct slice key, struct slice value, size_t line)
{
    struct config *c = ctx;
    const struct option *o = config_option_find(key);
    char where[512];
    snprintf(where, sizeof where, "%s:%zu: %.*s", c->file, line, SLICE_ARG(key));
    if (o == NULL) return fail(ERR_INVALID, "%s: there is no such option", where);
    if (slice_is(key, "config"))
        return fail(ERR_INVALID, "%s: a file cannot name another one", where);
    return assign_all(c, o, value, CONFIG_FILE, where);
}

/* Flag over environment, before anything else is assigned: where is the file? */
static enum err find_text(const char *name, int argc, char *const argv[], char *const env[],
                          struct slice *out)
{
    const struct option *o = NULL, *wanted = config_option_find(slice_str(name));
    char variable[64];
    variable_of(wanted, variable, sizeof variable);
    *out = look_up(env, variable);
    struct flags f = {.argc = argc, .argv = argv};
    while (f.at < argc) {
        struct slice value = SLICE_NONE;
        TRY(next_flag(&f, &o, &value));
        if (o == wanted) *out = value;
    }
    return OK;
}

static enum err assign_file(struct config *c, int argc, char *const argv[], char *const env[])
{
    struct slice file = SLICE_NONE, data = SLICE_NONE;
    TRY(find_text("config", argc, argv, env, &file));
    TRY(find_text("data", argc, argv, env, &data));
    struct buf path = {0};
    if (file.ptr)
        buf_put_slice(&path, file);
    else if (data.ptr)
        buf_printf(&path, "%.*s/azimuth.yaml", SLICE_ARG(data));
    else
        buf_printf(&path, "%s/azimuth.yaml", c->data);
    c->file = (const char *)arena_copy(&c->arena, buf_slice(&path)).ptr;
    buf_free(&path);
    enum err e = yaml_read_map(c->file, assign_line, c);
    if (e == ERR_NOT_FOUND && file.ptr == NULL) {
        c->file = NULL;
        return OK;
    }
    if (e == ERR_NOT_FOUND) return fail(ERR_INVALID, "--config %s: there is no such file", c->file);
    return e;
}

/* ---- the whole */

static bool is_name_with_dot(const char *host)
{
    unsigned char bytes[16];
    return strchr(host, '.') && inet_pton(AF_INET, host, bytes) != 1;
}

/* What follows from other options. */
static void derive(struct config *c, enum config_verb verb)
{
    c->console_plain =
        verb == CONFIG_DEV && c->console_address && net_is_loopback(slice_str(c->console_address));
    if (c->host_count == 0) c->hosts[c->host_count++] = "localhost";
    if (c->hub_name) return;
    size_t len = strcspn(c->hosts[0], ".");
    bool usable = is_name_with_dot(c->hosts[0]) && len >= HUB_NAME_LEN_MIN;
    struct slice label = slice_of(c->hosts[0], MIN(len, (size_t)HUB_NAME_LEN_MAX));
    c->hub_name = usable ? (const char *)arena_copy(&c->arena, label).ptr : "azimuth";
}

static bool given_as_flag(const struct config *c, const char *name)
{
    return c->origin[config_option_find(slice_str(name)) - config_options] == CONFIG_FLAG;
}

/* Our own container lies at the root of the HTTPS port, where its prefix keeps it from all else. */
static enum err check_uploads(const struct config *c)
{
    struct blob_account account;
    char why[200];
    if (c->upload_account == NULL) {
        if (slice_starts(slice_str(c->upload_container), SLICE_LIT("azimuth-"))) return OK;
        return fail(ERR_INVALID,
                    "--upload-container %s: the hub's own container begins with azimuth-",
                    c->upload_container);
    }
    if (blob_account_parse(slice_str(c->upload_account), &account) == OK) return OK;
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(ERR_INVALID, "--upload-connection-string: %s", why);
}

static enum err check_units(const struct config *c)
{
    unsigned max = throttle_units_max(c->tier);
    if (c->units <= max) return OK;
    return fail(ERR_INVALID, "--units %u: %s", c->units,
                c->tier == THROTTLE_OFF ? "without a --tier there are none"
                : max == 1              ? "a hub of this tier has one"
                : max == 10             ? "a hub of this tier has 10 at most"
                                        : "a hub of this tier has 200 at most");
}

static enum err check_oidc(const struct config *c)
{
    if (c->oidc_issuer && !slice_starts(slice_str(c->oidc_issuer), SLICE_LIT("https://")))
        return fail(ERR_INVALID, "--oidc-issuer %s: an issuer begins with https://",
                    c->oidc_issuer);
    if ((c->oidc_issuer == NULL) != (c->oidc_client_id == NULL))
        return fail(ERR_INVALID, "--oidc-issuer and --oidc-client-id need each other");
    for (unsigned i = 0; i < c->oidc_role_count; i++) {
        struct slice role = slice_str(c->oidc_roles[i]);
        size_t equals = slice_rfind(role, '=');
        if (equals == 0 || user_role_of(slice_from(role, equals + 1)) == USER_ROLES)
            return fail(ERR_INVALID,
                        "--oidc-role %s: expected VALUE=reader, VALUE=operator or "
                        "VALUE=administrator",
                        c->oidc_roles[i]);
    }
    return OK;
}

static enum err check(const struct config *c)
{
    TRY(check_uploads(c));
    TRY(check_oidc(c));
    TRY(check_units(c));
    if (c->tls_cert_count != c->tls_key_count)
        return fail(ERR_INVALID,
                    "%u certificates but %u keys: give --tls-cert and --tls-key in "
                    "pairs, in the same order",
                    c->tls_cert_count, c->tls_key_count);
    if (c->tls_cert_count > TLS_IDENTITIES_MAX)
        return fail(ERR_INVALID,
                    "%u certificates: at most %d may be given; one ECDSA and one RSA are enough",
                    c->tls_cert_count, TLS_IDENTITIES_MAX);
    if (c->ephemeral && given_as_flag(c, "ephemeral") && given_as_flag(c, "data"))
        return fail(ERR_INVALID, "--ephemeral keeps nothing, so --data makes no sense with it");
    for (unsigned i = 0; (c->plain_mqtt || c->plain_amqp) && i < c->bind_count; i++)
        if (!net_is_loopback(slice_str(c->binds[i])))
            return fail(ERR_INVALID,
                        "ports without TLS are for loopback only: take %s out of --bind, or "
                        "--plain-mqtt-port and --plain-amqp-port away",
                        c->binds[i]);
    return OK;
}

enum err config_load(struct config *c, enum config_verb verb, int argc, char *const argv[],
                     char *const env[])
{
    *c = (struct config){
        .data = "./azimuth-data",
        .mqtt_port = 8883,
        .amqp_port = 5671,
        .https_port = 443,
        .console_address = "127.0.0.1",
        .console_port = verb == CONFIG_DEV ? 8080 : 8443,
        .partitions = 4,
        .retention_us = CONFIG_RETENTION_US,
        .disk_reserve = CONFIG_DISK_RESERVE,
        .issued_us = CONFIG_ISSUED_US,
        .upload_container = "azimuth-uploads",
        .oidc_role_claim = "roles",
        .tier = THROTTLE_OFF,
        .units = 1,
        .log_level = SAY_INFO,
        .help = asks_for_help(argc, argv),
    };
    if (c->help) return OK;
    TRY(assign_file(c, argc, argv, env));
    const char *file = c->file; /* what was read, not what was said */
    TRY(assign_environment(c, env));
    TRY(assign_flags(c, argc, argv));
    c->file = file;
    derive(c, verb);
    return check(c);
}

/* The values of an option that is a text, or a list of texts. */
static const char *const *texts_of(const struct config *c, const struct option *o, unsigned *count)
{
    const char *const *texts = (const char *const *)(const void *)((const char *)c + o->at);
    *count = texts[0] != NULL;
    if (o->kind == OPTION_LIST)
        *count = *(const unsigned *)(const void *)((const char *)c + o->count);
    return texts;
}

/* What the start makes (ca.pem) may be named before it is there. */
static bool is_made(const struct config *c, struct slice path)
{
    struct slice below = slice_str(c->data);
    while (below.len > 1 && below.ptr[below.len - 1] == '/') below.len--;
    return slice_starts(path, below) && slice_starts(slice_from(path, below.len), SLICE_LIT("/"));
}

enum err config_check_files(const struct config *c)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        unsigned count;
        if (o->value == NULL || strcmp(o->value, "FILE") != 0) continue;
        const char *const *paths = texts_of(c, o, &count);
        for (unsigned k = 0; k < count; k++)
            if (!is_made(c, slice_str(paths[k])) && access(paths[k], F_OK) != 0 && errno == ENOENT)
                return fail(ERR_INVALID, "--%s %s: there is no such file", o->name, paths[k]);
    }
    return OK;
}

void config_free(struct config *c)
{
    arena_free(&c->arena);
}

void config_throttles(const struct config *c, struct throttle_config *out)
{
    throttle_of_tier(c->tier, c->units, out);
    for (unsigned i = 0; i < c->throttle_count; i++) {
        enum err e = throttle_override(out, slice_str(c->throttles[i]));
        assert(e == OK); /* it was read once before */
    }
}

bool config_is_live(const char *option)
{
    static const char *const live[] = {"log-level", "tls-cert", "tls-key"};
    for (size_t i = 0; i < sizeof live / sizeof *live; i++)
        if (strcmp(option, live[i]) == 0) return true;
    return false;
}

void config_compare(const struct config *a, const struct config *b,
                    void (*differs)(void *ctx, const char *option), void *ctx)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (!config_option_same(a, b, &config_options[i])) differs(ctx, config_options[i].name);
}

/* ---- shown */

static void put_value(struct buf *out, struct slice value)
{
    bool plain = value.len > 0;
    for (size_t i = 0; i < value.len; i++)
        plain = plain && (isalnum(value.ptr[i]) || strchr("./_-", value.ptr[i]));
    if (plain)
        buf_put_slice(out, value);
    else
        text_json_string(out, value);
}

static void put_values(struct buf *out, const struct option *o, struct slice value)
{
    struct slice item;
    const char *gap = "[";
    if (strcmp(o->name, "upload-connection-string") == 0) value = SLICE_LIT("***");
    if (!config_option_is_list(o)) {
        put_value(out, value);
        return;
    }
    for (; slice_split(&value, '\n', &item); gap = ", ") {
        buf_put_str(out, gap);
        put_value(out, item);
    }
    buf_put_u8(out, ']');
}

void config_show(struct buf *out, const struct config *c)
{
    if (c->file) buf_printf(out, "# %s\n", c->file);
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        if (strcmp(o->name, "config") == 0) continue; /* a file cannot name another one */
        if (c->said[i].value == NULL) {
            buf_printf(out, "# %s: %s\n", o->name, o->initial);
            continue;
        }
        buf_printf(out, "%s: ", o->name);
        put_values(out, o, slice_str(c->said[i].value));
        buf_printf(out, "  # %s\n", c->said[i].where);
    }
}

void config_help(struct buf *out, enum config_verb verb)
{
    static const struct {
        const char *name, *what;
    } verbs[] = {
        [CONFIG_SERVE] = {"serve", "Runs the whole hub in the foreground."},
        [CONFIG_DEV] = {"dev", "Runs a hub to play with: sample devices, connection strings, next "
                               "commands."},
        [CONFIG_CHECK] = {"config check", "Says whether a server could have these options, its "
                                          "certificates and seed, and changes nothing."},
        [CONFIG_SHOW] = {"config show", "Shows what a server would have, and where each value is "
                                        "from, as a YAML file."},
    };
    buf_printf(out, "usage: azimuth %s [OPTION...]\n\n%s\n", verbs[verb].name, verbs[verb].what);
    if (verb == CONFIG_CHECK || verb == CONFIG_SHOW) {
        buf_put_str(out,
                    "\nThe options are those of 'azimuth serve', and read from the same places.\n");
        return;
    }
    buf_put_str(out, "\nEach option is also a key of the YAML file and a variable of the "
                     "environment: --mqtt-port,\nmqtt-port, AZIMUTH_MQTT_PORT. Flags win over the "
                     "environment, the environment over the file.\n\n");
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        int width = snprintf(NULL, 0, "--%s %s", o->name, o->value ? o->value : "");
        buf_printf(out, "  --%s %s%*s%s\n", o->name, o->value ? o->value : "",
                   width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", o->help);
        buf_printf(out, "%*s[%s]\n", HELP_COLUMN + 2, "", o->initial);
    }
}
