/* apply_compare.c - what a file wants and what a hub has. */
#include "base/json.h"
#include "cli/apply.h"

static bool is_number(const struct json *have, const struct json *want)
{
    int64_t a, b;
    if (slice_eq(have->text, want->text)) return true;
    return json_i64(have, &a) == OK && json_i64(want, &b) == OK && a == b;
}

/* A member on the way to what is compared. */
struct step {
    const struct step *up;
    struct slice key;
};

static void put_steps(struct buf *where, const struct step *at)
{
    if (at == NULL) return;
    put_steps(where, at->up);
    buf_printf(where, "%s%.*s", at->up ? "." : "", SLICE_ARG(at->key));
}

static bool covers(const struct json *have, const struct json *want, const struct step *at,
                   struct buf *where);

static bool covers_list(const struct json *have, const struct json *want)
{
    struct buf nowhere = {0};
    const struct json *h = have->child, *w = want->child;
    bool same = true;
    for (; h && w && same; h = h->next, w = w->next) same = covers(h, w, NULL, &nowhere);
    buf_free(&nowhere);
    return same && h == NULL && w == NULL;
}

static bool is_equal(const struct json *have, const struct json *want)
{
    if (have == NULL || have->type != want->type) return false;
    switch (want->type) {
    case JSON_BOOL: return have->truth == want->truth;
    case JSON_NUMBER: return is_number(have, want);
    case JSON_STRING: return slice_eq(have->text, want->text);
    case JSON_ARRAY: return covers_list(have, want);
    default: return true; /* an object: its members are looked at */
    }
}

static bool covers(const struct json *have, const struct json *want, const struct step *at,
                   struct buf *where)
{
    if (want->type == JSON_NULL) return true;
    if (!is_equal(have, want)) {
        put_steps(where, at);
        return false;
    }
    if (want->type != JSON_OBJECT) return true;
    for (const struct json *w = want->child; w; w = w->next)
        if (!covers(json_find(have, w->key), w, &(struct step){at, w->key}, where)) return false;
    return true;
}

bool apply_covers(const struct json *have, const struct json *want, struct buf *where)
{
    return covers(have, want, NULL, where);
}

static struct json *copy_of(struct arena *a, const struct json *value)
{
    struct json *copy = json_new(a, value->type);
    *copy = *value;
    copy->next = NULL;
    return copy;
}

void apply_set(struct arena *a, struct json *object, const struct json *member)
{
    json_set(a, object, member->key, copy_of(a, member));
}

void apply_word(const struct json *have, struct json *want, const char *member)
{
    struct slice word = json_str(have, member);
    if (word.len && slice_eq_nocase(word, json_str(want, member)))
        json_get(want, member)->text = word;
}

void apply_merge(struct arena *a, struct json *have, const struct json *want)
{
    for (const struct json *w = want->child; w; w = w->next) {
        struct json *h = json_find(have, w->key);
        if (w->type == JSON_NULL) continue;
        if (h && h->type == JSON_OBJECT && w->type == JSON_OBJECT)
            apply_merge(a, h, w);
        else
            apply_set(a, have, w);
    }
}
