/* parsed_http1.c - requests of HTTP/1.1, each answered when it is whole, so that the next is read. */
#include "base/text.h"
#include "parsed.h"
#include "proto/http1/http1.h"

static void put_lower(struct buf *line, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        buf_put_u8(line, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
}

/* The names of headers and of codings do not depend on case (RFC 9110 section 5.1, RFC 9112 section 7). */
static void put_header(struct buf *line, const struct http1_header *h)
{
    struct buf lower = {0};
    buf_put_str(line, ",");
    put_lower(line, h->name);
    buf_put_str(line, "=");
    if (slice_is_nocase(h->name, "transfer-encoding")) {
        put_lower(&lower, h->value);
        text_hex(line, buf_slice(&lower));
    } else {
        text_hex(line, h->value);
    }
    buf_free(&lower);
}

static void put_head(struct buf *line, const struct http1_request *r)
{
    buf_put_str(line, " ");
    buf_put_slice(line, r->method);
    buf_put_str(line, ",");
    text_hex(line, r->target);
    for (size_t i = 0; i < r->header_count; i++) put_header(line, &r->headers[i]);
}

static void put_body(struct buf *line, struct buf *body)
{
    if (buf_size(body)) {
        buf_put_str(line, " body=");
        text_hex(line, buf_slice(body));
    }
    buf_clear(body);
}

/* False at a refusal. */
static bool take(struct http1 *h, const struct http1_event *ev, struct buf *line, struct buf *body)
{
    switch (ev->kind) {
    case HTTP1_HEAD: put_head(line, ev->request); break;
    case HTTP1_BODY: buf_put_slice(body, ev->data); break;
    case HTTP1_END:
        put_body(line, body);
        buf_put_str(line, " end");
        http1_send_response(h, &(struct http1_response){.status = 200}, 0);
        break;
    case HTTP1_IDLE: break;
    case HTTP1_BAD:
        put_body(line, body);
        buf_printf(line, " refused # %d %s", ev->status, ev->reason);
        return false;
    }
    return true;
}

void parsed_http1(struct slice input, struct buf *line)
{
    struct buf out = {0}, body = {0};
    struct http1 *h = http1_new(&(struct http1_config){.out = &out}, 0);
    struct http1_event ev;
    bool good = true;
    http1_feed(h, input, 0);
    while (good && http1_next(h, &ev)) good = take(h, &ev, line, &body);
    put_body(line, &body);
    if (good) buf_put_str(line, http1_finished(h) ? " closed" : " more");
    http1_free(h);
    buf_free(&out);
    buf_free(&body);
}
