/* query_tree.h - a parsed expression.  Private to query. */
#ifndef CLI_QUERY_TREE_H
#define CLI_QUERY_TREE_H

#include "cli/query.h"

enum query_kind {
    QUERY_CURRENT,    /* @, or nothing */
    QUERY_FIELD,      /* text */
    QUERY_INDEX,      /* number */
    QUERY_LITERAL,    /* value */
    QUERY_CHAIN,      /* left, then right on its result; also a pipe */
    QUERY_PROJECTION, /* right on each element of left; `left` of an object: its values if `number` */
    QUERY_FLATTEN,    /* left, with the elements of its arrays in their place */
    QUERY_FILTER,     /* left's elements for which `condition` is true, right on each */
    QUERY_OR,
    QUERY_AND,
    QUERY_NOT,
    QUERY_COMPARE, /* text: the operator */
    QUERY_LIST,    /* parts */
    QUERY_HASH,    /* parts, each with its key */
    QUERY_CALL,    /* text: the function; parts: its arguments */
    QUERY_LATER,   /* &left */
};

struct query {
    enum query_kind kind;
    struct slice text, key;
    int64_t number;
    struct json *value;
    struct query *left, *right, *condition;
    struct query *parts, *next; /* of a list, hash or call */
};

/* ---- values */

struct json *query_null(struct arena *a);
struct json *query_truth(struct arena *a, bool yes);

/* An element for a container of the answer: a node of its own that shares what lies below. */
struct json *query_share(struct arena *a, const struct json *v);

size_t query_count(const struct json *v); /* elements or members */
bool query_truthy(const struct json *v);
bool query_equal(const struct json *x, const struct json *y);
int query_order(const struct json *x, const struct json *y); /* numbers by value, else by text */

/* "==", "<=", ...: also orders strings, where the specification has null, since times are strings. */
struct json *query_compare(struct arena *a, struct slice op, const struct json *x,
                           const struct json *y);

/* ---- functions */

enum err query_call(struct arena *a, const struct query *q, const struct json *v,
                    struct json **out) MUST_USE;

#endif
