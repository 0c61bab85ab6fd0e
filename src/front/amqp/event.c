/* event.c - annotations in front of stored bytes. */
#include "front/amqp/event.h"

#include <stdio.h>

#include "base/amqp.h"

/* The offset is the sequence number in decimal, as an AMQP string. */
static void put_offset(struct buf *out, int64_t sequence)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)sequence);
    amqp_put_string(out, slice_of(digits, (size_t)len));
}

void event_put(struct buf *out, const struct record *r)
{
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "x-opt-sequence-number");
    amqp_put_long(out, r->sequence);
    amqp_put_sym(out, "x-opt-offset");
    put_offset(out, r->sequence);
    amqp_put_sym(out, "x-opt-enqueued-time");
    amqp_put_timestamp(out, r->enqueued_us / 1000);
    buf_put_slice(out, r->pairs);
    amqp_close(out, map, 2 * (3u + r->pair_count));
    buf_put_slice(out, r->sections);
}

void event_put_metric(struct buf *out, const struct log_ends *ends, int64_t wall_us)
{
    amqp_put_descriptor(out, AMQP_DELIVERY_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "last_enqueued_sequence_number");
    amqp_put_long(out, ends->next_sequence - 1);
    amqp_put_sym(out, "last_enqueued_offset");
    put_offset(out, ends->next_sequence - 1);
    amqp_put_sym(out, "last_enqueued_time_utc");
    amqp_put_timestamp(out, ends->last_enqueued_us / 1000);
    amqp_put_sym(out, "runtime_info_retrieval_time_utc");
    amqp_put_timestamp(out, wall_us / 1000);
    amqp_close(out, map, 8);
}
