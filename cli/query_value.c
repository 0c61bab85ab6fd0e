/* query_value.c - what JMESPath says of values: truth, equality, order. */
#include <stdlib.h>

#include "base/num.h"
#include "cli/query_tree.h"

struct json *query_null(struct arena *a)
{
    return json_new(a, JSON_NULL);
}

struct json *query_share(struct arena *a, const struct json *v)
{
    struct json *copy = json_new(a, v->type);
    *copy = *v;
    copy->next = NULL;
    copy->key = SLICE_NONE;
    return copy;
}

bool query_truthy(const struct json *v)
{
    switch (v->type) {
    case JSON_NULL: return false;
    case JSON_BOOL: return v->truth;
    case JSON_STRING: return v->text.len > 0;
    case JSON_NUMBER: return true;
    default: return v->child != NULL;
    }
}

struct json *query_truth(struct arena *a, bool yes)
{
    struct json *v = json_new(a, JSON_BOOL);
    v->truth = yes;
    return v;
}

static double number(const struct json *v)
{
    char text[64];
    size_t len = MIN(v->text.len, sizeof text - 1);
    memcpy(text, v->text.ptr, len);
    text[len] = '\0';
    return strtod(text, NULL);
}

size_t query_count(const struct json *v)
{
    size_t n = 0;
    for (const struct json *j = v->child; j; j = j->next) n++;
    return n;
}

/* ---- equality and order */

static bool equal_children(const struct json *x, const struct json *y)
{
    const struct json *i = x->child, *j = y->child;
    if (query_count(x) != query_count(y)) return false;
    for (; i; i = i->next) {
        if (x->type == JSON_OBJECT) {
            for (j = y->child; j && !slice_eq(i->key, j->key);) j = j->next;
        }
        if (j == NULL || !query_equal(i, j)) return false;
        j = j->next;
    }
    return true;
}

bool query_equal(const struct json *x, const struct json *y)
{
    if (x->type != y->type) return false;
    switch (x->type) {
    case JSON_NULL: return true;
    case JSON_BOOL: return x->truth == y->truth;
    case JSON_NUMBER: return slice_eq(x->text, y->text) || number(x) == number(y);
    case JSON_STRING: return slice_eq(x->text, y->text);
    default: return equal_children(x, y);
    }
}

int query_order(const struct json *x, const struct json *y)
{
    if (x->type != JSON_NUMBER || y->type != JSON_NUMBER) return slice_cmp(x->text, y->text);
    double a = number(x), b = number(y);
    return a < b ? -1 : a > b;
}

struct json *query_compare(struct arena *a, struct slice op, const struct json *x,
                           const struct json *y)
{
    if (slice_is(op, "==")) return query_truth(a, query_equal(x, y));
    if (slice_is(op, "!=")) return query_truth(a, !query_equal(x, y));
    if (x->type != y->type || (x->type != JSON_NUMBER && x->type != JSON_STRING))
        return query_null(a);
    int sign = query_order(x, y);
    bool or_equal = op.len == 2 && sign == 0;
    return query_truth(a, or_equal || (op.ptr[0] == '<' ? sign < 0 : sign > 0));
}
