/* query_call.c - the functions of --query. */
#include <stdlib.h>

#include "cli/query_tree.h"

enum { ARGUMENTS_MAX = 2 };

struct call {
    struct arena *arena;
    const struct query *later; /* the second argument, where it is &expression */
    struct json *args[ARGUMENTS_MAX];
};

static enum err wrong_type(const char *function, const char *wants)
{
    return fail(ERR_INVALID, "--query: %s() wants %s", function, wants);
}

static enum err call_length(struct call *c, struct json **out)
{
    const struct json *v = c->args[0];
    if (v->type != JSON_STRING && v->type != JSON_ARRAY && v->type != JSON_OBJECT)
        return wrong_type("length", "a string, an array or an object");
    size_t n = query_count(v);
    for (size_t i = 0; v->type == JSON_STRING && i < v->text.len; i++)
        n += (v->text.ptr[i] & 0xc0) != 0x80;
    *out = json_new_i64(c->arena, (int64_t)n);
    return OK;
}

struct sortable {
    struct json *value, *key;
    size_t at;
};

static int by_key(const void *x, const void *y)
{
    const struct sortable *a = x, *b = y;
    int sign = query_order(a->key, b->key);
    return sign ? sign : a->at < b->at ? -1 : 1;
}

static enum err call_sort_by(struct call *c, struct json **out)
{
    if (c->args[0]->type != JSON_ARRAY || c->later == NULL)
        return wrong_type("sort_by", "an array and an &expression");
    size_t n = query_count(c->args[0]), i = 0;
    struct sortable *rows = arena_alloc(c->arena, (n + 1) * sizeof *rows);
    for (const struct json *v = c->args[0]->child; v; v = v->next, i++) {
        rows[i] = (struct sortable){.value = query_share(c->arena, v), .at = i};
        TRY(query_run(c->arena, c->later, v, &rows[i].key));
        enum json_type type = rows[i].key->type;
        if ((type != JSON_NUMBER && type != JSON_STRING) || type != rows[0].key->type)
            return wrong_type("sort_by", "keys that are all numbers or all strings");
    }
    qsort(rows, n, sizeof *rows, by_key);
    *out = json_new(c->arena, JSON_ARRAY);
    struct json **tail = &(*out)->child;
    for (i = 0; i < n; i++, tail = &(*tail)->next) *tail = rows[i].value;
    return OK;
}

static enum err call_keys(struct call *c, struct json **out)
{
    if (c->args[0]->type != JSON_OBJECT) return wrong_type("keys", "an object");
    *out = json_new(c->arena, JSON_ARRAY);
    struct json **tail = &(*out)->child;
    for (const struct json *v = c->args[0]->child; v; v = v->next, tail = &(*tail)->next)
        *tail = json_new_string(c->arena, v->key);
    return OK;
}

static enum err call_reverse(struct call *c, struct json **out)
{
    if (c->args[0]->type != JSON_ARRAY) return wrong_type("reverse", "an array");
    *out = json_new(c->arena, JSON_ARRAY);
    for (const struct json *v = c->args[0]->child; v; v = v->next) {
        struct json *element = query_share(c->arena, v);
        element->next = (*out)->child;
        (*out)->child = element;
    }
    return OK;
}

static enum err call_contains(struct call *c, struct json **out)
{
    const struct json *in = c->args[0], *what = c->args[1];
    bool found = false;
    if (in->type == JSON_STRING && what->type == JSON_STRING)
        found = what->text.len == 0 || slice_search(in->text, what->text);
    else if (in->type != JSON_ARRAY)
        return wrong_type("contains", "a string or an array");
    for (const struct json *v = in->child; v && !found; v = v->next) found = query_equal(v, what);
    *out = query_truth(c->arena, found);
    return OK;
}

static enum err call_starts_with(struct call *c, struct json **out)
{
    if (c->args[0]->type != JSON_STRING) return wrong_type("starts_with", "strings");
    *out = query_truth(c->arena, slice_starts(c->args[0]->text, c->args[1]->text));
    return OK;
}

static enum err call_ends_with(struct call *c, struct json **out)
{
    if (c->args[0]->type != JSON_STRING) return wrong_type("ends_with", "strings");
    *out = query_truth(c->arena, slice_ends(c->args[0]->text, c->args[1]->text));
    return OK;
}

static enum err call_to_string(struct call *c, struct json **out)
{
    struct buf text = {0};
    if (c->args[0]->type == JSON_STRING)
        buf_put_slice(&text, c->args[0]->text);
    else
        json_write(&text, c->args[0]);
    *out = json_new_string(c->arena, buf_slice(&text));
    buf_free(&text);
    return OK;
}

static const struct {
    const char *name;
    unsigned arguments;
    enum err (*call)(struct call *c, struct json **out);
} functions[] = {
    {"length", 1, call_length},       {"sort_by", 2, call_sort_by},
    {"keys", 1, call_keys},           {"reverse", 1, call_reverse},
    {"contains", 2, call_contains},   {"starts_with", 2, call_starts_with},
    {"ends_with", 2, call_ends_with}, {"to_string", 1, call_to_string},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

enum err query_call(struct arena *a, const struct query *q, const struct json *v, struct json **out)
{
    size_t f = 0, n = 0;
    while (f < FUNCTIONS && !slice_is(q->text, functions[f].name)) f++;
    if (f == FUNCTIONS)
        return fail(ERR_INVALID, "--query: there is no function %.*s()", SLICE_ARG(q->text));
    for (const struct query *part = q->parts; part; part = part->next) n++;
    if (n != functions[f].arguments)
        return fail(ERR_INVALID, "--query: %s() takes %u arguments", functions[f].name,
                    functions[f].arguments);
    struct call c = {.arena = a};
    struct json **arg = c.args;
    for (const struct query *part = q->parts; part; part = part->next, arg++) {
        *arg = query_null(a);
        if (part->left->kind == QUERY_LATER)
            c.later = part->left->left;
        else
            TRY(query_run(a, part->left, v, arg));
    }
    return functions[f].call(&c, out);
}
