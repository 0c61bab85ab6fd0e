/* http.c - requests through libcurl, and what refusals mean. */
#include "cli/http.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/http_trace.h"
#include "out/curl.h"

const char *http_path(struct cli *c, const char *before, struct slice id)
{
    struct buf path = {0};
    buf_put_str(&path, before);
    text_percent(&path, id);
    return cli_keep(c, &path);
}

size_t http_take(char *bytes, size_t one, size_t count, void *ctx)
{
    struct buf *all = ctx;
    if (buf_size(all) + one * count > HTTP_ANSWER_MAX) return 0;
    buf_put(all, bytes, one * count);
    return count;
}

void http_answer_free(struct http_answer *a)
{
    buf_wipe(&a->body);
    buf_free(&a->headers);
}

struct slice http_answer_header(const struct http_answer *a, const char *name)
{
    struct slice rest = buf_slice(&a->headers), line, key;
    while (slice_split(&rest, '\n', &line)) {
        slice_split(&line, ':', &key);
        if (slice_is_nocase(key, name)) return slice_trim(line);
    }
    return SLICE_NONE;
}

static void add_header(const struct curl_functions *f, struct curl_slist **list, const char *name,
                       const char *value)
{
    struct buf line = BUF_SECRET;
    buf_printf(&line, "%s: %s", name, value);
    *list = f->list_append(*list, buf_cstr(&line));
    buf_wipe(&line);
}

static enum err make_headers(const struct curl_functions *f, struct target *t,
                             const struct http_call *call, struct curl_slist **list)
{
    struct buf token = BUF_SECRET;
    if (call->token) {
        add_header(f, list, "Authorization", call->token);
    } else if (t->data == NULL) {
        TRY(target_token(t, "", &token));
        add_header(f, list, "Authorization", buf_cstr(&token));
        buf_wipe(&token);
    }
    if (call->body.ptr)
        add_header(f, list, "Content-Type",
                   call->type ? call->type : "application/json; charset=utf-8");
    if (call->if_match) add_header(f, list, "If-Match", call->if_match);
    if (call->continuation) add_header(f, list, "x-ms-continuation", call->continuation);
    if (call->max_items) {
        char max[16];
        snprintf(max, sizeof max, "%u", call->max_items);
        add_header(f, list, "x-ms-max-item-count", max);
    }
    if (call->header) *list = f->list_append(*list, call->header);
    for (size_t i = 0; i < call->header_count; i++) *list = f->list_append(*list, call->headers[i]);
    return OK;
}

static bool is_admin(const struct http_call *call)
{
    return slice_starts(slice_str(call->path), SLICE_LIT("/admin/"));
}

static void make_url(const struct target *t, const struct http_call *call, struct buf *url)
{
    if (!t->data && is_admin(call)) {
        buf_printf(url, "%s%s", t->admin_url, call->path);
    } else if (t->data) {
        buf_printf(url, "http://localhost%s", call->path);
    } else {
        buf_put_str(url, "https://");
        text_url_host(url, t->dial);
        buf_printf(url, ":%u%s", t->https_port, call->path);
    }
    if (is_admin(call)) return;
    buf_printf(url, "%sapi-version=%s", strchr(call->path, '?') ? "&" : "?", HTTP_API_VERSION);
}

long http_left_ms(int64_t end_us)
{
    int64_t left_ms = (end_us - clock_mono_us()) / 1000;
    return (long)MIN(MAX(left_ms, HTTP_WAIT_MS_MIN), HTTP_WAIT_S * INT64_C(1000));
}

/* For the answer: what the caller has left, what the call may take, or HTTP_WAIT_S. */
static long wait_ms(const struct target *t, const struct http_call *call)
{
    if (t->cli->wait_ms) return t->cli->wait_ms;
    return (call->wait_s ? (long)call->wait_s : HTTP_WAIT_S) * 1000l;
}

static void set_options(const struct curl_functions *f, CURL *h, const struct target *t,
                        const struct http_call *call, const char *socket)
{
    f->set(h, CURLOPT_CUSTOMREQUEST, call->method);
    f->set(h, CURLOPT_TIMEOUT_MS, wait_ms(t, call));
    curl_common(f, h, "http,https", t->data ? NULL : t->ca, HTTP_CONNECT_S);
    f->set(h, CURLOPT_WRITEFUNCTION, http_take);
    if (call->body.ptr) {
        f->set(h, CURLOPT_POSTFIELDS, call->body.ptr);
        f->set(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    }
    if (t->data) f->set(h, CURLOPT_UNIX_SOCKET_PATH, socket);
}

static enum err explain(const struct curl_functions *f, const struct target *t,
                        const struct http_call *call, CURLcode code, const char *detail)
{
    const char *words = *detail ? detail : f->error_text(code);
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return fail(ERR_CLOSED,
                    "the certificate of %s is not trusted (%s): name the hub's ca.pem with --ca",
                    t->dial, words);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return fail(ERR_TIMEOUT, "%s did not answer in time (%s)", t->name, words);
    if (code == CURLE_WRITE_ERROR)
        return fail(ERR_TOO_BIG, "%s answered with more than %d MiB", t->name,
                    HTTP_ANSWER_MAX >> 20);
    if (t->data)
        return fail(ERR_CLOSED,
                    "the server of %s does not answer (%s): is 'azimuth serve --data %s' running?",
                    t->data, words, t->data);
    if (is_admin(call))
        return fail(
            ERR_CLOSED,
            "no hub answers at %s (%s): its administration is on the console's address; name "
            "it with --admin-url",
            t->admin_url, words);
    return fail(ERR_CLOSED, "no hub answers at %s:%u (%s): is it running, and is the port right?",
                t->dial, t->https_port, words);
}

static int show_sent(void *ctx, curl_off_t down_all, curl_off_t down, curl_off_t all,
                     curl_off_t sent)
{
    const struct http_sending *s = ctx;
    (void)down_all, (void)down, (void)all;
    bool whole = (uint64_t)sent >= s->len;
    if (!whole)
        progress_show(s->progress, &(struct progress_at){.step = s->step,
                                                         .unit = "bytes",
                                                         .done = (uint64_t)sent,
                                                         .total = s->len});
    return 0;
}

void http_show_sending(const struct curl_functions *f, void *handle, struct http_sending *s)
{
    f->set(handle, CURLOPT_NOPROGRESS, 0l);
    f->set(handle, CURLOPT_XFERINFOFUNCTION, show_sent);
    f->set(handle, CURLOPT_XFERINFODATA, s);
}

/* One for all: connections are used again. */
static CURL *handle(const struct curl_functions *f)
{
    static CURL *one;
    if (one)
        f->reset(one);
    else
        one = f->easy_init();
    return one;
}

enum err http_do(struct target *t, const struct http_call *call, struct http_answer *out)
{
    const struct curl_functions *f;
    TRY(curl_load(&f));
    struct curl_slist *headers = NULL;
    struct buf url = {0}, socket = {0};
    char detail[CURL_ERROR_SIZE] = "";
    CURL *h = handle(f);
    *out = (struct http_answer){.body = BUF_SECRET};
    enum err e = make_headers(f, t, call, &headers);
    if (e == OK) {
        make_url(t, call, &url);
        if (t->data) buf_printf(&socket, "%s/azimuth.sock", t->data);
        set_options(f, h, t, call, buf_cstr(&socket));
        f->set(h, CURLOPT_URL, buf_cstr(&url));
        f->set(h, CURLOPT_HTTPHEADER, headers);
        f->set(h, CURLOPT_WRITEDATA, &out->body);
        f->set(h, CURLOPT_HEADERFUNCTION, http_take);
        f->set(h, CURLOPT_HEADERDATA, &out->headers);
        f->set(h, CURLOPT_ERRORBUFFER, detail);
        struct http_sending sending = {&t->cli->progress, call->sending, call->body.len};
        if (call->sending) http_show_sending(f, h, &sending);
        bool traced = cli_given(t->cli, "debug");
        int64_t began_us = clock_mono_us();
        if (traced) http_trace_request(call->method, buf_cstr(&url), headers, call->body);
        CURLcode code = f->perform(h);
        if (code != CURLE_OK) e = explain(f, t, call, code, detail);
        f->get(h, CURLINFO_RESPONSE_CODE, &out->status);
        if (traced && e == OK) http_trace_answer(out, clock_mono_us() - began_us);
    }
    f->list_free(headers);
    buf_free(&url);
    buf_free(&socket);
    if (e == OK && !call->raw &&
        json_parse(&t->cli->arena, buf_slice(&out->body), &out->json) != OK)
        out->json = NULL;
    if (e != OK) http_answer_free(out);
    return e;
}

/* The sentence in Azure's error bodies: {"Message":"ErrorCode:Name;text"} or {"message":"text"}, or
 * one as text in the other. */
struct slice http_message(const struct target *t, const struct http_answer *a)
{
    struct json *inner, *j = json_get_nocase(a->json, "message");
    if (j == NULL || j->type != JSON_STRING) return slice_head(buf_slice(&a->body), 200);
    struct slice text = j->text;
    if (slice_starts(text, SLICE_LIT("{")) && json_parse(&t->cli->arena, text, &inner) == OK &&
        json_str(inner, "message").len)
        return json_str(inner, "message");
    size_t semicolon = slice_find(text, ';');
    if (slice_starts_nocase(text, SLICE_LIT("ErrorCode:")) && semicolon < text.len)
        return slice_trim(slice_from(text, semicolon + 1));
    return text;
}

/* Of 403s: IoT Hub names its codes in a header, DPS has the number alone: 401xxx, or of quotas 403xxx. */
static bool is_about_rights(const struct http_answer *a)
{
    static const char about[] = "Unauthorized";
    struct slice name = http_answer_header(a, "iothub-errorcode");
    const struct json *code = json_get_nocase(a->json, "errorCode");
    int64_t number = 0;
    if (a->status != 403) return true;
    if (name.len) return slice_search(name, slice_str(about)) != NULL;
    return code == NULL || json_i64(code, &number) != OK || number / 1000 != 403;
}

enum err http_refusal(const struct target *t, const struct http_answer *a, const char *what)
{
    struct slice said = http_message(t, a);
    switch (a->status) {
    case 401:
    case 403:
        if (!is_about_rights(a))
            return fail(ERR_FULL, "%s refused %s: %.*s", t->name, what, SLICE_ARG(said));
        return fail(ERR_DENIED,
                    "%s does not allow this to policy '%.*s' (%ld): check its key and rights",
                    t->name, SLICE_ARG(t->login.policy), a->status);
    case 404: return fail(ERR_NOT_FOUND, "there is no %s on %s", what, t->name);
    case 409: return fail(ERR_EXISTS, "%s exists already on %s", what, t->name);
    case 412:
        return fail(ERR_PRECONDITION,
                    "%s is not as it was expected (etag): look at it and try again", what);
    case 429: return fail(ERR_THROTTLED, "%s is busy (429): try again in a while", t->name);
    default:
        return fail(ERR_PROTOCOL, "%s refused %s: %.*s (%ld)", t->name, what, SLICE_ARG(said),
                    a->status);
    }
}

enum err http_json(struct target *t, const struct http_call *call, const char *what,
                   struct json **json)
{
    struct http_answer a;
    TRY(http_do(t, call, &a));
    enum err e = a.status >= 300 ? http_refusal(t, &a, what) : OK;
    *json = a.json;
    http_answer_free(&a);
    return e;
}
