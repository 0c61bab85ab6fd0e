/* function.c - the functions of the language: those of twin queries, and those of routing conditions,
 * which tools use in twin queries, too.  What a function cannot make sense of is undefined. */
#include <ctype.h>
#include <math.h>

#include "base/num.h"
#include "lang/expr.h"

enum { CONCAT_MAX = 64 << 10 }; /* bytes; a longer one is undefined */

/* ---- types */

static struct value is_defined(struct arena *a, const struct value *v, unsigned n)
{
    (void)a, (void)n;
    return value_bool(v->type != VALUE_UNDEFINED);
}

#define IS(name, test)                                                                             \
    static struct value name(struct arena *a, const struct value *v, unsigned n)                   \
    {                                                                                              \
        (void)a, (void)n;                                                                          \
        return value_bool(test);                                                                   \
    }
IS(is_null, v->type == VALUE_NULL)
IS(is_bool, v->type == VALUE_BOOL)
IS(is_number, v->type == VALUE_NUMBER)
IS(is_string, v->type == VALUE_STRING)
IS(is_array, v->type == VALUE_ARRAY)
IS(is_object, v->type == VALUE_OBJECT)
IS(is_primitive, value_is_primitive(v))

/* Of a string that JSON would take for a number, too. */
static struct value as_number(struct arena *a, const struct value *v, unsigned n)
{
    (void)a, (void)n;
    if (v->type == VALUE_NUMBER) return *v;
    struct slice text = v->type == VALUE_STRING ? slice_trim(v->text) : SLICE_NONE;
    if (text.len > VALUE_NUMBER_TEXT_MAX || !json_is_number(text)) return UNDEFINED;
    return value_number(value_read_number(text));
}

/* ---- numbers */

static double sign_of(double x)
{
    return (x > 0) - (x < 0);
}

static double square(double x)
{
    return x * x;
}

#define MATH(name, function)                                                                       \
    static struct value name(struct arena *a, const struct value *v, unsigned n)                   \
    {                                                                                              \
        (void)a, (void)n;                                                                          \
        double result = v->type == VALUE_NUMBER ? function(v->number) : NAN;                       \
        return isfinite(result) ? value_number(result) : UNDEFINED;                                \
    }
MATH(math_abs, fabs)
MATH(math_exp, exp)
MATH(math_square, square)
MATH(math_ceiling, ceil)
MATH(math_floor, floor)
MATH(math_sign, sign_of)
MATH(math_sqrt, sqrt)

static struct value math_power(struct arena *a, const struct value *v, unsigned n)
{
    (void)a, (void)n;
    if (v[0].type != VALUE_NUMBER || v[1].type != VALUE_NUMBER) return UNDEFINED;
    double result = pow(v[0].number, v[1].number);
    return isfinite(result) ? value_number(result) : UNDEFINED;
}

/* ---- strings */

static bool all_strings(const struct value *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (v[i].type != VALUE_STRING) return false;
    return true;
}

static size_t find(struct slice text, struct slice part)
{
    if (part.len == 0) return 0;
    const uint8_t *at = slice_search(text, part);
    return at ? (size_t)(at - text.ptr) : SIZE_MAX;
}

/* Characters, not bytes. */
static size_t count_characters(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) count += (text.ptr[i] & 0xC0) != 0x80;
    return count;
}

/* Where the character of that number begins. */
static size_t place_of(struct slice text, double character)
{
    size_t at = 0;
    for (; at < text.len; at++)
        if ((text.ptr[at] & 0xC0) != 0x80 && character-- < 1) break;
    return at;
}

static struct value starts_with(struct arena *a, const struct value *v, unsigned n)
{
    (void)a;
    return all_strings(v, n) ? value_bool(slice_starts(v[0].text, v[1].text)) : UNDEFINED;
}

static struct value ends_with(struct arena *a, const struct value *v, unsigned n)
{
    (void)a;
    return all_strings(v, n) ? value_bool(slice_ends(v[0].text, v[1].text)) : UNDEFINED;
}

static struct value contains(struct arena *a, const struct value *v, unsigned n)
{
    (void)a;
    return all_strings(v, n) ? value_bool(find(v[0].text, v[1].text) != SIZE_MAX) : UNDEFINED;
}

static struct value index_of(struct arena *a, const struct value *v, unsigned n)
{
    (void)a;
    if (!all_strings(v, n)) return UNDEFINED;
    size_t at = find(v[0].text, v[1].text);
    return value_number(at == SIZE_MAX ? -1 : (double)count_characters(slice_head(v[0].text, at)));
}

static struct value length(struct arena *a, const struct value *v, unsigned n)
{
    (void)a;
    return all_strings(v, n) ? value_number((double)count_characters(v->text)) : UNDEFINED;
}

/* From the start, counted from 0, to before `end`. */
static struct value cut(const struct value *v, unsigned n, double end)
{
    bool numbers = v[1].type == VALUE_NUMBER && (n < 3 || v[2].type == VALUE_NUMBER);
    if (v[0].type != VALUE_STRING || !numbers || v[1].number < 0) return UNDEFINED;
    size_t from = place_of(v[0].text, v[1].number);
    size_t to = n < 3 ? v[0].text.len : place_of(v[0].text, end);
    return value_string(slice_of(v[0].text.ptr + from, to > from ? to - from : 0));
}

static struct value substring(struct arena *a, const struct value *v, unsigned n)
{
    (void)a;
    return cut(v, n, n < 3 ? 0 : v[2].number);
}

static struct value substring_length(struct arena *a, const struct value *v, unsigned n)
{
    (void)a;
    return cut(v, n, n < 3 ? 0 : v[1].number + v[2].number);
}

/* ASCII letters only. */
static struct value change_case(struct arena *a, const struct value *v, int (*change)(int))
{
    if (v->type != VALUE_STRING) return UNDEFINED;
    uint8_t *bytes = arena_alloc(a, v->text.len + 1);
    for (size_t i = 0; i < v->text.len; i++)
        bytes[i] = v->text.ptr[i] < 0x80 ? (uint8_t)change(v->text.ptr[i]) : v->text.ptr[i];
    return value_string(slice_of(bytes, v->text.len));
}

static struct value lower(struct arena *a, const struct value *v, unsigned n)
{
    (void)n;
    return change_case(a, v, tolower);
}

static struct value upper(struct arena *a, const struct value *v, unsigned n)
{
    (void)n;
    return change_case(a, v, toupper);
}

static struct value concat(struct arena *a, const struct value *v, unsigned n)
{
    struct buf text = {0};
    if (!all_strings(v, n)) return UNDEFINED;
    for (unsigned i = 0; i < n && buf_size(&text) <= CONCAT_MAX; i++)
        buf_put_slice(&text, v[i].text);
    bool fits = buf_size(&text) <= CONCAT_MAX;
    struct slice copy = fits ? arena_copy(a, buf_slice(&text)) : SLICE_NONE;
    buf_free(&text);
    return fits ? value_string(copy) : UNDEFINED;
}

/* ---- arrays */

static struct value array_contains(struct arena *a, const struct value *v, unsigned n)
{
    (void)a, (void)n;
    if (v[0].json == NULL || v[0].type != VALUE_ARRAY || v[1].type == VALUE_UNDEFINED)
        return UNDEFINED;
    for (const struct json *j = v[0].json->child; j; j = j->next) {
        struct value element = value_of_json(j), equal = value_equal(&element, &v[1]);
        if (value_is_true(&equal)) return value_bool(true);
    }
    return value_bool(false);
}

static const struct function functions[] = {
    {"IS_DEFINED", 1, 1, is_defined},
    {"IS_NULL", 1, 1, is_null},
    {"IS_BOOL", 1, 1, is_bool},
    {"IS_NUMBER", 1, 1, is_number},
    {"IS_STRING", 1, 1, is_string},
    {"IS_ARRAY", 1, 1, is_array},
    {"IS_OBJECT", 1, 1, is_object},
    {"IS_PRIMITIVE", 1, 1, is_primitive},
    {"AS_NUMBER", 1, 1, as_number},
    {"ABS", 1, 1, math_abs},
    {"EXP", 1, 1, math_exp},
    {"POWER", 2, 2, math_power},
    {"SQUARE", 1, 1, math_square},
    {"CEILING", 1, 1, math_ceiling},
    {"FLOOR", 1, 1, math_floor},
    {"SIGN", 1, 1, math_sign},
    {"SQRT", 1, 1, math_sqrt},
    {"STARTSWITH", 2, 2, starts_with},
    {"STARTS_WITH", 2, 2, starts_with},
    {"ENDSWITH", 2, 2, ends_with},
    {"ENDS_WITH", 2, 2, ends_with},
    {"CONTAINS", 2, 2, contains},
    {"INDEX_OF", 2, 2, index_of},
    {"LENGTH", 1, 1, length},
    {"SUBSTRING", 2, 3, substring},
    {"LOWER", 1, 1, lower},
    {"UPPER", 1, 1, upper},
    {"CONCAT", 2, FUNCTION_ARGS_MAX, concat},
    {"ARRAY_CONTAINS", 2, 2, array_contains},
};

static const struct function by_length = {"SUBSTRING", 2, 3, substring_length};

const struct function *function_find(struct slice name, bool lengths)
{
    if (lengths && slice_is_nocase(name, by_length.name)) return &by_length;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (slice_is_nocase(name, functions[i].name)) return &functions[i];
    return NULL;
}
