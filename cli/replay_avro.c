/* replay_avro.c - see replay_avro.h.
 *
 * SystemProperties has what AMQP has in two places: annotations by their names, and the fields of the
 * properties section by theirs.  Types that Avro's union has not came as text: times go back to what they
 * were where AMQP wants a time. */
#include "cli/replay_avro.h"

#include "base/amqp.h"
#include "base/clock.h"

static const struct slice property_names[AMQP_PROPERTY_COUNT] = {
    {(const uint8_t *)"message-id", 10},
    {(const uint8_t *)"user-id", 7},
    {(const uint8_t *)"to", 2},
    {(const uint8_t *)"subject", 7},
    {(const uint8_t *)"reply-to", 8},
    {(const uint8_t *)"correlation-id", 14},
    {(const uint8_t *)"content-type", 12},
    {(const uint8_t *)"content-encoding", 16},
    {(const uint8_t *)"absolute-expiry-time", 20},
    {(const uint8_t *)"creation-time", 13},
    {(const uint8_t *)"group-id", 8},
    {(const uint8_t *)"group-sequence", 14},
    {(const uint8_t *)"reply-to-group-id", 17}};

/* ---- the time */

/* Since 1970-01-01, in the calendar of today; years end with February here, so that leap days come last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2), m = month + (month <= 2 ? 9 : -3);
    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* "M/d/yyyy h:mm:ss AM": numbers with one character between them. */
static enum err dotnet_time(struct slice text, int64_t *wall_us)
{
    int n[6];
    size_t at = 0;
    for (int i = 0; i < 6; i++) {
        size_t start = at;
        for (n[i] = 0;
             at < text.len && at < start + 4 && text.ptr[at] >= '0' && text.ptr[at] <= '9';)
            n[i] = n[i] * 10 + (text.ptr[at++] - '0');
        if (at == start || at++ >= text.len || text.ptr[at - 1] != (uint8_t) "// :: "[i])
            return ERR_INVALID;
    }
    struct slice half = slice_from(text, at);
    bool pm = slice_is(half, "PM");
    if ((!pm && !slice_is(half, "AM")) || n[0] < 1 || n[0] > 12 || n[1] < 1 || n[1] > 31 ||
        n[3] < 1 || n[3] > 12 || n[4] > 59 || n[5] > 60)
        return ERR_INVALID;
    int64_t minutes = (n[3] % 12 + (pm ? 12 : 0)) * INT64_C(60) + n[4];
    *wall_us = (days_of(n[2], n[0], n[1]) * 86400 + minutes * 60 + n[5]) * 1000000;
    return OK;
}

enum err replay_avro_time(struct slice text, int64_t *wall_us)
{
    if (dotnet_time(text, wall_us) == OK || clock_parse_iso(text, wall_us) == OK) return OK;
    return fail(ERR_INVALID, "'%.*s' is no time", SLICE_ARG(slice_head(text, 40)));
}

/* ---- the head */

static bool is_text(const struct avro_value *v)
{
    return v->type == AVRO_STRING || v->type == AVRO_BYTES;
}

static enum err no_event(const char *field)
{
    return fail(ERR_CORRUPT, "a record has no %s: it is no event of Event Hubs Capture", field);
}

/* Files have whole seconds; if the hub said when it got the message, and that is within the second, that is
 * better to keep the pace by. */
static void refine(struct replay_head *out, struct slice text)
{
    int64_t us;
    if (clock_parse_iso(text, &us) == OK && us >= out->enqueued_us &&
        us < out->enqueued_us + 1000000)
        out->due_us = us;
}

static void look_at_system(const struct avro_value *map, struct replay_head *out)
{
    struct cur at = cur_of(map->bytes);
    struct slice key;
    struct avro_value v;
    for (int64_t left = 0; avro_map_next(map, &at, &left, &key, &v);) {
        if (!is_text(&v)) continue;
        if (slice_is(key, "iothub-connection-device-id"))
            out->device = v.bytes;
        else if (slice_is(key, "iothub-connection-module-id"))
            out->module = v.bytes;
        else if (slice_is(key, "iothub-message-source"))
            out->is_event = replay_is_event(v.bytes);
        else if (slice_is(key, "iothub-enqueuedtime"))
            refine(out, v.bytes);
    }
}

enum err replay_avro_head(const struct avro_reader *r, struct replay_head *out)
{
    struct avro_value v;
    *out = (struct replay_head){.sequence = -1};
    if (avro_field(r, "SequenceNumber", &v) && (v.type == AVRO_LONG || v.type == AVRO_INT))
        out->sequence = v.number;
    if (!avro_field(r, "EnqueuedTimeUtc", &v) || v.type != AVRO_STRING)
        return no_event("EnqueuedTimeUtc");
    TRY(replay_avro_time(v.bytes, &out->enqueued_us));
    out->due_us = out->enqueued_us;
    if (!avro_field(r, "SystemProperties", &v) || v.type != AVRO_MAP)
        return no_event("SystemProperties");
    look_at_system(&v, out);
    return OK;
}

/* ---- values */

static void put_time(struct buf *out, struct slice text, int64_t shift_us)
{
    int64_t us;
    if (clock_parse_iso(text, &us) == OK)
        amqp_put_timestamp(out, (us + shift_us) / 1000);
    else
        amqp_put_string(out, text);
}

static void put_time_text(struct buf *out, struct slice text, int64_t shift_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    int64_t us;
    if (shift_us == 0 || clock_parse_iso(text, &us) != OK) {
        amqp_put_string(out, text);
        return;
    }
    clock_iso(us + shift_us, iso);
    amqp_put_str(out, iso);
}

static void put_value(struct buf *out, const struct avro_value *v)
{
    switch (v->type) {
    case AVRO_BOOLEAN: amqp_put_bool(out, v->number != 0); break;
    case AVRO_INT:
    case AVRO_LONG: amqp_put_long(out, v->number); break;
    case AVRO_FLOAT:
    case AVRO_DOUBLE: amqp_put_double(out, v->real); break;
    case AVRO_STRING: amqp_put_string(out, v->bytes); break;
    case AVRO_BYTES:
    case AVRO_FIXED: amqp_put_binary(out, v->bytes); break;
    default: amqp_put_null(out);
    }
}

/* ---- the properties section */

static int property_of(struct slice name)
{
    for (int i = 0; i < AMQP_PROPERTY_COUNT; i++)
        if (slice_eq(name, property_names[i])) return i;
    return -1;
}

static struct slice text_or_none(const struct avro_value *v)
{
    return is_text(v) ? v->bytes : SLICE_NONE;
}

static bool is_number(const struct avro_value *v, int64_t most)
{
    return (v->type == AVRO_LONG || v->type == AVRO_INT) && v->number >= 0 && v->number <= most;
}

static void put_moment(struct buf *out, const struct avro_value *v, int64_t shift_us)
{
    if (v->type == AVRO_LONG || v->type == AVRO_INT)
        amqp_put_timestamp(out, replay_shifted_ms(v->number, shift_us));
    else if (is_text(v))
        put_time(out, v->bytes, shift_us);
    else
        amqp_put_null(out);
}

static void put_property(struct buf *out, enum amqp_property which, const struct avro_value *v,
                         int64_t shift_us)
{
    switch (which) {
    case AMQP_USER_ID: amqp_put_given_binary(out, text_or_none(v)); break;
    case AMQP_MESSAGE_ID:
    case AMQP_CORRELATION_ID:
        if (is_number(v, INT64_MAX))
            amqp_put_ulong(out, (uint64_t)v->number);
        else
            put_value(out, v);
        break;
    case AMQP_CONTENT_TYPE:
    case AMQP_CONTENT_ENCODING: amqp_put_given_symbol(out, text_or_none(v)); break;
    case AMQP_ABSOLUTE_EXPIRY_TIME:
    case AMQP_CREATION_TIME: put_moment(out, v, shift_us); break;
    case AMQP_GROUP_SEQUENCE:
        if (is_number(v, UINT32_MAX))
            amqp_put_uint(out, (uint32_t)v->number);
        else
            amqp_put_null(out);
        break;
    default: amqp_put_given_string(out, text_or_none(v));
    }
}

static void put_properties(struct buf *out, const struct avro_value values[AMQP_PROPERTY_COUNT],
                           int last, int64_t shift_us)
{
    if (last < 0) return;
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    for (int i = 0; i <= last; i++)
        if (values[i].type == AVRO_NULL)
            amqp_put_null(out);
        else
            put_property(out, (enum amqp_property)i, &values[i], shift_us);
    amqp_close(out, list, (uint32_t)last + 1);
}

/* ---- the maps */

static void put_annotation(struct replay_event *e, struct slice key, const struct avro_value *v,
                           int64_t shift_us)
{
    if (slice_is(key, "x-opt-partition-key") && is_text(v)) {
        buf_put_slice(&e->key_text, v->bytes);
        e->key = buf_slice(&e->key_text);
        return;
    }
    if (replay_is_place(key)) return;
    amqp_put_symbol(&e->annotations, key);
    if (replay_is_time(key) && is_text(v))
        put_time(&e->annotations, v->bytes, shift_us);
    else
        put_value(&e->annotations, v);
    e->annotation_count++;
}

static void take_system(struct replay_event *e, const struct avro_value *map, int64_t shift_us)
{
    struct avro_value values[AMQP_PROPERTY_COUNT] = {0}, v;
    struct cur at = cur_of(map->bytes);
    struct slice key;
    int last = -1, which;
    for (int64_t left = 0; avro_map_next(map, &at, &left, &key, &v);) {
        if ((which = property_of(key)) < 0) {
            put_annotation(e, key, &v, shift_us);
            continue;
        }
        values[which] = v;
        if (which > last) last = which;
    }
    put_properties(&e->properties, values, last, shift_us);
}

static void take_application(struct replay_event *e, const struct avro_value *map, int64_t shift_us)
{
    struct cur at = cur_of(map->bytes);
    struct slice key;
    struct avro_value v;
    for (int64_t left = 0; avro_map_next(map, &at, &left, &key, &v);) {
        if (replay_is_mark(key)) continue;
        amqp_put_string(&e->application, key);
        if (replay_is_time(key) && is_text(&v))
            put_time_text(&e->application, v.bytes, shift_us);
        else
            put_value(&e->application, &v);
        e->application_count++;
    }
}

enum err replay_avro_build(const struct avro_reader *r, int64_t shift_us, struct replay_event *out)
{
    struct avro_value system, application, body;
    replay_event_clear(out);
    if (!avro_field(r, "SystemProperties", &system) || system.type != AVRO_MAP)
        return no_event("SystemProperties");
    if (!avro_field(r, "Properties", &application) || application.type != AVRO_MAP)
        return no_event("Properties");
    if (!avro_field(r, "Body", &body) || (!is_text(&body) && body.type != AVRO_NULL))
        return no_event("Body");
    take_system(out, &system, shift_us);
    take_application(out, &application, shift_us);
    if (is_text(&body)) {
        amqp_put_data(&out->body, body.bytes);
    } else {
        amqp_put_descriptor(&out->body, AMQP_AMQP_VALUE);
        amqp_put_null(&out->body);
    }
    return OK;
}
