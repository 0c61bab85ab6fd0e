/* cmd_method.c - azimuth hub invoke-device-method, hub invoke-module-method, hub digital-twin
 * invoke-command: a command of Plug and Play is a method by the name of "component*command". */
#include "base/num.h"
#include "cli/cmd.h"

#include "cli/file.h"
#include "cli/http.h"
#include "cli/identity.h"

/* As the hub has them (hub/method/method.h). */
enum { RESPONSE_S = 30, RESPONSE_S_MIN = 5, RESPONSE_S_MAX = 3600, CONNECT_S_MAX = 300 };

enum { SLACK_S = 10 };

#define DEVICE_OPTION                                                                              \
    {                                                                                              \
        "device-id d", "ID", "the device"                                                          \
    }
#define METHOD_OPTIONS                                                                             \
    {"method-name mn", "NAME", "the method"},                                                      \
        {"method-payload mp", "JSON", "what it gets, or a file with that [null]"},                 \
        {"method-response-timeout mrt timeout to", CLI_DURATION,                                   \
         "for the answer, 5 s to 1 h [30s]"},                                                      \
        {"method-connect-timeout mct", CLI_DURATION,                                               \
         "for the device to connect, up to 300 s [0s]"},                                           \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option method_device_options[] = {DEVICE_OPTION, METHOD_OPTIONS};
const struct cli_option method_module_options[] = {
    DEVICE_OPTION, {"module-id m", "ID", "the module"}, METHOD_OPTIONS};

const struct cli_option command_invoke_options[] = {
    DEVICE_OPTION,
    {"command-name cn", "NAME", "the command"},
    {"component-path", "NAME", "the component that has it [the device itself]"},
    {"payload", "JSON", "what it gets, or a file with that [null]"},
    {"response-timeout rto", CLI_DURATION, "for the answer, 5 s to 1 h [30s]"},
    {"connect-timeout cto", CLI_DURATION, "for the device to connect, up to 300 s [0s]"},
    {"", NULL, NULL}};

/* How a verb calls its options. */
struct words {
    const char *name, *component, *payload, *response, *connect;
};

static const struct words method_words = {"method-name", NULL, "method-payload",
                                          "method-response-timeout", "method-connect-timeout"};
static const struct words command_words = {"command-name", "component-path", "payload",
                                           "response-timeout", "connect-timeout"};

const char method_help[] =
    "Prints what the device answered, whatever its status is; 1 and more say that it has not: 5 if "
    "it is\n"
    "not connected or does not answer in time.\n\n"
    "    azimuth hub invoke-device-method -d dev1 --mn reboot --mp '{\"delay\": 5}' --timeout 60s\n"
    "    azimuth hub invoke-module-method -d dev1 -m camera --mn restart";

/* "name", "component*name" */
static enum err read_name(struct cli *c, const struct words *w, struct slice *out)
{
    struct buf name = {0};
    struct slice given;
    const char *component = w->component ? cli_value(c, w->component) : NULL;
    TRY(cli_need(c, w->name, &given));
    if (component) buf_printf(&name, "%s*", component);
    buf_put_slice(&name, given);
    *out = arena_copy(&c->arena, buf_slice(&name));
    buf_free(&name);
    return OK;
}

/* The hub wants no longer a wait for the device than for its answer. */
enum err method_read_times(const struct cli *c, const char *response, const char *connect,
                           struct method_times *out)
{
    TRY(cli_seconds(c, connect, 0, CONNECT_S_MAX, 0, &out->connect_s));
    TRY(cli_seconds(c, response, RESPONSE_S_MIN, RESPONSE_S_MAX, MAX(RESPONSE_S, out->connect_s),
                    &out->response_s));
    if (out->connect_s <= out->response_s) return OK;
    return fail(ERR_INVALID, "--%s %s is longer than --%s %s", connect, cli_value(c, connect),
                response, cli_value(c, response));
}

static enum err make_body(struct cli *c, const struct words *w, struct json *body, unsigned *wait_s)
{
    struct slice name;
    struct json *payload;
    struct method_times times;
    TRY(read_name(c, w, &name));
    TRY(file_json_option(c, w->payload, &payload));
    if (payload == NULL) payload = json_new(&c->arena, JSON_NULL);
    TRY(method_read_times(c, w->response, w->connect, &times));
    json_set(&c->arena, body, SLICE_LIT("methodName"), json_new_string(&c->arena, name));
    json_set(&c->arena, body, SLICE_LIT("payload"), payload);
    json_set(&c->arena, body, SLICE_LIT("responseTimeoutInSeconds"),
             json_new_i64(&c->arena, times.response_s));
    json_set(&c->arena, body, SLICE_LIT("connectTimeoutInSeconds"),
             json_new_i64(&c->arena, times.connect_s));
    *wait_s = (unsigned)(times.response_s + times.connect_s) + SLACK_S;
    return OK;
}

static enum err say_why(const struct target *t, const struct http_answer *a, const char *what)
{
    struct slice said = http_message(t, a);
    bool offline = a->status == 404 && slice_starts(said, SLICE_LIT("Timed out"));
    if (!offline && a->status != 504) return http_refusal(t, a, what);
    return fail(ERR_TIMEOUT, "%s has not answered: %.*s", what, SLICE_ARG(said));
}

static enum err invoke(struct cli *c, const struct words *w)
{
    struct target t;
    struct http_answer a;
    struct slice device, module;
    struct json *body = json_new(&c->arena, JSON_OBJECT);
    struct buf path = {0}, text = {0};
    struct http_call call = {.method = "POST"};
    TRY(make_body(c, w, body, &call.wait_s));
    TRY(identity_option(c, &device, &module));
    TRY(target_find(c, &t));
    json_write(&text, body);
    buf_printf(&path, "%s/methods", identity_path(c, "/twins/", device, module));
    call.path = cli_keep(c, &path);
    call.body = buf_slice(&text);
    enum err e = http_do(&t, &call, &a);
    if (e == OK) {
        e = a.status == 200 && a.json ? output_value(&c->output, &c->arena, a.json, NULL)
                                      : say_why(&t, &a, identity_name(c, device, module));
        http_answer_free(&a);
    }
    buf_free(&text);
    return e;
}

enum err method_invoke(struct cli *c)
{
    return invoke(c, &method_words);
}

enum err command_invoke(struct cli *c)
{
    return invoke(c, &command_words);
}
