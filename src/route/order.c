/* order.c - in what order conditions are tested: what costs least first, and alike ones together. */
#include <stdlib.h>

#include "base/mem.h"
#include "route/table.h"

static struct table_test test_of(const struct program *p, const struct table_route *r)
{
    const struct node *n = &p->nodes[r->root];
    struct table_test t = {.root = r->root,
                           .endpoint = (uint64_t)1 << r->endpoint,
                           .source = (uint8_t)r->source,
                           .looks = n->looks};
    while (n->op == OP_AND) n = &p->nodes[p->args[n->args]];
    if (n->op != OP_TEST) return t;
    t.constant = n->constant;
    t.slot = n->slot;
    t.place = n->place;
    t.compare = n->detail;
    return t;
}

/* What sorts constants so that a stretch of them does not fail. */
static enum value_type sorted_type(const struct table_test *t)
{
    if (t->constant == NULL || t->compare == CMP_NE) return VALUE_UNDEFINED;
    if (t->constant->type == VALUE_NUMBER) return VALUE_NUMBER;
    bool texts = t->constant->type == VALUE_STRING && t->compare == CMP_EQ;
    return texts ? VALUE_STRING : VALUE_UNDEFINED;
}

static int by_number(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* By what they cost, then by what makes a group. */
static int by_group(const struct table_test *a, const struct table_test *b)
{
    int order = by_number(a->source, b->source);
    if (order == 0) order = by_number(a->looks, b->looks);
    if (order == 0) order = by_number(a->constant == NULL, b->constant == NULL);
    if (order == 0) order = by_number(a->place, b->place);
    if (order == 0) order = by_number(a->slot, b->slot);
    if (order == 0) order = by_number(a->compare, b->compare);
    return order ? order : by_number(sorted_type(a), sorted_type(b));
}

static int by_constant(const void *first, const void *second)
{
    const struct table_test *a = first, *b = second;
    int order = by_group(a, b);
    if (order == 0 && sorted_type(a) != VALUE_UNDEFINED)
        (void)value_order(a->constant, b->constant, &order);
    return order ? order : by_number(a->root, b->root);
}

static struct table_group *new_group(struct route_table *t, uint32_t *count, uint32_t at)
{
    const struct table_test *test = &t->tests[at];
    struct table_group *g = &t->groups[(*count)++];
    *g = (struct table_group){.from = at,
                              .slot = test->slot,
                              .place = test->place,
                              .compare = test->compare,
                              .type = (uint8_t)sorted_type(test)};
    return g;
}

static void group_tests(struct route_table *t, uint32_t count)
{
    struct table_group *g = NULL;
    unsigned source = 0;
    uint32_t groups = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct table_test *test = &t->tests[i];
        if (i > 0 && by_group(test - 1, test) != 0) g = NULL;
        while (source <= test->source) t->first[source++] = groups;
        if (g == NULL) g = new_group(t, &groups, i);
        g->endpoints |= test->endpoint;
        g->count++;
    }
    while (source <= ROUTE_SOURCES_MAX) t->first[source++] = groups;
}

void table_order(struct route_table *t)
{
    uint32_t count = 0;
    t->tests = mem_new((t->route_count + 1) * sizeof *t->tests);
    t->groups = mem_new((t->route_count + 1) * sizeof *t->groups);
    for (uint32_t i = 0; i < t->route_count; i++)
        if (t->routes[i].enabled) t->tests[count++] = test_of(&t->program, &t->routes[i]);
    qsort(t->tests, count, sizeof *t->tests, by_constant);
    group_tests(t, count);
}
