/* tree.h - a query after it was read.  Private to hub/query. */
#ifndef HUB_QUERY_TREE_H
#define HUB_QUERY_TREE_H

#include "hub/query/query.h"
#include "hub/query/value.h"

/* One step of a path: a member's name, or a place in an array. */
struct step {
    struct step *next;
    struct slice name; /* ptr NULL: `index` */
    uint32_t index;
};

enum expr_kind {
    EXPR_CONST,
    EXPR_PATH,
    EXPR_NOT,
    EXPR_AND, /* any number of arguments; so is the next */
    EXPR_OR,
    EXPR_COMPARE, /* two, by `compare` */
    EXPR_IN,      /* the first in the others; `negated`: not in */
    EXPR_MATH,    /* two, by `sign`: + - * / % */
    EXPR_NEGATE,
    EXPR_ARRAY,
    EXPR_CALL, /* of `function` */
};

enum compare { CMP_EQ, CMP_NE, CMP_LT, CMP_GT, CMP_LE, CMP_GE };

struct function;

struct expr {
    enum expr_kind kind;
    struct expr *next; /* argument */
    struct expr *args;
    unsigned arg_count;
    unsigned height; /* of the tree below */
    enum compare compare;
    char sign;
    bool negated;
    struct value value; /* EXPR_CONST */
    struct step *path;  /* EXPR_PATH */
    const struct function *function;
};

enum aggregate { AGG_NONE, AGG_COUNT, AGG_SUM, AGG_AVG, AGG_MIN, AGG_MAX };

/* One column of the SELECT list. */
struct column {
    struct column *next;
    enum aggregate aggregate;
    struct expr *expr; /* NULL: COUNT() */
    struct slice name;
};

struct query {
    enum query_source source;
    bool has_top;
    uint64_t top;
    struct column *columns; /* NULL: * */
    bool aggregates;        /* some column is an aggregate, or there are groups */
    struct expr *where;     /* NULL: everything */
    struct expr *groups;    /* paths */
    uint32_t mark;          /* of the text: a cursor of another query is refused */
};

bool expr_same_path(const struct expr *a, const struct expr *b);

/* ---- functions (function.c) */

enum { FUNCTION_ARGS_MAX = 8 };

struct function {
    const char *name;
    unsigned min, max; /* arguments */
    struct value (*run)(struct arena *a, const struct value *args, unsigned count);
};

const struct function *function_find(struct slice name); /* in any case; NULL: there is none */

#endif
