/* query_run.c - an expression applied to a value.  What does not exist is null, as JMESPath wants. */
#include "cli/query_tree.h"

static enum err run_index(struct arena *a, const struct query *q, const struct json *v,
                          struct json **out)
{
    *out = query_null(a);
    if (v->type != JSON_ARRAY) return OK;
    int64_t at = q->number < 0 ? q->number + (int64_t)query_count(v) : q->number;
    const struct json *j = at < 0 ? NULL : v->child;
    while (j && at-- > 0) j = j->next;
    if (j) *out = query_share(a, j);
    return OK;
}

static enum err run_flatten(struct arena *a, const struct query *q, const struct json *v,
                            struct json **out)
{
    struct json *list;
    TRY(query_run(a, q->left, v, &list));
    *out = query_null(a);
    if (list->type != JSON_ARRAY) return OK;
    (*out)->type = JSON_ARRAY;
    struct json **tail = &(*out)->child;
    for (const struct json *j = list->child; j; j = j->next) {
        const struct json *inner = j->type == JSON_ARRAY ? j->child : j;
        for (; inner; inner = j->type == JSON_ARRAY ? inner->next : NULL) {
            *tail = query_share(a, inner);
            tail = &(*tail)->next;
        }
    }
    return OK;
}

/* Projections and filters: right on each element, nulls left out. */
static enum err run_each(struct arena *a, const struct query *q, const struct json *v,
                         struct json **out)
{
    struct json *list;
    TRY(query_run(a, q->left, v, &list));
    *out = query_null(a);
    bool values = q->kind == QUERY_PROJECTION && q->number;
    if (list->type != (values ? JSON_OBJECT : JSON_ARRAY)) return OK;
    (*out)->type = JSON_ARRAY;
    struct json **tail = &(*out)->child;
    for (const struct json *j = list->child; j; j = j->next) {
        struct json *keep, *result;
        if (q->condition) {
            TRY(query_run(a, q->condition, j, &keep));
            if (!query_truthy(keep)) continue;
        }
        TRY(query_run(a, q->right, j, &result));
        if (result->type == JSON_NULL) continue;
        *tail = query_share(a, result);
        tail = &(*tail)->next;
    }
    return OK;
}

static enum err run_parts(struct arena *a, const struct query *q, const struct json *v,
                          struct json **out)
{
    *out = query_null(a);
    if (v->type == JSON_NULL) return OK;
    (*out)->type = q->kind == QUERY_LIST ? JSON_ARRAY : JSON_OBJECT;
    struct json **tail = &(*out)->child;
    for (const struct query *part = q->parts; part; part = part->next) {
        struct json *value;
        TRY(query_run(a, part->left, v, &value));
        *tail = query_share(a, value);
        (*tail)->key = part->key;
        tail = &(*tail)->next;
    }
    return OK;
}

static enum err run_binary(struct arena *a, const struct query *q, const struct json *v,
                           struct json **out)
{
    struct json *left, *right;
    TRY(query_run(a, q->left, v, &left));
    if (q->kind == QUERY_CHAIN) return query_run(a, q->right, left, out);
    if (q->kind == QUERY_COMPARE) {
        TRY(query_run(a, q->right, v, &right));
        *out = query_compare(a, q->text, left, right);
        return OK;
    }
    *out = left;
    return query_truthy(left) == (q->kind == QUERY_OR) ? OK : query_run(a, q->right, v, out);
}

enum err query_run(struct arena *a, const struct query *q, const struct json *v, struct json **out)
{
    *out = query_null(a);
    struct json *left;
    switch (q->kind) {
    case QUERY_CURRENT: *out = query_share(a, v); return OK;
    case QUERY_LITERAL: *out = q->value; return OK;
    case QUERY_FIELD: {
        const struct json *j = v->type == JSON_OBJECT ? v->child : NULL;
        while (j && !slice_eq(j->key, q->text)) j = j->next;
        *out = j ? query_share(a, j) : query_null(a);
        return OK;
    }
    case QUERY_INDEX: return run_index(a, q, v, out);
    case QUERY_PROJECTION:
    case QUERY_FILTER: return run_each(a, q, v, out);
    case QUERY_FLATTEN: return run_flatten(a, q, v, out);
    case QUERY_NOT:
        TRY(query_run(a, q->left, v, &left));
        *out = query_truth(a, !query_truthy(left));
        return OK;
    case QUERY_LIST:
    case QUERY_HASH: return run_parts(a, q, v, out);
    case QUERY_CALL: return query_call(a, q, v, out);
    case QUERY_LATER: return fail(ERR_INVALID, "--query: '&' belongs into sort_by()");
    default: return run_binary(a, q, v, out);
    }
}
