/* cmd_c2d.c - azimuth device c2d-message send, purge; azimuth hub monitor-feedback. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/rand.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/http.h"
#include "cli/line.h"
#include "cli/service.h"

enum { MESSAGE_MAX = 1 << 20, WAKE_MS = 1000, SEND_US = 30000000, SEND_US_MIN = 1000 };
#define SEND_US_MAX (3600 * 1000000ll)

const struct cli_option c2d_send_options[] = {
    {"device-id d", "ID", "the device"},
    {"data da", "TEXT", "the message, as it is [Ping from azimuth]"},
    {"data-file-path dfp", "FILE", "the message is what is in there"},
    {"properties props p", "TEXT", "name=value;name=value"},
    {"ack", "ACK", "what feedback tells: none, positive, negative or full"},
    {"message-id mid", "ID", "[a new GUID]"},
    {"correlation-id cid", "ID", "of what it belongs to, for the receiver"},
    {"user-id uid", "ID", "whom it comes from, for the receiver"},
    {"content-type ct", "TYPE", "[application/json]"},
    {"content-encoding ce", "ENCODING", "[utf-8]"},
    {"expiry-time-utc expiry", "MS", "in milliseconds since 1970 [in an hour]"},
    {"timeout", CLI_DURATION, "how long it waits for the hub [30s]"},
    {"yes y repair r", NULL, "as in az; not looked at"},
    {"", NULL, NULL}};

const struct cli_option c2d_device_options[] = {{"device-id d", "ID", "the device"},
                                                {"", NULL, NULL}};

const struct cli_option feedback_options[] = {
    {"device-id d", "ID", "only of this device; the others' is read as well and is gone"},
    {"message-id wait-on-msg w", "ID", "ends when that message's feedback has come"},
    {"yes y repair r", NULL, "as in az; not looked at"},
    {"timeout t", CLI_DURATION, "ends when so long nothing came [never]"},
    {"", NULL, NULL}};

/* ---- the connection */

struct desk {
    struct cli *cli;
    struct target target;
    struct line_to to;
    struct line line;
    struct service service;
    struct service_config cfg;
    int64_t timeout_us, heard_us;
    enum err (*on_event)(struct desk *d, const struct service_event *ev);
    bool done;
    struct slice sections;           /* to send */
    struct slice device, message_id; /* whose feedback; ptr NULL: all */
};

static enum err open_desk(struct desk *d, const char *address, bool sends)
{
    struct connstr as;
    struct buf login = {0}, token = BUF_SECRET;
    TRY(target_find(d->cli, &d->target));
    TRY(target_policy(&d->target, NULL, &as));
    TRY(target_token(&d->target, "", &token));
    buf_printf(&login, "%.*s@sas.root.%s", SLICE_ARG(as.policy), d->target.hub_name);
    d->line.fd = -1;
    d->cfg = (struct service_config){.out = &d->line.out,
                                     .host = d->target.name,
                                     .login = cli_keep(d->cli, &login),
                                     .token = slice_str(cli_keep(d->cli, &token)),
                                     .address = address,
                                     .sends = sends};
    return target_way(&d->target, d->target.amqp_port, &d->to);
}

static enum err pull(struct desk *d)
{
    struct service_event ev;
    while (!d->done) {
        enum err e = service_next(&d->service, &ev);
        if (e != OK) return e == ERR_AGAIN ? OK : e;
        d->heard_us = clock_mono_us();
        TRY(d->on_event(d, &ev));
    }
    return OK;
}

static int wait_ms(const struct desk *d, int64_t now_us)
{
    int64_t until = service_deadline(&d->service);
    if (d->timeout_us) until = MIN(until, d->heard_us + d->timeout_us);
    return until <= now_us ? 0 : (int)MIN((until - now_us + 999) / 1000, WAKE_MS);
}

static enum err turn(struct desk *d)
{
    struct pollfd fd = {.fd = d->line.fd, .events = line_wants(&d->line)};
    struct slice bytes;
    int ready = poll(&fd, 1, wait_ms(d, clock_mono_us()));
    if (ready < 0 && errno != EINTR) return fail_errno("poll");
    int64_t now_us = clock_mono_us();
    enum err read = ready > 0 ? line_ready(&d->line, fd.revents) : OK;
    while (line_next(&d->line, &bytes)) {
        service_feed(&d->service, bytes, now_us);
        TRY(pull(d));
    }
    if (now_us >= service_deadline(&d->service)) service_tick(&d->service, now_us);
    TRY(pull(d));
    TRY(line_flush(&d->line));
    return d->done ? OK : read;
}

static bool is_over(const struct desk *d)
{
    return d->timeout_us && clock_mono_us() - d->heard_us >= d->timeout_us;
}

static enum err run(struct desk *d)
{
    enum err e = line_open(&d->line, &d->to);
    if (e != OK) return e;
    d->heard_us = clock_mono_us();
    service_init(&d->service, &d->cfg, d->heard_us);
    while (e == OK && !d->done && !is_over(d)) e = turn(d);
    if (e == OK) {
        service_close(&d->service);
        (void)!line_flush(&d->line);
    }
    service_fini(&d->service);
    line_close(&d->line);
    return e;
}

/* ---- sending */

static void put_text(struct buf *b, const char *text, bool symbol)
{
    if (text == NULL)
        amqp_put_null(b);
    else if (symbol)
        amqp_put_sym(b, text);
    else
        amqp_put_str(b, text);
}

static enum err put_properties(struct cli *c, struct buf *b, struct slice device)
{
    char guid[RAND_GUID_LEN + 1];
    int64_t expiry_ms;
    const char *id = cli_value(c, "message-id"), *user = cli_value(c, "user-id");
    const char *type = cli_value(c, "content-type"), *encoding = cli_value(c, "content-encoding");
    struct buf to = {0};
    TRY(cli_number(c, "expiry-time-utc", 1, INT64_MAX, 0, &expiry_ms));
    rand_guid(guid);
    buf_printf(&to, "/devices/%.*s/messages/devicebound", SLICE_ARG(device));
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_str(b, id ? id : guid);
    if (user)
        amqp_put_binary(b, slice_str(user));
    else
        amqp_put_null(b);
    amqp_put_string(b, buf_slice(&to));
    amqp_put_null(b); /* subject */
    amqp_put_null(b); /* reply-to */
    put_text(b, cli_value(c, "correlation-id"), false);
    put_text(b, type ? type : "application/json", true);
    put_text(b, encoding ? encoding : "utf-8", true);
    if (expiry_ms)
        amqp_put_timestamp(b, expiry_ms);
    else
        amqp_put_null(b);
    amqp_close(b, list, 9);
    buf_free(&to);
    return OK;
}

static enum err put_application(struct cli *c, struct buf *b)
{
    const char *ack = cli_value(c, "ack");
    struct slice rest = slice_str(cli_value(c, "properties")), item, name;
    uint32_t count = 0;
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    while (slice_split(&rest, ';', &item)) {
        if (item.len == 0) continue;
        if (!slice_split(&item, '=', &name) || name.len == 0 || item.ptr == NULL)
            return fail(ERR_INVALID, "--properties: name=value;name=value was expected");
        amqp_put_string(b, name);
        amqp_put_string(b, item);
        count += 2;
    }
    if (ack) {
        amqp_put_str(b, "iothub-ack");
        amqp_put_str(b, ack);
        count += 2;
    }
    amqp_close(b, map, count);
    return OK;
}

static enum err put_body(struct cli *c, struct buf *b)
{
    const char *path = cli_value(c, "data-file-path"), *text = cli_value(c, "data");
    struct slice body = slice_str(text ? text : "Ping from azimuth");
    if (path && text) return fail(ERR_INVALID, "--data and --data-file-path exclude each other");
    if (path) TRY(file_load_max(c, path, MESSAGE_MAX, &body));
    amqp_put_data(b, body);
    return OK;
}

static enum err on_send_event(struct desk *d, const struct service_event *ev)
{
    if (ev->kind == SERVICE_READY) service_send(&d->service, d->sections);
    d->done = ev->kind == SERVICE_ACCEPTED;
    return OK;
}

static enum err build(struct cli *c, struct buf *sections)
{
    struct slice device;
    TRY(cli_need(c, "device-id", &device));
    TRY(put_properties(c, sections, device));
    TRY(put_application(c, sections));
    return put_body(c, sections);
}

static enum err send_built(struct desk *d)
{
    TRY(cli_duration(d->cli, "timeout", SEND_US_MIN, SEND_US_MAX, SEND_US, &d->timeout_us));
    TRY(open_desk(d, "/messages/devicebound", true));
    enum err e = run(d);
    tls_context_drop(d->to.tls);
    if (e == OK && !d->done)
        return fail(ERR_TIMEOUT, "%s did not accept the message in time", d->cfg.host);
    return e;
}

enum err c2d_message_send(struct cli *c)
{
    struct buf sections = {0};
    struct desk d = {.cli = c, .on_event = on_send_event};
    enum err e = build(c, &sections);
    d.sections = buf_slice(&sections);
    if (e == OK) e = send_built(&d);
    buf_free(&sections);
    return e;
}

/* ---- purging */

enum err c2d_message_purge(struct cli *c)
{
    struct target t;
    struct slice device;
    struct json *answer;
    struct buf what = {0}, path = {0};
    TRY(cli_need(c, "device-id", &device));
    TRY(cli_confirm(c, "drops all messages that wait for device %.*s", SLICE_ARG(device)));
    TRY(target_find(c, &t));
    buf_printf(&what, "device '%.*s'", SLICE_ARG(device));
    buf_printf(&path, "%s/commands", http_path(c, "/devices/", device));
    const struct http_call call = {.method = "DELETE", .path = buf_cstr(&path)};
    enum err e = http_json(&t, &call, buf_cstr(&what), &answer);
    buf_free(&what);
    buf_free(&path);
    return e == OK && answer ? output_value(&c->output, &c->arena, answer, NULL) : e;
}

/* ---- feedback */

static enum err print_record(struct desk *d, const struct json *record)
{
    if (d->device.ptr && !slice_eq(json_str(record, "deviceId"), d->device)) return OK;
    if (d->message_id.ptr && slice_eq(json_str(record, "originalMessageId"), d->message_id))
        d->done = true;
    struct output shown = d->cli->output;
    if (shown.format == OUTPUT_TABLE) shown.format = OUTPUT_JSON;
    return output_value(&shown, &d->cli->arena, record, NULL);
}

static enum err on_feedback_event(struct desk *d, const struct service_event *ev)
{
    struct arena arena = {0};
    struct json *records = NULL;
    if (ev->kind != SERVICE_MESSAGE) return OK;
    enum err e = json_parse(&arena, ev->message.data, &records);
    for (const struct json *r = e == OK ? records->child : NULL; r && e == OK; r = r->next)
        e = print_record(d, r);
    arena_free(&arena);
    if (e == OK) service_accept(&d->service);
    return e;
}

enum err monitor_feedback(struct cli *c)
{
    struct desk d = {.cli = c,
                     .on_event = on_feedback_event,
                     .device = slice_str(cli_value(c, "device-id")),
                     .message_id = slice_str(cli_value(c, "message-id"))};
    TRY(cli_duration(c, "timeout", 0, CLI_LONG_US, 0, &d.timeout_us));
    TRY(open_desk(&d, "/messages/servicebound/feedback", false));
    enum err e = run(&d);
    tls_context_drop(d.to.tls);
    if (e == OK && d.message_id.ptr && !d.done)
        return fail(ERR_TIMEOUT, "no feedback of message '%.*s' came", SLICE_ARG(d.message_id));
    return e;
}
