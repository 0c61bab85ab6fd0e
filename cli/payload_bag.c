/* payload_bag.c - properties as az takes them, "name=value;name2=value2", and as a topic carries
 * them, "name=value&name2=value2" with both sides percent-encoded. */
#include "base/text.h"
#include "cli/payload_parts.h"

/* What IoT Hub knows behind "$."; anything else there is a slip of the finger. */
static const char *const system_names[] = {
    "mid", "cid", "uid", "to", "exp", "ct", "ce", "ctime", "on", "sub", "ifid", "schema",
};

static enum err check_name(struct slice name)
{
    if (!slice_starts(name, SLICE_LIT("$."))) return OK;
    for (size_t i = 0; i < sizeof system_names / sizeof *system_names; i++)
        if (slice_is(slice_from(name, 2), system_names[i])) return OK;
    return fail(ERR_INVALID,
                "property '%.*s' is none of the system's: $.mid, $.cid, $.uid, $.to, $.exp, $.ct, "
                "$.ce, $.ctime, $.on, $.sub, $.ifid and $.schema are",
                SLICE_ARG(name));
}

static struct slice encoded(struct arena *a, struct slice name)
{
    struct buf text = {0};
    text_percent(&text, name);
    struct slice copy = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return copy;
}

static bool has(const struct payload_bag *bag, struct slice name)
{
    for (size_t i = 0; i < bag->count; i++)
        if (slice_eq(bag->items[i].name, name)) return true;
    return false;
}

static enum err add(struct arena *a, struct payload_bag *bag, struct slice name, struct slice value,
                    bool plain, size_t *slots)
{
    struct slice key = encoded(a, name);
    TRY(check_name(name));
    if (has(bag, key)) return fail(ERR_INVALID, "property '%.*s' is there twice", SLICE_ARG(name));
    if (bag->count == PAYLOAD_PROPERTIES_MAX)
        return fail(ERR_TOO_BIG, "more than %d properties", PAYLOAD_PROPERTIES_MAX);
    bag->items[bag->count].name = key;
    TRY(payload_template_parse(a, value, plain, slots, &bag->items[bag->count].value));
    bag->count++;
    return OK;
}

enum err payload_bag_parse(struct arena *a, struct slice text, bool plain, size_t *slots,
                           struct payload_bag *out)
{
    struct slice value, name;
    out->count = 0;
    while (text.len && slice_split(&text, ';', &value)) {
        if (slice_trim(value).len == 0) continue;
        slice_split(&value, '=', &name);
        name = slice_trim(name);
        if (name.len == 0 || value.ptr == NULL)
            return fail(ERR_INVALID,
                        "property '%.*s' is not of the form name=value; they are separated by ';'",
                        SLICE_ARG(name));
        if (!text_is_utf8(name) || !text_is_utf8(value))
            return fail(ERR_INVALID, "the properties are not UTF-8");
        TRY(add(a, out, name, value, plain, slots));
    }
    return OK;
}

enum err payload_bag_default(struct arena *a, struct payload_bag *bag, const char *name,
                             const char *value)
{
    size_t slots = 0; /* a plain value keeps nothing */
    if (has(bag, encoded(a, slice_str(name)))) return OK;
    return add(a, bag, slice_str(name), slice_str(value), true, &slots);
}

void payload_bag_write(const struct payload_bag *bag, struct payload_state *s, struct buf *out)
{
    struct buf value = {0};
    for (size_t i = 0; i < bag->count; i++) {
        if (i) buf_put_u8(out, '&');
        buf_put_slice(out, bag->items[i].name);
        buf_put_u8(out, '=');
        buf_clear(&value);
        payload_template_write(&bag->items[i].value, s, &value);
        text_percent(out, buf_slice(&value));
    }
    buf_free(&value);
}
