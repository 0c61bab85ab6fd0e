/* num.c - numbers in text. */
#include "base/num.h"

enum err num_u64(struct slice text, uint64_t *out)
{
    uint64_t v = 0;
    if (text.len == 0) return ERR_INVALID;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.ptr[i] - '0');
        if (digit > 9) return ERR_INVALID;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return ERR_INVALID;
    }
    *out = v;
    return OK;
}

enum err num_i64(struct slice text, int64_t *out)
{
    bool negative = text.len && text.ptr[0] == '-';
    uint64_t v;
    TRY(num_u64(negative ? slice_from(text, 1) : text, &v));
    if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0)) return ERR_INVALID;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return OK;
}

/* Splits "10GiB" into 10 and "GiB". */
static enum err number_and_unit(struct slice text, uint64_t *number, struct slice *unit)
{
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') digits++;
    *unit = slice_from(text, digits);
    return num_u64(slice_head(text, digits), number);
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* NULL: none of them has that name. */
static const struct unit *find_unit(const struct unit *units, struct slice name)
{
    for (; units->name; units++)
        if (slice_eq_nocase(name, slice_str(units->name))) return units;
    return NULL;
}

enum err num_bytes(struct slice text, uint64_t *out)
{
    static const struct unit units[] = {{"", 1},
                                        {"b", 1},
                                        {"k", 1u << 10},
                                        {"kb", 1u << 10},
                                        {"kib", 1u << 10},
                                        {"m", 1u << 20},
                                        {"mb", 1u << 20},
                                        {"mib", 1u << 20},
                                        {"g", 1u << 30},
                                        {"gb", 1u << 30},
                                        {"gib", 1u << 30},
                                        {"t", 1ull << 40},
                                        {"tb", 1ull << 40},
                                        {"tib", 1ull << 40},
                                        {NULL, 0}};
    struct slice name;
    TRY(number_and_unit(text, out, &name));
    const struct unit *unit = find_unit(units, name);
    return unit && !__builtin_mul_overflow(*out, unit->factor, out) ? OK : ERR_INVALID;
}

enum { FRACTION = 1000000, FRACTION_DIGITS = 6 };

/* ".25" at the beginning of a unit is cut off it: 250000 of FRACTION. */
static enum err take_fraction(struct slice *unit, uint64_t *out)
{
    uint64_t digits;
    size_t before = unit->len;
    *out = 0;
    if (!slice_starts(*unit, SLICE_LIT("."))) return OK;
    *unit = slice_from(*unit, 1);
    TRY(number_and_unit(*unit, &digits, unit));
    size_t count = before - 1 - unit->len;
    if (count > FRACTION_DIGITS) return ERR_INVALID;
    for (*out = digits; count < FRACTION_DIGITS; count++) *out *= 10;
    return OK;
}

enum err num_duration_us(struct slice text, int64_t *out)
{
    static const struct unit units[] = {
        {"ms", 1000},      {"", 1000000},        {"s", 1000000},        {"m", 60000000},
        {"min", 60000000}, {"h", 3600000000ull}, {"d", 86400000000ull}, {NULL, 0}};
    uint64_t whole, part, us;
    struct slice name;
    TRY(number_and_unit(text, &whole, &name));
    TRY(take_fraction(&name, &part));
    const struct unit *unit = find_unit(units, name);
    if (unit == NULL || __builtin_mul_overflow(whole, unit->factor, &us) ||
        __builtin_add_overflow(us, part * unit->factor / FRACTION, &us) || us > INT64_MAX)
        return ERR_INVALID;
    *out = (int64_t)us;
    return OK;
}

size_t num_text(uint64_t v, char out[NUM_TEXT_MAX])
{
    char digits[NUM_TEXT_MAX], *at = digits + NUM_TEXT_MAX;
    do *--at = (char)('0' + v % 10);
    while (v /= 10);
    size_t len = (size_t)(digits + NUM_TEXT_MAX - at);
    memcpy(out, at, len);
    return len;
}

int64_t num_share_since(int64_t count, int64_t first_us, int64_t last_us, int64_t since_us)
{
    if (first_us >= since_us) return count;
    if (last_us < since_us) return 0;
    double share = (double)(last_us - since_us) / (double)(last_us - first_us);
    return 1 + (int64_t)((double)(count - 1) * share);
}
