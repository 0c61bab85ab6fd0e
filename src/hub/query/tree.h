/* tree.h - a query after it was read.  Private to hub/query. */
#ifndef HUB_QUERY_TREE_H
#define HUB_QUERY_TREE_H

#include "hub/query/query.h"
#include "lang/expr.h"

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

#endif
