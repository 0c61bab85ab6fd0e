/* selector.c - reading a reader's starting point. */
#include "front/amqp/selector.h"

#include "base/num.h"

#define SELECTOR_CODE 0x468C00000004ull /* 77567109365764, sent by JavaScript and Go */
#define SELECTOR_NAME "apache.org:selector-filter:string"

/* A described string; Python and Java describe it by name, others by number. */
static bool is_selector(const struct amqp_value *v, struct slice *text)
{
    struct cur c = cur_of(v->bytes);
    struct amqp_value descriptor, value;
    if (v->type != AMQP_DESCRIBED || amqp_get(&c, &descriptor) != OK || amqp_get(&c, &value) != OK)
        return false;
    bool known = (descriptor.type == AMQP_ULONG && descriptor.u == SELECTOR_CODE) ||
                 slice_is(amqp_text(&descriptor), SELECTOR_NAME);
    *text = amqp_text(&value);
    return known && text->ptr;
}

enum err selector_of_filter(const struct amqp_value *filter, struct slice *text)
{
    struct cur c = cur_of(filter->bytes);
    struct amqp_value key, value;
    *text = SLICE_NONE;
    if (filter->type == AMQP_NULL) return OK;
    if (filter->type != AMQP_MAP) return fail(ERR_INVALID, "the source's filter is no map");
    while (cur_left(&c)) {
        if (amqp_get(&c, &key) != OK || amqp_get(&c, &value) != OK)
            return fail(ERR_INVALID, "the source's filter does not parse");
        if (value.type == AMQP_NULL) continue;
        if (!is_selector(&value, text))
            return fail(ERR_UNSUPPORTED, "filter '%.*s' is not known; there is " SELECTOR_NAME,
                        SLICE_ARG(amqp_text(&key)));
    }
    return OK;
}

static bool skip(struct slice *s, struct slice prefix)
{
    *s = slice_trim(*s);
    if (!slice_starts_nocase(*s, prefix)) return false;
    *s = slice_from(*s, prefix.len);
    return true;
}

enum field { FIELD_OFFSET, FIELD_SEQUENCE, FIELD_TIME, FIELDS };

static bool skip_field(struct slice *s, enum field *field)
{
    static const struct {
        const char *name;
        enum field field;
    } names[] = {{"offset", FIELD_OFFSET},
                 {"sequence-number", FIELD_SEQUENCE},
                 {"enqueued-time", FIELD_TIME},
                 {"enqueuedtimeutc", FIELD_TIME}};
    if (!skip(s, SLICE_LIT("amqp.annotation.x-opt-"))) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (skip(s, slice_str(names[i].name))) {
            *field = names[i].field;
            return true;
        }
    return false;
}

static struct slice unquote(struct slice s)
{
    s = slice_trim(s);
    bool quoted = s.len >= 2 && s.ptr[0] == '\'' && s.ptr[s.len - 1] == '\'';
    return quoted ? slice_from(slice_head(s, s.len - 1), 1) : s;
}

/* The first record that `field > value` (or >=) admits. */
static enum err place(enum field field, bool inclusive, struct slice text, struct log_seek_msg *out)
{
    int64_t value, unit = field == FIELD_TIME ? 1000 : 1;
    if (field == FIELD_OFFSET && slice_eq_nocase(text, SLICE_LIT("@latest"))) {
        out->where = LOG_LATEST;
        return OK;
    }
    if (num_i64(text, &value) != OK || !num_add_i64(value, !inclusive, &value) ||
        !num_mul_i64(value, unit, &value))
        return fail(ERR_INVALID, "'%.*s' is not a number that a filter can compare with",
                    SLICE_ARG(slice_head(text, 64)));
    out->where = field == FIELD_TIME ? LOG_TIME : LOG_SEQUENCE;
    out->value = value;
    if (value <= 0 && field != FIELD_TIME) out->where = LOG_EARLIEST;
    return OK;
}

enum err selector_parse(struct slice text, struct log_seek_msg *out)
{
    struct slice rest = text;
    enum field field;
    if (text.ptr == NULL) {
        out->where = LOG_EARLIEST;
        return OK;
    }
    if (!skip_field(&rest, &field) || !skip(&rest, SLICE_LIT(">")))
        return fail(ERR_INVALID,
                    "filter '%.*s' does not parse; expected amqp.annotation.x-opt-offset, "
                    "x-opt-sequence-number or x-opt-enqueued-time, then > or >=, then a value",
                    SLICE_ARG(slice_head(text, 128)));
    bool inclusive = rest.len && rest.ptr[0] == '=';
    return place(field, inclusive, unquote(slice_from(rest, inclusive ? 1 : 0)), out);
}
