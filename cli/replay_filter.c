/* replay_filter.c - see replay_filter.h. */
#include "cli/replay_filter.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/command.h"

enum { NUMBER_LEN_MAX = 32 };

/* ---- options */

static enum err read_devices(struct replay_filter *f, const char *devices)
{
    struct slice rest = slice_str(devices), word;
    while (slice_split(&rest, ',', &word)) {
        word = slice_trim(word);
        if (word.len == 0) continue;
        if (f->device_count == REPLAY_PATTERNS_MAX)
            return fail(ERR_INVALID, "--device-id: more than %d ids and patterns",
                        REPLAY_PATTERNS_MAX);
        f->devices[f->device_count++] = word;
    }
    return f->device_count ? OK : fail(ERR_INVALID, "--device-id '%s' names no device", devices);
}

/* A time, or a number: *number says which. */
static enum err read_bound(const char *option, const char *text, int64_t *out, bool *number)
{
    *number = num_i64(slice_str(text), out) == OK;
    if (*number && *out < 0)
        return fail(ERR_INVALID, "--%s %s: sequence numbers begin at 0", option, text);
    if (*number || cli_moment(text, out)) return OK;
    return fail(
        ERR_INVALID,
        "--%s %s: a time (2026-01-31T12:00:00Z), a duration (10m, before now) or a sequence "
        "number",
        option, text);
}

static enum err read_bounds(struct replay_filter *f, const char *from, const char *to)
{
    bool from_number = false, to_number = false;
    f->from = INT64_MIN;
    f->to = INT64_MAX;
    if (from) TRY(read_bound("from", from, &f->from, &from_number));
    if (to) TRY(read_bound("to", to, &f->to, &to_number));
    if (from && to && from_number != to_number)
        return fail(ERR_INVALID, "--from and --to: both times, or both sequence numbers");
    f->by_number = from_number || to_number;
    return f->from <= f->to ? OK : fail(ERR_INVALID, "--from %s is after --to %s", from, to);
}

enum err replay_filter_init(struct replay_filter *f, const char *devices, const char *from,
                            const char *to, const char *where)
{
    struct route_mistake mistake;
    *f = (struct replay_filter){.seen = {INT64_MAX, INT64_MIN, false}};
    if (devices) TRY(read_devices(f, devices));
    TRY(read_bounds(f, from, to));
    if (where == NULL) return OK;
    enum err e = route_compile(slice_str(where), &f->where, &mistake);
    return e == OK ? OK
                   : fail(ERR_INVALID, "--where: line %u, column %u: %s", mistake.start_line,
                          mistake.start_column, mistake.text);
}

void replay_filter_fini(struct replay_filter *f)
{
    route_condition_free(f->where);
    buf_free(&f->scratch);
}

/* ---- heads */

/* As long as it fits, else the last '*' takes one more: no pattern is slow. */
bool replay_matches(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else
            return false;
    }
    while (p < pattern.len && pattern.ptr[p] == '*') p++;
    return p == pattern.len;
}

bool replay_filter_wants(struct replay_filter *f, const struct replay_head *h)
{
    int64_t place = f->by_number ? h->sequence : h->enqueued_us;
    f->seen.lowest = MIN(f->seen.lowest, place);
    f->seen.highest = MAX(f->seen.highest, place);
    f->seen.met = f->seen.met || (place >= f->from && place <= f->to);
    if (place < f->from || place > f->to || (f->no_events && h->is_event)) return false;
    for (unsigned i = 0; i < f->device_count; i++)
        if (replay_matches(f->devices[i], h->device)) return true;
    return f->device_count == 0;
}

static void put_seen(const struct replay_filter *f, struct buf *out)
{
    char lowest[CLOCK_ISO_LEN + 1], highest[CLOCK_ISO_LEN + 1];
    if (f->by_number && f->seen.highest < 0) {
        buf_put_str(out, ": the events do not say their sequence numbers");
    } else if (f->by_number) {
        buf_printf(out, ": the events have %" PRId64 " to %" PRId64, f->seen.lowest,
                   f->seen.highest);
    } else {
        clock_iso(f->seen.lowest, lowest);
        clock_iso(f->seen.highest, highest);
        buf_printf(out, ": the events are of %s to %s", lowest, highest);
    }
}

bool replay_filter_missed(const struct replay_filter *f, struct buf *out)
{
    bool bounded = f->from != INT64_MIN || f->to != INT64_MAX;
    if (!bounded || f->seen.met) return false;
    buf_put_str(out, "nothing is in the range of --from and --to");
    if (f->seen.lowest <= f->seen.highest) put_seen(f, out);
    return true;
}

/* ---- conditions */

/* Properties are text to conditions; others than text are written down in `scratch`. */
static struct slice text_of(struct buf *scratch, const struct amqp_value *v)
{
    struct slice text = amqp_text(v);
    int64_t number;
    size_t at = buf_size(scratch);
    if (text.ptr) return text;
    if (v->type == AMQP_BOOL)
        buf_put_str(scratch, v->u ? "true" : "false");
    else if (v->type == AMQP_FLOAT || v->type == AMQP_DOUBLE)
        buf_printf(scratch, "%.15g", v->f);
    else if (amqp_integer(v, &number))
        buf_printf(scratch, "%" PRId64, number);
    return slice_from(buf_slice(scratch), at);
}

static size_t look_at_application(struct replay_filter *f, const struct replay_event *e,
                                  struct route_property *out)
{
    struct cur c = cur_of(buf_slice(&e->application));
    struct amqp_value key, value;
    size_t count = 0;
    while (count < REPLAY_PROPERTIES_MAX && cur_left(&c) && amqp_get(&c, &key) == OK &&
           amqp_get(&c, &value) == OK)
        out[count++] = (struct route_property){amqp_text(&key), text_of(&f->scratch, &value)};
    return count;
}

static void look_at_annotations(struct replay_filter *f, const struct replay_event *e,
                                struct route_message *m)
{
    static const struct {
        const char *name;
        enum route_system what;
    } names[] = {{"iothub-message-source", ROUTE_MESSAGE_SOURCE},
                 {"dt-dataschema", ROUTE_DT_DATASCHEMA},
                 {"dt-subject", ROUTE_DT_SUBJECT}};
    struct cur c = cur_of(buf_slice(&e->annotations));
    struct amqp_value key, value;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (slice_is(amqp_text(&key), names[i].name))
                m->system[names[i].what] = text_of(&f->scratch, &value);
}

static void look_at_properties(struct replay_filter *f, const struct amqp_message *p,
                               struct route_message *m)
{
    static const struct {
        enum amqp_property from;
        enum route_system what;
    } fields[] = {{AMQP_CONTENT_TYPE, ROUTE_CONTENT_TYPE},
                  {AMQP_CONTENT_ENCODING, ROUTE_CONTENT_ENCODING},
                  {AMQP_MESSAGE_ID, ROUTE_MESSAGE_ID},
                  {AMQP_CORRELATION_ID, ROUTE_CORRELATION_ID},
                  {AMQP_USER_ID, ROUTE_USER_ID}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (p->properties[fields[i].from].type != AMQP_NULL)
            m->system[fields[i].what] = text_of(&f->scratch, &p->properties[fields[i].from]);
}

static bool test(struct replay_filter *f, const struct replay_event *e)
{
    struct route_property properties[REPLAY_PROPERTIES_MAX];
    struct amqp_message p = {0}, body = {0};
    char time[CLOCK_ISO_LEN + 1];
    buf_clear(&f->scratch);
    /* slices into it stay where they are */
    buf_reserve(&f->scratch,
                (size_t)(REPLAY_PROPERTIES_MAX + ROUTE_SYSTEM_PROPERTIES) * NUMBER_LEN_MAX);
    struct route_message m = {.source = ROUTE_SOURCE_TELEMETRY, .properties = properties};
    m.property_count = look_at_application(f, e, properties);
    look_at_annotations(f, e, &m);
    if (buf_size(&e->properties) && amqp_message_parse(buf_slice(&e->properties), &p) == OK)
        look_at_properties(f, &p, &m);
    if (amqp_message_parse(buf_slice(&e->body), &body) == OK) m.body = body.data;
    clock_iso(e->head.enqueued_us, time);
    m.system[ROUTE_ENQUEUED_TIME] = slice_str(time);
    m.system[ROUTE_CONNECTION_DEVICE_ID] = e->head.device;
    m.system[ROUTE_CONNECTION_MODULE_ID] = e->head.module;
    return route_test(f->where, &m) == ROUTE_TRUE;
}

bool replay_filter_passes(struct replay_filter *f, const struct replay_event *e)
{
    return f->where == NULL || test(f, e);
}
