/* hub_query_fuzz.c - hub/query: a query, a newline, a twin.  What is read can be planned and evaluated;
 * what is refused has a place in the text. */
#include "fuzz.h"
#include "hub/query/plan.h"

static void evaluate(struct arena *a, const struct query *q, struct slice twin)
{
    struct json *j;
    struct plans plans;
    struct doc_whole d;
    struct buf out = {0};
    plans_make(a, q, &plans);
    assert(plans.count >= 1 && plans.count <= PLANS_MAX);
    for (unsigned i = 0; i < plans.count; i++) {
        unsigned count = 0;
        for (const struct range *r = plans.plans[i].ranges; r; r = r->next) count++;
        assert(count == plans.plans[i].count && count >= 1);
    }
    if (json_parse(a, twin, &j) != OK) return;
    (void)query_match(a, q, j);
    doc_whole_init(&d, a, j);
    for (const struct column *c = q->columns; c; c = c->next) {
        struct value v = c->expr ? eval(&d.doc, c->expr) : UNDEFINED;
        if (v.type != VALUE_UNDEFINED) value_write(&out, &v);
    }
    buf_free(&out);
}

void fuzz_one(struct slice input)
{
    struct arena a = {0};
    struct query *q;
    struct slice text;
    if (slice_split(&input, '\n', &text)) {
        if (query_read(&a, text, &q) == OK) evaluate(&a, q, input);
        if (query_target(&a, text, &q) == OK) evaluate(&a, q, input);
    }
    arena_free(&a);
}
