/* bits.c - given, left, given again. */
#include "hub/routing/bits.h"

#include <stdio.h>

#include "base/text.h"

unsigned routing_bits_find(const struct routing_bits *b, struct slice kind, struct slice name)
{
    for (unsigned i = 1; i < ROUTE_ENDPOINTS_MAX; i++) {
        const struct routing_bit *x = &b->bit[i];
        if (x->taken && x->removed_us == 0 && slice_is(kind, x->kind) &&
            slice_is_nocase(name, x->name))
            return i;
    }
    return 0;
}

static void leave(struct routing_bits *b, const struct json *document, int64_t wall_us)
{
    for (unsigned i = 1; i < ROUTE_ENDPOINTS_MAX; i++) {
        struct routing_bit *x = &b->bit[i];
        if (x->taken && x->removed_us == 0 &&
            routing_document_endpoint(document, x->kind, slice_str(x->name)) == NULL)
            x->removed_us = wall_us;
    }
}

static unsigned find_free(const struct routing_bits *b)
{
    for (unsigned i = 1; i < ROUTE_ENDPOINTS_MAX; i++)
        if (!b->bit[i].taken) return i;
    return 0;
}

static unsigned find_oldest(const struct routing_bits *b)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < ROUTE_ENDPOINTS_MAX; i++) {
        const struct routing_bit *x = &b->bit[i];
        if (x->removed_us == 0) continue;
        if (oldest == 0 || x->removed_us < b->bit[oldest].removed_us) oldest = i;
    }
    return oldest;
}

enum err routing_bits_full(void)
{
    return fail(ERR_FULL,
                "%d endpoints were there in turn, and the stream still has messages for those that "
                "are gone: try again when they are over its retention",
                ROUTE_ENDPOINTS_MAX - 1);
}

static enum err give(struct routing_bits *b, struct slice kind, struct slice name, int64_t wall_us,
                     unsigned *oldest)
{
    if (routing_bits_find(b, kind, name)) return OK;
    unsigned bit = find_free(b);
    *oldest = bit ? 0 : find_oldest(b);
    if (bit == 0) return routing_bits_full();
    struct routing_bit *x = &b->bit[bit];
    *x = (struct routing_bit){.taken = true, .since_us = wall_us};
    snprintf(x->name, sizeof x->name, "%.*s", SLICE_ARG(name));
    snprintf(x->kind, sizeof x->kind, "%.*s", SLICE_ARG(kind));
    return OK;
}

enum err routing_bits_assign(struct routing_bits *b, const struct json *document, int64_t wall_us,
                             unsigned *oldest)
{
    const struct json *kinds = json_get(document, "endpoints");
    leave(b, document, wall_us);
    for (const struct json *kind = kinds->child; kind; kind = kind->next)
        for (const struct json *e = kind->child; e; e = e->next)
            TRY(give(b, kind->key, json_str(e, "name"), wall_us, oldest));
    return OK;
}

/* ---- as they are kept */

void routing_bits_write(const struct routing_bits *b, struct buf *out)
{
    buf_put_u8(out, '[');
    for (unsigned i = 1; i < ROUTE_ENDPOINTS_MAX; i++) {
        const struct routing_bit *x = &b->bit[i];
        if (!x->taken) continue;
        if (out->ptr[out->len - 1] != '[') buf_put_u8(out, ',');
        buf_printf(out,
                   "{\"bit\":%u,\"kind\":\"%s\",\"name\":\"%s\",\"since\":%lld,\"removed\":%lld}",
                   i, x->kind, x->name, (long long)x->since_us, (long long)x->removed_us);
    }
    buf_put_u8(out, ']');
}

static enum err read_one(struct routing_bits *b, const struct json *item)
{
    int64_t bit;
    const struct json *number = json_get(item, "bit"), *since = json_get(item, "since"),
                      *removed = json_get(item, "removed");
    if (number == NULL || since == NULL || removed == NULL) return ERR_CORRUPT;
    TRY(json_i64(number, &bit));
    if (bit < 1 || bit >= ROUTE_ENDPOINTS_MAX) return ERR_CORRUPT;
    struct routing_bit *x = &b->bit[bit];
    x->taken = true;
    TRY(json_i64(since, &x->since_us));
    TRY(json_i64(removed, &x->removed_us));
    snprintf(x->name, sizeof x->name, "%.*s", SLICE_ARG(json_str(item, "name")));
    snprintf(x->kind, sizeof x->kind, "%.*s", SLICE_ARG(json_str(item, "kind")));
    return OK;
}

enum err routing_bits_read(struct routing_bits *b, struct slice json)
{
    struct arena a = {0};
    struct json *list;
    *b = (struct routing_bits){0};
    enum err e = json_parse(&a, json, &list);
    for (const struct json *item = e == OK ? list->child : NULL; item && e == OK; item = item->next)
        e = read_one(b, item);
    arena_free(&a);
    return e == OK ? OK : fail(ERR_CORRUPT, "the stored bits of endpoints cannot be read");
}
