/* script_test.h - a connection that writes down what it hears, for the tests of this folder. */
#ifndef PROTO_HTTP1_SCRIPT_TEST_H
#define PROTO_HTTP1_SCRIPT_TEST_H

#include "base/test.h"

#include "proto/http1/http1.h"

enum when { ANSWER_AT_END, ANSWER_AT_HEAD, ANSWER_LATER };

struct script {
    struct http1 *h;
    struct buf out, log;
    enum when when;
    int64_t now_us;
    int last_kind;
};

static inline void script_init(struct script *s, enum when when, uint64_t body_max)
{
    *s = (struct script){.when = when, .now_us = 1000000, .last_kind = -1};
    struct http1_config config = {.out = &s->out, .body_max = body_max};
    s->h = http1_new(&config, s->now_us);
}

static inline void script_fini(struct script *s)
{
    http1_free(s->h);
    buf_free(&s->out);
    buf_free(&s->log);
}

static inline void script_answer(struct script *s, int status)
{
    http1_send_response(s->h, &(struct http1_response){.status = status, .body = SLICE_LIT("ok")},
                        s->now_us);
}

static inline void note_head(struct script *s, const struct http1_request *r)
{
    buf_printf(&s->log, "%.*s %.*s", SLICE_ARG(r->method), SLICE_ARG(r->path));
    if (r->query.len) buf_printf(&s->log, " ?%.*s", SLICE_ARG(r->query));
    if (r->content_length) buf_printf(&s->log, " len=%llu", (unsigned long long)r->content_length);
    if (r->chunked) buf_put_str(&s->log, " chunked");
    if (!r->keep_alive) buf_put_str(&s->log, " close");
    if (r->upgrade.ptr) buf_printf(&s->log, " upgrade=%.*s", SLICE_ARG(r->upgrade));
    buf_put_u8(&s->log, '\n');
}

static inline void script_event(struct script *s, const struct http1_event *ev)
{
    if (s->last_kind == HTTP1_BODY && ev->kind != HTTP1_BODY) buf_put_str(&s->log, "]\n");
    switch (ev->kind) {
    case HTTP1_HEAD: note_head(s, ev->request); break;
    case HTTP1_BODY:
        buf_printf(&s->log, "%s%.*s", s->last_kind == HTTP1_BODY ? "" : "[", SLICE_ARG(ev->data));
        break;
    case HTTP1_END: buf_put_str(&s->log, "end\n"); break;
    case HTTP1_BAD: buf_printf(&s->log, "bad %d\n", ev->status); break;
    case HTTP1_IDLE: buf_put_str(&s->log, "idle\n"); break;
    }
    s->last_kind = (int)ev->kind;
    if (ev->kind == HTTP1_HEAD && s->when == ANSWER_AT_HEAD) script_answer(s, 200);
    if (ev->kind == HTTP1_END && s->when == ANSWER_AT_END) script_answer(s, 200);
    if (ev->kind == HTTP1_BAD && http1_awaits_answer(s->h)) script_answer(s, ev->status);
}

static inline void script_pull(struct script *s)
{
    struct http1_event ev;
    while (http1_next(s->h, &ev)) script_event(s, &ev);
}

/* Bytes in a heap block of their own, so that a sanitizer sees every use after the feed. */
static inline void script_feed(struct script *s, struct slice bytes)
{
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    if (bytes.ptr) memcpy(copy, bytes.ptr, bytes.len);
    http1_feed(s->h, slice_of(copy, bytes.len), s->now_us);
    script_pull(s);
    free(copy);
}

static inline void script_tick(struct script *s, int64_t after_us)
{
    s->now_us += after_us;
    http1_tick(s->h, s->now_us);
    script_pull(s);
}

static inline bool script_heard(struct script *s, const char *want)
{
    bool same = slice_is(buf_slice(&s->log), want);
    if (!same) print_error("heard:\n%s\nwanted:\n%s\n", buf_cstr(&s->log), want);
    return same;
}

static inline bool script_said(struct script *s, const char *part)
{
    bool found = strstr(buf_cstr(&s->out), part) != NULL;
    if (!found) print_error("said:\n%s\nwithout:\n%s\n", buf_cstr(&s->out), part);
    return found;
}

#endif
