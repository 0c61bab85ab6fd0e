/* courier.c - requests over libcurl's multi interface. */
#include "out/courier.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "out/curl.h"

enum { CONNECT_S = 5, IDLE_CONNECTIONS = 64, POLL_MS_MAX = 60000 };

struct courier {
    struct out_carrier carrier;
    const char *ca_path;
    struct lane *lane;
    const struct curl_functions *curl;
    CURLM *multi; /* NULL: no request has come yet */
    pthread_t thread;
    int bell;
    atomic_bool stopping;
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
    const struct curl_functions *f = c->curl;
    f->set(h, CURLOPT_FOLLOWLOCATION, 0l);
    f->set(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_common(f, h, "https", c->ca_path, CONNECT_S);
}

static void set_request(const struct courier *c, struct errand *e, const struct out_request *r)
{
    const struct curl_functions *f = c->curl;
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
        c->curl->multi_remove(c->multi, e->handle);
        c->curl->easy_cleanup(e->handle);
    }
    c->curl->list_free(e->headers);
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

static void deliver(struct courier *c, const CURLMsg *m)
{
    struct errand *e;
    long status = 0;
    CURLcode code = m->data.result;
    c->curl->get(m->easy_handle, CURLINFO_PRIVATE, (char **)&e);
    c->curl->get(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    struct out_answer a = {.err = err_of(code, e),
                           .http = (unsigned)status,
                           .text = e->too_big   ? "the answer is too large"
                                   : *e->detail ? e->detail
                                                : c->curl->error_text(code)};
    if (a.err == OK) {
        a.head = buf_slice(&e->head);
        a.body = buf_slice(&e->answer);
    }
    out_call_end(e->call, &a);
    errand_free(c, e);
}

/* ---- the carrier */

static enum err ready(struct courier *c)
{
    if (c->multi) return OK;
    TRY(curl_load(&c->curl));
    c->multi = c->curl->multi_init();
    if (c->multi == NULL) return fail(ERR_NOMEM, "libcurl does not start");
    c->curl->multi_set(c->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    return OK;
}

static void begin(void *ctx, struct out_call *call)
{
    struct courier *c = ctx;
    struct out_request r;
    enum err err = ready(c);
    if (err != OK) {
        out_call_end(call, &(struct out_answer){.err = err, .text = fail_text()});
        return;
    }
    struct errand *e = NEW(struct errand);
    out_call_request(call, &r);
    e->call = call;
    e->handle = c->curl->easy_init();
    *out_call_own(call) = e;
    if (e->handle) set_request(c, e, &r);
    if (e->handle && c->curl->multi_add(c->multi, e->handle) == CURLM_OK) return;
    out_call_end(call, &(struct out_answer){.err = ERR_NOMEM, .text = "libcurl takes no more"});
    errand_free(c, e);
}

static void abandon(void *ctx, struct out_call *call)
{
    errand_free(ctx, *out_call_own(call));
}

/* ---- the thread */

static void ring(struct lane *lane)
{
    const struct courier *c = lane->wake_ctx;
    ssize_t n = write(c->bell, &(uint64_t){1}, sizeof(uint64_t));
    (void)n; /* full: it rings already */
}

/* Whether something ended. */
static bool progress(struct courier *c)
{
    int left;
    bool any = false;
    CURLMsg *m;
    if (c->multi == NULL) return false;
    c->curl->multi_perform(c->multi, &left);
    while ((m = c->curl->multi_read(c->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE) continue;
        deliver(c, m);
        any = true;
    }
    return any;
}

static void sleep_until(struct courier *c, int64_t due_us)
{
    int64_t wait_us = due_us == INT64_MAX ? POLL_MS_MAX * 1000ll : due_us - clock_mono_us();
    int ms = (int)MIN(MAX(wait_us + 999, 0) / 1000, (int64_t)POLL_MS_MAX);
    uint64_t rings;
    if (c->multi) {
        struct curl_waitfd bell = {.fd = c->bell, .events = CURL_WAIT_POLLIN};
        c->curl->multi_poll(c->multi, &bell, 1, ms, NULL);
    } else {
        poll(&(struct pollfd){.fd = c->bell, .events = POLLIN}, 1, ms);
    }
    while (read(c->bell, &rings, sizeof rings) == sizeof rings) {
    }
}

bool courier_turn(struct courier *c, struct lane *lane, int64_t *due_us)
{
    *due_us = lane_run_once(lane, clock_mono_us());
    return progress(c);
}

static void *run(void *arg)
{
    struct courier *c = arg;
    int64_t due_us;
    while (!atomic_load(&c->stopping))
        if (!courier_turn(c, c->lane, &due_us)) sleep_until(c, due_us);
    return NULL;
}

void courier_start(struct courier *c, struct lane *lane)
{
    c->lane = lane;
    lane->wake_ctx = c;
    lane->wake = ring;
    int failed = pthread_create(&c->thread, NULL, run, c);
    assert(!failed);
    pthread_setname_np(c->thread, lane->name);
}

void courier_stop(struct courier *c)
{
    atomic_store(&c->stopping, true);
    ring(c->lane);
    pthread_join(c->thread, NULL);
}

/* ---- life */

struct courier *courier_new(const char *ca_path)
{
    struct courier *c = NEW(struct courier);
    c->carrier = (struct out_carrier){begin, abandon, c};
    c->ca_path = ca_path;
    c->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(c->bell >= 0);
    return c;
}

const struct out_carrier *courier_carrier(const struct courier *c)
{
    return &c->carrier;
}

void courier_free(struct courier *c)
{
    if (c == NULL) return;
    if (c->multi) c->curl->multi_cleanup(c->multi);
    close(c->bell);
    free(c);
}
