/* range.h - ranges out of comparisons.  Private to hub/query. */
#ifndef HUB_QUERY_RANGE_H
#define HUB_QUERY_RANGE_H

#include "hub/query/plan.h"

/* The range of what a comparison, IN, a function or a path alone may be true for.  Several are linked;
 * NULL: no range is known. */
struct range *range_of(struct arena *a, enum query_source source, const struct expr *e);

/* All identities. */
struct range *range_all(struct arena *a);

#endif
