/* fixture_test.h - a message as conditions see it, for the tests of route. */
#ifndef ROUTE_FIXTURE_TEST_H
#define ROUTE_FIXTURE_TEST_H

#include "route/route.h"

static inline struct route_message message_of(const char *body)
{
    struct route_message m = {.body = slice_str(body)};
    m.system[ROUTE_CONTENT_TYPE] = SLICE_LIT("application/json");
    m.system[ROUTE_CONTENT_ENCODING] = SLICE_LIT("utf-8");
    return m;
}

/* What a condition is for a message; one that does not compile is -1. */
static inline int truth_of(const char *condition, const struct route_message *m)
{
    struct route_condition *c;
    if (route_compile(slice_str(condition), &c, NULL) != OK) return -1;
    int truth = (int)route_test(c, m);
    route_condition_free(c);
    return truth;
}

#endif
