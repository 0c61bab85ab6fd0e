/* bound.c - messages to a device that asks for them: GET locks one, the token in its ETag settles it. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "front/device_http/device.h"

/* ---- receiving */

struct head {
    struct http1_header items[REST_SITE_HEADERS_MAX];
    size_t count;
    struct arena arena; /* text of headers */
};

static void put(struct head *h, struct slice name, struct slice value)
{
    if (value.ptr == NULL || h->count == REST_SITE_HEADERS_MAX) return;
    h->items[h->count++] = (struct http1_header){name, value};
}

static void put_text(struct head *h, const char *name, struct slice value)
{
    put(h, slice_str(name), value);
}

static void put_time(struct head *h, const char *name, int64_t wall_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(wall_us, iso);
    put_text(h, name, arena_copy(&h->arena, slice_str(iso)));
}

static void put_printf(struct head *h, const char *name, const char *fmt, ...) PRINTF(3, 4);
static void put_printf(struct head *h, const char *name, const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    put_text(h, name, arena_copy(&h->arena, buf_slice(&text)));
    buf_free(&text);
}

/* Reserved application properties have headers of their own. */
static void put_property(struct head *h, struct slice name, struct slice value)
{
    if (slice_is(name, "iothub-ack")) {
        put(h, name, value);
    } else if (slice_is(name, "iothub-creation-time-utc")) {
        put_text(h, "iothub-creationtimeutc", value);
    } else if (slice_is(name, "iothub-message-schema")) {
        put_text(h, "iothub-messageschema", value);
    } else {
        struct buf text = {0};
        buf_printf(&text, "iothub-app-%.*s", SLICE_ARG(name));
        put(h, arena_copy(&h->arena, buf_slice(&text)), value);
        buf_free(&text);
    }
}

/* All names in lower case, and two without a prefix: the C SDK compares them byte by byte. */
static void put_head(struct head *h, const struct c2d_message *m, struct c2d_view v)
{
    char lock[C2D_TOKEN_TEXT_LEN + 1];
    struct slice name, value;
    c2d_token_text(m->lock, lock);
    put_printf(h, "etag", "\"%s\"", lock);
    put_text(h, "iothub-messageid", v.message_id);
    put_text(h, "iothub-correlationid", v.correlation_id);
    put_text(h, "iothub-userid", v.user_id);
    put_text(h, "iothub-to", v.to);
    put_time(h, "iothub-expiry", v.expiry_ms ? v.expiry_ms * 1000 : m->expires_us);
    put_time(h, "iothub-enqueuedtime", m->enqueued_us);
    put_printf(h, "iothub-deliverycount", "%u", m->delivery_count);
    put_printf(h, "iothub-sequencenumber", "%llu", (unsigned long long)m->sequence);
    put_text(h, "ContentType", v.content_type);
    put_text(h, "ContentEncoding", v.content_encoding);
    while (c2d_next_property(&v, &name, &value)) put_property(h, name, value);
}

static void answer_message(struct call *c, const struct c2d_message *m)
{
    struct head *h = NEW(struct head);
    struct c2d_view v;
    c2d_view(m->sections, &v);
    put_head(h, m, v);
    rest_answer_with(c, &(struct http1_response){.status = 200,
                                                 .content_type = "application/octet-stream",
                                                 .headers = h->items,
                                                 .header_count = h->count,
                                                 .body = v.body});
    arena_free(&h->arena);
    free(h);
}

static void on_received(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct request *r = CONTAINER_OF(w, struct request, c2d_wait);
    struct call *c = r->call;
    rest_call_resume(c);
    if (a->status != STATUS_OK)
        rest_answer_status(c, a->status, a->text);
    else if (a->message)
        answer_message(c, a->message);
    else
        rest_answer_nothing(c);
    rest_call_end(c);
}

/* Seconds; what is none, or out of range, is the nearest that is. */
static int64_t lock_us_of(const struct call *c)
{
    struct slice text = http1_header(c->request, "iothub-messagelocktimeout");
    uint64_t seconds;
    if (text.ptr == NULL || num_u64(text, &seconds) != OK) return C2D_LOCK_US;
    return (int64_t)MIN(seconds, (uint64_t)(C2D_LOCK_US_MAX / 1000000)) * 1000000;
}

static void receive(struct request *r, struct guest *g)
{
    (void)g;
    r->c2d_wait.fn = on_received;
    rest_call_wait(r->call, WAITING_SITE);
    c2d_receive(r->service->doors.c2d, buf_slice(&r->call->who), lock_us_of(r->call), &r->c2d_wait);
}

void device_http_receive(struct call *c)
{
    if (!rest_refuses_head(c)) request_begin_or_admin(c, receive);
}

/* ---- settling */

static void on_settled(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct request *r = CONTAINER_OF(w, struct request, c2d_wait);
    struct call *c = r->call;
    rest_call_resume(c);
    if (a->status == STATUS_OK)
        rest_answer_nothing(c);
    else
        rest_answer_status(c, a->status, a->text);
    rest_call_end(c);
}

static void settle(struct request *r, enum c2d_outcome outcome)
{
    uint8_t lock[C2D_TOKEN_LEN];
    if (!rest_lock_read(r->call, lock)) return;
    r->c2d_wait.fn = on_settled;
    rest_call_wait(r->call, WAITING_SITE);
    c2d_settle(r->service->doors.c2d, buf_slice(&r->call->who), lock, outcome, &r->c2d_wait);
}

static void complete_or_reject(struct request *r, struct guest *g)
{
    (void)g;
    settle(r, rest_lock_rejects(r->call) ? C2D_REJECT : C2D_COMPLETE);
}

static void abandon(struct request *r, struct guest *g)
{
    (void)g;
    settle(r, C2D_ABANDON);
}

void device_http_settle(struct call *c)
{
    request_begin_or_admin(c, complete_or_reject);
}

void device_http_abandon(struct call *c)
{
    request_begin_or_admin(c, abandon);
}
