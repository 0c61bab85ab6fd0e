/* value.c - values of JSON, their order, and back. */
#include "lang/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static double read_slowly(struct slice text)
{
    char here[VALUE_NUMBER_TEXT_MAX + 1];
    char *copy = text.len < sizeof here ? here : slice_dup(text);
    if (copy == here) {
        memcpy(here, text.ptr, text.len);
        here[text.len] = '\0';
    }
    double number = strtod(copy, NULL);
    if (copy != here) free(copy);
    return number;
}

double value_read_number(struct slice text)
{
    size_t at = text.len && text.ptr[0] == '-', dot = text.len;
    uint64_t digits = 0;
    if (text.len > VALUE_DIGITS_MAX + 1) return read_slowly(text);
    for (size_t i = at; i < text.len; i++) {
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9')
            digits = digits * 10 + (text.ptr[i] - (uint64_t)'0');
        else if (text.ptr[i] == '.')
            dot = i;
        else
            return read_slowly(text);
    }
    if (text.len - at > VALUE_DIGITS_MAX && dot == text.len) return read_slowly(text);
    return value_of_digits(digits, dot < text.len ? text.len - dot - 1 : 0, at);
}

/* 10 to the power of 22 and less is a double as it is, too: one operation on the two rounds once, as it
 * should be. */
double value_of_digits(uint64_t digits, size_t places, bool negative)
{
    static const double power[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    assert(places <= VALUE_DIGITS_MAX);
    double number = (double)digits / power[places];
    return negative ? -number : number;
}

struct value value_of_json(const struct json *j)
{
    struct value v = {.json = j};
    if (j == NULL) return UNDEFINED;
    switch (j->type) {
    case JSON_NULL: v.type = VALUE_NULL; break;
    case JSON_BOOL:
        v.type = VALUE_BOOL;
        v.truth = j->truth;
        break;
    case JSON_NUMBER:
        v.type = VALUE_NUMBER;
        v.number = value_read_number(j->text);
        break;
    case JSON_STRING:
        v.type = VALUE_STRING;
        v.text = j->text;
        break;
    case JSON_ARRAY: v.type = VALUE_ARRAY; break;
    case JSON_OBJECT: v.type = VALUE_OBJECT; break;
    }
    return v;
}

bool value_order(const struct value *a, const struct value *b, int *order)
{
    if (a->type != b->type || !value_is_primitive(a)) return false;
    switch (a->type) {
    case VALUE_BOOL: *order = a->truth - b->truth; break;
    case VALUE_NUMBER: *order = (a->number > b->number) - (a->number < b->number); break;
    case VALUE_STRING: *order = slice_cmp(a->text, b->text); break;
    default: *order = 0; /* null */
    }
    return true;
}

/* Null is different from whatever is there: "tags.x != null" is how people ask for that. */
struct value value_equal(const struct value *a, const struct value *b)
{
    int order;
    bool defined = a->type != VALUE_UNDEFINED && b->type != VALUE_UNDEFINED;
    bool null = a->type == VALUE_NULL || b->type == VALUE_NULL;
    if (value_order(a, b, &order)) return value_bool(order == 0);
    return defined && null ? value_bool(false) : UNDEFINED;
}

static void write_number(struct buf *out, double number)
{
    bool whole = number == floor(number) && fabs(number) < 9007199254740992.0;
    char text[32];
    snprintf(text, sizeof text, whole ? "%.0f" : "%.15g", number + 0.0);
    if (!whole && strtod(text, NULL) != number) snprintf(text, sizeof text, "%.17g", number);
    buf_put_str(out, isfinite(number) ? text : "null");
}

void value_write(struct buf *out, const struct value *v)
{
    if (v->json) {
        json_write(out, v->json);
        return;
    }
    switch (v->type) {
    case VALUE_BOOL: buf_put_str(out, v->truth ? "true" : "false"); break;
    case VALUE_NUMBER: write_number(out, v->number); break;
    case VALUE_STRING: text_json_string(out, v->text); break;
    default: buf_put_str(out, "null");
    }
}
