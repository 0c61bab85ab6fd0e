/* out.c - the lane: whose turn it is, and answers.
 *
 * Calls wait at their host.  A host is in line while it has calls that wait and is not at its own limit;
 * when there is room the first host in line sends one call and goes to the end. */
#include "out/out.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/map.h"
#include "base/num.h"
#include "base/say.h"
#include "out/carrier.h"

LIMIT_REACHED(too_many, "out-calls")
LIMIT_REACHED(too_many_to_host, "out-calls-to-host")
COUNTER(calls_total, "azimuth_out_calls_total", "HTTP requests that the server made");
COUNTER(failed_total, "azimuth_out_failures_total", "HTTP requests that got no answer");
COUNTER(refused_total, "azimuth_out_refused_total",
        "HTTP requests not made because too many waited");
GAUGE(waiting_now, "azimuth_out_waiting", "HTTP requests that wait for their turn");
GAUGE(carried_now, "azimuth_out_carried", "HTTP requests under way");

enum out_kind { OUT_ASK = POST_OUT, OUT_DONE };

struct out {
    struct lane *lane;
    struct out_carrier carrier;
    struct map hosts;  /* struct host by name */
    struct list line;  /* struct host: may send */
    struct list calls; /* all of them */
    unsigned count, carried;
    struct turn_hook hook;
};

struct host {
    struct list in_line;
    struct slice name;
    struct list waiting; /* struct out_call */
    unsigned calls, carried;
};

struct out_call {
    struct list node, turn; /* of out.calls; of host.waiting */
    struct out *out;
    struct host *host;
    struct msg *m;
    struct timer timer;
    void *own; /* the carrier's */
    bool carried;
};

struct ask {
    uint32_t timeout_ms, answer_max;
    uint32_t method_len, url_len, body_len;
    uint32_t name_len[OUT_HEADERS_MAX], value_len[OUT_HEADERS_MAX];
    bool has_body;
    uint8_t bytes[]; /* method with NUL, address, headers, body */
};

struct done {
    enum err err;
    uint32_t http, text_len, head_len;
    uint8_t bytes[]; /* text with NUL, head, body */
};

/* ---- addresses */

struct slice out_url_host(struct slice url)
{
    static const struct slice scheme = {(const uint8_t *)"https://", 8};
    if (!slice_starts_nocase(url, scheme) || url.len > OUT_URL_MAX) return SLICE_NONE;
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f) return SLICE_NONE;
    struct slice host = slice_from(url, scheme.len);
    for (size_t i = 0; i < host.len; i++)
        if (memchr("/?#\\", host.ptr[i], 4)) host = slice_head(host, i);
    size_t at = slice_rfind(host, '@');
    return at < host.len ? slice_from(host, at + 1) : host;
}

/* ---- asking, on any lane */

static void answer_later(struct lane *lane, struct out_wait *w, enum err e)
{
    struct buf out = {0};
    msg_buf_begin(&out);
    struct done done = {.err = e, .text_len = (uint32_t)strlen(fail_text()) + 1};
    buf_put(&out, &done, offsetof(struct done, bytes));
    buf_put(&out, fail_text(), done.text_len);
    post(lane, lane_addr(lane), w->slot, msg_buf_end(&out, OUT_DONE));
}

static bool is_line(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] == 0x7f) return false;
    return true;
}

static enum err check(const struct out_request *r)
{
    if (out_url_host(r->url).len == 0)
        return fail(ERR_INVALID, "the address is not one of https, or longer than %d bytes",
                    OUT_URL_MAX);
    if (r->body.len > OUT_BODY_MAX)
        return fail(ERR_TOO_BIG, "the request is larger than %d bytes", OUT_BODY_MAX);
    for (unsigned i = 0; i < OUT_HEADERS_MAX && r->headers[i].name.len; i++)
        if (!is_line(r->headers[i].value))
            return fail(ERR_INVALID, "a header has more than one line");
    return OK;
}

static struct msg *ask_msg(const struct out_request *r)
{
    struct buf out = {0};
    struct ask ask = {.timeout_ms = MIN(MAX(r->timeout_ms, 1u), (unsigned)OUT_TIMEOUT_MS_MAX),
                      .answer_max = r->answer_max ? MIN(r->answer_max, (uint32_t)OUT_ANSWER_MAX)
                                                  : (uint32_t)OUT_ANSWER_MAX,
                      .method_len = (uint32_t)strlen(r->method) + 1,
                      .url_len = (uint32_t)r->url.len,
                      .body_len = (uint32_t)r->body.len,
                      .has_body = r->body.ptr != NULL};
    for (unsigned i = 0; i < OUT_HEADERS_MAX && r->headers[i].name.len; i++) {
        ask.name_len[i] = (uint32_t)r->headers[i].name.len;
        ask.value_len[i] = (uint32_t)r->headers[i].value.len;
    }
    msg_buf_begin(&out);
    buf_put(&out, &ask, offsetof(struct ask, bytes));
    buf_put(&out, r->method, ask.method_len);
    buf_put_slice(&out, r->url);
    for (unsigned i = 0; i < OUT_HEADERS_MAX && ask.name_len[i]; i++) {
        buf_put_slice(&out, r->headers[i].name);
        buf_put_slice(&out, r->headers[i].value);
    }
    buf_put_slice(&out, r->body);
    return msg_buf_end(&out, OUT_ASK);
}

void out_send(struct out *o, struct lane *lane, const struct out_request *r, struct out_wait *w)
{
    ON_LANE(lane);
    w->slot = slot_new(lane, w);
    enum err e = check(r);
    if (e == OK)
        post(lane, w->slot, lane_addr(o->lane), ask_msg(r));
    else
        answer_later(lane, w, e);
}

void out_forget(struct lane *lane, struct out_wait *w)
{
    slot_free(lane, w->slot);
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct out_wait *w = slot_get(lane, m->to);
    const struct done *done = (const void *)m->body;
    (void)ctx;
    if (w == NULL) return;
    out_forget(lane, w);
    struct slice rest = slice_from(msg_body(m), offsetof(struct done, bytes) + done->text_len);
    w->fn(w, &(struct out_answer){.err = done->err,
                                  .text = (const char *)done->bytes,
                                  .http = done->http,
                                  .head = slice_head(rest, done->head_len),
                                  .body = slice_from(rest, done->head_len)});
}

struct slice out_answer_header(const struct out_answer *a, const char *name)
{
    struct slice rest = a->head, line;
    while (slice_split(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        if (colon < line.len && slice_is_nocase(slice_head(line, colon), name))
            return slice_trim(slice_from(line, colon + 1));
    }
    return SLICE_NONE;
}

void out_attach(struct lane *lane)
{
    lane_on(lane, OUT_DONE, on_done, NULL);
}

/* ---- on the lane: a request in its message */

static const struct ask *ask_of(const struct msg *m)
{
    return (const void *)m->body;
}

static struct slice take(const struct ask *ask, size_t *at, uint32_t len)
{
    struct slice s = slice_of(ask->bytes + *at, len);
    *at += len;
    return s;
}

static void read_request(const struct msg *m, struct out_request *out)
{
    const struct ask *ask = ask_of(m);
    size_t at = 0;
    *out = (struct out_request){.timeout_ms = ask->timeout_ms, .answer_max = ask->answer_max};
    out->method = (const char *)take(ask, &at, ask->method_len).ptr;
    out->url = take(ask, &at, ask->url_len);
    for (unsigned i = 0; i < OUT_HEADERS_MAX; i++) {
        out->headers[i].name = take(ask, &at, ask->name_len[i]);
        out->headers[i].value = take(ask, &at, ask->value_len[i]);
    }
    if (ask->has_body) out->body = take(ask, &at, ask->body_len);
}

void out_call_request(const struct out_call *call, struct out_request *out)
{
    read_request(call->m, out);
}

void **out_call_own(struct out_call *call)
{
    return &call->own;
}

/* ---- whose turn it is */

/* In line when it may send, else not. */
static void line_up(struct out *o, struct host *h)
{
    bool may = !list_empty(&h->waiting) && h->carried < OUT_HOST_CARRIED_MAX;
    if (may && !list_linked(&h->in_line)) list_push(&o->line, &h->in_line);
    if (!may) list_remove(&h->in_line);
}

static void carry(struct out *o, struct out_call *call)
{
    struct host *h = call->host;
    call->carried = true;
    h->carried++;
    o->carried++;
    line_up(o, h);
    metric_inc(&calls_total);
    o->carrier.begin(o->carrier.ctx, call);
}

/* At the end of a turn: what ended in it has made room. */
static void on_turn_end(struct turn_hook *hook, int64_t now_us)
{
    struct out *o = CONTAINER_OF(hook, struct out, hook);
    (void)now_us;
    while (o->carried < OUT_CARRIED_MAX && !list_empty(&o->line)) {
        struct host *h = CONTAINER_OF(list_take(&o->line), struct host, in_line);
        carry(o, CONTAINER_OF(list_take(&h->waiting), struct out_call, turn));
    }
    metric_set(&carried_now, o->carried);
    metric_set(&waiting_now, o->count - o->carried);
}

/* ---- the end of a call */

static void reply(struct out *o, const struct msg *m, const struct out_answer *a)
{
    struct buf out = {0};
    const char *text = a->text ? a->text : "";
    struct done done = {.err = a->err,
                        .http = a->http,
                        .text_len = (uint32_t)strlen(text) + 1,
                        .head_len = (uint32_t)a->head.len};
    msg_buf_begin(&out);
    buf_put(&out, &done, offsetof(struct done, bytes));
    buf_put(&out, text, done.text_len);
    buf_put_slice(&out, a->head);
    buf_put_slice(&out, a->body);
    post_reply(o->lane, m, msg_buf_end(&out, OUT_DONE));
}

static void drop_host(struct out *o, struct host *h)
{
    if (h->calls) return;
    map_remove(&o->hosts, h->name);
    list_remove(&h->in_line);
    free((void *)(uintptr_t)h->name.ptr);
    free(h);
}

static void drop(struct out_call *call)
{
    struct out *o = call->out;
    struct host *h = call->host;
    timer_stop(&call->timer);
    list_remove(&call->node);
    list_remove(&call->turn);
    o->count--;
    h->calls--;
    if (call->carried) h->carried--, o->carried--;
    msg_free(call->m);
    free(call);
    line_up(o, h);
    drop_host(o, h);
}

void out_call_end(struct out_call *call, const struct out_answer *a)
{
    struct out *o = call->out;
    if (a->err != OK) {
        metric_inc(&failed_total);
        say_debug("out.failed", "host=%.*s error=%s reason=\"%s\"", SLICE_ARG(call->host->name),
                  err_name(a->err), a->text ? a->text : "");
    }
    reply(o, call->m, a);
    drop(call);
}

static void on_late(struct timer *t, int64_t now_us)
{
    struct out_call *call = CONTAINER_OF(t, struct out_call, timer);
    struct out *o = call->out;
    (void)now_us;
    if (call->carried) o->carrier.abandon(o->carrier.ctx, call);
    out_call_end(call, &(struct out_answer){.err = ERR_TIMEOUT, .text = "no answer in time"});
}

/* ---- the beginning */

static struct host *host_of(struct out *o, struct slice url)
{
    struct slice name = slice_of(slice_dup(out_url_host(url)), out_url_host(url).len);
    uint8_t *text = (uint8_t *)(uintptr_t)name.ptr;
    for (size_t i = 0; i < name.len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z') text[i] |= 0x20;
    struct host *h = map_get(&o->hosts, name);
    if (h) {
        free(text);
        return h;
    }
    h = NEW(struct host);
    h->name = name;
    list_init(&h->waiting);
    list_init(&h->in_line);
    map_put(&o->hosts, name, h);
    return h;
}

static bool has_room(struct out *o, const struct host *h, const struct msg *m)
{
    if (o->count < OUT_CALLS_MAX && h->calls < OUT_HOST_CALLS_MAX) return true;
    metric_inc(o->count < OUT_CALLS_MAX ? &too_many_to_host : &too_many);
    metric_inc(&refused_total);
    reply(o, m, &(struct out_answer){.err = ERR_THROTTLED, .text = "too many requests wait"});
    return false;
}

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct out *o = ctx;
    struct out_request r;
    read_request(m, &r);
    struct host *h = host_of(o, r.url);
    if (!has_room(o, h, m)) {
        drop_host(o, h);
        return;
    }
    struct out_call *call = NEW(struct out_call);
    msg_keep(m);
    *call = (struct out_call){.out = o, .host = h, .m = m};
    list_push(&o->calls, &call->node);
    list_push(&h->waiting, &call->turn);
    o->count++;
    h->calls++;
    timer_init(&call->timer, on_late);
    timer_set(&lane->timers, &call->timer, clock_mono_us() + r.timeout_ms * 1000ll);
    line_up(o, h);
}

/* ---- life */

static void refuse(void *ctx, struct out_call *call)
{
    (void)ctx;
    out_call_end(call, &(struct out_answer){.err = ERR_UNSUPPORTED, .text = "there is no network"});
}

static void ignore(void *ctx, struct out_call *call)
{
    (void)ctx, (void)call;
}

struct out *out_new(struct lane *lane, const struct out_carrier *carrier)
{
    static const struct out_carrier nobody = {refuse, ignore, NULL};
    struct out *o = NEW(struct out);
    o->lane = lane;
    o->carrier = carrier ? *carrier : nobody;
    list_init(&o->line);
    list_init(&o->calls);
    o->hook.fn = on_turn_end;
    lane_on(lane, OUT_ASK, on_ask, o);
    lane_on_turn_end(lane, &o->hook);
    return o;
}

void out_free(struct out *o)
{
    if (o == NULL) return;
    while (!list_empty(&o->calls)) {
        struct out_call *call = CONTAINER_OF(list_take(&o->calls), struct out_call, node);
        if (call->carried) o->carrier.abandon(o->carrier.ctx, call);
        drop(call);
    }
    map_free(&o->hosts);
    free(o);
}
