/* fit.c - what configurations make of one twin.
 *
 * The desired properties to be are built as a tree: what earlier configurations put there and nobody says
 * any more is taken out, then each configuration sets its paths, the least important first.  The patch is
 * the difference to what is there.
 */
#include "hub/configuration/fit.h"

#include <stdlib.h>

#include "base/text.h"

static struct json *child_of(const struct json *object, struct slice key)
{
    for (struct json *m = object ? object->child : NULL; m; m = m->next)
        if (slice_eq(m->key, key)) return m;
    return NULL;
}

static struct json *copy_of(struct arena *a, const struct json *j)
{
    struct buf text = {0};
    struct json *copy;
    json_write(&text, j);
    enum err e = json_parse(a, buf_slice(&text), &copy);
    assert(e == OK); /* it was JSON */
    buf_free(&text);
    return copy;
}

static void take_out(struct json *object, struct slice key)
{
    struct json **at = &object->child;
    while (*at && !slice_eq((*at)->key, key)) at = &(*at)->next;
    if (*at) *at = (*at)->next;
}

/* The path behind "properties.desired": "" or "a.b". */
static struct slice path_of(const struct json *setting)
{
    return slice_from(setting->key, sizeof "properties.desired." - 1);
}

/* ---- setting and clearing paths */

static void set_path(struct arena *a, struct json *desired, struct slice path,
                     const struct json *value)
{
    struct slice key;
    if (path.len == 0) { /* all of it, member by member */
        for (const struct json *m = value->child; m; m = m->next) set_path(a, desired, m->key, m);
        return;
    }
    struct slice rest = path;
    slice_split(&rest, '.', &key);
    if (rest.ptr == NULL && value->type == JSON_NULL) {
        take_out(desired, key);
        return;
    }
    if (rest.ptr == NULL) {
        json_set(a, desired, key, copy_of(a, value));
        return;
    }
    struct json *inner = child_of(desired, key);
    if (inner == NULL || inner->type != JSON_OBJECT)
        inner = json_set(a, desired, key, json_new(a, JSON_OBJECT));
    set_path(a, inner, rest, value);
}

/* Also the objects around it that are empty then. */
static void clear_path(struct json *desired, struct slice path)
{
    struct slice rest = path, key;
    slice_split(&rest, '.', &key);
    struct json *inner = child_of(desired, key);
    if (inner == NULL) return;
    if (rest.ptr && inner->type == JSON_OBJECT) {
        clear_path(inner, rest);
        if (inner->child) return;
    }
    take_out(desired, key);
}

static void clear_all(const struct item *it, struct json *desired)
{
    for (const struct json *s = it->content->child; s; s = s->next) {
        if (path_of(s).len) {
            clear_path(desired, path_of(s));
            continue;
        }
        for (const struct json *m = s->child; m; m = m->next) clear_path(desired, m->key);
    }
}

/* ---- who counts */

static const struct json *at_path(const struct json *desired, struct slice path)
{
    struct slice key;
    while (desired && path.ptr && slice_split(&path, '.', &key)) desired = child_of(desired, key);
    return desired;
}

static bool same(const struct json *a, const struct json *b)
{
    if (a == NULL || b == NULL) return a == b;
    if (a->type != b->type) return false;
    if (a->type == JSON_BOOL) return a->truth == b->truth;
    if (a->type == JSON_NUMBER || a->type == JSON_STRING) return slice_eq(a->text, b->text);
    if (a->type == JSON_ARRAY) {
        const struct json *x = a->child, *y = b->child;
        for (; x && y; x = x->next, y = y->next)
            if (!same(x, y)) return false;
        return x == NULL && y == NULL;
    }
    if (a->type == JSON_OBJECT) {
        for (const struct json *m = a->child; m; m = m->next)
            if (!same(m, child_of(b, m->key))) return false;
        for (const struct json *m = b->child; m; m = m->next)
            if (!child_of(a, m->key)) return false;
    }
    return true;
}

/* Is one of its settings what the twin is to have? */
static bool counts(const struct item *it, const struct json *desired)
{
    for (const struct json *s = it->content->child; s; s = s->next) {
        const struct json *at = at_path(desired, path_of(s).len ? path_of(s) : SLICE_NONE);
        if (path_of(s).len && (s->type == JSON_NULL ? at == NULL : same(s, at))) return true;
        if (path_of(s).len) continue;
        for (const struct json *m = s->child; m; m = m->next)
            if (same(m, child_of(desired, m->key))) return true;
    }
    return it->content->child == NULL;
}

/* ---- the difference */

/* A merge patch from `is` to `wanted`; NULL: there is no difference. */
static struct json *difference(struct arena *a, const struct json *is, const struct json *wanted)
{
    struct json *patch = NULL;
    for (const struct json *m = is->child; m; m = m->next) {
        if (m->key.len && m->key.ptr[0] == '$') continue;
        if (child_of(wanted, m->key)) continue;
        if (patch == NULL) patch = json_new(a, JSON_OBJECT);
        json_set(a, patch, m->key, json_new(a, JSON_NULL));
    }
    for (const struct json *m = wanted->child; m; m = m->next) {
        const struct json *old = child_of(is, m->key);
        struct json *value;
        if (m->key.len && m->key.ptr[0] == '$') continue;
        if (old && old->type == JSON_OBJECT && m->type == JSON_OBJECT)
            value = difference(a, old, m);
        else
            value = same(old, m) ? NULL : copy_of(a, m);
        if (value == NULL) continue;
        if (patch == NULL) patch = json_new(a, JSON_OBJECT);
        json_set(a, patch, m->key, value);
    }
    return patch;
}

/* ---- all of it */

static bool was_applied(const struct json *twin, const struct item *it)
{
    const struct json *had = child_of(json_get(twin, "configurations"), it->id);
    return slice_is(json_str(had, "status"), "Applied");
}

static void put_configurations(struct buf *out, const struct fit *fit)
{
    buf_put_u8(out, '{');
    for (unsigned i = 0; i < fit->count; i++) {
        if (i) buf_put_u8(out, ',');
        text_json_string(out, fit->items[i].item->id);
        buf_printf(out, ":{\"status\":\"%s\"}", fit->items[i].applied ? "Applied" : "Targeted");
    }
    buf_put_u8(out, '}');
}

static void put_json(struct arena *a, struct fit *fit, const struct json *patch)
{
    struct buf text = {0};
    buf_put_str(&text, "{\"configurations\":");
    put_configurations(&text, fit);
    if (patch) {
        buf_put_str(&text, ",\"properties\":{\"desired\":");
        json_write(&text, patch);
        buf_put_u8(&text, '}');
    }
    buf_put_u8(&text, '}');
    fit->json = arena_copy(a, buf_slice(&text));
    buf_free(&text);
}

static bool configurations_differ(struct arena *a, const struct json *twin, const struct fit *fit)
{
    const struct json *had = json_get(twin, "configurations");
    struct buf text = {0};
    struct json *now;
    put_configurations(&text, fit);
    enum err e = json_parse(a, buf_slice(&text), &now);
    assert(e == OK);
    buf_free(&text);
    return had || now->child ? !same(had ? had : json_new(a, JSON_OBJECT), now) : false;
}

void conf_fit_make(struct arena *a, const struct list *items, const struct json *twin,
                   bool of_module, struct fit *out)
{
    const struct json *is = json_get(json_get(twin, "properties"), "desired");
    struct json *wanted = copy_of(a, is);
    enum content_kind kind = of_module ? CONTENT_MODULE : CONTENT_DEVICE;
    out->count = 0;
    LIST_EACH(node, items)
    {
        const struct item *it = CONTAINER_OF(node, struct item, node);
        bool means = it->kind == kind && it->query && query_match(a, it->query, twin);
        if (!means && was_applied(twin, it)) clear_all(it, wanted);
        if (means) out->items[out->count++] = (struct fit_item){it, arena_copy(a, it->id), false};
    }
    for (unsigned i = 0; i < out->count; i++)
        for (const struct json *s = out->items[i].item->content->child; s; s = s->next)
            set_path(a, wanted, path_of(s), s);
    for (unsigned i = 0; i < out->count; i++)
        out->items[i].applied = counts(out->items[i].item, wanted);
    const struct json *patch = difference(a, is, wanted);
    out->changes = patch || configurations_differ(a, twin, out);
    put_json(a, out, patch);
}
