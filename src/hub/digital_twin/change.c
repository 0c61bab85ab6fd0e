/* change.c - what a change of a twin is in the digital twin: a JSON Patch from one view to the other.
 *
 *   [{"op":"add","path":"/$metadata/temp","value":{"lastUpdateTime":".."}},
 *    {"op":"add","path":"/temp","value":21}]
 *
 * Members that both have are looked into, as IoT Hub does ("/$metadata/temp/lastUpdateTime"); what is
 * new or has another type comes whole.  Values of properties are not looked into.
 * Source: "IoT Plug and Play service developer guide", digital twin change notifications.
 */
#include "hub/digital_twin/document.h"

static struct json *path_of(struct arena *a, struct slice parent, struct slice key)
{
    struct buf text = {0};
    buf_put_slice(&text, parent);
    buf_put_u8(&text, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~')
            buf_put_str(&text, "~0");
        else if (key.ptr[i] == '/')
            buf_put_str(&text, "~1");
        else
            buf_put_u8(&text, key.ptr[i]);
    }
    struct json *out = json_new_string(a, buf_slice(&text));
    buf_free(&text);
    return out;
}

static bool same_in(const struct json *from, const struct json *to);

bool document_same(const struct json *a, const struct json *b)
{
    if (a->type != b->type || a->truth != b->truth || !slice_eq(a->text, b->text)) return false;
    if (a->type == JSON_OBJECT) return same_in(a, b) && same_in(b, a);
    const struct json *i = a->child, *j = b->child;
    for (; i && j; i = i->next, j = j->next)
        if (!document_same(i, j)) return false;
    return i == j;
}

static bool same_in(const struct json *from, const struct json *to)
{
    for (const struct json *j = from->child; j; j = j->next) {
        const struct json *other = json_find(to, j->key);
        if (other == NULL || !document_same(j, other)) return false;
    }
    return true;
}

struct diff {
    struct arena *arena;
    struct json *ops;
};

static void add_op(struct diff *d, const char *op, struct slice parent, struct slice key,
                   const struct json *value)
{
    struct json *o = json_new(d->arena, JSON_OBJECT);
    json_set(d->arena, o, SLICE_LIT("op"), json_new_string(d->arena, slice_str(op)));
    json_set(d->arena, o, SLICE_LIT("path"), path_of(d->arena, parent, key));
    if (value) json_set(d->arena, o, SLICE_LIT("value"), document_copy(d->arena, value));
    json_append(d->ops, o);
}

/* Where a member stands.  The view has made the objects of the first three; what is in an entry is the
 * device's. */
enum level { IN_VIEW, IN_METADATA, IN_ENTRY };

/* Is the member itself compared member by member, and then as what? */
static bool goes_into(enum level level, const struct json *old, const struct json *next,
                      enum level *inner)
{
    bool view = json_get(old, "$metadata") && json_get(next, "$metadata");
    if (level == IN_ENTRY || old->type != JSON_OBJECT || next->type != JSON_OBJECT) return false;
    *inner = level == IN_METADATA ? IN_ENTRY : view ? IN_VIEW : IN_METADATA;
    return level == IN_METADATA || view || slice_is(next->key, "$metadata");
}

static void compare(struct diff *d, struct slice path, enum level level, const struct json *from,
                    const struct json *to)
{
    enum level inner;
    for (const struct json *next = to->child; next; next = next->next) {
        const struct json *old = json_find(from, next->key);
        if (old == NULL)
            add_op(d, "add", path, next->key, next);
        else if (goes_into(level, old, next, &inner))
            compare(d, path_of(d->arena, path, next->key)->text, inner, old, next);
        else if (!document_same(old, next))
            add_op(d, "replace", path, next->key, next);
    }
    for (const struct json *old = from->child; old; old = old->next)
        if (json_find(to, old->key) == NULL) add_op(d, "remove", path, old->key, NULL);
}

bool digital_twin_put_change(struct buf *out, struct slice before, struct slice after)
{
    struct arena arena = {0};
    struct json *from, *to;
    struct diff d = {&arena, json_new(&arena, JSON_ARRAY)};
    enum err e = json_parse(&arena, before, &from);
    if (e == OK) e = json_parse(&arena, after, &to);
    if (e == OK)
        compare(&d, SLICE_LIT(""), IN_VIEW, document_view(&arena, from), document_view(&arena, to));
    if (d.ops->child) json_write(out, d.ops);
    bool any = d.ops->child != NULL;
    arena_free(&arena);
    return any;
}
