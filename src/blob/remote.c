/* remote.c - the lane that speaks to other people's containers. */
#include "blob/remote.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/text.h"
#include "blob/internal.h"
#include "out/curl.h"

COUNTER(requests_total, "azimuth_remote_blob_requests_total",
        "Requests to containers that are not the hub's");
COUNTER(retries_total, "azimuth_remote_blob_retries_total", "Of them those that were tried again");

enum { PROBE_BLOCK = 99999999, SLEEP_US = 50000 };

struct remote {
    struct lane *lane;
    const char *ca_path; /* NULL: the system's */
    atomic_bool stopping;
    CURL *handle; /* NULL until the first request; keeps the connection */
};

/* ---- asking */

static void ask(struct remote *r, struct lane *core, unsigned kind, const struct remote_ask *fixed,
                struct slice uri, struct slice piece, struct blobs_wait *w)
{
    struct msg *m = msg_new(kind, sizeof *fixed + uri.len + piece.len);
    struct remote_ask *a = (void *)m->body;
    ON_LANE(core);
    *a = *fixed;
    a->uri_len = (uint32_t)uri.len;
    if (uri.len) memcpy(a->bytes, uri.ptr, uri.len);
    if (piece.len) memcpy(a->bytes + uri.len, piece.ptr, piece.len);
    w->slot = slot_new(core, w);
    post(core, w->slot, lane_addr(r->lane), m);
}

void remote_probe(struct remote *r, struct lane *core, struct slice uri, struct blobs_wait *w)
{
    const struct remote_ask fixed = {.block = PROBE_BLOCK, .probes = true};
    ask(r, core, REMOTE_STAGE, &fixed, uri, SLICE_LIT("?"), w);
}

void remote_stage(struct remote *r, struct lane *core, struct slice uri, unsigned block,
                  struct slice piece, struct blobs_wait *w)
{
    assert(piece.len <= BLOBS_PIECE_MAX);
    ask(r, core, REMOTE_STAGE, &(struct remote_ask){.block = block}, uri, piece, w);
}

void remote_commit(struct remote *r, struct lane *core, struct slice uri, unsigned count,
                   struct blobs_wait *w)
{
    ask(r, core, REMOTE_COMMIT, &(struct remote_ask){.block = count}, uri, SLICE_NONE, w);
}

void remote_get(struct remote *r, struct lane *core, struct slice uri, bool probes,
                struct blobs_wait *w)
{
    ask(r, core, REMOTE_GET, &(struct remote_ask){.probes = probes}, uri, SLICE_NONE, w);
}

void remote_read(struct remote *r, struct lane *core, struct slice uri, int64_t modified_us,
                 uint64_t offset, uint32_t len, struct blobs_wait *w)
{
    struct remote_ask fixed = {
        .offset = offset, .mark = modified_us, .len = MIN(len, (uint32_t)BLOBS_PIECE_MAX)};
    ask(r, core, REMOTE_READ, &fixed, uri, SLICE_NONE, w);
}

/* ---- one request */

struct exchange {
    const char *method;
    struct slice uri;
    struct buf url;
    const char *headers[4]; /* up to a NULL */
    struct slice body;      /* sent */
    size_t max;             /* of what comes back */
    int64_t ends_us;        /* no try goes on after that; 0: all may */
    struct buf came;
    long status;
    int64_t size; /* Content-Length */
    char code[64], etag[128];
};

static size_t take_bytes(char *bytes, size_t one, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    size_t room = x->max - buf_size(&x->came);
    buf_put(&x->came, bytes, MIN(one * count, room));
    return one * count;
}

static void keep(char *out, size_t size, struct slice value)
{
    snprintf(out, size, "%.*s", (int)MIN(value.len, size - 1), (const char *)value.ptr);
}

static size_t take_header(char *bytes, size_t one, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    struct slice line = slice_of(bytes, one * count), key;
    slice_split(&line, ':', &key);
    line = slice_trim(line);
    if (slice_is_nocase(key, "x-ms-error-code")) keep(x->code, sizeof x->code, line);
    if (slice_is_nocase(key, "etag")) keep(x->etag, sizeof x->etag, line);
    return one * count;
}

static int has_stopped(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct remote *r = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&r->stopping);
}

/* Where clouds tell machines their secrets (169.254.169.254) nobody keeps blobs. */
static bool is_link_local(const struct sockaddr *to)
{
    if (to->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr) >> 16 ==
               0xA9FE;
    if (to->sa_family != AF_INET6) return false;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)to)->sin6_addr;
    bool is_four = IN6_IS_ADDR_V4MAPPED(six) || IN6_IS_ADDR_V4COMPAT(six);
    return IN6_IS_ADDR_LINKLOCAL(six) ||
           (is_four && six->s6_addr[12] == 169 && six->s6_addr[13] == 254);
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)ctx, (void)purpose;
    if (is_link_local(&to->addr)) return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void set_options(const struct curl_functions *f, struct remote *r, struct exchange *x)
{
    CURL *h = r->handle;
    f->reset(h);
    f->set(h, CURLOPT_URL, buf_cstr(&x->url));
    f->set(h, CURLOPT_CUSTOMREQUEST, x->method);
    curl_common(f, h, "http,https", r->ca_path, REMOTE_CONNECT_S);
    if (x->ends_us)
        f->set(h, CURLOPT_TIMEOUT_MS, (long)MAX(1, (x->ends_us - clock_mono_us()) / 1000));
    f->set(h, CURLOPT_LOW_SPEED_LIMIT, 1l);
    f->set(h, CURLOPT_LOW_SPEED_TIME, (long)REMOTE_STALL_S);
    f->set(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    f->set(h, CURLOPT_NOPROGRESS, 0l);
    f->set(h, CURLOPT_XFERINFOFUNCTION, has_stopped);
    f->set(h, CURLOPT_XFERINFODATA, r);
    f->set(h, CURLOPT_WRITEFUNCTION, take_bytes);
    f->set(h, CURLOPT_WRITEDATA, x);
    f->set(h, CURLOPT_HEADERFUNCTION, take_header);
    f->set(h, CURLOPT_HEADERDATA, x);
    if (strcmp(x->method, "HEAD") == 0) f->set(h, CURLOPT_NOBODY, 1l);
    if (x->body.ptr) {
        f->set(h, CURLOPT_POSTFIELDS, x->body.ptr);
        f->set(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.len);
    }
}

static struct curl_slist *list_headers(const struct curl_functions *f, const struct exchange *x)
{
    struct curl_slist *list = f->list_append(NULL, "x-ms-version: 2021-12-02");
    list = f->list_append(list, "Expect:");
    if (x->body.ptr) list = f->list_append(list, "Content-Type: application/octet-stream");
    for (int i = 0; x->headers[i]; i++) list = f->list_append(list, x->headers[i]);
    return list;
}

/* ERR_AGAIN: it may be different soon. */
static enum err perform(const struct curl_functions *f, struct remote *r, struct exchange *x)
{
    struct curl_slist *headers = list_headers(f, x);
    curl_off_t size = -1;
    buf_clear(&x->came);
    x->code[0] = x->etag[0] = '\0';
    x->status = 0;
    set_options(f, r, x);
    f->set(r->handle, CURLOPT_HTTPHEADER, headers);
    CURLcode code = f->perform(r->handle);
    f->get(r->handle, CURLINFO_RESPONSE_CODE, &x->status);
    f->get(r->handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    x->size = size;
    f->list_free(headers);
    metric_inc(&requests_total);
    if (code == CURLE_ABORTED_BY_CALLBACK) return fail(ERR_CLOSED, "the server stops");
    if (code != CURLE_OK) return fail(ERR_AGAIN, "no answer: %s", f->error_text(code));
    bool passes = x->status == 408 || x->status == 429 || x->status >= 500;
    return passes ? fail(ERR_AGAIN, "answered %ld %s", x->status, x->code) : OK;
}

static void pause_before(const struct remote *r, unsigned tried)
{
    for (unsigned i = 0; i < (4u << tried) && !atomic_load(&r->stopping); i++) usleep(SLEEP_US);
}

static enum err judge(const struct exchange *x)
{
    if (x->status >= 200 && x->status < 300) return OK;
    enum err e = x->status == 404                       ? ERR_NOT_FOUND
                 : x->status == 401 || x->status == 403 ? ERR_DENIED
                 : x->status == 409 || x->status == 412 ? ERR_CONFLICT
                                                        : ERR_PROTOCOL;
    return fail(e, "answered %ld %s", x->status, x->code);
}

static bool may_try_again(const struct exchange *x, unsigned tried)
{
    return tried < REMOTE_TRIES - 1 && (x->ends_us == 0 || clock_mono_us() < x->ends_us);
}

static enum err exchange(struct remote *r, struct exchange *x, const char *more)
{
    const struct curl_functions *f;
    TRY(curl_load(&f));
    if (r->handle == NULL) r->handle = f->easy_init();
    buf_put_slice(&x->url, x->uri);
    buf_put_str(&x->url, more);
    enum err e = perform(f, r, x);
    for (unsigned tried = 0; e == ERR_AGAIN && may_try_again(x, tried); tried++) {
        metric_inc(&retries_total);
        pause_before(r, tried);
        e = perform(f, r, x);
    }
    return e == OK ? judge(x) : e == ERR_AGAIN ? ERR_CLOSED : e;
}

static void exchange_free(struct exchange *x)
{
    buf_free(&x->url);
    buf_free(&x->came);
}

/* ---- what is asked */

static const struct remote_ask *ask_of(const struct msg *m)
{
    return (const void *)m->body;
}

static struct exchange begin(const struct msg *m, const char *method)
{
    const struct remote_ask *a = ask_of(m);
    return (struct exchange){
        .method = method,
        .uri = slice_of(a->bytes, a->uri_len),
        .max = REMOTE_ERROR_BODY_MAX,
        .ends_us = a->probes ? clock_mono_us() + REMOTE_PROBE_S * INT64_C(1000000) : 0};
}

static void finish(struct remote *r, const struct msg *m, struct exchange *x,
                   struct blobs_answer *a, enum err e)
{
    a->err = e;
    a->text = fail_text();
    if (e != OK) a->bytes = SLICE_NONE;
    blobs_answer_on(r->lane, m, a);
    exchange_free(x);
}

/* All ids of a blob have one length (Azure). */
static void put_block_id(struct buf *out, unsigned block)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%09u", block);
    text_base64(out, slice_of(text, (size_t)len));
}

static void on_stage(void *ctx, struct lane *lane, struct msg *m)
{
    struct exchange x = begin(m, "PUT");
    struct blobs_answer a = {0};
    struct buf more = {0};
    (void)lane;
    x.body = slice_of(ask_of(m)->bytes + x.uri.len, m->len - sizeof(struct remote_ask) - x.uri.len);
    buf_put_str(&more, "&comp=block&blockid=");
    put_block_id(&more, ask_of(m)->block); /* digits in base64 need no encoding: no + and / */
    enum err e = exchange(ctx, &x, buf_cstr(&more));
    finish(ctx, m, &x, &a, e);
    buf_free(&more);
}

static void on_commit(void *ctx, struct lane *lane, struct msg *m)
{
    struct exchange x = begin(m, "PUT");
    struct blobs_answer a = {0};
    struct buf list = {0};
    (void)lane;
    buf_put_str(&list, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for (unsigned i = 0; i < ask_of(m)->block; i++) {
        buf_put_str(&list, "<Latest>");
        put_block_id(&list, i);
        buf_put_str(&list, "</Latest>");
    }
    buf_put_str(&list, "</BlockList>");
    x.body = buf_slice(&list);
    x.headers[0] = "x-ms-blob-content-type: text/plain";
    enum err e = exchange(ctx, &x, "&comp=blocklist");
    finish(ctx, m, &x, &a, e);
    buf_free(&list);
}

static int64_t mark_of(const struct exchange *x)
{
    return (int64_t)(map_hash(slice_str(x->etag)) >> 1);
}

static void on_get(void *ctx, struct lane *lane, struct msg *m)
{
    struct exchange x = begin(m, "HEAD");
    struct blobs_answer a = {0};
    (void)lane;
    enum err e = exchange(ctx, &x, "");
    if (e == OK && x.size < 0) e = fail(ERR_PROTOCOL, "the answer has no Content-Length");
    if (e == OK)
        a.props = (struct blobs_props){.size = (uint64_t)x.size, .modified_us = mark_of(&x)};
    finish(ctx, m, &x, &a, e);
}

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    struct exchange x = begin(m, "GET");
    struct blobs_answer a = {0};
    char range[80];
    const struct remote_ask *ask = ask_of(m);
    (void)lane;
    snprintf(range, sizeof range, "x-ms-range: bytes=%llu-%llu", (unsigned long long)ask->offset,
             (unsigned long long)(ask->offset + ask->len - 1));
    x.headers[0] = range;
    x.max = ask->len;
    enum err e = exchange(ctx, &x, "");
    if (e == OK && mark_of(&x) != ask->mark) e = fail(ERR_CONFLICT, "the blob has changed");
    if (e == OK && (x.status != 206 || buf_size(&x.came) != ask->len))
        e = fail(ERR_PROTOCOL, "the answer is not the piece that was asked for");
    a.bytes = buf_slice(&x.came);
    finish(ctx, m, &x, &a, e);
}

/* ---- life */

struct remote *remote_new(struct lane *lane, const char *ca_path)
{
    struct remote *r = NEW(struct remote);
    r->lane = lane;
    r->ca_path = ca_path;
    lane_on(lane, REMOTE_STAGE, on_stage, r);
    lane_on(lane, REMOTE_COMMIT, on_commit, r);
    lane_on(lane, REMOTE_GET, on_get, r);
    lane_on(lane, REMOTE_READ, on_read, r);
    return r;
}

void remote_stop(struct remote *r)
{
    if (r) atomic_store(&r->stopping, true);
}

void remote_free(struct remote *r)
{
    const struct curl_functions *f;
    if (r == NULL) return;
    if (r->handle && curl_load(&f) == OK) f->easy_cleanup(r->handle);
    free(r);
}
