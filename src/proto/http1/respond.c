/* respond.c - answers on the wire. */
#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "proto/http1/engine.h"

enum { HEAD_USUAL = 256 }; /* bytes of an answer's head: more grow */

const char *http1_status_text(int status)
{
    switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
    }
}

/* IMF-fixdate of the current second, made once per second and thread. */
static struct slice date(void)
{
    static _Thread_local char text[40];
    static _Thread_local time_t made;
    static _Thread_local size_t len;
    time_t now = (time_t)(clock_wall_us() / 1000000);
    if (now != made || len == 0) {
        struct tm tm;
        gmtime_r(&now, &tm);
        len = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        made = now;
    }
    return slice_of(text, len);
}

/* A value must not be able to end its line: control characters become spaces. */
static void put_value(struct buf *out, struct slice value)
{
    uint8_t *to = buf_reserve(out, value.len);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        to[i] = (c < 0x20 && c != '\t') || c == 0x7f ? ' ' : c;
    }
    buf_commit(out, value.len);
}

static void put_header(struct buf *out, struct slice name, struct slice value)
{
    buf_put_slice(out, name);
    buf_put(out, ": ", 2);
    put_value(out, value);
    buf_put(out, "\r\n", 2);
}

/* How much of an early-answered body would have to be read and thrown away. */
static bool rest_is_too_long(const struct http1 *h)
{
    const struct http1_current *c = h->current;
    if (h->phase != HTTP1_IN_BODY) return false;
    if (c->expects_continue && !h->body_entered) return true; /* nobody knows whether it comes */
    return c->request.chunked || c->request.content_length - c->body_len > HTTP1_DISCARD_MAX;
}

static void decide_close(struct http1 *h, const struct http1_response *r)
{
    bool client_stays = h->phase != HTTP1_IN_OVER && h->current->request.keep_alive;
    h->close |= r->close || !client_stays || rest_is_too_long(h);
}

static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

static void put_status(struct buf *out, int status)
{
    const char digits[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                           (char)('0' + status % 10), ' '};
    buf_reserve(out, HEAD_USUAL);
    buf_put(out, "HTTP/1.1 ", 9);
    buf_put(out, digits, sizeof digits);
    buf_put_str(out, http1_status_text(status));
    buf_put(out, "\r\n", 2);
}

/* Everything up to the line that says how long the body is. */
static void put_head(struct http1 *h, const struct http1_response *r)
{
    struct buf *out = h->out;
    put_status(out, r->status);
    put_header(out, SLICE_LIT("date"), date());
    if (r->content_type) put_header(out, SLICE_LIT("content-type"), slice_str(r->content_type));
    for (size_t i = 0; i < r->header_count; i++)
        put_header(out, r->headers[i].name, r->headers[i].value);
    if (r->status == 101) return;
    if (h->close)
        put_header(out, SLICE_LIT("connection"), SLICE_LIT("close"));
    else if (h->http10)
        put_header(out, SLICE_LIT("connection"), SLICE_LIT("keep-alive"));
}

static void start(struct http1 *h, const struct http1_response *r)
{
    assert(h->answer == ANSWER_OWED && (r->status >= 200 || r->status == 101));
    h->answer = ANSWER_RUNNING;
    decide_close(h, r);
    put_head(h, r);
}

static void hand_over(struct http1 *h)
{
    assert(h->phase == HTTP1_IN_DONE && h->current->request.upgrade.ptr);
    buf_put_slice(&h->ahead, h->in);
    h->in = SLICE_NONE;
    h->handed_over = true;
    h->close = true;
}

void http1_send_response(struct http1 *h, const struct http1_response *r, int64_t now_us)
{
    start(h, r);
    assert(r->body.len == 0 || !has_no_body(r->status));
    if (!has_no_body(r->status)) buf_printf(h->out, "content-length: %zu\r\n", r->body.len);
    buf_put(h->out, "\r\n", 2);
    if (!h->mute) buf_put_slice(h->out, r->body);
    if (r->status == 101) hand_over(h);
    http1_engine_answered(h, now_us);
}

void http1_begin_response(struct http1 *h, const struct http1_response *r)
{
    assert(!has_no_body(r->status));
    struct http1_response head = *r;
    h->chunking = !h->http10 && !r->has_length;
    if (!h->chunking && !r->has_length) head.close = true; /* the connection's end is its end */
    start(h, &head);
    if (h->chunking) buf_put_str(h->out, "transfer-encoding: chunked\r\n");
    if (r->has_length) buf_printf(h->out, "content-length: %" PRIu64 "\r\n", r->length);
    buf_put(h->out, "\r\n", 2);
}

void http1_send_chunk(struct http1 *h, struct slice bytes)
{
    assert(h->answer == ANSWER_RUNNING);
    if (bytes.len == 0 || h->mute) return;
    if (h->chunking) buf_printf(h->out, "%zx\r\n", bytes.len);
    buf_put_slice(h->out, bytes);
    if (h->chunking) buf_put(h->out, "\r\n", 2);
}

void http1_end_response(struct http1 *h, int64_t now_us)
{
    assert(h->answer == ANSWER_RUNNING);
    if (h->chunking && !h->mute) buf_put_str(h->out, "0\r\n\r\n");
    http1_engine_answered(h, now_us);
}
