/* cmd_device.c - azimuth device simulate, device send-d2c-message: a device, or thousands. */
#include "cli/cmd_device.h"

#include <stdlib.h>

#include "base/num.h"
#include "base/rand.h"
#include "cli/file.h"
#include "cli/fleet_answer.h"
#include "cli/fleet_http.h"
#include "cli/fleet_roster.h"
#include "cli/fleet_summary.h"
#include "cli/identity.h"
#include "proto/tls/tls.h"

enum { PLAIN_MQTT_PORT = 1883 };

#define WAIT_US         (30 * 1000000ll)
#define WAIT_US_MIN     1000ll
#define WAIT_US_MAX     (3600 * 1000000ll)
#define INTERVAL_US_MAX (1000000 * 1000000ll)

#define PROOF_OPTIONS                                                                              \
    {"model-id dtmi", "ID", "the Plug and Play model that it says it is of"},                      \
        {"symmetric-key key", "KEY", "its own key, in base64, instead of a policy's"},             \
        {"certificate-file-path cp", "FILE",                                                       \
         "its certificate, with what leads to the CA, in PEM"},                                    \
        {"key-file-path kp", "FILE", "the key of that, in PEM"},                                   \
    {                                                                                              \
        "passphrase pass", "TEXT", "of that key, if it is encrypted"                               \
    }

const struct cli_option device_simulate_options[] = {
    {"device-id d", "ID", "one device of that name"},
    {"count", "N", "that many, PREFIX-1 to PREFIX-N [1]"},
    {"device-prefix", "PREFIX", "[sim]"},
    {"existing", NULL, "the devices are there; otherwise those that are not are made"},
    {"module-id m", "ID", "as that module of each"},
    {"devices", "FILE", "CSV: deviceId and primaryKey, or connectionString"},
    {"device-connection-string connection-string cs", "STRING", "the device of that string"},
    PROOF_OPTIONS,
    {"protocol proto", "NAME", "mqtt, or http: one request after the other [mqtt]"},
    {"receive-settle rs", "WAY",
     "takes what is sent to it: complete; by http also abandon, reject"},
    {"method-response-code mrc", "STATUS", "answers direct methods so [200]"},
    {"method-response-payload mrp", "JSON", "and with that, or a file [what it was asked]"},
    {"init-reported-properties irp", "JSON", "reports that, or what is in the file, at first"},
    {"data template da", "TEXT", "what a message says, with placeholders (below)"},
    {"csv", "FILE", "the rows of that file as messages, columns as keys"},
    {"device-column", "NAME", "the column that names a row's device [all in turn]"},
    {"real-time", NULL, "rows are sent at the distances of their times"},
    {"time-column", "NAME", "where these are [time, timestamp, datetime or date]"},
    {"speed", "X", "so many times as fast as the file's time [1]"},
    {"properties props p", "TEXT", "name=value;$.ct=text/plain;..., with placeholders"},
    {"rate", "N", "messages a second of each device; N/m, N/h, max [1; with --csv max]"},
    {"total-rate", "N", "of all devices together"},
    {"msg-interval mi", CLI_DURATION, "between two messages of a device, instead of a rate"},
    {"messages msg-count mc", "N", "of each device, then it ends [no end]"},
    {"duration", CLI_DURATION, "then it ends [no end]"},
    {"window", "N", "unacknowledged messages of a device, at most [32]"},
    {"timeout", CLI_DURATION, "how long it waits for acknowledgements at the end [30s]"},
    {"seed", "N", "the same numbers every time"},
    {"plain", NULL, "without TLS, at the port that the server has for it, or --mqtt-port"},
    {"", NULL, NULL}};

const struct cli_option device_send_options[] = {
    {"device-id d", "ID", "the device; not needed with the login of a device"},
    {"module-id m", "ID", "as that module of it"},
    PROOF_OPTIONS,
    {"data da", "TEXT", "the message, as it is [Ping from azimuth]"},
    {"data-file-path dfp", "FILE", "the message is what is in there"},
    {"properties props p", "TEXT", "name=value;$.ct=text/plain;..."},
    {"msg-count mc", "N", "so many times [1]"},
    {"timeout", CLI_DURATION, "how long it waits for the acknowledgement [30s]"},
    {"plain", NULL, "without TLS, at the port that the server has for it, or --mqtt-port"},
    {"", NULL, NULL}};

const char device_simulate_help[] =
    "A device connects over MQTT, sends with QoS 1 and comes back when it is disconnected. The run "
    "ends\n"
    "with --messages, --duration, the file or Ctrl-C, and prints a summary. A rate of max is as "
    "fast as\n"
    "messages are acknowledged. JSON gets $.ct=application/json and $.ce=utf-8 unless --properties "
    "has\n"
    "them. In a CSV file numbers, true and false stay what they are, an empty cell is null, what "
    "stands\n"
    "in quotes is text.\n"
    "Direct methods and messages to a device are left to who really is that device, unless "
    "--method-response-code,\n"
    "--method-response-payload or --receive-settle says otherwise.\n\n"
    "    azimuth simulate --count 1000 --rate 10/m\n"
    "    azimuth simulate --csv weather.csv --device-column location --real-time --speed 3600\n\n"
    "placeholders:\n" PAYLOAD_HELP;

const char device_send_help[] =
    "Waits for the hub's acknowledgement (QoS 1). Prints nothing; the status tells.\n\n"
    "    azimuth device send-d2c-message -d dev1 --data '{\"t\":21.5}' -p "
    "'$.ct=application/json;$.ce=utf-8'";

/* ---- options */

static enum err decimal(const struct cli *c, const char *name, double least, double most,
                        double initial, double *out)
{
    const char *text = cli_value(c, name);
    char *end;
    *out = initial;
    if (text == NULL) return OK;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out >= least && *out <= most))
        return fail(ERR_INVALID, "--%s %s: a number from %g to %g was expected", name, text, least,
                    most);
    return OK;
}

static enum err not_both(const struct cli *c, const char *one, const char *other)
{
    if (!cli_given(c, one) || !cli_given(c, other)) return OK;
    return fail(ERR_INVALID, "--%s and --%s exclude each other", one, other);
}

static enum err only_with(const struct cli *c, const char *one, const char *other)
{
    if (!cli_given(c, one) || cli_given(c, other)) return OK;
    return fail(ERR_INVALID, "--%s needs --%s", one, other);
}

/* ---- where to */

static enum err choose_plain_port(const struct target *t, struct fleet_plan *plan)
{
    int64_t port = PLAIN_MQTT_PORT;
    plan->port = t->mqtt_port;
    if (cli_given(t->cli, "mqtt-port")) return OK;
    if (t->hub && (json_i64(json_get(t->hub, "plainMqtt"), &port) != OK || port == 0))
        return fail(ERR_NOT_FOUND,
                    "the server has no port without TLS; start it with "
                    "--plain-mqtt-port %d",
                    PLAIN_MQTT_PORT);
    plan->port = (unsigned)port;
    return OK;
}

/* --certificate-file-path and --key-file-path are both there, or neither is. */
static enum err show_certificate(struct cli *c, struct tls_context *tls)
{
    const char *chain = cli_value(c, "certificate-file-path");
    struct tls_identity id = {.passphrase = cli_value(c, "passphrase")};
    if (chain == NULL) return OK;
    TRY(file_load(c, chain, &id.chain_pem));
    TRY(file_load(c, cli_value(c, "key-file-path"), &id.key_pem));
    enum err e = tls_client_show(tls, &id);
    return e == OK ? OK : file_blame(e, chain);
}

/* The server's own certificate names its host; over the network it names what was dialled. */
static enum err choose_line(const struct target *t, struct fleet_plan *plan)
{
    struct slice ca = SLICE_NONE;
    plan->dial = t->dial;
    plan->host = t->data ? t->name : t->dial;
    plan->port = t->mqtt_port;
    if (cli_given(t->cli, "plain")) return choose_plain_port(t, plan);
    if (t->ca) TRY(file_load(t->cli, t->ca, &ca));
    enum err e = tls_client_context(ca, &plan->tls);
    if (e != OK) return file_blame(e, t->ca ? t->ca : "the system's certificates");
    return show_certificate(t->cli, plan->tls);
}

static enum err choose_wait(const struct cli *c, struct fleet_plan *plan)
{
    TRY(cli_duration(c, "timeout", WAIT_US_MIN, WAIT_US_MAX, WAIT_US, &plan->wait_us));
    if (plan->once) plan->duration_us = plan->wait_us;
    plan->quiet = cli_given(c, "quiet");
    return OK;
}

/* Over HTTP, if the verb has --protocol and it says so. */
static bool by_http(const struct cli *c)
{
    return cli_has(c, "protocol") && cli_given(c, "protocol") &&
           strcmp(cli_value(c, "protocol"), "http") == 0;
}

static enum err run(struct target *t, struct fleet_plan *plan, const struct fleet_roster *roster,
                    struct fleet_result *result)
{
    struct cli *c = t->cli;
    plan->identities = roster->items;
    plan->count = roster->count;
    plan->model_id = slice_str(cli_value(c, "model-id"));
    if (by_http(c)) {
        const char *way = cli_value(c, "receive-settle");
        return fleet_http_run(plan, t, way ? bound_way_of(way) : NULL, result);
    }
    enum err e = choose_line(t, plan);
    if (e == OK) e = fleet_run(plan, result);
    tls_context_drop(plan->tls);
    return e;
}

/* ---- who it is */

static enum err check_proof(const struct cli *c)
{
    TRY(only_with(c, "certificate-file-path", "key-file-path"));
    TRY(only_with(c, "key-file-path", "certificate-file-path"));
    TRY(only_with(c, "passphrase", "key-file-path"));
    TRY(not_both(c, "symmetric-key", "certificate-file-path"));
    return not_both(c, "plain", "certificate-file-path");
}

static bool has_proof(const struct cli *c)
{
    return cli_given(c, "symmetric-key") || cli_given(c, "certificate-file-path");
}

/* The device of --device-id, or of the login: they are the same if there are both. */
static enum err choose_id(const struct target *t, struct slice *out)
{
    struct slice own = t->login.device_id;
    *out = slice_str(cli_value(t->cli, "device-id"));
    if (own.len == 0) return cli_need(t->cli, "device-id", out);
    if (out->len && !slice_eq(*out, own))
        return fail(ERR_INVALID, "--device-id %.*s: the connection string is that of '%.*s'",
                    SLICE_ARG(*out), SLICE_ARG(own));
    *out = own;
    return OK;
}

/* One device with a key or a certificate of its own. */
static enum err by_proof(struct target *t, struct fleet_roster *out)
{
    const char *module = cli_value(t->cli, "module-id"), *key = cli_value(t->cli, "symmetric-key");
    struct fleet_identity id = {.host = slice_str(t->name), .x509 = key == NULL};
    TRY(choose_id(t, &id.device));
    id.module = module ? slice_str(module) : t->login.module_id;
    return fleet_roster_one(t, &id, slice_str(key), out);
}

/* ---- simulate: what is said */

static enum err choose_payload(struct cli *c, struct payload **out)
{
    const char *csv = cli_value(c, "csv"), *text = cli_value(c, "data");
    struct payload_config config = {
        .kind = csv ? PAYLOAD_CSV : PAYLOAD_TEMPLATE,
        .body = slice_str(text ? text : payload_initial),
        .properties = slice_str(cli_value(c, "properties")),
        .time_column = cli_value(c, "time-column"),
        .device_column = cli_value(c, "device-column"),
    };
    TRY(not_both(c, "csv", "data"));
    TRY(only_with(c, "real-time", "csv"));
    TRY(only_with(c, "device-column", "csv"));
    TRY(only_with(c, "time-column", "real-time"));
    TRY(only_with(c, "speed", "real-time"));
    if (config.time_column == NULL && cli_given(c, "real-time")) config.time_column = "";
    if (csv) TRY(file_load_max(c, csv, PAYLOAD_CSV_MAX, &config.body));
    enum err e = payload_new(&c->arena, &config, out);
    return e != OK && csv ? file_blame(e, csv) : e;
}

/* ---- simulate: how fast and how long */

/* Of each device, or with --total-rate of all together; 0: as fast as it goes. */
static enum err choose_rate(const struct cli *c, struct fleet_plan *plan, double *per_second)
{
    const char *each = cli_value(c, "rate"), *total = cli_value(c, "total-rate");
    *per_second = cli_given(c, "csv") ? 0 : 1;
    TRY(not_both(c, "rate", "total-rate"));
    TRY(not_both(c, "rate", "msg-interval"));
    TRY(not_both(c, "total-rate", "msg-interval"));
    if (each) TRY(fleet_rate(each, per_second));
    if (total) TRY(fleet_rate(total, per_second));
    return cli_duration(c, "msg-interval", 0, INTERVAL_US_MAX, 0, &plan->interval_us);
}

/* Once it is known how many devices there are. */
static void set_interval(const struct cli *c, struct fleet_plan *plan, double per_second)
{
    if (cli_given(c, "msg-interval") || per_second <= 0) return;
    if (cli_given(c, "total-rate")) per_second /= (double)plan->count;
    plan->interval_us = MAX((int64_t)(1e6 / per_second), 1);
}

static enum err choose_limits(const struct cli *c, struct fleet_plan *plan)
{
    int64_t messages, window, seed;
    TRY(cli_number(c, "messages", 1, INT64_MAX, 0, &messages));
    TRY(cli_number(c, "window", 1, FLEET_WINDOW_MAX, 32, &window));
    TRY(cli_number(c, "seed", 0, INT64_MAX, (int64_t)(rand_u64() >> 1), &seed));
    if (cli_given(c, "real-time")) TRY(decimal(c, "speed", 1e-3, 1e9, 1, &plan->speed));
    TRY(cli_duration(c, "duration", 0, CLI_LONG_US, 0, &plan->duration_us));
    plan->messages = (uint64_t)messages;
    plan->window = (unsigned)window;
    plan->seed = (uint64_t)seed;
    return OK;
}

/* ---- simulate: who */

/* The names that --device-id or --device-prefix and --count stand for. */
static enum err name_devices(struct cli *c, struct slice *prefix, size_t *count,
                             struct slice **names)
{
    const char *id = cli_value(c, "device-id"), *text = cli_value(c, "device-prefix");
    int64_t number;
    TRY(not_both(c, "device-id", "device-prefix"));
    TRY(not_both(c, "device-id", "count"));
    TRY(cli_number(c, "count", 1, FLEET_DEVICES_MAX, 1, &number));
    *prefix = slice_str(id ? id : text ? text : "sim");
    *count = (size_t)number;
    *names = arena_alloc(&c->arena, *count * sizeof **names);
    (*names)[0] = *prefix;
    struct buf name = {0};
    for (size_t i = 0; i<*count && * count> 1; i++) {
        buf_clear(&name);
        buf_printf(&name, "%.*s-%zu", SLICE_ARG(*prefix), i + 1);
        (*names)[i] = arena_copy(&c->arena, buf_slice(&name));
    }
    buf_free(&name);
    return OK;
}

/* Those that the hub does not have yet are made. */
static enum err by_name(struct target *t, struct fleet_roster *out)
{
    struct slice prefix, *names;
    size_t count;
    TRY(name_devices(t->cli, &prefix, &count, &names));
    if (!cli_given(t->cli, "existing")) TRY(identity_make(t, prefix, (unsigned)count));
    return fleet_roster_policy(t, names, count, slice_str(cli_value(t->cli, "module-id")), out);
}

/* The devices that a column of the CSV file names. */
static enum err by_column(struct target *t, const struct payload *payload, struct fleet_roster *out)
{
    size_t count = payload_device_count(payload);
    struct slice *names = arena_alloc(&t->cli->arena, count * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = payload_device(payload, i);
        if (!cli_given(t->cli, "existing")) TRY(identity_make(t, names[i], 1));
    }
    return fleet_roster_policy(t, names, count, slice_str(cli_value(t->cli, "module-id")), out);
}

static enum err check_who(const struct cli *c)
{
    static const char *const ways[] = {"device-id", "count", "device-column", "devices",
                                       "device-connection-string"};
    enum { WAYS = sizeof ways / sizeof *ways };
    for (size_t i = 1; i < WAYS - 1; i++) {
        TRY(not_both(c, ways[i], "symmetric-key"));
        TRY(not_both(c, ways[i], "certificate-file-path"));
    }
    for (size_t i = 0; i < WAYS; i++)
        for (size_t j = i + 1; j < WAYS; j++) TRY(not_both(c, ways[i], ways[j]));
    return OK;
}

static enum err choose_devices(struct cli *c, const struct payload *payload, struct target *t,
                               struct fleet_roster *out)
{
    const char *file = cli_value(c, "devices"), *own = cli_value(c, "device-connection-string");
    TRY(check_who(c));
    TRY(check_proof(c));
    if (file) return fleet_roster_file(c, file, t, out);
    if (own)
        TRY(target_login(c, own, "--device-connection-string", t));
    else
        TRY(target_find(c, t));
    if (has_proof(c)) return by_proof(t, out);
    if (own || t->login.device_id.len) return fleet_roster_login(t, out);
    return cli_given(c, "device-column") ? by_column(t, payload, out) : by_name(t, out);
}

/* ---- simulate: how, and what it listens to */

static enum err choose_protocol(const struct cli *c)
{
    static const char *const over_mqtt[] = {"model-id",
                                            "certificate-file-path",
                                            "window",
                                            "method-response-code",
                                            "plain",
                                            "method-response-payload",
                                            "init-reported-properties"};
    const char *protocol = cli_value(c, "protocol");
    if (protocol == NULL || strcmp(protocol, "mqtt") == 0) return OK;
    if (strcmp(protocol, "http") != 0)
        return fail(ERR_INVALID, "--protocol %s: mqtt and http are protocols", protocol);
    for (size_t i = 0; i < sizeof over_mqtt / sizeof *over_mqtt; i++)
        if (cli_given(c, over_mqtt[i]))
            return fail(ERR_INVALID, "--%s is nothing that HTTP has: use --protocol mqtt",
                        over_mqtt[i]);
    return OK;
}

static enum err json_option(struct cli *c, const char *name, struct slice *out)
{
    struct json *value;
    struct buf text = {0};
    TRY(file_json_option(c, name, &value));
    if (value) json_write(&text, value);
    if (value) *out = arena_copy(&c->arena, buf_slice(&text));
    buf_free(&text);
    return OK;
}

static enum err choose_settling(const struct cli *c, bool *out)
{
    const char *way = cli_value(c, "receive-settle");
    *out = way != NULL;
    if (way && bound_way_of(way) == NULL)
        return fail(ERR_INVALID, "--receive-settle %s: complete, abandon and reject are ways", way);
    if (way && strcmp(way, "complete") != 0 && !by_http(c))
        return fail(ERR_INVALID, "--receive-settle %s: MQTT can only complete, use --protocol http",
                    way);
    return OK;
}

static enum err choose_answers(struct cli *c, struct fleet_answers *out)
{
    int64_t status;
    TRY(cli_number(c, "method-response-code", INT32_MIN, INT32_MAX, FLEET_ANSWER_METHOD_STATUS,
                   &status));
    TRY(json_option(c, "method-response-payload", &out->method_payload));
    TRY(json_option(c, "init-reported-properties", &out->reported));
    TRY(choose_settling(c, &out->messages));
    out->method_status = (int)status;
    out->methods = out->method_payload.ptr || cli_given(c, "method-response-code");
    return OK;
}

enum err device_simulate(struct cli *c)
{
    struct target t;
    struct payload *payload;
    struct fleet_roster roster = {0};
    struct fleet_plan plan = {0};
    double per_second;
    struct fleet_result *result = arena_zero(&c->arena, sizeof *result);
    TRY(choose_protocol(c));
    TRY(choose_answers(c, &plan.answers));
    TRY(choose_payload(c, &payload));
    TRY(choose_limits(c, &plan));
    TRY(choose_wait(c, &plan));
    TRY(choose_rate(c, &plan, &per_second));
    TRY(choose_devices(c, payload, &t, &roster));
    plan.payload = payload;
    plan.count = roster.count;
    set_interval(c, &plan, per_second);
    enum err e = run(&t, &plan, &roster, result);
    if (result->connected == 0) return e;
    const struct json *summary = fleet_summary(&c->arena, &plan, result);
    enum err printed = output_value(&c->output, &c->arena, summary, fleet_summary_columns);
    return e == OK ? printed : e;
}

/* ---- send-d2c-message */

static enum err choose_sender(struct cli *c, struct target *t, struct fleet_roster *out)
{
    struct slice id;
    TRY(check_proof(c));
    TRY(target_find(c, t));
    if (has_proof(c)) return by_proof(t, out);
    TRY(choose_id(t, &id));
    if (t->login.device_id.len) return fleet_roster_login(t, out);
    return fleet_roster_policy(t, &id, 1, slice_str(cli_value(c, "module-id")), out);
}

static enum err choose_message(struct cli *c, struct payload **out)
{
    const char *text = cli_value(c, "data"), *file = cli_value(c, "data-file-path");
    struct payload_config config = {
        .kind = PAYLOAD_TEXT,
        .body = slice_str(text ? text : "Ping from azimuth"),
        .properties = slice_str(cli_value(c, "properties")),
    };
    TRY(not_both(c, "data", "data-file-path"));
    if (file) TRY(file_load_max(c, file, PAYLOAD_BODY_MAX, &config.body));
    return payload_new(&c->arena, &config, out);
}

enum err device_send_message(struct cli *c)
{
    struct target t;
    struct payload *payload;
    struct fleet_roster roster = {0};
    struct fleet_plan plan = {.window = 1, .once = true};
    struct fleet_result *result = arena_zero(&c->arena, sizeof *result);
    int64_t messages;
    TRY(choose_message(c, &payload));
    TRY(cli_number(c, "msg-count", 1, INT64_MAX, 1, &messages));
    TRY(choose_wait(c, &plan));
    TRY(choose_sender(c, &t, &roster));
    plan.payload = payload;
    plan.messages = (uint64_t)messages;
    return run(&t, &plan, &roster, result);
}
