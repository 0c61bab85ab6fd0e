/* http1_fuzz.c - proto/http1.
 *
 * Variant: bit 0 answers at the head; bit 1 a small limit for bodies; bit 2 answers in chunks; bit 3
 * stops after every event and keeps the rest; bit 4 answers nothing; bit 5 takes every upgrade.
 */
#include "proto/http1/http1.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine_fuzz.h"

enum { SMALL_BODY_MAX = 16 };

enum {
    VARIANT_EARLY = 1,
    VARIANT_SMALL = 2,
    VARIANT_CHUNKS = 4,
    VARIANT_KEEP = 8,
    VARIANT_SILENT = 16,
    VARIANT_UPGRADE = 32,
};

struct target {
    struct http1 *http;
    uint8_t variant;
    int64_t now_us;
    bool handed_over, upgrade;
};

/* Answers carry a date. */
static int64_t no_time(void)
{
    return 0;
}

static const struct clock_source stopped_clock = {no_time, no_time};

static void *target_open(uint8_t variant, struct buf *out, int64_t now_us)
{
    clock_use(&stopped_clock);
    struct target *t = NEW(struct target);
    const struct http1_config config = {.out = out,
                                        .body_max = variant & VARIANT_SMALL ? SMALL_BODY_MAX : 0};
    t->http = http1_new(&config, now_us);
    t->variant = variant;
    t->now_us = now_us;
    return t;
}

static void target_feed(void *engine, struct slice bytes, int64_t now_us)
{
    struct target *t = engine;
    http1_feed(t->http, bytes, now_us);
}

static void note_head(struct fuzz_trace *trace, const struct http1_request *r)
{
    fuzz_bytes(trace, r->method);
    fuzz_bytes(trace, r->target);
    fuzz_bytes(trace, r->path);
    fuzz_bytes(trace, r->query);
    fuzz_bytes(trace, r->upgrade);
    fuzz_bytes(trace, http1_header(r, "host"));
    fuzz_number(trace, r->content_length);
    fuzz_number(trace, (uint64_t)r->chunked | (uint64_t)r->keep_alive << 1);
    for (size_t i = 0; i < r->header_count; i++) {
        fuzz_bytes(trace, r->headers[i].name);
        fuzz_bytes(trace, r->headers[i].value);
    }
}

static void note(struct fuzz_trace *trace, const struct http1_event *ev)
{
    if (ev->kind == HTTP1_BODY) {
        fuzz_piece(trace, 1, ev->data);
        return;
    }
    fuzz_number(trace, ev->kind);
    if (ev->kind == HTTP1_HEAD) note_head(trace, ev->request);
    if (ev->kind == HTTP1_BAD) fuzz_number(trace, (uint64_t)ev->status);
}

static void answer_in_chunks(struct target *t, const struct http1_response *r)
{
    http1_begin_response(t->http, r);
    http1_send_chunk(t->http, SLICE_LIT("some, "));
    http1_send_chunk(t->http, SLICE_LIT("and more"));
    http1_end_response(t->http, t->now_us);
}

static void answer(struct target *t, int status)
{
    const struct http1_header header = {SLICE_LIT("x-id"), SLICE_LIT("a\nb")};
    const struct http1_response r = {.status = status, .headers = &header, .header_count = 1};
    if (t->variant & VARIANT_CHUNKS)
        answer_in_chunks(t, &r);
    else
        http1_send_response(t->http, &r, t->now_us);
}

static void take_upgrade(struct target *t)
{
    http1_send_response(t->http, &(struct http1_response){.status = 101}, t->now_us);
    t->handed_over = true;
    struct slice rest = http1_rest(t->http);
    assert(rest.len == 0 || rest.ptr != NULL);
}

static void react(struct target *t, const struct http1_event *ev)
{
    if (ev->kind == HTTP1_HEAD) t->upgrade = ev->request->upgrade.ptr != NULL;
    bool wanted = (t->variant & VARIANT_EARLY && ev->kind == HTTP1_HEAD) || ev->kind == HTTP1_END;
    if (ev->kind == HTTP1_BAD && http1_awaits_answer(t->http))
        answer(t, ev->status);
    else if (ev->kind == HTTP1_END && t->upgrade && t->variant & VARIANT_UPGRADE)
        take_upgrade(t);
    else if (wanted && !(t->variant & VARIANT_SILENT))
        answer(t, 200);
}

static enum err target_next(void *engine, struct fuzz_trace *trace)
{
    struct target *t = engine;
    struct http1_event ev;
    if (t->handed_over) return ERR_CLOSED;
    if (!http1_next(t->http, &ev)) return http1_finished(t->http) ? ERR_CLOSED : ERR_AGAIN;
    note(trace, &ev);
    react(t, &ev);
    if (t->variant & VARIANT_KEEP) http1_keep(t->http);
    return OK;
}

static void target_close(void *engine)
{
    struct target *t = engine;
    http1_free(t->http);
    free(t);
}

static int64_t target_deadline(const void *engine)
{
    return http1_deadline(((const struct target *)engine)->http);
}

static enum err target_tick(void *engine, int64_t now_us)
{
    struct target *t = engine;
    struct http1_event ev;
    t->now_us = now_us;
    http1_tick(t->http, now_us);
    while (http1_next(t->http, &ev)) react(t, &ev);
    return http1_finished(t->http) ? ERR_CLOSED : OK;
}

const struct fuzz_engine fuzz_engine = {
    .open = target_open,
    .feed = target_feed,
    .next = target_next,
    .close = target_close,
    .deadline = target_deadline,
    .tick = target_tick,
};
