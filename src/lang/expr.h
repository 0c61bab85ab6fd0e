/* expr.h - an expression after it was read: a tree in the parser's arena. */
#ifndef LANG_EXPR_H
#define LANG_EXPR_H

#include "lang/value.h"

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

/* ---- functions (function.c) */

enum { FUNCTION_ARGS_MAX = 8 };

struct function {
    const char *name;
    unsigned min, max; /* arguments */
    struct value (*run)(struct arena *a, const struct value *args, unsigned count);
};

/* In any case; NULL: there is none.  The third argument of SUBSTRING is where it ends, or how long it is. */
const struct function *function_find(struct slice name, bool substring_length);

/* ---- operators (operator.c) */

struct value value_not(struct value v);
struct value value_negate(struct value v);
struct value value_math(char sign, const struct value *a, const struct value *b);
struct value value_compare(enum compare compare, const struct value *a, const struct value *b);

#endif
