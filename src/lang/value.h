/* value.h - what an expression is, and how two of them compare.  
 *
 * Nothing but true counts as true.  What cannot be said is undefined: a property that is not there,
 * 1 < 'a', 1 + 'a'; and it spreads.  Source: README.md, "Rules".
 */
#ifndef LANG_VALUE_H
#define LANG_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

enum {
    VALUE_NUMBER_TEXT_MAX = 64, /* characters of a number (hub/twin has the same limit) */
    VALUE_DIGITS_MAX = 15,      /* of a number that is a double as it is */
};

enum value_type {
    VALUE_UNDEFINED,
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT
};

/* Borrows from the twin, the query or the arena. */
struct value {
    enum value_type type;
    bool truth;
    double number;
    struct slice text;
    const struct json *json; /* where it stands in a document; NULL: computed */
};

#define UNDEFINED ((struct value){.type = VALUE_UNDEFINED})

static inline struct value value_bool(bool truth)
{
    return (struct value){.type = VALUE_BOOL, .truth = truth};
}

static inline struct value value_number(double number)
{
    return (struct value){.type = VALUE_NUMBER, .number = number};
}

static inline struct value value_string(struct slice text)
{
    return (struct value){.type = VALUE_STRING, .text = text};
}

static inline bool value_is_true(const struct value *v)
{
    return v->type == VALUE_BOOL && v->truth;
}

static inline bool value_is_primitive(const struct value *v)
{
    return v->type >= VALUE_NULL && v->type <= VALUE_STRING;
}

/* The double nearest to what JSON calls a number. */
double value_read_number(struct slice text);

/* The same of at most VALUE_DIGITS_MAX digits, so many of them behind the point. */
double value_of_digits(uint64_t digits, size_t places, bool negative);

struct value value_of_json(const struct json *j); /* NULL: undefined */

/* Of two primitives of one type: less than, equal to or greater than 0.  False: they do not compare. */
bool value_order(const struct value *a, const struct value *b, int *order);

/* a = b: true, false or undefined. */
struct value value_equal(const struct value *a, const struct value *b);

/* As JSON; undefined must not come. */
void value_write(struct buf *out, const struct value *v);

#endif
