/* cmd_c2d_receive.c - azimuth device c2d-message receive, complete, abandon, reject: over HTTPS, as a
 * device would. */
#include "base/num.h"
#include "base/text.h"
#include "cli/bound.h"
#include "cli/cmd.h"

const struct cli_option c2d_receive_options[] = {
    {"device-id d", "ID", "the device"},
    {"lock-timeout lt", CLI_DURATION, "for how long nobody else gets it, 5 s to 5 min [60s]"},
    {"complete", NULL, "completes it at once"},
    {"abandon", NULL, "gives it back at once"},
    {"reject", NULL, "rejects it at once"},
    {"", NULL, NULL}};

const struct cli_option c2d_settle_options[] = {{"device-id d", "ID", "the device"},
                                                {"etag e", "LOCK", "what receive printed as etag"},
                                                {"", NULL, NULL}};

/* ---- settling */

static enum err settle_by(struct cli *c, const char *way)
{
    struct target t;
    struct slice lock;
    struct bound b = {.target = &t};
    TRY(cli_need(c, "device-id", &b.device));
    TRY(cli_need(c, "etag", &lock));
    TRY(target_find(c, &t));
    return bound_settle(&b, lock, bound_way_of(way));
}

enum err c2d_message_complete(struct cli *c)
{
    return settle_by(c, "complete");
}

enum err c2d_message_abandon(struct cli *c)
{
    return settle_by(c, "abandon");
}

enum err c2d_message_reject(struct cli *c)
{
    return settle_by(c, "reject");
}

/* ---- receiving */

/* Header, and the member that Azure's tools print it as. */
static const struct {
    const char *header, *member;
} members[] = {
    {"iothub-ack", "ack"},
    {"ContentType", "contentType"},
    {"ContentEncoding", "contentEncoding"},
    {"iothub-correlationid", "correlationId"},
    {"iothub-deliverycount", "deliveryCount"},
    {"iothub-enqueuedtime", "enqueuedTime"},
    {"iothub-expiry", "expiry"},
    {"iothub-messageid", "messageId"},
    {"iothub-sequencenumber", "sequenceNumber"},
    {"iothub-to", "to"},
    {"iothub-userid", "userId"},
};

static void add_text(struct cli *c, struct json *object, struct slice key, struct slice value)
{
    json_set(&c->arena, object, key, json_new_string(&c->arena, value));
}

static void add_properties(struct cli *c, const struct http_answer *a, struct json *message)
{
    static const char prefix[] = "iothub-app-";
    struct json *app = json_new(&c->arena, JSON_OBJECT);
    struct slice rest = buf_slice(&a->headers), line, name;
    while (slice_split(&rest, '\n', &line)) {
        slice_split(&line, ':', &name);
        if (slice_starts_nocase(name, slice_str(prefix)))
            add_text(c, app, slice_from(name, strlen(prefix)), slice_trim(line));
    }
    json_set(&c->arena, message, SLICE_LIT("properties"), app);
}

/* Bytes that are no text are shown in base64. */
static void add_data(struct cli *c, struct slice body, struct json *message)
{
    struct buf text = {0};
    bool plain = text_is_utf8(body) && slice_find(body, '\0') == body.len;
    if (plain)
        buf_put_slice(&text, body);
    else
        text_base64(&text, body);
    add_text(c, message, plain ? SLICE_LIT("data") : SLICE_LIT("dataBase64"), buf_slice(&text));
    buf_free(&text);
}

static struct json *message_of(struct cli *c, const struct http_answer *a, struct slice lock)
{
    struct json *message = json_new(&c->arena, JSON_OBJECT);
    add_data(c, buf_slice(&a->body), message);
    add_text(c, message, SLICE_LIT("etag"), lock);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct slice value = http_answer_header(a, members[i].header);
        if (value.ptr) add_text(c, message, slice_str(members[i].member), value);
    }
    add_properties(c, a, message);
    return message;
}

/* The way that was asked for, NULL: none. */
static enum err choose_way(struct cli *c, const struct bound_way **out)
{
    *out = NULL;
    for (size_t i = 0; i < BOUND_WAYS; i++) {
        if (!cli_given(c, bound_ways[i].name)) continue;
        if (*out) return fail(ERR_INVALID, "--complete, --abandon and --reject exclude each other");
        *out = &bound_ways[i];
    }
    return OK;
}

static enum err show(struct cli *c, const struct bound *b, const struct http_answer *a,
                     const struct bound_way *way)
{
    struct slice lock = bound_lock(a);
    TRY(output_value(&c->output, &c->arena, message_of(c, a, lock), NULL));
    return way ? bound_settle(b, lock, way) : OK;
}

/* Prints nothing when there is none. */
enum err c2d_message_receive(struct cli *c)
{
    struct target t;
    struct http_answer a;
    struct bound b = {.target = &t};
    const struct bound_way *way;
    int64_t lock_s;
    TRY(cli_need(c, "device-id", &b.device));
    TRY(cli_seconds(c, "lock-timeout", BOUND_LOCK_S_MIN, BOUND_LOCK_S_MAX, BOUND_LOCK_S, &lock_s));
    TRY(choose_way(c, &way));
    TRY(target_find(c, &t));
    TRY(bound_take(&b, (int)lock_s, &a));
    enum err e = OK;
    if (a.status == 200)
        e = show(c, &b, &a, way);
    else if (a.status >= 300)
        e = bound_refusal(&b, &a);
    http_answer_free(&a);
    return e;
}
