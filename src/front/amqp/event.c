/* event.c - annotations in front of stored bytes.
 *
 * Every event that is read goes through here, so the annotations, whose lengths are known but for the
 * offset's digits, are written in one go. */
#include "front/amqp/event.h"

#include <stdio.h>

#include "base/amqp.h"
#include "hub/routing/routing.h"

enum { DIGITS_MAX = 20 };

/* Decimal digits at the end of `room`; the first of them. */
static uint8_t *digits_before(uint8_t *end, int64_t v)
{
    uint64_t rest = (uint64_t)v;
    do *--end = (uint8_t)('0' + rest % 10);
    while ((rest /= 10) != 0);
    return end;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
    if (len) memcpy(at, bytes, len);
    return at + len;
}

#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

static uint8_t *put_be32(uint8_t *at, size_t v)
{
    uint32_t wire = __builtin_bswap32((uint32_t)v);
    return put(at, &wire, sizeof wire);
}

static uint8_t *put_be64(uint8_t *at, int64_t v)
{
    uint64_t wire = __builtin_bswap64((uint64_t)v);
    return put(at, &wire, sizeof wire);
}

/* Ours, as constructor, length and name of a symbol, then the constructor of the value. */
#define SEQUENCE "\xa3\x15x-opt-sequence-number\x81"
#define OFFSET   "\xa3\x0cx-opt-offset\xa1"
#define ENQUEUED "\xa3\x13x-opt-enqueued-time\x83"

enum {
    HEAD = 3 + 1 + 4 + 4, /* descriptor, constructor, size, count */
    OURS = sizeof SEQUENCE - 1 + 8 + sizeof OFFSET - 1 + 1 + sizeof ENQUEUED - 1 + 8,
};

void event_put(struct buf *out, const struct record *r)
{
    uint8_t room[DIGITS_MAX], *digits = digits_before(room + DIGITS_MAX, r->sequence);
    size_t digit_count = (size_t)(room + DIGITS_MAX - digits);
    size_t map = OURS + digit_count + r->pairs.len;
    uint8_t *start = buf_reserve(out, HEAD + map + r->sections.len);
    uint8_t *at = PUT(start, "\x00\x53\x72\xd1");
    at = put_be32(at, 4 + map);
    at = put_be32(at, 2 * ((size_t)r->pair_count + 3));
    at = put_be64(PUT(at, SEQUENCE), r->sequence);
    at = PUT(at, OFFSET);
    *at++ = (uint8_t)digit_count;
    at = put(at, digits, digit_count);
    at = put_be64(PUT(at, ENQUEUED), r->enqueued_us / 1000);
    at = put(at, r->pairs.ptr, r->pairs.len);
    if (r->extra.len == 0) at = put(at, r->sections.ptr, r->sections.len);
    buf_commit(out, (size_t)(at - start));
    if (r->extra.len) routing_put_sections(out, r, 0);
}

/* Endpoints that have gone since are not named. */
static void put_endpoints(struct buf *out, const struct record *r, const struct routing *routing)
{
    const struct routing_endpoint *e;
    struct buf names = {0};
    uint64_t bits = r->stream || routing == NULL
                        ? r->destinations
                        : routing_still(routing, r->destinations, r->enqueued_us);
    for (unsigned i = 0; routing && (e = routing_endpoint_at(routing, i)) != NULL; i++)
        if (bits >> e->bit & 1) buf_printf(&names, "%s%s", buf_size(&names) ? "," : "", e->name);
    amqp_put_sym(out, EVENT_ENDPOINTS);
    amqp_put_string(out, buf_slice(&names));
    buf_free(&names);
}

void event_put_any(struct buf *out, const struct record *r, const struct routing *routing)
{
    char offset[24];
    int len = snprintf(offset, sizeof offset, "%lld", (long long)r->sequence);
    uint32_t pairs = r->pair_count + 2u;
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    if (r->sequence >= 0) {
        amqp_put_sym(out, "x-opt-sequence-number");
        amqp_put_long(out, r->sequence);
        amqp_put_sym(out, "x-opt-offset");
        amqp_put_string(out, slice_of(offset, (size_t)len));
        pairs += 2;
    }
    amqp_put_sym(out, "x-opt-enqueued-time");
    amqp_put_timestamp(out, r->enqueued_us / 1000);
    put_endpoints(out, r, routing);
    buf_put_slice(out, r->pairs);
    amqp_close(out, map, 2 * pairs);
    routing_put_sections(out, r, 0);
}

void event_put_metric(struct buf *out, const struct log_ends *ends, int64_t wall_us)
{
    char offset[24];
    int64_t last = ends->next_sequence - 1;
    int len = snprintf(offset, sizeof offset, "%lld", (long long)last);
    amqp_put_descriptor(out, AMQP_DELIVERY_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "last_enqueued_sequence_number");
    amqp_put_long(out, last);
    amqp_put_sym(out, "last_enqueued_offset");
    amqp_put_string(out, slice_of(offset, (size_t)len));
    amqp_put_sym(out, "last_enqueued_time_utc");
    amqp_put_timestamp(out, ends->last_enqueued_us / 1000);
    amqp_put_sym(out, "runtime_info_retrieval_time_utc");
    amqp_put_timestamp(out, wall_us / 1000);
    amqp_close(out, map, 8);
}
