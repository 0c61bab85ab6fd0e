/* json.c - a tree over the token index of json_index.h, and back to text.
 *
 * Reading goes down the tokens once.  A token's characters reach from its own offset to the next
 * token's, without the white space between them, so a number or literal is its whole source text
 * and anything glued to it makes it invalid.  Strings without a backslash are not copied again.
 */
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_index.h"
#include "base/map.h"
#include "base/num.h"
#include "base/text.h"

enum { LINEAR_MEMBERS_MAX = 12 }; /* objects with more members find duplicates through a map */

struct reader {
    struct arena *arena;
    struct slice text;
    const uint32_t *tokens; /* this thread's index */
    size_t at, count;
    unsigned depth;
};

static enum err read_value(struct reader *r, struct json *out);

/* The offset of the current token; behind the last one, the end of the text. */
static size_t offset(const struct reader *r)
{
    return r->at < r->count ? r->tokens[r->at] : r->text.len;
}

static enum err bad(const struct reader *r, const char *what)
{
    return fail(ERR_INVALID, "JSON: %s at byte %zu", what, offset(r));
}

/* The character that the current token begins with; 0 behind the last one. */
static uint8_t peek(const struct reader *r)
{
    return r->at < r->count ? r->text.ptr[r->tokens[r->at]] : 0;
}

static bool accept(struct reader *r, uint8_t c)
{
    if (peek(r) != c) return false;
    r->at++;
    return true;
}

/* The characters of the current token, not yet consumed. */
static struct slice token(const struct reader *r)
{
    size_t end = r->at + 1 < r->count ? r->tokens[r->at + 1] : r->text.len;
    return slice_trim(slice_of(r->text.ptr + offset(r), end - offset(r)));
}

static enum err read_string(struct reader *r, struct slice *out)
{
    struct slice quoted = token(r);
    if (quoted.len < 2 || quoted.ptr[0] != '"' || quoted.ptr[quoted.len - 1] != '"')
        return bad(r, "a string was expected");
    struct slice inner = slice_of(quoted.ptr + 1, quoted.len - 2);
    if (slice_find(inner, '\\') < inner.len) {
        uint8_t *copy = arena_alloc(r->arena, inner.len + JSON_INDEX_PAD);
        uint8_t *end = json_index_unescape(inner.ptr, copy);
        if (end == NULL) return bad(r, "bad escape in the string");
        inner = slice_of(copy, (size_t)(end - copy));
        if (!text_is_utf8(inner)) return bad(r, "half a surrogate pair in the string");
    }
    *out = inner;
    r->at++;
    return OK;
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

bool json_is_number(struct slice s)
{
    if (s.len == 0) return false;
    const uint8_t *p = s.ptr, *end = p + s.len;
    if (*p == '-') p++;
    const uint8_t *from = p;
    p = skip_digits(p, end);
    if (p == from || (*from == '0' && p - from > 1)) return false;
    if (p < end && *p == '.') {
        from = ++p;
        p = skip_digits(p, end);
        if (p == from) return false;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        from = p;
        p = skip_digits(p, end);
        if (p == from) return false;
    }
    return p == end;
}

static enum err read_scalar(struct reader *r, struct json *out)
{
    struct slice s = token(r);
    if (slice_is(s, "null")) {
        out->type = JSON_NULL;
    } else if (slice_is(s, "true") || slice_is(s, "false")) {
        out->type = JSON_BOOL;
        out->truth = s.len == 4;
    } else if (json_is_number(s)) {
        out->type = JSON_NUMBER;
        out->text = s;
    } else {
        return bad(r, r->at < r->count ? "a value was expected" : "the text ends too early");
    }
    r->at++;
    return OK;
}

static enum err read_array(struct reader *r, struct json *out)
{
    struct json **tail = &out->child;
    if (accept(r, ']')) return OK;
    for (;;) {
        struct json *element = arena_zero(r->arena, sizeof *element);
        TRY(read_value(r, element));
        *tail = element;
        tail = &element->next;
        if (accept(r, ']')) return OK;
        if (!accept(r, ',')) return bad(r, "',' or ']' was expected");
    }
}

/* The members of an object that is being read. */
struct members {
    struct json **tail;
    size_t count;
    struct map by_key; /* in use once there are more than LINEAR_MEMBERS_MAX */
};

static struct json *find_member(struct members *m, const struct json *object, struct slice key)
{
    if (m->count > LINEAR_MEMBERS_MAX) return map_get(&m->by_key, key);
    struct json *j = object->child;
    while (j && !slice_eq(j->key, key)) j = j->next;
    return j;
}

/* The member of that name; an earlier one keeps its place, as in ECMAScript. */
static struct json *open_member(struct reader *r, struct members *m, struct json *object,
                                struct slice key)
{
    struct json *member = find_member(m, object, key);
    if (member) return member;
    member = arena_zero(r->arena, sizeof *member);
    member->key = key;
    *m->tail = member;
    m->tail = &member->next;
    m->count++;
    if (m->count == LINEAR_MEMBERS_MAX + 1)
        for (struct json *j = object->child; j; j = j->next) map_put(&m->by_key, j->key, j);
    else if (m->count > LINEAR_MEMBERS_MAX)
        map_put(&m->by_key, key, member);
    return member;
}

static enum err read_members(struct reader *r, struct members *m, struct json *object)
{
    if (accept(r, '}')) return OK;
    for (;;) {
        struct slice key = SLICE_NONE;
        TRY(read_string(r, &key));
        if (!accept(r, ':')) return bad(r, "':' was expected");
        struct json value = {.key = key};
        TRY(read_value(r, &value));
        struct json *member = open_member(r, m, object, key);
        value.next = member->next;
        *member = value;
        if (accept(r, '}')) return OK;
        if (!accept(r, ',')) return bad(r, "',' or '}' was expected");
    }
}

static enum err read_object(struct reader *r, struct json *out)
{
    struct members m = {.tail = &out->child};
    enum err e = read_members(r, &m, out);
    map_free(&m.by_key);
    return e;
}

static enum err read_container(struct reader *r, struct json *out, enum json_type type)
{
    if (r->depth == JSON_DEPTH_MAX)
        return fail(ERR_TOO_BIG, "JSON: more than %d levels deep at byte %zu", JSON_DEPTH_MAX,
                    offset(r));
    r->at++;
    r->depth++;
    out->type = type;
    enum err e = type == JSON_ARRAY ? read_array(r, out) : read_object(r, out);
    r->depth--;
    return e;
}

static enum err read_value(struct reader *r, struct json *out)
{
    switch (peek(r)) {
    case '{': return read_container(r, out, JSON_OBJECT);
    case '[': return read_container(r, out, JSON_ARRAY);
    case '"': out->type = JSON_STRING; return read_string(r, &out->text);
    default: return read_scalar(r, out);
    }
}

enum err json_parse(struct arena *a, struct slice text, struct json **out)
{
    uint8_t *copy = arena_alloc(a, text.len + JSON_INDEX_PAD);
    if (text.len) memcpy(copy, text.ptr, text.len);
    memset(copy + text.len, 0, JSON_INDEX_PAD);

    struct reader r = {.arena = a, .text = slice_of(copy, text.len)};
    const char *why = json_index(copy, text.len, &r.tokens, &r.count);
    if (why) return fail(ERR_INVALID, "JSON: %s", why);
    struct json *root = arena_zero(a, sizeof *root);
    TRY(read_value(&r, root));
    if (r.at < r.count) return bad(&r, "nothing more was expected");
    *out = root;
    return OK;
}

enum err json_parse_within(struct arena *a, struct slice text, unsigned levels, const char *what,
                           struct json **out)
{
    struct json *value;
    TRY(json_parse(a, text, &value));
    if (json_levels(value) > levels)
        return fail(ERR_TOO_BIG, "JSON: %s has at most %u levels", what, levels);
    *out = value;
    return OK;
}

struct json *json_get(const struct json *object, const char *key)
{
    if (object == NULL || object->type != JSON_OBJECT) return NULL;
    struct json *j = object->child;
    while (j && !slice_is(j->key, key)) j = j->next;
    return j;
}

struct json *json_find(const struct json *object, struct slice key)
{
    if (object == NULL || object->type != JSON_OBJECT) return NULL;
    struct json *j = object->child;
    while (j && !slice_eq(j->key, key)) j = j->next;
    return j;
}

struct json *json_given(const struct json *object, const char *key)
{
    struct json *j = json_get(object, key);
    return j && j->type != JSON_NULL ? j : NULL;
}

struct json *json_get_nocase(const struct json *object, const char *key)
{
    if (object == NULL || object->type != JSON_OBJECT) return NULL;
    struct json *j = object->child;
    while (j && !slice_eq_nocase(j->key, slice_str(key))) j = j->next;
    return j;
}

static struct slice string_of(const struct json *j)
{
    return j && j->type == JSON_STRING ? j->text : SLICE_NONE;
}

struct slice json_str(const struct json *object, const char *key)
{
    return string_of(json_get(object, key));
}

struct slice json_str_nocase(const struct json *object, const char *key)
{
    return string_of(json_get_nocase(object, key));
}

unsigned json_levels(const struct json *value)
{
    unsigned below = 0;
    for (const struct json *j = value->child; j; j = j->next) {
        unsigned levels = json_levels(j);
        if (levels > below) below = levels;
    }
    return below + (value->type == JSON_OBJECT || value->type == JSON_ARRAY);
}

enum err json_i64(const struct json *number, int64_t *out)
{
    if (number == NULL || number->type != JSON_NUMBER) return ERR_INVALID;
    return num_i64(number->text, out);
}

struct json *json_new(struct arena *a, enum json_type type)
{
    struct json *j = arena_zero(a, sizeof *j);
    j->type = type;
    return j;
}

struct json *json_new_string(struct arena *a, struct slice text)
{
    struct json *j = json_new(a, JSON_STRING);
    j->text = arena_copy(a, text);
    return j;
}

struct json *json_new_i64(struct arena *a, int64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, number);
    struct json *j = json_new(a, JSON_NUMBER);
    j->text = arena_copy(a, slice_of(text, (size_t)len));
    return j;
}

struct json *json_append(struct json *array, struct json *value)
{
    struct json **tail = &array->child;
    while (*tail) tail = &(*tail)->next;
    value->next = NULL;
    return *tail = value;
}

struct json *json_set(struct arena *a, struct json *object, struct slice key, struct json *value)
{
    assert(object->type == JSON_OBJECT);
    struct json **at = &object->child;
    while (*at && !slice_eq((*at)->key, key)) at = &(*at)->next;
    value->next = *at ? (*at)->next : NULL;
    value->key = arena_copy(a, key);
    return *at = value;
}

void json_remove(struct json *parent, const struct json *value)
{
    struct json **at = &parent->child;
    while (*at && *at != value) at = &(*at)->next;
    if (*at) *at = value->next;
}

static void write_children(struct buf *out, const struct json *value)
{
    bool object = value->type == JSON_OBJECT;
    buf_put_u8(out, object ? '{' : '[');
    for (const struct json *j = value->child; j; j = j->next) {
        if (object) {
            text_json_string(out, j->key);
            buf_put_u8(out, ':');
        }
        json_write(out, j);
        if (j->next) buf_put_u8(out, ',');
    }
    buf_put_u8(out, object ? '}' : ']');
}

void json_write(struct buf *out, const struct json *value)
{
    switch (value->type) {
    case JSON_NULL: buf_put_str(out, "null"); return;
    case JSON_BOOL: buf_put_str(out, value->truth ? "true" : "false"); return;
    case JSON_NUMBER: buf_put_slice(out, value->text); return;
    case JSON_STRING: text_json_string(out, value->text); return;
    case JSON_ARRAY:
    case JSON_OBJECT: write_children(out, value); return;
    }
}
