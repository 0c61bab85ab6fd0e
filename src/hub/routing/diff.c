/* diff.c - what a document changes. */
#include "base/text.h"
#include "hub/routing/document.h"

struct diff {
    struct buf *out;
    const char *what, *key;
};

static void put(const struct diff *d, const char *change, struct slice name)
{
    if (d->out->ptr[d->out->len - 1] != '[') buf_put_u8(d->out, ',');
    buf_printf(d->out, "{\"change\":\"%s\",\"what\":\"%s\",\"name\":", change, d->what);
    text_json_string(d->out, name);
    buf_put_u8(d->out, '}');
}

static const struct json *find(const struct diff *d, const struct json *list, struct slice name)
{
    for (const struct json *item = list ? list->child : NULL; item; item = item->next)
        if (slice_eq_nocase(json_str(item, d->key), name)) return item;
    return NULL;
}

static bool same(const struct json *a, const struct json *b)
{
    struct buf first = {0}, second = {0};
    json_write(&first, a);
    json_write(&second, b);
    bool equal = slice_eq(buf_slice(&first), buf_slice(&second));
    buf_free(&first);
    buf_free(&second);
    return equal;
}

static void compare(const struct diff *d, const struct json *before, const struct json *after)
{
    for (const struct json *item = before ? before->child : NULL; item; item = item->next)
        if (find(d, after, json_str(item, d->key)) == NULL)
            put(d, "removed", json_str(item, d->key));
    for (const struct json *item = after ? after->child : NULL; item; item = item->next) {
        const struct json *old = find(d, before, json_str(item, d->key));
        if (old == NULL)
            put(d, "added", json_str(item, d->key));
        else if (!same(old, item))
            put(d, "changed", json_str(item, d->key));
    }
}

/* Kinds that only one of the two documents has are not there: both are of the same hub. */
static void compare_endpoints(struct buf *out, const struct json *before, const struct json *after)
{
    const struct diff d = {out, "endpoint", "name"};
    for (const struct json *kind = after->child; kind; kind = kind->next)
        compare(&d, json_find(before, kind->key), kind);
}

void routing_document_diff(struct buf *out, const struct json *before, const struct json *after)
{
    const struct json *old = json_get(before, "fallbackRoute");
    buf_put_u8(out, '[');
    compare_endpoints(out, json_get(before, "endpoints"), json_get(after, "endpoints"));
    compare(&(struct diff){out, "route", "name"}, json_get(before, "routes"),
            json_get(after, "routes"));
    if (!same(old, json_get(after, "fallbackRoute")))
        put(&(struct diff){out, "fallbackRoute", "name"}, "changed", json_str(old, "name"));
    compare(&(struct diff){out, "enrichment", "key"}, json_get(before, "enrichments"),
            json_get(after, "enrichments"));
    buf_put_u8(out, ']');
}
