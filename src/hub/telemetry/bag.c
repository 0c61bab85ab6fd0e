/* bag.c - the property bag of an MQTT topic: "%24.ct=application%2Fjson&alarm=high".
 *
 * Names that begin with "$." are system properties, the rest is the application's.  What only the
 * hub may say (connection ids) is dropped.  A name without '=' has a null value (IoT Hub's C2D
 * grammar, accepted both ways).
 */
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "hub/telemetry/telemetry.h"

/* Decodes in place of a copy where nothing is encoded. */
static enum err decode(struct slice text, struct buf *scratch, struct slice *out)
{
    if (slice_find(text, '%') == text.len) {
        *out = text;
    } else {
        size_t start = buf_size(scratch);
        TRY(text_unpercent(scratch, text));
        *out = slice_from(buf_slice(scratch), start);
    }
    if (slice_find(*out, '\0') < out->len || !text_is_utf8(*out)) return ERR_INVALID;
    return OK;
}

struct system_property {
    const char *name;
    size_t offset; /* of a slice in struct envelope; SIZE_MAX: known and dropped */
};

static const struct system_property system_properties[] = {
    {"mid", offsetof(struct envelope, message_id)},
    {"cid", offsetof(struct envelope, correlation_id)},
    {"uid", offsetof(struct envelope, user_id)},
    {"to", offsetof(struct envelope, to)},
    {"ct", offsetof(struct envelope, content_type)},
    {"ce", offsetof(struct envelope, content_encoding)},
    {"sub", offsetof(struct envelope, subject)},
    {"ifid", offsetof(struct envelope, interface_id)},
    {"cdid", SIZE_MAX},
    {"cmid", SIZE_MAX},
};

/* System properties that AMQP has no field for travel as application properties. */
static const struct {
    const char *name, *as;
} renamed_properties[] = {
    {"ctime", "iothub-creation-time-utc"}, {"schema", "iothub-message-schema"},
    {"on", "iothub-outputname"},           {"diagid", "Diagnostic-Id"},
    {"diagctx", "Correlation-Context"},
};

static enum err add_property(struct property *space, struct envelope *out, struct slice name,
                             struct slice value)
{
    if (out->property_count == TELEMETRY_PROPERTIES_MAX) return telemetry_too_many_properties();
    space[out->property_count++] = (struct property){name, value};
    return OK;
}

enum err telemetry_parse_expiry(struct slice value, int64_t *ms)
{
    int64_t us;
    if (num_i64(value, ms) == OK && *ms > 0) return OK;
    if (clock_parse_iso(value, &us) != OK)
        return fail(ERR_INVALID, "the expiry '%.*s' is not a time", SLICE_ARG(value));
    *ms = us / 1000;
    return OK;
}

static enum err take_system(struct property *space, struct envelope *out, struct slice name,
                            struct slice value)
{
    struct slice key = slice_from(name, 2);
    for (size_t i = 0; i < sizeof system_properties / sizeof *system_properties; i++) {
        const struct system_property *p = &system_properties[i];
        if (!slice_is(key, p->name)) continue;
        if (p->offset != SIZE_MAX) *(struct slice *)(void *)((char *)out + p->offset) = value;
        return OK;
    }
    for (size_t i = 0; i < sizeof renamed_properties / sizeof *renamed_properties; i++)
        if (slice_is(key, renamed_properties[i].name))
            return add_property(space, out, slice_str(renamed_properties[i].as), value);
    if (slice_is(key, "exp")) return telemetry_parse_expiry(value, &out->expiry_ms);
    return add_property(space, out, name, value);
}

static enum err take_item(struct slice item, struct buf *scratch, struct property *space,
                          struct envelope *out)
{
    struct slice name, value = SLICE_NONE;
    struct slice rest = item;
    if (!slice_split(&rest, '=', &name) || name.len == 0)
        return fail(ERR_INVALID, "property without a name in the topic");
    bool has_value = rest.ptr != NULL;
    if (decode(name, scratch, &name) != OK || decode(rest, scratch, &value) != OK)
        return fail(ERR_INVALID, "property '%.*s' is not percent-encoded UTF-8", SLICE_ARG(item));
    if (!has_value) value = SLICE_NONE;
    if (slice_starts(name, SLICE_LIT("$."))) return take_system(space, out, name, value);
    if (telemetry_is_stamp(name)) return OK;
    return add_property(space, out, name, value);
}

enum err telemetry_parse_bag(struct slice bag, struct buf *scratch,
                             struct property space[TELEMETRY_PROPERTIES_MAX], struct envelope *out)
{
    struct slice item;
    buf_clear(scratch);
    buf_reserve(scratch, bag.len); /* decoded text is never longer: slices stay valid */
    out->properties = space;
    out->property_count = 0;
    if (bag.len && bag.ptr[bag.len - 1] == '/') bag.len--; /* C# and Java end the topic with one */
    while (bag.len && slice_split(&bag, '&', &item))
        if (item.len) TRY(take_item(item, scratch, space, out));
    return OK;
}
