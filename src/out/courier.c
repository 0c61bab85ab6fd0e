/* courier.c - requests over libcurl's multi interface. */
#include "out/courier.h"

#include <stdio.h>
#include <stdlib.h>

#include "out/loop.h"

enum { CONNECT_S = 5 };

struct courier {
    struct out_carrier carrier;
    const char *ca_path;
    struct loop loop;
};

/* One request on its way: the carrier's own of a call. */
struct errand {
    CURL *handle;
    struct out_call *call;
    struct curl_slist *headers;
    struct buf url, head, answer;
    size_t head_size, answer_max;
    bool too_big;
    char detail[CURL_ERROR_SIZE];
};

/* ---- a request */

static size_t take_body(char *bytes, size_t one, size_t count, void *ctx)
{
    struct errand *e = ctx;
    e->too_big = buf_size(&e->answer) + one * count > e->answer_max;
    if (e->too_big) return 0;
    buf_put(&e->answer, bytes, one * count);
    return count;
}

/* A line at a time; what came before a status line was of an answer before, "100 Continue". */
static size_t take_head(char *bytes, size_t one, size_t count, void *ctx)
{
    struct errand *e = ctx;
    e->head_size += one * count;
    e->too_big = e->head_size > OUT_HEAD_MAX;
    if (e->too_big) return 0;
    if (slice_starts(slice_of(bytes, one * count), SLICE_LIT("HTTP/"))) buf_clear(&e->head);
    buf_put(&e->head, bytes, one * count);
    return count;
}

static void add_header(const struct curl_functions *f, struct errand *e, struct slice name,
                       struct slice value)
{
    struct buf line = {0};
    buf_printf(&line, "%.*s:%s%.*s", SLICE_ARG(name), value.len ? " " : "", SLICE_ARG(value));
    e->headers = f->list_append(e->headers, buf_cstr(&line));
    buf_free(&line);
}

/* "Expect" is taken away: it costs a round trip, and not everybody answers it. */
static void set_headers(const struct curl_functions *f, struct errand *e,
                        const struct out_request *r)
{
    for (unsigned i = 0; i < OUT_HEADERS_MAX && r->headers[i].name.len; i++)
        add_header(f, e, r->headers[i].name, r->headers[i].value);
    add_header(f, e, SLICE_LIT("Expect"), SLICE_NONE);
    f->set(e->handle, CURLOPT_HTTPHEADER, e->headers);
}

static void set_limits(const struct courier *c, CURL *h)
{
    const struct curl_functions *f = c->loop.curl;
    f->set(h, CURLOPT_FOLLOWLOCATION, 0l);
    f->set(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_common(f, h, "https", c->ca_path, CONNECT_S);
}

static void set_request(const struct courier *c, struct errand *e, const struct out_request *r)
{
    const struct curl_functions *f = c->loop.curl;
    CURL *h = e->handle;
    buf_put_slice(&e->url, r->url);
    e->answer_max = r->answer_max;
    f->set(h, CURLOPT_URL, buf_cstr(&e->url));
    f->set(h, CURLOPT_CUSTOMREQUEST, r->method);
    if (r->body.ptr) {
        f->set(h, CURLOPT_POSTFIELDS, r->body.ptr);
        f->set(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
    }
    set_headers(f, e, r);
    f->set(h, CURLOPT_WRITEFUNCTION, take_body);
    f->set(h, CURLOPT_WRITEDATA, e);
    f->set(h, CURLOPT_HEADERFUNCTION, take_head);
    f->set(h, CURLOPT_HEADERDATA, e);
    f->set(h, CURLOPT_ERRORBUFFER, e->detail);
    f->set(h, CURLOPT_PRIVATE, e);
    set_limits(c, h);
}

static void errand_free(struct courier *c, struct errand *e)
{
    if (e->handle) {
        c->loop.curl->multi_remove(c->loop.multi, e->handle);
        c->loop.curl->easy_cleanup(e->handle);
    }
    c->loop.curl->list_free(e->headers);
    buf_free(&e->url);
    buf_free(&e->head);
    buf_free(&e->answer);
    free(e);
}

/* ---- answers */

static enum err err_of(CURLcode code, const struct errand *e)
{
    if (e->too_big) return ERR_TOO_BIG;
    switch (code) {
    case CURLE_OK: return OK;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return ERR_DENIED;
    case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return ERR_INVALID;
    default: return ERR_CLOSED;
    }
}

static void deliver(struct loop *l, CURL *handle, CURLcode code)
{
    struct courier *c = CONTAINER_OF(l, struct courier, loop);
    struct errand *e;
    long status = 0;
    l->curl->get(handle, CURLINFO_PRIVATE, (char **)&e);
    l->curl->get(handle, CURLINFO_RESPONSE_CODE, &status);
    struct out_answer a = {.err = err_of(code, e),
                           .http = (unsigned)status,
                           .text = e->too_big   ? "the answer is too large"
                                   : *e->detail ? e->detail
                                                : l->curl->error_text(code)};
    if (a.err == OK) {
        a.head = buf_slice(&e->head);
        a.body = buf_slice(&e->answer);
    }
    out_call_end(e->call, &a);
    errand_free(c, e);
}

/* ---- the carrier */

static void begin(void *ctx, struct out_call *call)
{
    struct courier *c = ctx;
    struct out_request r;
    enum err err = loop_ready(&c->loop);
    if (err != OK) {
        out_call_end(call, &(struct out_answer){.err = err, .text = fail_text()});
        return;
    }
    struct errand *e = NEW(struct errand);
    out_call_request(call, &r);
    e->call = call;
    e->handle = c->loop.curl->easy_init();
    *out_call_own(call) = e;
    if (e->handle) set_request(c, e, &r);
    if (e->handle && c->loop.curl->multi_add(c->loop.multi, e->handle) == CURLM_OK) return;
    out_call_end(call, &(struct out_answer){.err = ERR_NOMEM, .text = "libcurl takes no more"});
    errand_free(c, e);
}

static void abandon(void *ctx, struct out_call *call)
{
    errand_free(ctx, *out_call_own(call));
}

/* ---- the thread */

void courier_start(struct courier *c, struct lane *lane)
{
    loop_start(&c->loop, lane);
}

void courier_stop(struct courier *c)
{
    loop_stop(&c->loop);
}

bool courier_turn(struct courier *c, struct lane *lane, int64_t *due_us)
{
    return loop_turn(&c->loop, lane, due_us);
}

/* ---- life */

struct courier *courier_new(const char *ca_path)
{
    struct courier *c = NEW(struct courier);
    c->carrier = (struct out_carrier){begin, abandon, c};
    c->ca_path = ca_path;
    loop_init(&c->loop, deliver);
    return c;
}

const struct out_carrier *courier_carrier(const struct courier *c)
{
    return &c->carrier;
}

void courier_free(struct courier *c)
{
    if (c == NULL) return;
    loop_fini(&c->loop);
    free(c);
}
