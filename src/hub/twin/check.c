/* check.c - the rules that a section's content must keep, and how its size counts.
 *
 * Source: "Understand and use device twins in IoT Hub", format of tags and properties, sizes; what a
 *         real hub refuses beyond that: '#' in keys that services write, null in arrays (azure-iot-sdk-csharp 1741)
 *         and in a PUT (azure-iot-cli-extension 693).
 */
#include "base/num.h"
#include "base/text.h"
#include "hub/twin/section.h"

enum { COUNT_NUMBER = 8, COUNT_BOOL = 4 };

/* ---- counting */

/* UTF-8 bytes without the control characters U+0000-U+001F, U+007F-U+009F. */
static size_t count_text(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < text.len && text.ptr[i + 1] < 0xa0;
        if (c1)
            i++;
        else if (c >= 0x20 && c != 0x7f)
            count++;
    }
    return count;
}

/* Of a value that is no object of the tree. */
static size_t count_json(const struct json *j)
{
    size_t count = 0;
    switch (j->type) {
    case JSON_NULL: return 0;
    case JSON_BOOL: return COUNT_BOOL;
    case JSON_NUMBER: return COUNT_NUMBER;
    case JSON_STRING: return count_text(j->text);
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    for (const struct json *child = j->child; child; child = child->next)
        count += count_json(child) + (j->type == JSON_OBJECT ? count_text(child->key) : 0);
    return count;
}

size_t section_count(const struct section *section)
{
    size_t count = 0;
    if (section->value) return count_json(section->value);
    for (const struct section *s = section->child; s; s = s->next)
        count += count_text(s->key) + section_count(s);
    return count;
}

/* ---- checking */

struct check {
    const struct section_rules *rules;
    struct slice key; /* the innermost */
    unsigned objects,
        nesting;  /* around the value that is looked at, the section itself not counted */
    bool no_null; /* in an array, or where everything is replaced */
};

enum { KEY_SHOWN_MAX = 128 };

static bool is_control(struct slice key, size_t i)
{
    uint8_t c = key.ptr[i];
    if (c == 0xc2 && i + 1 < key.len) return key.ptr[i + 1] < 0xa0;
    return c < 0x20 || c == 0x7f;
}

static enum err check_key(const struct check *c, struct slice key)
{
    if (key.len > TWIN_KEY_MAX)
        return fail(ERR_INVALID, "%s: a key has more than %d bytes", c->rules->name, TWIN_KEY_MAX);
    for (size_t i = 0; i < key.len; i++) {
        uint8_t b = key.ptr[i];
        bool bad = b == '.' || b == '$' || b == ' ' || (b == '#' && !c->rules->from_device);
        if (bad || is_control(key, i))
            return fail(ERR_INVALID,
                        "%s: a key has a control character or one of '.', '$', '#' and space",
                        c->rules->name);
    }
    return OK;
}

/* Whole numbers have a range; others are kept as they are written. */
static enum err check_number(const struct check *c, struct slice text)
{
    int64_t number;
    if (text.len > SECTION_NUMBER_MAX)
        return fail(ERR_INVALID, "%s: a number has more than %d characters", c->rules->name,
                    SECTION_NUMBER_MAX);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '.' || (text.ptr[i] | 0x20) == 'e') return OK;
    bool in_range =
        num_i64(text, &number) == OK && number >= TWIN_INTEGER_MIN && number <= TWIN_INTEGER_MAX;
    if (in_range) return OK;
    return fail(ERR_INVALID, "%s: an integer is not between -4503599627370496 and 4503599627370495",
                c->rules->name);
}

static enum err check_value(struct check *c, const struct json *j);

static enum err check_children(struct check *c, const struct json *j)
{
    for (const struct json *child = j->child; child; child = child->next) {
        if (j->type == JSON_OBJECT) {
            TRY(check_key(c, child->key));
            c->key = child->key;
        }
        TRY(check_value(c, child));
    }
    return OK;
}

static enum err check_container(struct check *c, const struct json *j)
{
    struct check outside = *c;
    if (j->type == JSON_OBJECT && ++c->objects > TWIN_DEPTH_MAX)
        return fail(ERR_INVALID, "%s: objects are more than %d levels deep", c->rules->name,
                    TWIN_DEPTH_MAX);
    if (++c->nesting > SECTION_NESTING_MAX)
        return fail(ERR_INVALID, "%s: arrays and objects are more than %d levels deep",
                    c->rules->name, SECTION_NESTING_MAX);
    c->no_null = c->no_null || j->type == JSON_ARRAY;
    TRY(check_children(c, j));
    *c = outside;
    return OK;
}

static enum err check_null(const struct check *c)
{
    if (!c->no_null) return OK;
    return fail(ERR_INVALID, "Value of Property or Tag cannot be null. Error in Property/Tag %.*s",
                SLICE_ARG(text_first_part(c->key, KEY_SHOWN_MAX)));
}

static enum err check_value(struct check *c, const struct json *j)
{
    switch (j->type) {
    case JSON_NULL: return check_null(c);
    case JSON_BOOL: return OK;
    case JSON_NUMBER: return check_number(c, j->text);
    case JSON_STRING:
        if (j->text.len <= TWIN_STRING_MAX) return OK;
        return fail(ERR_INVALID, "%s: a string has more than %d bytes", c->rules->name,
                    TWIN_STRING_MAX);
    case JSON_ARRAY:
    case JSON_OBJECT: return check_container(c, j);
    }
    return OK;
}

/* SDKs send back what they were shown: what services see, they may send; a device sees $version. */
static bool may_be_ignored(const struct section_rules *rules, struct slice key)
{
    if (key.len == 0 || key.ptr[0] != '$') return false;
    return slice_is(key, "$version") || (!rules->from_device && slice_is(key, "$metadata"));
}

enum err section_check(const struct json *patch, const struct section_rules *rules, bool whole)
{
    struct check c = {.rules = rules, .no_null = whole};
    if (patch->type != JSON_OBJECT) return fail(ERR_INVALID, "%s is not an object", rules->name);
    for (const struct json *j = patch->child; j; j = j->next) {
        if (may_be_ignored(rules, j->key)) continue;
        TRY(check_key(&c, j->key));
        c.key = j->key;
        TRY(check_value(&c, j));
    }
    return OK;
}
