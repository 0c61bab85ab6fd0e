/* patch.c - from a JSON Patch to the merge patch of desired properties that does the same.
 *
 *   copy of the desired properties ──ops, one after the other──▶ what they are to be ──difference──▶
 *
 * Paths are /property, /component/property, and deeper where a property is an object.  A component that
 * is not there yet is made.  `replace` of what is absent adds it, `remove` of it does nothing, as a
 * service that has not looked first expects.
 */
#include "hub/digital_twin/document.h"

#include <stdio.h>

enum { PATH_SEGMENTS_MAX = 10 }; /* TWIN_DEPTH_MAX */

static const char bad_json[] = "InvalidDigitalTwinJsonPatch",
                  bad_patch[] = "InvalidDigitalTwinPatch",
                  bad_path[] = "InvalidDigitalTwinPatchPath";

static enum err refuse(struct document_refusal *why, const char *error, const char *text,
                       struct slice about)
{
    why->error = error;
    snprintf(why->text, sizeof why->text, "%s%s%.*s", text, about.len ? ": " : "",
             SLICE_ARG(slice_head(about, 64)));
    return ERR_INVALID;
}

/* ---- trees */

static void drop_member(struct json *object, struct slice key)
{
    struct json **at = &object->child;
    while (*at && !slice_eq((*at)->key, key)) at = &(*at)->next;
    if (*at) *at = (*at)->next;
}

static void mark_component(struct arena *a, struct json *object)
{
    json_set(a, object, SLICE_LIT("__t"), json_new_string(a, SLICE_LIT("c")));
}

/* Without members that the hub writes itself; at `top` such a member says that it is a component.  A body may have
 * a hundred thousand elements, so each goes to the end without a look at those before it. */
static struct json *copy_value(struct arena *a, const struct json *value, bool top)
{
    struct json *out = json_new(a, value->type), **end = &out->child;
    bool is_object = value->type == JSON_OBJECT;
    out->truth = value->truth;
    out->text = value->text;
    if (is_object && top && json_get(value, "$metadata") && json_get(value, "__t") == NULL) {
        mark_component(a, out);
        end = &out->child->next;
    }
    for (const struct json *child = value->child; child; child = child->next) {
        if (is_object && slice_starts(child->key, SLICE_LIT("$"))) continue;
        *end = copy_value(a, child, false);
        (*end)->key = child->key;
        end = &(*end)->next;
    }
    return out;
}

/* ---- paths */

struct path {
    struct slice segments[PATH_SEGMENTS_MAX];
    unsigned count;
};

/* RFC 6901: ~1 is a slash, ~0 a tilde. */
static struct slice unescape(struct arena *a, struct slice text)
{
    struct buf out = {0};
    for (size_t i = 0; i < text.len; i++) {
        bool escaped = text.ptr[i] == '~' && i + 1 < text.len &&
                       (text.ptr[i + 1] == '0' || text.ptr[i + 1] == '1');
        buf_put_u8(&out, escaped ? (text.ptr[++i] == '0' ? '~' : '/') : text.ptr[i]);
    }
    struct slice copy = arena_copy(a, buf_slice(&out));
    buf_free(&out);
    return copy;
}

static bool read_path(struct arena *a, struct slice text, struct path *out)
{
    struct slice segment;
    *out = (struct path){0};
    if (!slice_starts(text, SLICE_LIT("/"))) return false;
    text = slice_from(text, 1);
    while (slice_split(&text, '/', &segment)) {
        if (segment.len == 0 || segment.ptr[0] == '$' || out->count == PATH_SEGMENTS_MAX)
            return false;
        out->segments[out->count++] = unescape(a, segment);
    }
    return out->count > 0;
}

/* What a first segment with more behind it names, if it is not there yet: a component, unless the
 * device has reported a plain object by that name. */
static struct json *make_parent(struct arena *a, struct json *object, struct slice key,
                                const struct json *reported, bool first)
{
    const struct json *told = json_find(reported, key);
    struct json *made = json_set(a, object, key, json_new(a, JSON_OBJECT));
    if (first && (told == NULL || document_is_component(told))) mark_component(a, made);
    return made;
}

/* The object that holds the path's last segment; NULL: there is none, and none may be made. */
static struct json *find_parent(struct arena *a, struct json *desired, const struct json *reported,
                                const struct path *path, bool make)
{
    struct json *at = desired;
    for (unsigned i = 0; i + 1 < path->count; i++) {
        struct json *next = json_find(at, path->segments[i]);
        if (next && next->type != JSON_OBJECT) return NULL;
        if (next == NULL && !make) return NULL;
        at = next ? next : make_parent(a, at, path->segments[i], reported, i == 0);
    }
    return at;
}

/* ---- ops */

static enum err apply(struct arena *a, struct json *desired, const struct json *reported,
                      const struct json *op, struct document_refusal *why)
{
    struct slice name = json_str(op, "op"), text = json_str(op, "path");
    const struct json *value = json_get(op, "value");
    bool removes = slice_is(name, "remove");
    struct path path;
    if (!removes && !slice_is(name, "add") && !slice_is(name, "replace"))
        return refuse(why, bad_json, "an operation is add, replace or remove", name);
    if (!removes && value == NULL) return refuse(why, bad_json, "an operation has no value", text);
    if (!read_path(a, text, &path))
        return refuse(why, bad_path, "a path is /property or /component/property", text);
    removes = removes || value->type == JSON_NULL;
    struct json *parent = find_parent(a, desired, reported, &path, !removes);
    struct slice last = path.segments[path.count - 1];
    if (parent == NULL && !removes)
        return refuse(why, bad_path, "a path leads through what is no object", text);
    if (parent && removes) drop_member(parent, last);
    if (parent && !removes) json_set(a, parent, last, copy_value(a, value, path.count == 1));
    return OK;
}

/* ---- the difference */

static bool same(const struct json *x, const struct json *y)
{
    if (x->type != y->type || x->truth != y->truth) return false;
    if (x->type == JSON_NUMBER || x->type == JSON_STRING) return slice_eq(x->text, y->text);
    const struct json *left = x->child, *right = y->child;
    for (; left && right; left = left->next, right = right->next)
        if (!slice_eq(left->key, right->key) || !same(left, right)) return false;
    return left == NULL && right == NULL;
}

/* What a member becomes; NULL: it stays as it is. */
static struct json *change_of(struct arena *a, const struct json *old, const struct json *now);

/* NULL: none.  A component says that it is one in every patch: devices look for it there. */
static struct json *difference(struct arena *a, const struct json *from, const struct json *to)
{
    struct json *out = json_new(a, JSON_OBJECT), **end = &out->child;
    for (const struct json *old = from->child; old; old = old->next) {
        if (json_find(to, old->key)) continue;
        *end = json_new(a, JSON_NULL);
        (*end)->key = old->key;
        end = &(*end)->next;
    }
    for (const struct json *now = to->child; now; now = now->next) {
        struct json *change = change_of(a, json_find(from, now->key), now);
        if (change == NULL) continue;
        change->key = now->key;
        *end = change;
        end = &change->next;
    }
    if (out->child == NULL) return NULL;
    if (document_is_component(to)) mark_component(a, out);
    return out;
}

static struct json *change_of(struct arena *a, const struct json *old, const struct json *now)
{
    if (old && old->type == JSON_OBJECT && now->type == JSON_OBJECT) return difference(a, old, now);
    return old && same(old, now) ? NULL : copy_value(a, now, false);
}

enum err document_patch(struct arena *a, const struct json *twin, const struct json *patch,
                        struct json **out, struct document_refusal *why)
{
    const struct json *properties = json_get(twin, "properties");
    const struct json *desired = json_get(properties, "desired");
    struct json *before = desired ? copy_value(a, desired, false) : json_new(a, JSON_OBJECT);
    struct json *after = copy_value(a, before, false);
    unsigned count = 0;
    if (patch->type != JSON_ARRAY)
        return refuse(why, bad_json, "a JSON Patch is an array", SLICE_LIT(""));
    for (const struct json *op = patch->child; op; op = op->next) {
        if (op->type != JSON_OBJECT)
            return refuse(why, bad_json, "an operation is an object", SLICE_LIT(""));
        if (++count > DIGITAL_TWIN_OPS_MAX)
            return refuse(why, bad_patch, "it has more than 1000 operations", SLICE_LIT(""));
        TRY(apply(a, after, json_get(properties, "reported"), op, why));
    }
    *out = difference(a, before, after);
    return OK;
}
