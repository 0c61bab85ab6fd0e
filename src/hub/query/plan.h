/* plan.h - where in the store the rows of a query can be.  Private to hub/query.
 *
 * A plan is a list of ranges, one read after the other, each in its own order.  Every row that the
 * condition may be true for lies in one of them; the condition is evaluated all the same.  A row that
 * lies in several is taken from the first.
 *
 * Of `a AND b` either part will do: there are several plans then, of which the one with the fewest rows
 * is found by counting: up to PLAN_PROBE_FIRST each, and if all have that many, up to PLAN_PROBE_MAX.
 * Ranges of one property are one.  The other parts are filters (filter.h), where they can be.  Of `a OR b`
 * both are needed.
 */
#ifndef HUB_QUERY_PLAN_H
#define HUB_QUERY_PLAN_H

#include "hub/query/cursor.h"
#include "hub/query/filter.h"

enum {
    PLANS_MAX = 8,          /* of a query; further parts of an AND are not looked at */
    PLAN_RANGES_MAX = 1000, /* of a plan; with more it is none */
    PLAN_PROBES_MAX = 16, /* ranges that are counted in a plan; one with more is taken for large */
    PLAN_PROBE_FIRST = 1000,
    PLAN_PROBE_MAX = 20000, /* rows that are counted in a range */
    PLAN_NAMED_MAX = 30,    /* identities that are asked for by name */
    PLAN_NAMED_MODULES_MAX = 15,
    PLAN_WINDOW = 2048, /* rows of the index that filters look at in one turn */
};

/* In the order of what they cost when nothing is known. */
enum range_kind {
    RANGE_KEYS,     /* device ids from `low` to before `end` */
    RANGE_PROPERTY, /* an indexed property, likewise (hub/twin/index.h) */
    RANGE_WIDE,     /* twins that a half of the index does not have */
    RANGE_DISABLED, /* devices */
    RANGE_EDGE,
    RANGE_WAITING, /* devices for which messages wait */
    RANGE_SCOPE,   /* devices whose deviceScope is `low` */
    RANGE_PARENT,  /* likewise parentScopes */
    RANGE_MODULE,  /* modules called `low` */
    RANGE_KNOWN,   /* whom the cores know (hub/registry/rows.h), a core after the other */
};

struct range {
    struct range *next;
    enum range_kind kind;
    int64_t path;              /* RANGE_PROPERTY, RANGE_WIDE: path_id */
    enum twin_index_half half; /* likewise: of the index */
    const struct step *steps;  /* RANGE_PROPERTY: the path */
    struct slice low, end;
    struct filter *filters[FILTERS_MAX]; /* RANGE_PROPERTY; ranges of a plan share them */
    unsigned filter_count;
    bool connected; /* RANGE_KNOWN: only those */
};

struct plan {
    struct range *ranges;
    unsigned count;
    unsigned halves; /* of the index that it asks */
    uint64_t weight; /* how many rows, at a guess */
};

struct plans {
    struct plan plans[PLANS_MAX];
    unsigned count;            /* 1 at least */
    const struct expr *simple; /* the condition as they read it (simple.h); NULL: none */
};

/* Makes the plans, what seems best first. */
void plans_make(struct arena *a, const struct query *q, struct plans *out);

/* Is counting worth while? */
bool plans_need_probes(const struct plans *plans);

/* Asks for rows of the range after that place, its ids empty: from the start. */
void plan_ask(struct store_request *r, enum query_source source, const struct range *range,
              const struct cursor *place, unsigned top);

/* Asks where a turn of `window` rows through a range with filters ends; no row: at its end. */
void plan_ask_window(struct store_request *r, const struct range *range, const struct cursor *place,
                     unsigned window);

/* Likewise, of a range with filters, up to `last`; NULL: to its end. */
void plan_ask_filtered(struct store_request *r, enum query_source source, const struct range *range,
                       const struct cursor *place, const struct cursor *last, unsigned top);

/* Likewise, but for identities only: a row is the value, a device id, a module id.  Of RANGE_KEYS and
 * RANGE_PROPERTY. */
void plan_ask_names(struct store_request *r, enum query_source source, const struct range *range,
                    const struct cursor *place, unsigned top);

/* Asks for these identities, PLAN_NAMED_MAX at most and in no order. */
void plan_ask_named(struct store_request *r, enum query_source source, const struct cursor *names,
                    unsigned count);

/* Asks how many rows there are, as far as `max`; false: it cannot be counted. */
bool plan_probe(struct store_request *r, const struct range *range, uint64_t max);

/* Is the row to be taken from `range`, in which it was found?  Not if it lies in one of the plan's ranges
 * before it, or if the index has it there from a former life of its identity. */
bool plan_takes(const struct plan *plan, const struct range *range, struct doc_row *d);

#endif
