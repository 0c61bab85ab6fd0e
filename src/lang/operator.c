/* operator.c - NOT, comparisons and arithmetic.  What cannot be said is undefined. */
#include <math.h>

#include "lang/expr.h"

struct value value_not(struct value v)
{
    return v.type == VALUE_BOOL ? value_bool(!v.truth) : UNDEFINED;
}

struct value value_compare(enum compare compare, const struct value *a, const struct value *b)
{
    int order;
    if (compare == CMP_EQ) return value_equal(a, b);
    if (compare == CMP_NE) return value_not(value_equal(a, b));
    if (!value_order(a, b, &order)) return UNDEFINED;
    switch (compare) {
    case CMP_LT: return value_bool(order < 0);
    case CMP_GT: return value_bool(order > 0);
    case CMP_LE: return value_bool(order <= 0);
    default: return value_bool(order >= 0);
    }
}

static double calculate(char sign, double a, double b)
{
    switch (sign) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    default: return fmod(a, b);
    }
}

struct value value_math(char sign, const struct value *a, const struct value *b)
{
    if (a->type != VALUE_NUMBER || b->type != VALUE_NUMBER) return UNDEFINED;
    double number = calculate(sign, a->number, b->number);
    return isfinite(number) ? value_number(number) : UNDEFINED;
}

struct value value_negate(struct value v)
{
    return v.type == VALUE_NUMBER ? value_number(-v.number) : UNDEFINED;
}
