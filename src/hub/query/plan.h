/* plan.h - where in the store the rows of a query can be.  Private to hub/query.
 *
 * A plan is a list of ranges, one read after the other, each in its own order.  Every row that the
 * condition may be true for lies in one of them; the condition is evaluated all the same.  A row that
 * lies in several is taken from the first.
 */
#ifndef HUB_QUERY_PLAN_H
#define HUB_QUERY_PLAN_H

#include "hub/query/row.h"

enum range_kind {
    RANGE_KEYS, /* device ids from `low` to before `end` */
};

struct range {
    struct range *next;
    enum range_kind kind;
    struct slice low, end;
};

struct plan {
    struct range *ranges;
    unsigned count;
};

void plan_make(struct arena *a, const struct query *q, struct plan *out);

/* Asks for rows of the range after that place, `place->device_id` empty: from its start. */
struct cursor;
void plan_ask(struct store_request *r, enum query_source source, const struct range *range,
              const struct cursor *place, unsigned top);

#endif
