/* config_option.c - see config_option.h. */
#include "server/config_option.h"

#include <arpa/inet.h>

#include "base/num.h"
#include "hub/event/event.h"
#include "hub/hub.h"

#define AT(field) offsetof(struct config, field)

const struct option config_options[] = {
    {"data", "DIR", AT(data), 0, "./azimuth-data", "everything it keeps", OPTION_TEXT, 0},
    {"config", "FILE", AT(file), 0, "DIR/azimuth.yaml if present",
     "YAML file; every option is a key there", OPTION_TEXT, 0},
    {"hostname", "NAME", AT(hosts), AT(host_count), "localhost",
     "name that clients dial, repeatable; the first is the hub's host name", OPTION_HOST, 0},
    {"hub-name", "NAME", AT(hub_name), 0, "first label of the host name, else azimuth",
     "the hub's name and the path of its built-in event hub", OPTION_HUB_NAME, 0},
    {"bind", "ADDR", AT(binds), AT(bind_count), "127.0.0.1 and ::1",
     "address of all listeners, repeatable; 0.0.0.0 for every network", OPTION_BIND, 0},
    {"mqtt-port", "PORT", AT(mqtt_port), 0, "8883", "MQTT over TLS; 0 = any free", OPTION_PORT, 0},
    {"amqp-port", "PORT", AT(amqp_port), 0, "5671", "AMQP over TLS; 0 = any free", OPTION_PORT, 0},
    {"https-port", "PORT", AT(https_port), 0, "443", "HTTPS; 0 = any free", OPTION_PORT, 0},
    {"plain-mqtt-port", "PORT", AT(plain_mqtt_port), AT(plain_mqtt), "off",
     "MQTT without TLS, on loopback only", OPTION_OPTIONAL_PORT, 0},
    {"plain-amqp-port", "PORT", AT(plain_amqp_port), AT(plain_amqp), "off",
     "AMQP without TLS, on loopback only", OPTION_OPTIONAL_PORT, 0},
    {"console", "ADDR:PORT", AT(console_address), AT(console_port),
     "127.0.0.1:8443, 127.0.0.1:8080 under dev",
     "the console and /admin/v1, on an address of its own; off = none", OPTION_ENDPOINT, 0},
    {"partitions", "N", AT(partitions), 0, "4", "of the built-in stream, fixed when it is made",
     OPTION_NUMBER, CONFIG_PARTITIONS_MAX},
    {"retention", "TIME|SIZE", 0, 0, "1d",
     "how long the stream is kept: 7d, 10GiB, or both as 7d,10GiB", OPTION_RETENTION, 0},
    {"disk-reserve", "SIZE", AT(disk_reserve), 0, "256MiB",
     "free disk below which nothing new is taken until there is room again; 0 = none", OPTION_SIZE,
     0},
    {"backup-dir", "DIR", AT(backup_dir), 0, "none",
     "where administrators may begin backups over the API and in the console", OPTION_TEXT, 0},
    {"upload-connection-string", "TEXT", AT(upload_account), 0, "none: its own HTTPS port",
     "Azure storage account that devices upload files to", OPTION_TEXT, 0},
    {"upload-container", "NAME", AT(upload_container), 0, "azimuth-uploads",
     "container for uploaded files; of its own begins with azimuth-", OPTION_CONTAINER, 0},
    {"no-upload-notifications", NULL, AT(upload_quiet), 0, "off",
     "services are not told of uploaded files", OPTION_SWITCH, 0},
    {"outgoing-ca", "FILE", AT(outgoing_ca), 0, "the system's",
     "CAs (PEM) that webhooks, linked hubs and containers are judged by", OPTION_TEXT, 0},
    {"events", "SOURCE", 0, 0, "off",
     "besides telemetry on the stream, repeatable: all, TwinChangeEvents, DeviceLifecycleEvents, "
     "DeviceConnectionStateEvents, DigitalTwinChangeEvents, DeviceJobLifecycleEvents",
     OPTION_EVENTS, 0},
    {"tls-cert", "FILE", AT(tls_certs), AT(tls_cert_count), "made at first start",
     "your own certificate chain (PEM), repeatable: ECDSA, RSA", OPTION_LIST, 0},
    {"tls-key", "FILE", AT(tls_keys), AT(tls_key_count), "made at first start",
     "its key, in the same order", OPTION_LIST, 0},
    {"ephemeral", NULL, AT(ephemeral), 0, "off", "keep nothing", OPTION_SWITCH, 0},
    {"workers", "N", AT(workers), 0, "one per CPU; 1 on two or fewer",
     "cores that serve connections", OPTION_NUMBER, LANES_MAX / 2},
    {"max-connections", "N", AT(max_connections), 0, "the descriptor limit",
     "more are closed at once", OPTION_NUMBER, 1u << 30},
    {"tier", "TIER", AT(tier), 0, "off: no throttles",
     "throttles and daily quota of IoT Hub's F1, B1, B2, B3, S1, S2 or S3", OPTION_TIER, 0},
    {"units", "N", AT(units), 0, "1", "units of the tier", OPTION_NUMBER, THROTTLE_UNITS_MAX},
    {"throttle", "CLASS=RATE", AT(throttles), AT(throttle_count), "of the tier",
     "another rate for one class, repeatable: registry=100/min, methods=off, quota=8000/d",
     OPTION_THROTTLES, 0},
    {"fault-injection", NULL, AT(fault_injection), 0, "off",
     "devices may ask for faults by properties of their telemetry, as the suites of Azure's SDKs "
     "do",
     OPTION_SWITCH, 0},
    {"user", "NAME", AT(user), 0, "stay root",
     "whom a server that root starts becomes, before it opens a file; it keeps the right to bind "
     "ports below 1024 until they are bound",
     OPTION_TEXT, 0},
    {"debuggable", NULL, AT(debuggable), 0, "off",
     "debuggers and core files are allowed, though keys are in memory", OPTION_SWITCH, 0},
    {"disable-login-limits", NULL, AT(no_login_limits), 0, "off",
     "addresses and identities whose logins fail again and again are not slowed down; for tests",
     OPTION_SWITCH, 0},
    {"disable-device-sas", NULL, AT(no_device_sas), 0, "off",
     "devices may not sign tokens with their own keys: certificates only", OPTION_SWITCH, 0},
    {"disable-module-sas", NULL, AT(no_module_sas), 0, "off",
     "the same of modules, those of IoT Edge too", OPTION_SWITCH, 0},
    {"device-token-lifetime", "TIME", AT(device_token_us), 0, "any",
     "tokens of devices that last longer are refused: 15m", OPTION_DURATION, 0},
    {"issued-certificate-lifetime", "TIME", AT(issued_us), 0, "30d",
     "of certificates that devices get when they register with a request", OPTION_DURATION, 0},
    {"oidc-issuer", "URL", AT(oidc_issuer), 0, "none",
     "OpenID provider by whose word people sign in to the console: https://login.example",
     OPTION_TEXT, 0},
    {"oidc-client-id", "ID", AT(oidc_client_id), 0, "none", "as the provider knows this server",
     OPTION_TEXT, 0},
    {"oidc-client-secret-file", "FILE", AT(oidc_secret_file), 0, "none: PKCE alone",
     "the secret that the provider gave this server", OPTION_TEXT, 0},
    {"oidc-role-claim", "NAME", AT(oidc_role_claim), 0, "roles",
     "the claim of the id_token that says what somebody may", OPTION_TEXT, 0},
    {"oidc-role", "VALUE=ROLE", AT(oidc_roles), AT(oidc_role_count), "the value is the role's name",
     "whoever has that value in the claim is reader, operator or administrator; repeatable",
     OPTION_LIST, 0},
    {"log-level", "LEVEL", AT(log_level), 0, "info", "error, warn, info, debug or trace",
     OPTION_LEVEL, 0},
    {"store", "BACKEND", 0, 0, "sqlite", "where identities are kept", OPTION_FIXED, 0},
    {"log", "BACKEND", 0, 0, "own", "where messages are kept", OPTION_FIXED, 0},
    {"seed", "FILE", AT(seed), 0, "none",
     "YAML file with devices, their twins, enrollments, configurations, event hubs and routes to "
     "create if absent",
     OPTION_TEXT, 0},
};
const size_t config_option_count = sizeof config_options / sizeof *config_options;

static_assert(sizeof config_options / sizeof *config_options <= CONFIG_OPTIONS_MAX,
              "struct config has an origin for each");

const struct option *config_option_find(struct slice name)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (slice_is(name, config_options[i].name)) return &config_options[i];
    return NULL;
}

bool config_option_is_list(const struct option *o)
{
    return o->kind == OPTION_HOST || o->kind == OPTION_BIND || o->kind == OPTION_LIST ||
           o->kind == OPTION_RETENTION || o->kind == OPTION_EVENTS || o->kind == OPTION_THROTTLES;
}

/* ---- fields of struct config by their offset */

static const char **text_at(struct config *c, size_t at)
{
    return (const char **)(void *)((char *)c + at);
}

static unsigned *number_at(struct config *c, size_t at)
{
    return (unsigned *)(void *)((char *)c + at);
}

static uint64_t *size_at(struct config *c, size_t at)
{
    return (uint64_t *)(void *)((char *)c + at);
}

static int64_t *duration_at(struct config *c, size_t at)
{
    return (int64_t *)(void *)((char *)c + at);
}

static bool *switch_at(struct config *c, size_t at)
{
    return (bool *)(void *)((char *)c + at);
}

static const char *keep(struct config *c, struct slice text)
{
    return (const char *)arena_copy(&c->arena, text).ptr;
}

void config_option_clear(struct config *c, const struct option *o)
{
    if (o->kind == OPTION_RETENTION)
        c->retention_us = INT64_MAX, c->retention_bytes = 0;
    else if (o->kind == OPTION_EVENTS)
        c->events = 0;
    else if (config_option_is_list(o))
        *number_at(c, o->count) = 0;
}

/* ---- values */

static enum err not_a(struct slice value, const char *what)
{
    return fail(ERR_INVALID, "'%.*s' is not %s", SLICE_ARG(value), what);
}

static enum err append(struct config *c, const struct option *o, struct slice value)
{
    unsigned *count = number_at(c, o->count);
    if (*count == CONFIG_LIST_MAX) return fail(ERR_INVALID, "more than %d values", CONFIG_LIST_MAX);
    text_at(c, o->at)[(*count)++] = keep(c, value);
    return OK;
}

static bool made_of(struct slice text, const char *marks)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i] | 0x20;
        bool good = (c >= 'a' && c <= 'z') || (text.ptr[i] >= '0' && text.ptr[i] <= '9') ||
                    (text.ptr[i] && strchr(marks, text.ptr[i]));
        if (!good) return false;
    }
    return text.len > 0;
}

static bool is_address(struct slice text)
{
    char name[INET6_ADDRSTRLEN + 1];
    unsigned char bytes[16];
    if (text.len >= sizeof name) return false;
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static enum err set_host(struct config *c, const struct option *o, struct slice value)
{
    bool good = is_address(value) || (value.len <= HUB_HOST_LEN_MAX && made_of(value, "-._") &&
                                      !strchr("-._", value.ptr[0]));
    return good ? append(c, o, value) : not_a(value, "a host name");
}

static enum err set_hub_name(struct config *c, const struct option *o, struct slice value)
{
    if (value.len < HUB_NAME_LEN_MIN || value.len > HUB_NAME_LEN_MAX || !made_of(value, "-"))
        return not_a(value, "a hub's name (3 to 50 letters, digits and '-')");
    *text_at(c, o->at) = keep(c, value);
    return OK;
}

/* 3 to 63 lower-case letters, digits and single dashes between them (Azure). */
static enum err set_container(struct config *c, const struct option *o, struct slice value)
{
    bool good =
        value.len >= 3 && value.len <= 63 && value.ptr[0] != '-' && value.ptr[value.len - 1] != '-';
    for (size_t i = 0; i < value.len && good; i++) {
        uint8_t b = value.ptr[i];
        bool dash = b == '-' && value.ptr[i - 1] != '-';
        good = (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || dash;
    }
    if (!good) return not_a(value, "a container's name (3 to 63 of a-z, 0-9 and single dashes)");
    *text_at(c, o->at) = keep(c, value);
    return OK;
}

static enum err read_port(struct slice value, unsigned *out)
{
    uint64_t port;
    if (num_u64(value, &port) != OK || port > 65535) return not_a(value, "a port (0 to 65535)");
    *out = (unsigned)port;
    return OK;
}

static enum err set_optional_port(struct config *c, const struct option *o, struct slice value)
{
    bool on = !slice_is(value, "off");
    if (on) TRY(read_port(value, number_at(c, o->at)));
    *switch_at(c, o->count) = on;
    return OK;
}

/* 127.0.0.1:8443, [::1]:8443, off */
static enum err set_endpoint(struct config *c, const struct option *o, struct slice value)
{
    size_t colon = slice_rfind(value, ':');
    if (slice_is(value, "off")) {
        *text_at(c, o->at) = NULL;
        return OK;
    }
    struct slice address = slice_head(value, colon);
    if (slice_starts(address, SLICE_LIT("[")) && slice_ends(address, SLICE_LIT("]")))
        address = slice_of(address.ptr + 1, address.len - 2);
    if (colon == value.len || !is_address(address)) return not_a(value, "ADDR:PORT or off");
    TRY(read_port(slice_from(value, colon + 1), number_at(c, o->count)));
    *text_at(c, o->at) = keep(c, address);
    return OK;
}

static enum err set_number(struct config *c, const struct option *o, struct slice value)
{
    uint64_t number;
    if (num_u64(value, &number) != OK || number < 1 || number > o->max)
        return fail(ERR_INVALID, "'%.*s' is not a number from 1 to %u", SLICE_ARG(value), o->max);
    *number_at(c, o->at) = (unsigned)number;
    return OK;
}

static enum err set_switch(struct config *c, const struct option *o, struct slice value)
{
    static const char *const words[] = {"false", "true", "off", "on", "no", "yes", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!slice_is_nocase(value, words[i])) continue;
        *switch_at(c, o->at) = i % 2;
        return OK;
    }
    return not_a(value, "true or false");
}

/* A lower-case m, h, d or s ends a time; "10M", "10GiB" are sizes.  A bare number could be either. */
static enum err set_retention(struct config *c, struct slice value)
{
    static const char *const what = "a time (7d, 12h) or a size (10GiB)";
    uint8_t last = value.len ? value.ptr[value.len - 1] : 0;
    bool time = last && strchr("smhdn", last);
    if (last >= '0' && last <= '9') return not_a(value, what);
    enum err e =
        time ? num_duration_us(value, &c->retention_us) : num_bytes(value, &c->retention_bytes);
    bool none = time ? c->retention_us == 0 : c->retention_bytes == 0;
    return e != OK || none ? not_a(value, what) : OK;
}

static enum err set_duration(struct config *c, const struct option *o, struct slice value)
{
    int64_t us;
    if (num_duration_us(value, &us) != OK || us < 1000000) return not_a(value, "a time (15m, 1h)");
    *duration_at(c, o->at) = us;
    return OK;
}

static enum err set_events(struct config *c, struct slice value)
{
    enum record_source source;
    if (slice_is_nocase(value, "off")) return OK;
    if (slice_is_nocase(value, "all")) {
        c->events = EVENT_ALL;
        return OK;
    }
    if (event_source_of(value, &source) != OK)
        return not_a(value, "all, off, TwinChangeEvents, DeviceLifecycleEvents, "
                            "DeviceConnectionStateEvents, DigitalTwinChangeEvents, "
                            "DeviceJobLifecycleEvents");
    c->events |= 1u << source;
    return OK;
}

static enum err set_level(struct config *c, struct slice value)
{
    return say_level_parse(keep(c, value), &c->log_level) == OK
               ? OK
               : not_a(value, "error, warn, info, debug or trace");
}

static enum err set_throttle(struct config *c, const struct option *o, struct slice value)
{
    struct throttle_config tried = {0};
    TRY(throttle_override(&tried, value));
    return append(c, o, value);
}

static enum err set_fixed(const struct option *o, struct slice value)
{
    if (slice_is(value, o->initial)) return OK;
    struct slice scheme =
        slice_head(value, slice_find(value, ':')); /* what follows may be secret */
    return fail(ERR_INVALID, "'%.*s' comes with a later release; this one has only '%s'",
                SLICE_ARG(scheme), o->initial);
}

enum err config_option_set(struct config *c, const struct option *o, struct slice value)
{
    if (value.len == 0) return fail(ERR_INVALID, "the value is empty");
    switch (o->kind) {
    case OPTION_TEXT: *text_at(c, o->at) = keep(c, value); return OK;
    case OPTION_SWITCH: return set_switch(c, o, value);
    case OPTION_HOST: return set_host(c, o, value);
    case OPTION_HUB_NAME: return set_hub_name(c, o, value);
    case OPTION_CONTAINER: return set_container(c, o, value);
    case OPTION_BIND: return is_address(value) ? append(c, o, value) : not_a(value, "an address");
    case OPTION_LIST: return append(c, o, value);
    case OPTION_PORT: return read_port(value, number_at(c, o->at));
    case OPTION_OPTIONAL_PORT: return set_optional_port(c, o, value);
    case OPTION_ENDPOINT: return set_endpoint(c, o, value);
    case OPTION_NUMBER: return set_number(c, o, value);
    case OPTION_SIZE:
        return num_bytes(value, size_at(c, o->at)) == OK ? OK : not_a(value, "a size (64MiB)");
    case OPTION_DURATION: return set_duration(c, o, value);
    case OPTION_RETENTION: return set_retention(c, value);
    case OPTION_LEVEL: return set_level(c, value);
    case OPTION_EVENTS: return set_events(c, value);
    case OPTION_TIER: return throttle_tier_parse(value, &c->tier);
    case OPTION_THROTTLES: return set_throttle(c, o, value);
    case OPTION_FIXED: return set_fixed(o, value);
    }
    return ERR_INVALID;
}

/* ---- comparison */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_list(const struct config *a, const struct config *b, const struct option *o)
{
    unsigned count = *number_at((struct config *)a, o->count);
    const char **left = text_at((struct config *)a, o->at);
    const char **right = text_at((struct config *)b, o->at);
    if (count != *number_at((struct config *)b, o->count)) return false;
    while (count > 0 && same_text(left[count - 1], right[count - 1])) count--;
    return count == 0;
}

static bool same_number(const struct config *a, const struct config *b, size_t at)
{
    return *number_at((struct config *)a, at) == *number_at((struct config *)b, at);
}

bool config_option_same(const struct config *a, const struct config *b, const struct option *o)
{
    struct config *left = (struct config *)a, *right = (struct config *)b; /* only to look */
    switch (o->kind) {
    case OPTION_TEXT:
    case OPTION_CONTAINER:
    case OPTION_HUB_NAME: return same_text(*text_at(left, o->at), *text_at(right, o->at));
    case OPTION_SWITCH: return *switch_at(left, o->at) == *switch_at(right, o->at);
    case OPTION_HOST:
    case OPTION_BIND:
    case OPTION_THROTTLES:
    case OPTION_LIST: return same_list(a, b, o);
    case OPTION_PORT:
    case OPTION_NUMBER: return same_number(a, b, o->at);
    case OPTION_OPTIONAL_PORT:
        return *switch_at(left, o->count) == *switch_at(right, o->count) &&
               same_number(a, b, o->at);
    case OPTION_ENDPOINT:
        return same_text(*text_at(left, o->at), *text_at(right, o->at)) &&
               same_number(a, b, o->count);
    case OPTION_SIZE: return *size_at(left, o->at) == *size_at(right, o->at);
    case OPTION_DURATION: return *duration_at(left, o->at) == *duration_at(right, o->at);
    case OPTION_RETENTION:
        return a->retention_us == b->retention_us && a->retention_bytes == b->retention_bytes;
    case OPTION_LEVEL: return a->log_level == b->log_level;
    case OPTION_EVENTS: return a->events == b->events;
    case OPTION_TIER: return a->tier == b->tier;
    case OPTION_FIXED: return true;
    }
    return true;
}
