/* filter.h - what else a row of a range must have, looked up in the index before the row is read.
 * Private to hub/query.
 *
 * Of `a AND b` one part says where rows are looked for.  If the other one says that a property has one of a
 * few values, each is a key of the index together with the row's identity: a look-up that is a tenth of what
 * the twin costs.  Twins that the index does not have pass.  The condition is evaluated all the same.
 *
 * If it says a range, the index is asked which values there are in it at all when a page begins; the filter is
 * dropped if these are too many.
 */
#ifndef HUB_QUERY_FILTER_H
#define HUB_QUERY_FILTER_H

#include "hub/query/row.h"
#include "store/store.h"

enum {
    FILTERS_MAX = 3,       /* of a range; what else the condition says is only evaluated */
    FILTER_VALUES_MAX = 5, /* that the property may have; with more it is no filter */
};

struct filter {
    int64_t path; /* path_id */
    enum twin_index_half half;
    const struct step *steps;
    struct slice values[FILTER_VALUES_MAX]; /* as they stand in the index */
    unsigned count;
    bool open;             /* the values are still to be asked for */
    struct slice low, end; /* if so: the range that they are in */
};

struct range;

/* What all of these ranges together say of one property; false: they are not a few values of one. */
bool filter_of(const struct range *ranges, struct filter *out);

/* Asks for the values of an open filter, one more than it may have. */
void filter_ask(struct store_request *r, const struct filter *f);

/* It is no longer open: these are the values, or there are too many. */
void filter_close(struct arena *a, struct filter *f, struct store_answer *values);

/* Drops filters that have too many values. */
void filters_drop(struct range *range);

/* Those of the range; parameters of sql_query_filtered. */
void filters_put(struct store_request *r, bool of_modules, const struct range *range);

/* Does the row have what the range's filters ask for, as it stands now? */
bool filters_pass(const struct range *range, struct doc_row *d);

/* Is the twin in that half of the index? */
bool row_is_indexed(const struct doc_row *d, enum twin_index_half half);

/* The value of a path as the index would have it; nothing: it is not there. */
void row_put_indexed(const struct step *path, struct doc_row *d, struct buf *out);

#endif
