/* payload.c - see payload.h: bodies and properties of either kind, device by device. */
#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/payload_parts.h"

const char payload_initial[] =
    "{\"deviceId\":\"{{device}}\",\"messageId\":{{counter}},\"time\":\"{{now}}\","
    "\"temperature\":{{temperature}},\"humidity\":{{humidity}},\"pressure\":{{pressure}}}";

struct payload {
    enum payload_kind kind;
    struct payload_template body;
    struct payload_bag bag;
    struct payload_rows rows;
    bool timed;
    size_t slots;
};

/* ---- making */

/* One message of a device that is not there, to see how large it is and whether it is JSON. */
static enum err try_message(struct arena *a, const struct payload *p, bool *is_json)
{
    struct buf bag = {0}, body = {0};
    struct payload_state s;
    struct json *json;
    payload_begin(p, a, SLICE_LIT("device"), 0, 1, 1, &s);
    payload_write(&s, 0, &bag, &body);
    size_t bag_size = buf_size(&bag), body_size = buf_size(&body);
    *is_json = body_size <= PAYLOAD_BODY_MAX && json_parse(a, buf_slice(&body), &json) == OK;
    buf_free(&bag);
    buf_free(&body);
    if (bag_size > PAYLOAD_BAG_MAX)
        return fail(ERR_TOO_BIG, "the properties have %zu bytes encoded; %d is the most", bag_size,
                    PAYLOAD_BAG_MAX);
    if (body_size > PAYLOAD_BODY_MAX)
        return fail(ERR_TOO_BIG, "a message has %zu bytes; IoT Hub takes at most %d", body_size,
                    PAYLOAD_BODY_MAX);
    return OK;
}

enum err payload_new(struct arena *a, const struct payload_config *config, struct payload **out)
{
    struct payload *p = *out = arena_zero(a, sizeof *p);
    bool plain = config->kind == PAYLOAD_TEXT, is_json;
    p->kind = config->kind;
    p->timed = config->time_column != NULL;
    if (p->kind == PAYLOAD_CSV)
        TRY(payload_rows_read(a, config, &p->rows));
    else
        TRY(payload_template_parse(a, config->body, plain, &p->slots, &p->body));
    TRY(payload_bag_parse(a, config->properties, plain, &p->slots, &p->bag));
    TRY(try_message(a, p, &is_json));
    if (plain || !is_json) return OK;
    TRY(payload_bag_default(a, &p->bag, "$.ct", "application/json"));
    return payload_bag_default(a, &p->bag, "$.ce", "utf-8");
}

size_t payload_device_count(const struct payload *p)
{
    return p->rows.device_count;
}

struct slice payload_device(const struct payload *p, size_t index)
{
    return p->rows.devices[index];
}

size_t payload_row_count(const struct payload *p)
{
    return p->rows.count;
}

/* ---- one device */

/* With a device column the device's own rows, else every count-th. */
static void share_rows(const struct payload_rows *rows, size_t index, size_t count,
                       struct payload_state *s)
{
    bool own = rows->device_count > 0;
    s->row = !own ? index : index ? rows->device_ends[index - 1] : 0;
    s->row_end = own ? rows->device_ends[index] : rows->count;
    s->row_step = own ? 1 : count;
}

void payload_begin(const struct payload *p, struct arena *a, struct slice device, size_t index,
                   size_t count, uint64_t seed, struct payload_state *out)
{
    *out = (struct payload_state){.payload = p, .device = device, .index = index};
    out->random = seed ^ (0xd1b54a32d192ed03u * (index + 1));
    out->values = arena_alloc(a, p->slots * sizeof *out->values);
    payload_template_begin(&p->body, out);
    for (size_t i = 0; i < p->bag.count; i++) payload_template_begin(&p->bag.items[i].value, out);
    if (p->kind == PAYLOAD_CSV) share_rows(&p->rows, index, count, out);
}

bool payload_due(const struct payload_state *s, int64_t *after_us)
{
    const struct payload *p = s->payload;
    *after_us = 0;
    if (p->kind != PAYLOAD_CSV) return true;
    if (s->row >= s->row_end) return false;
    if (p->timed) *after_us = p->rows.rows[s->row].time_us - p->rows.earliest_us;
    return true;
}

void payload_write(struct payload_state *s, int64_t wall_us, struct buf *bag, struct buf *body)
{
    const struct payload *p = s->payload;
    s->counter++;
    s->wall_us = wall_us;
    if (p->kind == PAYLOAD_CSV) {
        assert(s->row < s->row_end);
        const struct payload_row *row = &p->rows.rows[s->row];
        buf_put_slice(body, slice_of(p->rows.text.ptr + row->at, row->len));
        s->row += s->row_step;
    } else {
        payload_template_write(&p->body, s, body);
    }
    payload_bag_write(&p->bag, s, bag);
}
