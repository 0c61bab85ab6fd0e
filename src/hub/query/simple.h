/* simple.h - a condition as plans read it: without NOT, AND in AND or OR in OR.  Private to hub/query. */
#ifndef HUB_QUERY_SIMPLE_H
#define HUB_QUERY_SIMPLE_H

#include "hub/query/tree.h"

/* True wherever `e` is true, and perhaps elsewhere; NULL stays NULL. */
struct expr *expr_simple(struct arena *a, const struct expr *e);

#endif
