/* http_trace.c - see http_trace.h. */
#include "cli/http_trace.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/output.h"

static const struct slice mask = {(const uint8_t *)"***", 3};

/* ---- what is a secret */

static bool says(struct slice text, const char *word)
{
    return slice_search(text, slice_str(word)) != NULL;
}

/* Wherever it stands. */
static bool is_secret_text(struct slice text)
{
    return says(text, "SharedAccessKey=") || says(text, "AccountKey=") || says(text, "sig=") ||
           says(text, "SharedAccessSignature ") || says(text, "#token=");
}

static bool ends_nocase(struct slice name, const char *end)
{
    struct slice tail = slice_str(end);
    return name.len >= tail.len && slice_eq_nocase(slice_from(name, name.len - tail.len), tail);
}

/* By the name of its member; `key` alone is an enrichment's name. */
static bool is_secret_member(struct slice name)
{
    static const char *const ends[] = {"key", "password", "secret", "token", "connectionString"};
    if (slice_is(name, "key")) return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_nocase(name, ends[i])) return true;
    return false;
}

/* Functions have their key in the query of their address. */
static bool is_secret_address(struct slice name, struct slice text)
{
    return (ends_nocase(name, "url") || ends_nocase(name, "uri")) && says(text, "?");
}

static void blank(struct json *value)
{
    if (value->type == JSON_STRING &&
        (is_secret_member(value->key) || is_secret_text(value->text) ||
         is_secret_address(value->key, value->text)))
        value->text = mask;
    for (struct json *j = value->child; j; j = j->next) blank(j);
}

/* ---- parts */

void http_trace_url(struct buf *out, const char *url)
{
    if (is_secret_text(slice_str(url)))
        text_mask_query(out, slice_str(url));
    else
        buf_put_str(out, url);
}

void http_trace_header(struct buf *out, struct slice line)
{
    struct slice name = slice_head(line, slice_find(line, ':'));
    bool secret = slice_is_nocase(name, "authorization") || slice_is_nocase(name, "set-cookie") ||
                  is_secret_text(line);
    buf_put_slice(out, secret ? name : line);
    if (secret) buf_printf(out, ": %.*s", SLICE_ARG(mask));
}

/* JSON without what is secret; of all else only how much it is. */
void http_trace_body(struct buf *out, struct slice body)
{
    struct arena a = {0};
    struct json *value;
    struct buf json = BUF_SECRET;
    if (body.len == 0) return;
    if (json_parse(&a, body, &value) == OK) {
        blank(value);
        json_write(&json, value);
        bool whole = buf_size(&json) <= HTTP_TRACE_BODY_MAX;
        buf_put_slice(out, slice_head(buf_slice(&json), HTTP_TRACE_BODY_MAX));
        if (!whole) buf_printf(out, "... (%zu bytes)", body.len);
    } else {
        buf_printf(out, "(%zu bytes)", body.len);
    }
    buf_wipe(&json);
    arena_wipe(&a); /* what was blanked is still in it */
}

/* ---- the exchange */

static void print(char sign, struct buf *line)
{
    struct buf out = {0};
    buf_printf(&out, "%c ", sign);
    output_put_line(&out, line);
    fputs(buf_cstr(&out), stderr);
    buf_free(&out);
}

static void print_body(char sign, struct slice body)
{
    struct buf line = {0};
    http_trace_body(&line, body);
    if (buf_size(&line)) print(sign, &line);
}

void http_trace_request(const char *method, const char *url, const struct curl_slist *headers,
                        struct slice body)
{
    struct buf line = {0};
    buf_printf(&line, "%s ", method);
    http_trace_url(&line, url);
    print('>', &line);
    for (; headers; headers = headers->next) {
        http_trace_header(&line, slice_str(headers->data));
        print('>', &line);
    }
    print_body('>', body);
}

void http_trace_answer(const struct http_answer *a, int64_t took_us)
{
    struct buf line = {0};
    struct slice rest = buf_slice(&a->headers), header;
    buf_printf(&line, "%ld after %lld ms", a->status, (long long)(took_us / 1000));
    print('<', &line);
    while (slice_split(&rest, '\n', &header)) {
        header = slice_trim(header);
        if (slice_find(header, ':') == header.len) continue; /* the status, and the end */
        http_trace_header(&line, header);
        print('<', &line);
    }
    print_body('<', buf_slice(&a->body));
}
