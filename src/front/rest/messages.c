/* messages.c - /admin/v1: the cloud-to-device messages that wait for a device, seen without taking any of them.
 *
 *   {"value":[{"sequence":7,"messageId":"m","state":"enqueued","enqueuedTime":"2026-01-31T12:00:00.0000000Z",
 *     "expiryTime":"...","deliveryCount":0,"size":5,"correlationId":null,"userId":null,"contentType":null,
 *     "contentEncoding":null,"properties":{"a":"b"},"body":"hello","bodyEncoding":"utf-8",
 *     "bodyTruncated":false}],"continuationToken":null}
 *
 * GET takes top and continuationToken.  `size` is the body's; of the body REST_PREVIEW_MAX bytes are shown, in
 * Base64 if they are no UTF-8. */
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "front/rest/call.h"

/* ---- one message */

static void put_text(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text.ptr)
        text_json_string(out, text);
    else
        buf_put_str(out, "null");
}

static void put_time(struct buf *out, const char *name, int64_t at_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(at_us, iso);
    put_text(out, name, slice_str(iso));
}

static void put_properties(struct buf *out, struct c2d_view *v)
{
    struct slice name, value;
    const char *comma = "";
    buf_put_str(out, ",\"properties\":{");
    while (c2d_next_property(v, &name, &value)) {
        buf_put_str(out, comma);
        text_json_string(out, name);
        buf_put_u8(out, ':');
        text_json_string(out, value);
        comma = ",";
    }
    buf_put_u8(out, '}');
}

/* No character of UTF-8 is cut in two. */
static struct slice preview_of(struct slice body)
{
    enum { CONTINUES = 0x80, CONTINUES_MASK = 0xc0, CHARACTER_MAX = 4 };
    size_t len = MIN(body.len, REST_PREVIEW_MAX);
    for (unsigned back = 0; len < body.len && back < CHARACTER_MAX; back++) {
        if ((body.ptr[len - back] & CONTINUES_MASK) == CONTINUES) continue;
        return slice_head(body, len - back);
    }
    return slice_head(body, len);
}

static void put_body(struct buf *out, struct slice body)
{
    struct slice shown = preview_of(body);
    struct buf base64 = {0};
    bool text = text_is_utf8(shown);
    if (!text) text_base64(&base64, shown);
    buf_put_str(out, ",\"body\":");
    text_json_string(out, text ? shown : buf_slice(&base64));
    put_text(out, "bodyEncoding", slice_str(text ? "utf-8" : "base64"));
    buf_printf(out, ",\"bodyTruncated\":%s}", shown.len < body.len ? "true" : "false");
    buf_free(&base64);
}

static void put_message(struct buf *out, const struct c2d_listed *l)
{
    const struct c2d_message *m = &l->message;
    struct c2d_view v;
    c2d_view(m->sections, &v);
    buf_printf(out, "{\"sequence\":%llu", (unsigned long long)m->sequence);
    put_text(out, "messageId", v.message_id);
    put_text(out, "state", slice_str(l->invisible ? "invisible" : "enqueued"));
    put_time(out, "enqueuedTime", m->enqueued_us);
    put_time(out, "expiryTime", m->expires_us);
    buf_printf(out, ",\"deliveryCount\":%u,\"size\":%zu", m->delivery_count, v.body.len);
    put_text(out, "correlationId", v.correlation_id);
    put_text(out, "userId", v.user_id);
    put_text(out, "contentType", v.content_type);
    put_text(out, "contentEncoding", v.content_encoding);
    put_properties(out, &v);
    put_body(out, v.body);
}

/* ---- the list */

static void put_page(struct buf *out, const struct c2d_answer *a)
{
    buf_put_str(out, "{\"value\":[");
    for (unsigned i = 0; i < a->count; i++) {
        if (i) buf_put_u8(out, ',');
        put_message(out, &a->listed[i]);
    }
    buf_put_str(out, "],\"continuationToken\":");
    if (a->more)
        buf_printf(out, "\"%llu\"}", (unsigned long long)a->last);
    else
        buf_put_str(out, "null}");
}

static void on_page(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, c2d_wait);
    struct buf json = {0};
    rest_call_resume(c);
    if (a->status == STATUS_OK) {
        put_page(&json, a);
        rest_answer_json(c, buf_slice(&json));
    } else {
        rest_answer_status(c, a->status, a->text);
    }
    buf_free(&json);
    rest_call_end(c);
}

static bool has_device(struct call *c, struct slice id)
{
    if (hub_id_valid(id)) return true;
    rest_answer_status(c, STATUS_ARGUMENT_INVALID, "a device id has 1 to 128 characters");
    return false;
}

static bool has_place(struct call *c, uint64_t *after)
{
    struct buf text = {0};
    bool fine = !rest_query_get(c, "continuationToken", &text) ||
                (num_u64(buf_slice(&text), after) == OK && *after < INT64_MAX);
    buf_free(&text);
    if (!fine)
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "the continuationToken is none of ours");
    return fine;
}

void rest_messages_list(struct call *c)
{
    struct slice id = rest_route_param(c, "id");
    uint64_t top = C2D_PAGE_MAX, after = 0;
    if (!has_device(c, id) || !rest_query_number(c, "top", &top) || !has_place(c, &after)) return;
    c->c2d_wait.fn = on_page;
    rest_call_wait(c, WAITING_C2D);
    c2d_list(c->service->doors.c2d, id, after, (unsigned)top, &c->c2d_wait);
}

/* ---- one of them goes */

static void on_dropped(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, c2d_wait);
    rest_call_resume(c);
    if (a->status != STATUS_OK)
        rest_answer_status(c, a->status, a->text);
    else if (a->count == 0)
        rest_answer_named(c, 404, "MessageNotFound", "no message of that sequence waits");
    else
        rest_answer_nothing(c);
    rest_call_end(c);
}

void rest_messages_drop(struct call *c)
{
    struct slice id = rest_route_param(c, "id");
    uint64_t sequence;
    if (!has_device(c, id)) return;
    if (num_u64(rest_route_param(c, "sequence"), &sequence) != OK) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "the sequence of a message is a number");
        return;
    }
    c->c2d_wait.fn = on_dropped;
    rest_call_wait(c, WAITING_C2D);
    c2d_drop(c->service->doors.c2d, id, sequence, &c->c2d_wait);
}
