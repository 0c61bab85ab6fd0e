/* eval.h - what conditions are for one message.  Private to route. */
#ifndef ROUTE_EVAL_H
#define ROUTE_EVAL_H

#include "route/program.h"
#include "route/scan.h"

struct route_matcher {
    const struct program *program;
    const struct route_message *message;
    struct slots slots[PLACES];
    bool read[PLACES]; /* the slots are this message's */
    bool unreadable;   /* its body is, which was to be read */
    struct scan body_scan, twin_scan;
    struct value *kept; /* what shared nodes are */
    uint32_t *kept_at;  /* ... for the message of this number */
    uint32_t kept_cap, stamp;
    struct arena arena; /* what functions make */
    size_t arena_size;
    size_t work; /* bytes that functions have gone through; no more are in the arena */
};

/* A new message: nothing of it is read. */
void route_eval_begin(struct route_matcher *x, const struct program *p,
                      const struct route_message *m);

enum route_truth route_eval(struct route_matcher *x, uint32_t root);

void route_eval_read(struct route_matcher *x, enum place place);

/* What the message has in that slot, or NULL. */
static inline const struct value *route_eval_slot(struct route_matcher *x, enum place place,
                                                  uint32_t slot)
{
    if (!x->read[place]) route_eval_read(x, place);
    return slots_get(&x->slots[place], slot);
}

/* ---- comparing: here what most comparisons are, numbers and equal strings, for the loop over routes */

enum route_truth route_compare_others(enum compare compare, const struct value *a,
                                      const struct value *b);

static inline enum route_truth route_truth(bool yes)
{
    return yes ? ROUTE_TRUE : ROUTE_FALSE;
}

/* By the order that they have, a bit, in those where the comparison is true. */
static inline bool route_compare_numbers(enum compare compare, double a, double b)
{
    enum { LESS = 1, EQUAL = 2, GREATER = 4 };
    static const uint8_t orders[] = {
        [CMP_EQ] = EQUAL,   [CMP_NE] = LESS | GREATER, [CMP_LT] = LESS,
        [CMP_GT] = GREATER, [CMP_LE] = LESS | EQUAL,   [CMP_GE] = GREATER | EQUAL};
    return orders[compare] & (a < b ? LESS : a > b ? GREATER : EQUAL);
}

/* As value_compare() has it. */
static inline enum route_truth route_compare(enum compare compare, const struct value *a,
                                             const struct value *b)
{
    if (a->type != b->type) return route_compare_others(compare, a, b);
    if (a->type == VALUE_NUMBER)
        return route_truth(route_compare_numbers(compare, a->number, b->number));
    if (a->type == VALUE_STRING && compare <= CMP_NE)
        return route_truth(slice_eq(a->text, b->text) == (compare == CMP_EQ));
    return route_compare_others(compare, a, b);
}

void route_eval_free(struct route_matcher *x); /* what it has grown */

#endif
