/* table.h - routes and enrichments compiled.  Private to route. */
#ifndef ROUTE_TABLE_H
#define ROUTE_TABLE_H

#include "route/program.h"

struct table_route {
    uint32_t root; /* of the table's program */
    uint16_t source;
    uint8_t endpoint;
    bool enabled;
};

/* A route as it is tested.  Most messages fail most conditions at the first comparison with a constant in
 * a chain of ANDs; so that is asked here, without the way down from the root. */
struct table_test {
    const struct value *constant; /* NULL: the condition begins otherwise */
    uint64_t endpoint;            /* its bit */
    uint32_t slot, root;
    uint8_t place, compare;
    uint8_t source, looks;
};

/* Tests that begin by comparing the same slot in the same way with constants of the same type.  By how these
 * are sorted, those that do not fail at once are a stretch of them, whose ends are looked for by halves. */
struct table_group {
    uint64_t endpoints; /* of all of them */
    uint32_t from, count;
    uint32_t slot;
    uint8_t place, compare;
    uint8_t type; /* VALUE_NUMBER, VALUE_STRING; VALUE_UNDEFINED: each test is asked by itself */
};

enum enrich_kind { ENRICH_TEXT, ENRICH_TWIN };

struct table_enrichment {
    struct slice key, value; /* in the table's arena */
    uint64_t endpoints;
    enum enrich_kind kind;
    uint32_t slot; /* ENRICH_TWIN: of the program's twin */
};

struct route_table {
    struct program program;
    struct table_route *routes;
    struct table_test *tests;              /* enabled routes */
    struct table_group *groups;            /* by source and then by what they look at */
    uint32_t first[ROUTE_SOURCES_MAX + 1]; /* in `groups` */
    struct arena arena;
    struct table_enrichment *enrichments;
    size_t route_count, enrichment_count;
    bool fallback;
    uint8_t fallback_endpoint;
    uint32_t wants_twin; /* bits by source */
};

/* enrich.c */
enum err enrich_compile(struct route_table *t, const struct route_table_config *cfg,
                        struct route_mistake *mistake) MUST_USE;

/* May a message of that source get an enrichment from the twin? */
bool enrich_wants_twin(const struct route_table *t, unsigned source, uint64_t endpoints);

/* order.c: the enabled routes as they are tested. */
void table_order(struct route_table *t);

/* table.c: sets the text of a mistake that has no place in a condition. */
enum err table_refuse(struct route_mistake *mistake, enum err code, const char *fmt, ...)
    PRINTF(3, 4);

#endif
