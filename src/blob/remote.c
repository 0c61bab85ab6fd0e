/* remote.c - the lane that speaks to other people's containers.
 *
 *   ask ──▶ its container's queue ──turn──▶ carried ──no answer: a pause, once more──▶ answered
 *
 * Of each container a few requests are carried at a time: one that hangs holds up its own and no others. */
#include "blob/remote.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/text.h"
#include "blob/internal.h"
#include "out/loop.h"

COUNTER(requests_total, "azimuth_remote_blob_requests_total",
        "Requests to containers that are not the hub's");
COUNTER(retries_total, "azimuth_remote_blob_retries_total", "Of them those that were tried again");

GAUGE(waiting_now, "azimuth_remote_blob_requests_waiting",
      "Requests that wait because their container has as many under way as it may");

enum { PROBE_BLOCK = 99999999, PAUSE_FIRST_US = 200000 };

/* What goes to one container, in order of arrival. */
struct container {
    struct list node; /* whose turn is next comes first */
    struct buf name;  /* the URI up to its second slash behind the host */
    struct list waiting;
    unsigned carried;
};

struct remote {
    struct lane *lane;
    const char *ca_path; /* NULL: the system's */
    struct loop loop;
    struct list containers; /* that have something to do */
    struct list carried;
    unsigned carried_count;
    bool pumping; /* what ends at once meanwhile pumps no more */
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

struct job {
    struct list node; /* in its container's queue, or among the carried */
    struct remote *remote;
    struct container *container;
    struct msg *m;                                            /* kept for its answer */
    enum err (*judge)(struct job *j, struct blobs_answer *a); /* an answer that is no error */
    CURL *handle;
    struct curl_slist *headers;
    unsigned tried;
    struct timer again;

    const char *method;
    struct buf url, own; /* of the body, if it is not the message's */
    struct slice body;   /* sent */
    char header[80];     /* one more; empty: none */
    size_t max;          /* of what comes back */
    int64_t ends_us;     /* no try goes on after that; 0: all may */
    struct buf came;
    long status;
    int64_t size; /* Content-Length */
    char code[64], etag[128];
};

static size_t take_bytes(char *bytes, size_t one, size_t count, void *ctx)
{
    struct job *j = ctx;
    size_t room = j->max - buf_size(&j->came);
    buf_put(&j->came, bytes, MIN(one * count, room));
    return one * count;
}

static void keep(char *out, size_t size, struct slice value)
{
    snprintf(out, size, "%.*s", (int)MIN(value.len, size - 1), (const char *)value.ptr);
}

static size_t take_header(char *bytes, size_t one, size_t count, void *ctx)
{
    struct job *j = ctx;
    struct slice line = slice_of(bytes, one * count), key;
    slice_split(&line, ':', &key);
    line = slice_trim(line);
    if (slice_is_nocase(key, "x-ms-error-code")) keep(j->code, sizeof j->code, line);
    if (slice_is_nocase(key, "etag")) keep(j->etag, sizeof j->etag, line);
    return one * count;
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

static void set_limits(const struct curl_functions *f, const struct job *j)
{
    CURL *h = j->handle;
    curl_common(f, h, "http,https", j->remote->ca_path, REMOTE_CONNECT_S);
    if (j->ends_us)
        f->set(h, CURLOPT_TIMEOUT_MS, (long)MAX(1, (j->ends_us - clock_mono_us()) / 1000));
    f->set(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    f->set(h, CURLOPT_LOW_SPEED_LIMIT, 1l);
    f->set(h, CURLOPT_LOW_SPEED_TIME, (long)REMOTE_STALL_S);
    f->set(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
}

static void set_headers(const struct curl_functions *f, struct job *j)
{
    j->headers = f->list_append(NULL, "x-ms-version: 2021-12-02");
    j->headers = f->list_append(j->headers, "Expect:");
    if (j->body.ptr)
        j->headers = f->list_append(j->headers, "Content-Type: application/octet-stream");
    if (j->header[0]) j->headers = f->list_append(j->headers, j->header);
    f->set(j->handle, CURLOPT_HTTPHEADER, j->headers);
}

static void set_request(const struct curl_functions *f, struct job *j)
{
    CURL *h = j->handle;
    f->set(h, CURLOPT_URL, buf_cstr(&j->url));
    f->set(h, CURLOPT_CUSTOMREQUEST, j->method);
    f->set(h, CURLOPT_PRIVATE, j);
    f->set(h, CURLOPT_WRITEFUNCTION, take_bytes);
    f->set(h, CURLOPT_WRITEDATA, j);
    f->set(h, CURLOPT_HEADERFUNCTION, take_header);
    f->set(h, CURLOPT_HEADERDATA, j);
    if (strcmp(j->method, "HEAD") == 0) f->set(h, CURLOPT_NOBODY, 1l);
    if (j->body.ptr) {
        f->set(h, CURLOPT_POSTFIELDS, j->body.ptr);
        f->set(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)j->body.len);
    }
    set_headers(f, j);
    set_limits(f, j);
}

/* ---- what comes of it */

static void pump(struct remote *r);

static void drop_handle(struct job *j)
{
    const struct loop *l = &j->remote->loop;
    if (j->handle) {
        l->curl->multi_remove(l->multi, j->handle);
        l->curl->easy_cleanup(j->handle);
        l->curl->list_free(j->headers);
    }
    j->handle = NULL;
    j->headers = NULL;
}

static void job_free(struct job *j)
{
    drop_handle(j);
    timer_stop(&j->again);
    list_remove(&j->node);
    buf_wipe(&j->url); /* has a signature */
    buf_free(&j->own);
    buf_free(&j->came);
    msg_free(j->m);
    free(j);
}

static void drop_idle(struct container *c)
{
    if (c->carried || !list_empty(&c->waiting)) return;
    list_remove(&c->node);
    buf_free(&c->name);
    free(c);
}

static void end(struct job *j, enum err e)
{
    struct remote *r = j->remote;
    struct container *c = j->container;
    struct blobs_answer a = {0};
    if (e == OK) e = j->judge(j, &a);
    a.err = e;
    a.text = fail_text();
    if (e != OK) a.bytes = SLICE_NONE;
    blobs_answer_on(r->lane, j->m, &a);
    job_free(j);
    r->carried_count--;
    c->carried--;
    drop_idle(c);
    pump(r);
}

static enum err judge_status(const struct job *j)
{
    if (j->status >= 200 && j->status < 300) return OK;
    enum err e = j->status == 404                       ? ERR_NOT_FOUND
                 : j->status == 401 || j->status == 403 ? ERR_DENIED
                 : j->status == 409 || j->status == 412 ? ERR_CONFLICT
                                                        : ERR_PROTOCOL;
    return fail(e, "answered %ld %s", j->status, j->code);
}

static bool may_try_again(const struct job *j)
{
    return j->tried < REMOTE_TRIES - 1 && (j->ends_us == 0 || clock_mono_us() < j->ends_us);
}

/* `e` ERR_AGAIN: it may be different soon. */
static void end_try(struct job *j, enum err e)
{
    if (e == ERR_AGAIN && may_try_again(j)) {
        int64_t pause_us = (int64_t)PAUSE_FIRST_US << j->tried++;
        metric_inc(&retries_total);
        drop_handle(j);
        timer_set(&j->remote->lane->timers, &j->again, clock_mono_us() + pause_us);
        return;
    }
    end(j, e == OK ? judge_status(j) : e == ERR_AGAIN ? ERR_CLOSED : e);
}

static void on_ended(struct loop *l, CURL *handle, CURLcode code)
{
    const struct curl_functions *f = l->curl;
    struct job *j;
    curl_off_t size = -1;
    f->get(handle, CURLINFO_PRIVATE, (char **)&j);
    f->get(handle, CURLINFO_RESPONSE_CODE, &j->status);
    f->get(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    j->size = size;
    bool passes = j->status == 408 || j->status == 429 || j->status >= 500;
    if (code != CURLE_OK)
        end_try(j, fail(ERR_AGAIN, "no answer: %s", f->error_text(code)));
    else
        end_try(j, passes ? fail(ERR_AGAIN, "answered %ld %s", j->status, j->code) : OK);
}

static void perform(struct job *j)
{
    struct loop *l = &j->remote->loop;
    enum err e = loop_ready(l);
    buf_clear(&j->came);
    j->code[0] = j->etag[0] = '\0';
    j->status = 0;
    if (e == OK && (j->handle = l->curl->easy_init()) == NULL)
        e = fail(ERR_NOMEM, "libcurl takes no more");
    if (e == OK) set_request(l->curl, j);
    if (e == OK && l->curl->multi_add(l->multi, j->handle) != CURLM_OK)
        e = fail(ERR_NOMEM, "libcurl takes no more");
    metric_inc(&requests_total);
    if (e != OK) end_try(j, e);
}

static void on_again(struct timer *t, int64_t now_us)
{
    (void)now_us;
    perform(CONTAINER_OF(t, struct job, again));
}

/* ---- turns */

static void carry(struct job *j)
{
    struct remote *r = j->remote;
    struct container *c = j->container;
    list_remove(&j->node);
    list_push(&r->carried, &j->node);
    r->carried_count++;
    c->carried++;
    metric_add(&waiting_now, -1);
    list_remove(&c->node); /* the others come first now */
    list_push(&r->containers, &c->node);
    perform(j);
}

static struct container *next_container(const struct remote *r)
{
    LIST_EACH(node, &r->containers)
    {
        struct container *c = CONTAINER_OF(node, struct container, node);
        if (!list_empty(&c->waiting) && c->carried < REMOTE_CONTAINER_CARRIED_MAX) return c;
    }
    return NULL;
}

static void pump(struct remote *r)
{
    struct container *c;
    if (r->pumping) return;
    r->pumping = true;
    while (r->carried_count < REMOTE_CARRIED_MAX && (c = next_container(r)) != NULL)
        carry(CONTAINER_OF(c->waiting.next, struct job, node));
    r->pumping = false;
}

/* "https://host:port/container", of whatever lies in it. */
static struct slice container_name(struct slice uri)
{
    struct slice path = slice_head(uri, slice_find(uri, '?'));
    size_t end = slice_find(path, ':') + strlen("://");
    for (unsigned slashes = 0; end < path.len && slashes < 2; end++)
        if (path.ptr[end] == '/') slashes++;
    return slice_head(path, MIN(end, path.len));
}

static struct container *container_of(struct remote *r, struct slice uri)
{
    struct slice name = container_name(uri);
    LIST_EACH(node, &r->containers)
    {
        struct container *c = CONTAINER_OF(node, struct container, node);
        if (slice_eq(buf_slice(&c->name), name)) return c;
    }
    struct container *c = NEW(struct container);
    buf_put_slice(&c->name, name);
    list_init(&c->waiting);
    list_push(&r->containers, &c->node);
    return c;
}

/* ---- what is asked */

static const struct remote_ask *ask_of(const struct job *j)
{
    return (const void *)j->m->body;
}

static struct job *begin(struct remote *r, struct msg *m, const char *method)
{
    struct job *j = NEW(struct job);
    msg_keep(m);
    *j = (struct job){
        .remote = r, .m = m, .method = method, .url = BUF_SECRET, .max = REMOTE_ERROR_BODY_MAX};
    const struct remote_ask *a = ask_of(j);
    list_init(&j->node);
    timer_init(&j->again, on_again);
    buf_put_slice(&j->url, slice_of(a->bytes, a->uri_len));
    if (a->probes) j->ends_us = clock_mono_us() + REMOTE_PROBE_S * INT64_C(1000000);
    return j;
}

/* Somebody waits for what has an end, so it waits for nobody. */
static void submit(struct job *j)
{
    struct remote *r = j->remote;
    j->container = container_of(r, slice_of(ask_of(j)->bytes, ask_of(j)->uri_len));
    list_push(&j->container->waiting, &j->node);
    metric_add(&waiting_now, 1);
    if (j->ends_us)
        carry(j);
    else
        pump(r);
}

/* All ids of a blob have one length (Azure). */
static void put_block_id(struct buf *out, unsigned block)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%09u", block);
    text_base64(out, slice_of(text, (size_t)len));
}

static enum err judge_done(struct job *j, struct blobs_answer *a)
{
    (void)j, (void)a;
    return OK;
}

static void on_stage(void *ctx, struct lane *lane, struct msg *m)
{
    struct job *j = begin(ctx, m, "PUT");
    const struct remote_ask *a = ask_of(j);
    (void)lane;
    j->judge = judge_done;
    j->body = slice_of(a->bytes + a->uri_len, m->len - sizeof *a - a->uri_len);
    buf_put_str(&j->url, "&comp=block&blockid=");
    put_block_id(&j->url, a->block); /* digits in base64 need no encoding: no + and / */
    submit(j);
}

static void on_commit(void *ctx, struct lane *lane, struct msg *m)
{
    struct job *j = begin(ctx, m, "PUT");
    struct buf *list = &j->own;
    (void)lane;
    j->judge = judge_done;
    buf_put_str(list, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for (unsigned i = 0; i < ask_of(j)->block; i++) {
        buf_put_str(list, "<Latest>");
        put_block_id(list, i);
        buf_put_str(list, "</Latest>");
    }
    buf_put_str(list, "</BlockList>");
    j->body = buf_slice(list);
    snprintf(j->header, sizeof j->header, "x-ms-blob-content-type: text/plain");
    buf_put_str(&j->url, "&comp=blocklist");
    submit(j);
}

static int64_t mark_of(const struct job *j)
{
    return (int64_t)(map_hash(slice_str(j->etag)) >> 1);
}

static enum err judge_got(struct job *j, struct blobs_answer *a)
{
    if (j->size < 0) return fail(ERR_PROTOCOL, "the answer has no Content-Length");
    a->props = (struct blobs_props){.size = (uint64_t)j->size, .modified_us = mark_of(j)};
    return OK;
}

static void on_get(void *ctx, struct lane *lane, struct msg *m)
{
    struct job *j = begin(ctx, m, "HEAD");
    (void)lane;
    j->judge = judge_got;
    submit(j);
}

static enum err judge_read(struct job *j, struct blobs_answer *a)
{
    if (mark_of(j) != ask_of(j)->mark) return fail(ERR_CONFLICT, "the blob has changed");
    if (j->status != 206 || buf_size(&j->came) != ask_of(j)->len)
        return fail(ERR_PROTOCOL, "the answer is not the piece that was asked for");
    a->bytes = buf_slice(&j->came);
    return OK;
}

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    struct job *j = begin(ctx, m, "GET");
    const struct remote_ask *a = ask_of(j);
    (void)lane;
    j->judge = judge_read;
    snprintf(j->header, sizeof j->header, "x-ms-range: bytes=%llu-%llu",
             (unsigned long long)a->offset, (unsigned long long)(a->offset + a->len - 1));
    j->max = a->len;
    submit(j);
}

/* ---- life */

struct remote *remote_new(struct lane *lane, const char *ca_path)
{
    struct remote *r = NEW(struct remote);
    r->lane = lane;
    r->ca_path = ca_path;
    list_init(&r->containers);
    list_init(&r->carried);
    loop_init(&r->loop, on_ended);
    lane_on(lane, REMOTE_STAGE, on_stage, r);
    lane_on(lane, REMOTE_COMMIT, on_commit, r);
    lane_on(lane, REMOTE_GET, on_get, r);
    lane_on(lane, REMOTE_READ, on_read, r);
    return r;
}

void remote_start(struct remote *r)
{
    loop_start(&r->loop, r->lane);
}

void remote_stop(struct remote *r)
{
    loop_stop(&r->loop);
}

bool remote_turn(struct remote *r, int64_t *due_us)
{
    return loop_turn(&r->loop, r->lane, due_us);
}

static void container_free(struct container *c)
{
    LIST_EACH(node, &c->waiting)
    {
        metric_add(&waiting_now, -1);
        job_free(CONTAINER_OF(node, struct job, node));
    }
    c->carried = 0;
    drop_idle(c);
}

void remote_free(struct remote *r)
{
    if (r == NULL) return;
    LIST_EACH(node, &r->carried) job_free(CONTAINER_OF(node, struct job, node));
    LIST_EACH(node, &r->containers) container_free(CONTAINER_OF(node, struct container, node));
    loop_fini(&r->loop);
    free(r);
}
