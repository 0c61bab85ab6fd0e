/* range.c - what of a condition the store can look up: identities by their ids and by what few of them
 * have, twins by a property. */
#include "hub/query/range.h"

#include <stdlib.h>

/* Ids are printable ASCII. */
#define AFTER_ID   "\x01"
#define BEHIND_IDS "\x7f"

#define NEVER "0001-01-01T00:00:00Z" /* last and expectedActivityTime of whom nobody knows */

enum { NOT_IN_MAX = 16 }; /* of more, it is read whether they are there */

struct range_ask {
    struct arena *arena;
    enum query_source source;
};

/* ---- paths */

static bool is(const struct step *s, const char *name)
{
    return s && s->name.ptr && slice_is(s->name, name);
}

static bool path_is(const struct step *path, const char *first, const char *second)
{
    if (!is(path, first)) return false;
    return second ? is(path->next, second) && path->next->next == NULL : path->next == NULL;
}

static bool is_device_id(const struct step *path)
{
    return path_is(path, "deviceId", NULL) || path_is(path, "id", NULL);
}

/* What the index has: tags.a.b as it stands, properties.desired.a as desired.a, reported likewise. */
static bool indexed_path(const struct step *path, struct buf *out)
{
    if (is(path, "properties") && (is(path->next, "desired") || is(path->next, "reported")))
        path = path->next;
    else if (!is(path, "tags"))
        return false;
    if (path->next == NULL) return false;
    for (const struct step *s = path; s; s = s->next) {
        if (s->name.ptr == NULL || (s->name.len && s->name.ptr[0] == '$')) return false;
        if (s != path) buf_put_u8(out, '.');
        buf_put_slice(out, s->name);
    }
    return true;
}

/* ---- making */

static struct range *new_range(const struct range_ask *r, enum range_kind kind)
{
    struct range *range = arena_zero(r->arena, sizeof *range);
    range->kind = kind;
    range->low = range->end = SLICE_LIT("");
    return range;
}

static struct slice joined(struct arena *a, struct slice text, const char *more)
{
    struct buf b = {0};
    buf_put_slice(&b, text);
    buf_put(&b, more, strlen(more));
    struct slice copy = arena_copy(a, buf_slice(&b));
    buf_free(&b);
    return copy;
}

struct range *range_all(struct arena *a)
{
    struct range *all = new_range(&(struct range_ask){.arena = a}, RANGE_KEYS);
    all->end = SLICE_LIT(BEHIND_IDS);
    return all;
}

static struct range *keys(const struct range_ask *r, struct slice low, struct slice end)
{
    struct range *range = new_range(r, RANGE_KEYS);
    range->low = low;
    range->end = end;
    return range;
}

/* NULL: the path is none of the index. */
static struct range *property(const struct range_ask *r, const struct step *path, struct slice low,
                              struct slice end)
{
    struct buf text = {0};
    struct range *range = NULL;
    if (indexed_path(path, &text)) {
        range = new_range(r, RANGE_PROPERTY);
        range->path = twin_index_path(r->source == QUERY_MODULES, buf_slice(&text));
        range->steps = path;
        range->half = is(path->next, "reported") && is(path, "properties") ? TWIN_INDEX_REPORTED
                                                                           : TWIN_INDEX_SERVICE;
        range->low = low;
        range->end = end;
    }
    buf_free(&text);
    return range;
}

static struct slice type_bound(const struct range_ask *r, enum twin_index_type type)
{
    uint8_t byte = (uint8_t)type;
    return arena_copy(r->arena, slice_of(&byte, 1));
}

/* Of those types: from the first to before the last. */
static struct range *of_types(const struct range_ask *r, const struct step *path,
                              enum twin_index_type from, enum twin_index_type to)
{
    return property(r, path, type_bound(r, from), type_bound(r, to));
}

static struct range *whatever_is_there(const struct range_ask *r, const struct step *path)
{
    return of_types(r, path, TWIN_INDEX_NULL, TWIN_INDEX_END);
}

/* Its bytes in the index; false: it is no primitive. */
static bool bound(const struct range_ask *r, const struct value *v, struct slice *out)
{
    struct buf b = {0};
    switch (v->type) {
    case VALUE_NULL: buf_put_u8(&b, TWIN_INDEX_NULL); break;
    case VALUE_BOOL: buf_put_u8(&b, v->truth ? TWIN_INDEX_TRUE : TWIN_INDEX_FALSE); break;
    case VALUE_NUMBER: twin_index_put_number(&b, v->number); break;
    case VALUE_STRING: twin_index_put_string(&b, v->text); break;
    default: return false;
    }
    *out = arena_copy(r->arena, buf_slice(&b));
    buf_free(&b);
    return true;
}

/* Behind all that are equal to it as far as the index goes. */
static struct slice just_behind(const struct range_ask *r, struct slice value)
{
    struct buf b = {0};
    buf_put_slice(&b, value);
    buf_put_u8(&b, 0);
    struct slice copy = arena_copy(r->arena, buf_slice(&b));
    buf_free(&b);
    return copy;
}

/* ---- comparisons with a constant */

static enum compare mirrored(enum compare c)
{
    switch (c) {
    case CMP_LT: return CMP_GT;
    case CMP_GT: return CMP_LT;
    case CMP_LE: return CMP_GE;
    case CMP_GE: return CMP_LE;
    default: return c;
    }
}

/* Does the index have all of it? */
static bool is_whole(struct slice value)
{
    return value.ptr[0] != TWIN_INDEX_STRING || value.len < TWIN_INDEX_VALUE_MAX;
}

static int by_bytes(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Whatever is there but these values: what lies between them. */
static struct range *all_but(const struct range_ask *r, const struct step *path,
                             struct slice *values, unsigned count)
{
    struct range *list = NULL, **end = &list;
    struct slice low = type_bound(r, TWIN_INDEX_NULL);
    qsort(values, count, sizeof *values, by_bytes);
    for (unsigned i = 0; i <= count; i++) {
        struct slice to = i < count ? values[i] : type_bound(r, TWIN_INDEX_END);
        if (slice_cmp(low, to) >= 0) continue;
        if ((*end = property(r, path, low, to)) == NULL) return NULL;
        end = &(*end)->next;
        if (i < count) low = just_behind(r, to);
    }
    return list;
}

/* false and true share a type in the language, but not in the index. */
static struct range *property_compare(const struct range_ask *r, const struct step *path,
                                      enum compare compare, const struct value *v)
{
    struct slice low, value;
    if (!bound(r, v, &value)) return whatever_is_there(r, path);
    if (compare == CMP_NE && is_whole(value)) return all_but(r, path, &value, 1);
    if (compare == CMP_NE) return whatever_is_there(r, path);
    enum twin_index_type type = (enum twin_index_type)value.ptr[0];
    low = type_bound(r, type == TWIN_INDEX_TRUE ? TWIN_INDEX_FALSE : type);
    switch (compare) {
    case CMP_LT:
        if (is_whole(value)) return property(r, path, low, value);
        return property(r, path, low, just_behind(r, value));
    case CMP_LE: return property(r, path, low, just_behind(r, value));
    case CMP_GT:
    case CMP_GE:
        type = type == TWIN_INDEX_FALSE ? TWIN_INDEX_TRUE : type;
        if (compare == CMP_GT && is_whole(value)) value = just_behind(r, value);
        return property(r, path, value, type_bound(r, type + 1));
    default: return property(r, path, value, just_behind(r, value));
    }
}

static struct range *id_compare(const struct range_ask *r, enum compare compare, struct slice id)
{
    struct slice behind = joined(r->arena, id, AFTER_ID);
    switch (compare) {
    case CMP_EQ: return keys(r, id, behind);
    case CMP_LT:
    case CMP_LE: return keys(r, SLICE_LIT(""), behind);
    case CMP_GT:
    case CMP_GE: return keys(r, id, SLICE_LIT(BEHIND_IDS));
    default: return NULL;
    }
}

static struct range *looked_up(const struct range_ask *r, enum range_kind kind, struct slice value)
{
    struct range *range = new_range(r, kind);
    range->low = value;
    return range;
}

/* What few identities are not. */
static struct range *identity_other(const struct range_ask *r, const struct step *path,
                                    const struct value *v)
{
    if (r->source != QUERY_DEVICES) return NULL;
    bool no = v->type == VALUE_BOOL && !v->truth;
    bool enabled = v->type == VALUE_STRING && slice_is(v->text, "enabled");
    if (no && path_is(path, "capabilities", "iotEdge")) return new_range(r, RANGE_EDGE);
    if (enabled && path_is(path, "status", NULL)) return new_range(r, RANGE_DISABLED);
    return NULL;
}

/* What few identities have. */
static struct range *identity_equal(const struct range_ask *r, const struct step *path,
                                    const struct value *v)
{
    bool devices = r->source == QUERY_DEVICES, text = v->type == VALUE_STRING;
    if (devices && path_is(path, "capabilities", "iotEdge") && value_is_true(v))
        return new_range(r, RANGE_EDGE);
    if (devices && path_is(path, "status", NULL) && text && slice_is(v->text, "disabled"))
        return new_range(r, RANGE_DISABLED);
    if (devices && path_is(path, "deviceScope", NULL) && text)
        return looked_up(r, RANGE_SCOPE, v->text);
    if (!devices && path_is(path, "moduleId", NULL) && text)
        return looked_up(r, RANGE_MODULE, v->text);
    return NULL;
}

static struct range *known(const struct range_ask *r, bool connected)
{
    struct range *range = new_range(r, RANGE_KNOWN);
    range->connected = connected;
    return range;
}

/* Who is connected, and who was active: whom nobody knows never was. */
static struct range *of_presence(const struct range_ask *r, const struct step *path,
                                 enum compare compare, const struct value *v)
{
    bool equal = compare == CMP_EQ, other = compare == CMP_NE;
    if (v->type != VALUE_STRING) return NULL;
    if (path_is(path, "connectionState", NULL)) {
        bool connected = (equal && slice_is(v->text, "Connected")) ||
                         (other && slice_is(v->text, "Disconnected"));
        return connected ? known(r, true) : NULL;
    }
    int after_never = slice_cmp(v->text, SLICE_LIT(NEVER));
    bool active = (after_never > 0 && (equal || compare == CMP_GE)) ||
                  (after_never >= 0 && compare == CMP_GT) || (after_never == 0 && other);
    return active ? known(r, false) : NULL;
}

/* Messages wait for few devices: what is true of none that wait is not looked up. */
static struct range *of_messages(const struct range_ask *r, enum compare compare,
                                 const struct value *v)
{
    if (r->source != QUERY_DEVICES || v->type != VALUE_NUMBER) return NULL;
    bool some = compare == CMP_GT   ? v->number >= 0
                : compare == CMP_GE ? v->number > 0
                : compare == CMP_EQ ? v->number != 0
                : compare == CMP_NE ? v->number == 0
                                    : false;
    return some ? new_range(r, RANGE_WAITING) : NULL;
}

static struct range *path_compare(const struct range_ask *r, const struct step *path,
                                  enum compare compare, const struct value *v)
{
    if (is_device_id(path) && v->type == VALUE_STRING) return id_compare(r, compare, v->text);
    if (path_is(path, "connectionState", NULL) || path_is(path, "lastActivityTime", NULL) ||
        path_is(path, "expectedActivityTime", NULL))
        return of_presence(r, path, compare, v);
    if (path_is(path, "cloudToDeviceMessageCount", NULL)) return of_messages(r, compare, v);
    struct range *found = compare == CMP_EQ   ? identity_equal(r, path, v)
                          : compare == CMP_NE ? identity_other(r, path, v)
                                              : NULL;
    return found ? found : property_compare(r, path, compare, v);
}

static struct range *of_compare(const struct range_ask *r, const struct expr *e)
{
    const struct expr *a = e->args, *b = a->next;
    if (a->kind == EXPR_PATH && b->kind == EXPR_CONST)
        return path_compare(r, a->path, e->compare, &b->value);
    if (b->kind == EXPR_PATH && a->kind == EXPR_CONST)
        return path_compare(r, b->path, mirrored(e->compare), &a->value);
    if (a->kind == EXPR_PATH) return whatever_is_there(r, a->path);
    return b->kind == EXPR_PATH ? whatever_is_there(r, b->path) : NULL;
}

/* ---- IN */

/* Two that are equal in the index are one: nothing is looked up twice. */
static bool has(const struct range *list, const struct range *range)
{
    for (; list; list = list->next)
        if (list->kind == range->kind && list->path == range->path &&
            slice_eq(list->low, range->low) && slice_eq(list->end, range->end))
            return true;
    return false;
}

/* In none of these: values that the index does not have whole, or none of which is one, do not matter. */
static struct range *not_in(const struct range_ask *r, const struct expr *what)
{
    struct slice values[NOT_IN_MAX];
    unsigned count = 0;
    for (const struct expr *arg = what->next; arg; arg = arg->next) {
        if (count == NOT_IN_MAX) return whatever_is_there(r, what->path);
        if (arg->kind == EXPR_CONST && bound(r, &arg->value, &values[count]) &&
            is_whole(values[count]))
            count++;
    }
    return all_but(r, what->path, values, count);
}

static struct range *of_in(const struct range_ask *r, const struct expr *e)
{
    const struct expr *what = e->args;
    struct range *list = NULL, **end = &list;
    unsigned count = 0;
    if (what->kind != EXPR_PATH) return NULL;
    if (e->negated) return not_in(r, what);
    for (const struct expr *arg = what->next; arg; arg = arg->next) {
        if (arg->kind != EXPR_CONST || ++count > PLAN_RANGES_MAX)
            return whatever_is_there(r, what->path);
        struct range *range = path_compare(r, what->path, CMP_EQ, &arg->value);
        if (range == NULL) return NULL;
        if (has(list, range)) continue;
        *end = range;
        end = &range->next;
    }
    /* What is in nothing is nowhere. */
    return list ? list : keys(r, SLICE_LIT(""), SLICE_LIT(""));
}

/* ---- functions */

static struct range *starts_with(const struct range_ask *r, const struct step *path,
                                 const struct value *v)
{
    struct slice low, end;
    if (v->type != VALUE_STRING) return whatever_is_there(r, path);
    if (is_device_id(path)) return keys(r, v->text, joined(r->arena, v->text, BEHIND_IDS));
    if (!bound(r, v, &low)) return NULL;
    end = joined(r->arena, low, "\xFF"); /* no byte of UTF-8 */
    return property(r, path, low, end);
}

static struct range *array_contains(const struct range_ask *r, const struct expr *path,
                                    const struct expr *what)
{
    bool text = what->kind == EXPR_CONST && what->value.type == VALUE_STRING;
    if (r->source == QUERY_DEVICES && path_is(path->path, "parentScopes", NULL) && text)
        return looked_up(r, RANGE_PARENT, what->value.text);
    return of_types(r, path->path, TWIN_INDEX_ARRAY, TWIN_INDEX_ARRAY + 1);
}

struct typed {
    const char *name;
    enum twin_index_type from, to;
};

static struct range *of_call(const struct range_ask *r, const struct expr *e)
{
    static const struct typed typed[] = {
        {"IS_DEFINED", TWIN_INDEX_NULL, TWIN_INDEX_END},
        {"IS_NULL", TWIN_INDEX_NULL, TWIN_INDEX_NULL + 1},
        {"IS_BOOL", TWIN_INDEX_FALSE, TWIN_INDEX_TRUE + 1},
        {"IS_NUMBER", TWIN_INDEX_NUMBER, TWIN_INDEX_NUMBER + 1},
        {"IS_STRING", TWIN_INDEX_STRING, TWIN_INDEX_STRING + 1},
        {"IS_ARRAY", TWIN_INDEX_ARRAY, TWIN_INDEX_ARRAY + 1},
        {"IS_OBJECT", TWIN_INDEX_OBJECT, TWIN_INDEX_OBJECT + 1},
        {"IS_PRIMITIVE", TWIN_INDEX_NULL, TWIN_INDEX_STRING + 1},
        {"STARTSWITH", TWIN_INDEX_STRING, TWIN_INDEX_STRING + 1},
        {"STARTS_WITH", TWIN_INDEX_STRING, TWIN_INDEX_STRING + 1},
        {"ENDSWITH", TWIN_INDEX_STRING, TWIN_INDEX_STRING + 1},
        {"ENDS_WITH", TWIN_INDEX_STRING, TWIN_INDEX_STRING + 1},
        {"CONTAINS", TWIN_INDEX_STRING, TWIN_INDEX_STRING + 1},
    };
    struct slice name = slice_str(e->function->name);
    const struct expr *arg = e->args;
    if (arg->kind != EXPR_PATH) return NULL;
    if (slice_is(name, "ARRAY_CONTAINS")) return array_contains(r, arg, arg->next);
    bool prefix = slice_starts(name, SLICE_LIT("START")) && arg->next->kind == EXPR_CONST;
    if (prefix) return starts_with(r, arg->path, &arg->next->value);
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
        if (slice_is(name, typed[i].name))
            return of_types(r, arg->path, typed[i].from, typed[i].to);
    return NULL;
}

struct range *range_of(struct arena *a, enum query_source source, const struct expr *e)
{
    static const struct value yes = {.type = VALUE_BOOL, .truth = true};
    struct range_ask r = {a, source};
    switch (e->kind) {
    case EXPR_COMPARE: return of_compare(&r, e);
    case EXPR_IN: return of_in(&r, e);
    case EXPR_CALL: return of_call(&r, e);
    case EXPR_PATH: return path_compare(&r, e->path, CMP_EQ, &yes);
    default: return NULL;
    }
}
