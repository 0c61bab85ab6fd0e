/* parse.c - llhttp's callbacks, and the rules it does not have.
 *
 * llhttp 8 in strict mode still takes a lone LF as a line end in places, folded header lines, empty
 * header names, chunk extensions, any list of codings that ends in "chunked", and versions 0.9 and
 * 2.0.  Each of them is a known way to make a proxy and a server see different requests, so what is
 * not body is looked at once more here. */
#include "proto/http1/engine.h"

#include "base/mem.h"

enum {
    LINE_EXTRA = 10, /* " " and " HTTP/1.1" without the first */
    HEADER_EXTRA = 4 /* ": " and CR LF */
};

static struct http1 *self(llhttp_t *parser)
{
    return parser->data;
}

static void emit(struct http1 *h, enum http1_event_kind kind)
{
    h->event = (struct http1_event){.kind = kind, .request = &h->current->request};
    h->has_event = true;
}

/* For callbacks: refuses and stops the parser. */
static int refuse(struct http1 *h, int status, const char *reason)
{
    http1_engine_refuse(h, status, reason);
    return HPE_USER;
}

static int refuse_more(struct http1 *h, enum http1_limit limit, const char *reason)
{
    http1_engine_refuse_more(h, limit, reason);
    return HPE_USER;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct http1 *h = self(parser);
    struct http1_current *c = h->current;
    c->target_len += len;
    size_t method_len = strlen(llhttp_method_name((llhttp_method_t)parser->method));
    if (method_len + c->target_len + LINE_EXTRA > HTTP1_LINE_MAX)
        return refuse_more(h, HTTP1_LIMIT_LINE, "the request line is too long");
    buf_put(&c->text, at, len);
    return HPE_OK;
}

/* A piece of a header's name or value; trailers are passed over. */
static int header_piece(struct http1 *h, const char *at, size_t len, bool is_name)
{
    struct http1_current *c = h->current;
    if (h->phase != HTTP1_IN_HEAD) return HPE_OK;
    c->headers_len += len;
    if (c->headers_len + HEADER_EXTRA * (c->request.header_count + 1) > HTTP1_HEADERS_MAX)
        return refuse_more(h, HTTP1_LIMIT_HEADERS, "the header lines are too long");
    struct http1_header *header = &c->headers[c->request.header_count];
    *(is_name ? &header->name.len : &header->value.len) += len;
    buf_put(&c->text, at, len);
    return HPE_OK;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    return header_piece(self(parser), at, len, true);
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    return header_piece(self(parser), at, len, false);
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct http1 *h = self(parser);
    if (h->phase != HTTP1_IN_HEAD) return HPE_OK;
    struct http1_current *c = h->current;
    if (++c->request.header_count > HTTP1_HEADER_COUNT_MAX)
        return refuse_more(h, HTTP1_LIMIT_HEADERS, "there are too many header lines");
    c->headers[c->request.header_count] = (struct http1_header){0};
    return HPE_OK;
}

/* The text does not move any more: lengths become slices. */
static void place_slices(struct http1_current *c)
{
    const uint8_t *at = (const uint8_t *)buf_cstr(&c->text); /* not NULL, even if it is empty */
    struct http1_request *r = &c->request;
    r->target = slice_of(at, c->target_len);
    at += c->target_len;
    for (size_t i = 0; i < r->header_count; i++) {
        struct http1_header *header = &c->headers[i];
        header->name.ptr = at;
        at += header->name.len;
        header->value.ptr = at;
        at += header->value.len;
        header->value = slice_trim(header->value);
    }
    r->headers = c->headers;
}

/* origin-form, asterisk-form, or absolute-form of which the authority is dropped: RFC 9112 3.2. */
static void split_target(struct http1_request *r)
{
    struct slice rest = r->target;
    bool absolute = rest.ptr[0] != '/' && rest.ptr[0] != '*';
    if (absolute) {
        size_t scheme = slice_find(rest, ':');
        rest = slice_from(rest, scheme + 3);
        size_t authority = 0;
        while (authority < rest.len && rest.ptr[authority] != '/' && rest.ptr[authority] != '?')
            authority++;
        rest = slice_from(rest, authority);
    }
    size_t path_len = slice_find(rest, '?');
    r->path = path_len ? slice_head(rest, path_len) : SLICE_LIT("/");
    r->query = slice_from(rest, path_len + 1);
}

static size_t count_headers(const struct http1_request *r, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < r->header_count; i++)
        count += slice_eq_nocase(r->headers[i].name, slice_str(name));
    return count;
}

/* One coding, "chunked", once, in HTTP/1.1: RFC 9112 section 6.1 calls the rest smuggling. */
static bool coding_is_plain(const llhttp_t *parser, const struct http1_request *r)
{
    size_t count = count_headers(r, "transfer-encoding");
    if (count == 0) return true;
    return count == 1 && parser->http_minor == 1 &&
           slice_eq_nocase(http1_header(r, "transfer-encoding"), SLICE_LIT("chunked"));
}

/* llhttp does not see a word with a tab behind it. */
static bool says_close(const struct http1_request *r)
{
    for (size_t i = 0; i < r->header_count; i++) {
        struct slice words = r->headers[i].value, word;
        if (!slice_is_nocase(r->headers[i].name, "connection")) continue;
        while (slice_split(&words, ',', &word))
            if (slice_is_nocase(slice_trim(word), "close")) return true;
    }
    return false;
}

static int judge_head(struct http1 *h)
{
    const llhttp_t *parser = &h->parser;
    const struct http1_request *r = &h->current->request;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    if (r->target.len == 0) return refuse(h, 400, "the target is missing");
    if (parser->method == HTTP_CONNECT) return refuse(h, 501, "this is no proxy");
    size_t hosts = count_headers(r, "host");
    if (hosts > 1 || (hosts == 0 && parser->http_minor == 1))
        return refuse(h, 400, "exactly one Host header is needed");
    if (count_headers(r, "authorization") > 1)
        return refuse(h, 400, "more than one Authorization header");
    if (!coding_is_plain(parser, r)) return refuse(h, 400, "the transfer coding is not chunked");
    struct slice expect = http1_header(r, "expect");
    if (expect.len && !slice_eq_nocase(expect, SLICE_LIT("100-continue")))
        return refuse(h, 417, "the expectation is unknown");
    h->current->expects_continue = expect.len && parser->http_minor == 1;
    return HPE_OK;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct http1 *h = self(parser);
    struct http1_request *r = &h->current->request;
    place_slices(h->current);
    h->current->head_flags = parser->flags;
    int verdict = judge_head(h);
    if (verdict != HPE_OK) return verdict;
    r->method = slice_str(llhttp_method_name((llhttp_method_t)parser->method));
    split_target(r);
    r->chunked = parser->flags & F_CHUNKED;
    r->content_length = r->chunked ? 0 : parser->content_length;
    r->keep_alive = llhttp_should_keep_alive(parser) && !says_close(r);
    if (parser->upgrade) r->upgrade = http1_header(r, "upgrade");
    emit(h, HTTP1_HEAD);
    return HPE_PAUSED;
}

static int refuse_body(struct http1 *h)
{
    return refuse_more(h, HTTP1_LIMIT_BODY, "the body is too large");
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct http1 *h = self(parser);
    if (len == 0) return HPE_OK; /* a body that goes on, told again without new bytes */
    h->current->body_len += len;
    h->progress += len;
    if (h->current->body_len > h->current->body_max) return refuse_body(h);
    emit(h, HTTP1_BODY);
    h->event.data = slice_of(at, len);
    return HPE_PAUSED;
}

/* A chunk that does not fit is refused before the first of its bytes. */
static int on_chunk_header(llhttp_t *parser)
{
    struct http1 *h = self(parser);
    uint64_t room = h->current->body_max - h->current->body_len;
    return parser->content_length > room ? refuse_body(h) : HPE_OK;
}

static int on_chunk_extension(llhttp_t *parser, const char *at, size_t len)
{
    (void)at, (void)len;
    return refuse(self(parser), 400, "chunk extensions are not taken");
}

/* What trailers say of the connection counts for nothing: RFC 9110 section 6.5.1. */
static int on_message_complete(llhttp_t *parser)
{
    const uint16_t of_connection =
        F_CONNECTION_KEEP_ALIVE | F_CONNECTION_CLOSE | F_CONNECTION_UPGRADE;
    uint16_t of_head = self(parser)->current->head_flags;
    parser->flags = (uint16_t)((parser->flags & ~of_connection) | (of_head & of_connection));
    emit(self(parser), HTTP1_END);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_chunk_extension_name = on_chunk_extension,
    .on_message_complete = on_message_complete,
};

void http1_parse_init(struct http1 *h)
{
    llhttp_init(&h->parser, HTTP_REQUEST, &settings);
    h->parser.data = h;
}

/* A method of RTSP, as llhttp finds out when it has seen "HTTP/". */
static bool is_of_rtsp(const struct http1 *h)
{
    return strcmp(llhttp_get_error_reason(&h->parser), "Invalid method for HTTP/x.x request") == 0;
}

static void refuse_errno(struct http1 *h, llhttp_errno_t e)
{
    if (e == HPE_INVALID_VERSION || e == HPE_PAUSED_H2_UPGRADE)
        http1_engine_refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    else if (is_of_rtsp(h))
        http1_engine_refuse(h, 501, "the method is unknown");
    else
        http1_engine_refuse(h, 400, llhttp_get_error_reason(&h->parser));
}

/* ---- line ends
 *
 * Every LF comes after a CR, no line begins with a blank or a colon, and a CR at its beginning is all of it.  In a head this is looked at
 * before llhttp sees the bytes, up to the first fault or empty line, so that what is refused, and
 * with which status, does not depend on how the bytes were cut. */

static bool begins_badly(struct slice line)
{
    uint8_t first = line.ptr && line.len ? line.ptr[0] : 0;
    return first == ' ' || first == '\t' || first == ':';
}

/* A CR at the beginning of a line, and then no LF: llhttp skips it before a request. */
static bool is_lone_cr(const struct http1 *h, struct slice rest)
{
    if (h->line_len == 0) return rest.len > 1 && rest.ptr[0] == '\r' && rest.ptr[1] != '\n';
    return h->line_len == 1 && h->last_byte == '\r' && rest.ptr[0] != '\n';
}

/* How far the head may be parsed; `*bad` if what follows is a fault. */
static size_t head_extent(struct http1 *h, struct slice s, bool *bad)
{
    size_t at = 0;
    while (at < s.len) {
        struct slice rest = slice_from(s, at);
        assert(rest.ptr != NULL);
        size_t len = slice_find(rest, '\n');
        *bad = (h->line_len == 0 && begins_badly(rest)) || is_lone_cr(h, rest);
        if (*bad) return at;
        uint8_t last = len ? rest.ptr[len - 1] : h->last_byte;
        h->last_byte = last;
        h->line_len += len;
        if (len == rest.len) return s.len;
        *bad = last != '\r' || h->line_len == 0;
        if (*bad) return at + len;
        bool empty = h->line_len == 1;
        h->line_len = 0;
        at += len + 1;
        if (empty) return at;
    }
    return s.len;
}

/* The same for chunk lines and trailers, where every fault has the same status. */
static bool lines_are_strict(struct http1 *h, struct slice s)
{
    while (s.len) {
        assert(s.ptr != NULL);
        if (h->last_byte == '\n' && begins_badly(s)) return false;
        size_t at = slice_find(s, '\n');
        if (at == s.len) {
            h->last_byte = s.ptr[s.len - 1];
            return true;
        }
        if ((at ? s.ptr[at - 1] : h->last_byte) != '\r') return false;
        h->last_byte = '\n';
        s = slice_from(s, at + 1);
    }
    return true;
}

static const char *const bad_line = "a line is folded or ends without CR LF";

/* ---- parsing */

static void begin_strange(struct http1 *h, struct slice bytes)
{
    size_t known = (size_t)((const uint8_t *)llhttp_get_error_pos(&h->parser) - bytes.ptr);
    h->strange = STRANGE_METHOD;
    http1_strange_read(h, slice_from(bytes, known), h->framing + known);
}

static void run_llhttp(struct http1 *h, struct slice bytes, size_t *taken)
{
    llhttp_errno_t e = llhttp_execute(&h->parser, (const char *)bytes.ptr, bytes.len);
    *taken = bytes.len;
    if (e == HPE_PAUSED || e == HPE_PAUSED_UPGRADE)
        *taken = (size_t)((const uint8_t *)llhttp_get_error_pos(&h->parser) - bytes.ptr);
    h->paused = e == HPE_PAUSED;
    if (e == HPE_PAUSED)
        llhttp_resume(&h->parser);
    else if (e == HPE_PAUSED_UPGRADE)
        llhttp_resume_after_upgrade(&h->parser);
    else if (e == HPE_INVALID_METHOD)
        begin_strange(h, bytes);
    else if (e != HPE_OK && !h->has_event)
        refuse_errno(h, e);
}

static size_t parse_head(struct http1 *h, struct slice bytes)
{
    size_t taken, line_len = h->line_len;
    uint8_t last_byte = h->last_byte;
    bool bad = false;
    struct slice good = slice_head(bytes, head_extent(h, bytes, &bad));
    taken = good.len;
    if (h->strange)
        http1_strange_read(h, good, h->framing);
    else
        run_llhttp(h, good, &taken);
    if (taken < good.len) { /* a declined upgrade ended before the first byte */
        assert(taken == 0);
        h->line_len = line_len;
        h->last_byte = last_byte;
        return 0;
    }
    h->framing += taken;
    if (h->has_event) return taken;
    if (bad)
        http1_engine_refuse(h, 400, bad_line);
    else if (h->framing > HTTP1_LINE_MAX + HTTP1_HEADERS_MAX)
        http1_engine_refuse_more(h, HTTP1_LIMIT_HEADERS, "the head is too long");
    return taken;
}

static void check_framing(struct http1 *h, struct slice s)
{
    h->framing += s.len;
    if (!lines_are_strict(h, s))
        http1_engine_refuse(h, 400, bad_line);
    else if (h->framing > HTTP1_FRAMING_MAX)
        http1_engine_refuse_more(h, HTTP1_LIMIT_FRAMING, "there is too much between the chunks");
}

static size_t parse_body(struct http1 *h, struct slice bytes)
{
    size_t taken;
    run_llhttp(h, bytes, &taken);
    struct slice rest = slice_head(bytes, taken);
    if (h->has_event && h->event.kind == HTTP1_BAD) return taken;
    if (h->has_event && h->event.kind == HTTP1_BODY) {
        size_t before = (size_t)(h->event.data.ptr - bytes.ptr);
        rest = slice_from(rest, before + h->event.data.len);
        check_framing(h, slice_head(bytes, before));
        h->framing = 0;
        h->last_byte = 0;
    }
    check_framing(h, rest);
    return taken;
}

size_t http1_parse_some(struct http1 *h, struct slice bytes)
{
    /* To llhttp a span that begins at NULL is none: a body would be passed over in silence. */
    if (bytes.len == 0) bytes = SLICE_LIT("");
    return h->phase == HTTP1_IN_HEAD ? parse_head(h, bytes) : parse_body(h, bytes);
}
