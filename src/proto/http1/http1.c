/* http1.c - phases of a connection, its events and its deadlines. */
#include <stdlib.h>

#include "base/mem.h"
#include "proto/http1/engine.h"

struct http1 *http1_new(const struct http1_config *config, int64_t now_us)
{
    struct http1 *h = NEW(struct http1);
    h->out = config->out;
    h->body_max = config->body_max ? config->body_max : HTTP1_BODY_MAX;
    h->now_us = now_us;
    h->deadline_us = now_us + HTTP1_IDLE_US;
    http1_parse_init(h);
    return h;
}

static void free_current(struct http1 *h)
{
    if (h->current == NULL) return;
    buf_free(&h->current->text);
    free(h->current);
    h->current = NULL;
}

void http1_free(struct http1 *h)
{
    if (h == NULL) return;
    free_current(h);
    buf_free(&h->ahead);
    free(h);
}

/* ---- unread bytes: first what was kept, or else what was fed ---- */

static struct slice unread(const struct http1 *h)
{
    return buf_size(&h->ahead) ? buf_slice(&h->ahead) : h->in;
}

static void took(struct http1 *h, size_t len)
{
    if (buf_size(&h->ahead))
        buf_consume(&h->ahead, len);
    else
        h->in = slice_from(h->in, len);
}

static void end_reading(struct http1 *h)
{
    h->phase = HTTP1_IN_OVER;
    h->deadline_us = INT64_MAX;
}

static void limit_met(struct http1 *h, enum http1_limit limit)
{
    h->limits_met |= (uint8_t)(1u << limit);
}

/* The fed slice is about to become invalid.  Kept bytes that are read are given back only now,
 * because an HTTP1_BODY event may have pointed into them. */
static void keep_unread(struct http1 *h)
{
    buf_put_slice(&h->ahead, h->in);
    h->in = SLICE_NONE;
    if (buf_size(&h->ahead) > HTTP1_AHEAD_MAX) {
        h->close = true; /* the request at hand is still answered */
        limit_met(h, HTTP1_LIMIT_AHEAD);
        buf_clear(&h->ahead);
        if (h->phase != HTTP1_IN_DONE) end_reading(h);
    }
    if (buf_size(&h->ahead) == 0) buf_free(&h->ahead);
}

void http1_keep(struct http1 *h)
{
    keep_unread(h);
}

void http1_feed(struct http1 *h, struct slice bytes, int64_t now_us)
{
    assert(h->in.len == 0 && !h->handed_over);
    h->now_us = now_us;
    if (h->phase == HTTP1_IN_OVER || h->close) return;
    if (buf_size(&h->ahead))
        buf_put_slice(&h->ahead, bytes);
    else
        h->in = bytes;
}

/* ---- phases ---- */

/* Headers are cleared as they begin: most requests have few of the hundred. */
static struct http1_current *current_new(uint64_t body_max)
{
    struct http1_current *c = mem_new(sizeof *c);
    memset(c, 0, offsetof(struct http1_current, headers));
    c->headers[0] = (struct http1_header){0};
    c->body_max = body_max;
    buf_reserve(&c->text, HTTP1_TEXT_USUAL);
    return c;
}

static void begin_request(struct http1 *h)
{
    h->current = current_new(h->body_max);
    h->phase = HTTP1_IN_HEAD;
    h->deadline_us = h->now_us + HTTP1_HEAD_US;
    h->framing = 0;
    h->line_len = 0;
    h->last_byte = 0;
    h->progress = 0;
    h->strange = STRANGE_NOT;
    h->strange_len = 0;
    h->body_entered = false;
    h->parser.method = HTTP_DELETE; /* not that of the last request */
    h->mute = false;
    h->http10 = false;
}

static void next_request(struct http1 *h)
{
    free_current(h);
    h->answer = ANSWER_NONE;
    h->phase = HTTP1_IN_IDLE;
    h->deadline_us = h->now_us + HTTP1_IDLE_US;
    if (h->close) end_reading(h);
}

/* The caller has seen the head and goes on: its body is wanted. */
static void enter_body(struct http1 *h)
{
    struct http1_current *c = h->current;
    if (h->body_entered || h->answer != ANSWER_OWED) return;
    h->body_entered = true;
    if (c->request.content_length > c->body_max)
        http1_engine_refuse_more(h, HTTP1_LIMIT_BODY, "the body is too large");
    else if (c->expects_continue)
        buf_put_str(h->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

void http1_engine_refuse(struct http1 *h, int status, const char *reason)
{
    h->event = (struct http1_event){.kind = HTTP1_BAD, .status = status, .reason = reason};
    h->has_event = true;
}

void http1_engine_refuse_more(struct http1 *h, enum http1_limit limit, const char *reason)
{
    static const int statuses[HTTP1_LIMITS] = {
        [HTTP1_LIMIT_LINE] = 414,
        [HTTP1_LIMIT_HEADERS] = 431,
        [HTTP1_LIMIT_BODY] = 413,
        [HTTP1_LIMIT_FRAMING] = 400,
    };
    assert(statuses[limit]);
    limit_met(h, limit);
    http1_engine_refuse(h, statuses[limit], reason);
}

void http1_engine_answered(struct http1 *h, int64_t now_us)
{
    h->now_us = now_us;
    h->answer = ANSWER_COMPLETE;
    if (h->phase == HTTP1_IN_DONE)
        next_request(h);
    else if (h->close)
        end_reading(h);
}

/* Of a head that did not come whole the method may be known all the same. */
static void owe_refusal(struct http1 *h)
{
    if (h->answer != ANSWER_NONE) return;
    h->answer = ANSWER_OWED;
    h->mute = h->parser.method == HTTP_HEAD && h->strange == STRANGE_NOT;
}

/* True if the caller shall see the event; the body of an answered request is dropped. */
static bool settle_event(struct http1 *h)
{
    h->has_event = false;
    bool wanted = h->answer <= ANSWER_OWED;
    switch (h->event.kind) {
    case HTTP1_HEAD:
        h->phase = HTTP1_IN_BODY;
        h->answer = ANSWER_OWED;
        h->framing = 0;
        h->mute = slice_is(h->event.request->method, "HEAD");
        h->http10 = h->parser.http_minor == 0;
        h->deadline_us = h->now_us + HTTP1_BODY_US;
        return true;
    case HTTP1_BODY: return wanted;
    case HTTP1_END:
        h->phase = HTTP1_IN_DONE;
        h->deadline_us = INT64_MAX;
        if (h->answer == ANSWER_COMPLETE) next_request(h);
        return wanted;
    case HTTP1_BAD:
        owe_refusal(h);
        h->close = true;
        end_reading(h);
        return true;
    case HTTP1_IDLE: end_reading(h); return true;
    }
    return false;
}

/* After a head or a piece of body the parser may have more to say without more bytes. */
static bool may_parse(const struct http1 *h, struct slice bytes)
{
    if (h->phase == HTTP1_IN_DONE || h->phase == HTTP1_IN_OVER) return false;
    return bytes.len > 0 || (h->phase == HTTP1_IN_BODY && h->paused);
}

bool http1_next(struct http1 *h, struct http1_event *ev)
{
    if (h->phase == HTTP1_IN_BODY) enter_body(h);
    while (!h->has_event || !settle_event(h)) {
        struct slice bytes = unread(h);
        if (!may_parse(h, bytes)) {
            keep_unread(h);
            return false;
        }
        if (h->phase == HTTP1_IN_IDLE) begin_request(h);
        took(h, http1_parse_some(h, bytes));
    }
    *ev = h->event;
    return true;
}

/* ---- time ---- */

int64_t http1_deadline(const struct http1 *h)
{
    return h->deadline_us;
}

static void body_is_late(struct http1 *h)
{
    if (h->progress >= HTTP1_BODY_PROGRESS_MIN) {
        h->progress = 0;
        h->deadline_us = h->now_us + HTTP1_BODY_US;
        return;
    }
    http1_engine_refuse(h, 408, "the body comes too slowly");
}

void http1_tick(struct http1 *h, int64_t now_us)
{
    h->now_us = now_us;
    if (now_us < h->deadline_us) return;
    if (h->phase == HTTP1_IN_HEAD)
        http1_engine_refuse(h, 408, "the head comes too slowly");
    else if (h->phase == HTTP1_IN_BODY)
        body_is_late(h);
    else if (h->phase == HTTP1_IN_IDLE) {
        h->event = (struct http1_event){.kind = HTTP1_IDLE};
        h->has_event = true;
    }
}

/* ---- what the caller may ask ---- */

void http1_limit_body(struct http1 *h, uint64_t max)
{
    assert(h->phase == HTTP1_IN_BODY && !h->body_entered);
    h->current->body_max = max;
}

unsigned http1_limits_met(struct http1 *h)
{
    unsigned met = h->limits_met;
    h->limits_met = 0;
    return met;
}

bool http1_wants_pause(const struct http1 *h)
{
    return h->phase == HTTP1_IN_DONE && buf_size(&h->ahead) > 0;
}

bool http1_awaits_answer(const struct http1 *h)
{
    return h->answer == ANSWER_OWED;
}

bool http1_finished(const struct http1 *h)
{
    bool owed = h->answer == ANSWER_OWED || h->answer == ANSWER_RUNNING;
    return h->phase == HTTP1_IN_OVER && !owed && !h->handed_over;
}

struct slice http1_rest(const struct http1 *h)
{
    assert(h->handed_over);
    return unread(h);
}

struct slice http1_header(const struct http1_request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (slice_eq_nocase(r->headers[i].name, slice_str(name))) return r->headers[i].value;
    return SLICE_NONE;
}
