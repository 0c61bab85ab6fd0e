/* condition.c - one condition, checked or tested by itself. */
#include <stdlib.h>

#include "base/mem.h"
#include "route/eval.h"

struct route_condition {
    struct program program;
    uint32_t root;
};

enum err route_compile(struct slice text, struct route_condition **out,
                       struct route_mistake *mistake)
{
    struct route_condition *c = NEW(struct route_condition);
    enum err err = program_add(&c->program, text, &c->root, mistake);
    program_finish(&c->program);
    if (err)
        route_condition_free(c);
    else
        *out = c;
    return err;
}

void route_condition_free(struct route_condition *c)
{
    if (c == NULL) return;
    program_free(&c->program);
    free(c);
}

enum route_truth route_test(const struct route_condition *c, const struct route_message *m)
{
    struct route_matcher x = {0};
    route_eval_begin(&x, &c->program, m);
    enum route_truth truth = route_eval(&x, c->root);
    route_eval_free(&x);
    return truth;
}
