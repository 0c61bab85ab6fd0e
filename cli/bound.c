/* bound.c - see bound.h. */
#include "cli/bound.h"

#include <stdio.h>

#include "base/text.h"

const struct bound_way bound_ways[BOUND_WAYS] = {
    {"complete", "DELETE", ""}, {"abandon", "POST", "/abandon"}, {"reject", "DELETE", "?reject"}};

const struct bound_way *bound_way_of(const char *name)
{
    for (size_t i = 0; i < BOUND_WAYS; i++)
        if (strcmp(bound_ways[i].name, name) == 0) return &bound_ways[i];
    return NULL;
}

static void put_path(struct buf *out, const struct bound *b)
{
    buf_put_str(out, "/devices/");
    text_percent(out, b->device);
    buf_put_str(out, "/messages/deviceBound");
}

/* 412 is about the lock here. */
enum err bound_refusal(const struct bound *b, const struct http_answer *a)
{
    char what[200];
    struct slice said = http_message(b->target, a);
    if (a->status == 412) return fail(ERR_PRECONDITION, "%.*s", SLICE_ARG(said));
    snprintf(what, sizeof what, "device '%.*s'", SLICE_ARG(slice_head(b->device, 150)));
    return http_refusal(b->target, a, what);
}

enum err bound_take(const struct bound *b, int lock_s, struct http_answer *out)
{
    char header[64];
    struct buf path = {0};
    put_path(&path, b);
    snprintf(header, sizeof header, "iothub-messagelocktimeout: %d", lock_s);
    const struct http_call call = {
        .method = "GET", .path = buf_cstr(&path), .header = header, .token = b->token};
    enum err e = http_do(b->target, &call, out);
    buf_free(&path);
    return e;
}

struct slice bound_lock(const struct http_answer *a)
{
    struct slice etag = http_answer_header(a, "etag");
    return etag.len > 2 ? slice_of(etag.ptr + 1, etag.len - 2) : etag;
}

enum err bound_settle(const struct bound *b, struct slice lock, const struct bound_way *way)
{
    struct http_answer a;
    struct buf path = {0};
    put_path(&path, b);
    buf_put_u8(&path, '/');
    text_percent(&path, lock);
    buf_put_str(&path, way->tail);
    const struct http_call call = {
        .method = way->method, .path = buf_cstr(&path), .token = b->token};
    enum err e = http_do(b->target, &call, &a);
    buf_free(&path);
    if (e != OK) return e;
    if (a.status >= 300) e = bound_refusal(b, &a);
    http_answer_free(&a);
    return e;
}
