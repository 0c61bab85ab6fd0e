/* tree.c - desired properties as a tree of JSON. */
#include "hub/configuration/tree.h"

static bool is_of_hub(const struct json *member)
{
    return member->key.len && member->key.ptr[0] == '$';
}

static struct json *copy(struct arena *a, const struct json *j, bool without_hub)
{
    struct json *made = json_new(a, j->type), **end = &made->child;
    *made = *j;
    made->next = made->child = NULL;
    for (const struct json *m = j->child; m; m = m->next) {
        if (without_hub && is_of_hub(m)) continue;
        *end = copy(a, m, false);
        end = &(*end)->next;
    }
    return made;
}

struct json *tree_copy(struct arena *a, const struct json *j)
{
    return copy(a, j, false);
}

struct json *tree_of(struct arena *a, const struct json *desired)
{
    return desired ? copy(a, desired, true) : json_new(a, JSON_OBJECT);
}

void tree_prune(struct json *value)
{
    for (struct json **at = &value->child; *at;) {
        if (value->type == JSON_OBJECT && (*at)->type == JSON_NULL) {
            *at = (*at)->next;
        } else {
            tree_prune(*at);
            at = &(*at)->next;
        }
    }
}

static bool same_elements(const struct json *x, const struct json *y)
{
    for (; x && y; x = x->next, y = y->next)
        if (!tree_same(x, y)) return false;
    return x == NULL && y == NULL;
}

static bool same_members(const struct json *a, const struct json *b)
{
    for (const struct json *m = a->child; m; m = m->next)
        if (!tree_same(m, json_find(b, m->key))) return false;
    for (const struct json *m = b->child; m; m = m->next)
        if (!json_find(a, m->key)) return false;
    return true;
}

bool tree_same(const struct json *a, const struct json *b)
{
    if (a == NULL || b == NULL) return a == b;
    if (a->type != b->type) return false;
    switch (a->type) {
    case JSON_NULL: return true;
    case JSON_BOOL: return a->truth == b->truth;
    case JSON_NUMBER:
    case JSON_STRING: return slice_eq(a->text, b->text);
    case JSON_ARRAY: return same_elements(a->child, b->child);
    case JSON_OBJECT: return same_members(a, b);
    }
    return false;
}

struct slice tree_path(const struct json *setting)
{
    return slice_from(setting->key, sizeof "properties.desired." - 1);
}

/* ---- setting and taking out */

static void take_out(struct json *object, struct slice key)
{
    struct json **at = &object->child;
    while (*at && !slice_eq((*at)->key, key)) at = &(*at)->next;
    if (*at) *at = (*at)->next;
}

static void set_member(struct arena *a, struct json *object, struct slice key,
                       const struct json *value)
{
    if (value->type == JSON_NULL)
        take_out(object, key);
    else
        json_set(a, object, key, tree_copy(a, value));
}

void tree_set(struct arena *a, struct json *desired, struct slice path, const struct json *value)
{
    struct slice key;
    if (path.len == 0) {
        for (const struct json *m = value->child; m; m = m->next) set_member(a, desired, m->key, m);
        return;
    }
    while (slice_split(&path, '.', &key) && path.ptr) {
        struct json *inner = json_find(desired, key);
        if (inner == NULL || inner->type != JSON_OBJECT)
            inner = json_set(a, desired, key, json_new(a, JSON_OBJECT));
        desired = inner;
    }
    set_member(a, desired, key, value);
}

static void clear_path(struct json *desired, struct slice path)
{
    struct slice rest = path, key;
    slice_split(&rest, '.', &key);
    struct json *inner = json_find(desired, key);
    if (inner == NULL) return;
    if (rest.ptr && inner->type == JSON_OBJECT) {
        clear_path(inner, rest);
        if (inner->child) return;
    }
    take_out(desired, key);
}

void tree_clear(struct json *desired, const struct json *setting)
{
    if (tree_path(setting).len) {
        clear_path(desired, tree_path(setting));
        return;
    }
    for (const struct json *m = setting->child; m; m = m->next) take_out(desired, m->key);
}

/* ---- comparing */

static const struct json *at_path(const struct json *desired, struct slice path)
{
    struct slice key;
    while (desired && path.ptr && slice_split(&path, '.', &key)) desired = json_find(desired, key);
    return desired;
}

static bool says(const struct json *there, const struct json *value)
{
    return value->type == JSON_NULL ? there == NULL : tree_same(there, value);
}

bool tree_has(const struct json *desired, const struct json *setting)
{
    if (tree_path(setting).len) return says(at_path(desired, tree_path(setting)), setting);
    for (const struct json *m = setting->child; m; m = m->next)
        if (says(json_find(desired, m->key), m)) return true;
    return setting->child == NULL;
}

static void put(struct arena *a, struct json **patch, struct slice key, struct json *value)
{
    if (value == NULL) return;
    if (*patch == NULL) *patch = json_new(a, JSON_OBJECT);
    json_set(a, *patch, key, value);
}

struct json *tree_difference(struct arena *a, const struct json *is, const struct json *wanted)
{
    struct json *patch = NULL;
    for (const struct json *m = is->child; m; m = m->next)
        if (!is_of_hub(m) && !json_find(wanted, m->key))
            put(a, &patch, m->key, json_new(a, JSON_NULL));
    for (const struct json *m = wanted->child; m; m = m->next) {
        const struct json *old = json_find(is, m->key);
        if (is_of_hub(m) || tree_same(old, m)) continue;
        bool merges = old && old->type == JSON_OBJECT && m->type == JSON_OBJECT;
        put(a, &patch, m->key, merges ? tree_difference(a, old, m) : tree_copy(a, m));
    }
    return patch;
}
