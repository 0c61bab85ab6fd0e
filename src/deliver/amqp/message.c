/* message.c - stored bytes with annotations before them. */
#include "deliver/amqp/message.h"

#include "deliver/message.h"
#include "hub/routing/routing.h"

#define PARTITION_KEY "x-opt-partition-key"

struct slice amqp_message_key(const struct record *r)
{
    struct message m = {.record = r};
    return message_pair(&m, "iothub-connection-device-id");
}

static unsigned put_key(struct buf *out, struct slice key)
{
    if (key.len == 0) return 0;
    amqp_put_sym(out, PARTITION_KEY);
    amqp_put_string(out, key);
    return 2;
}

/* Brokers keep over a restart what says so; Azure's keep everything. */
static void put_durable(struct buf *out)
{
    amqp_put_descriptor(out, AMQP_HEADER);
    struct amqp_open list = amqp_open_list(out);
    amqp_put_bool(out, true);
    amqp_close(out, list, 1);
}

void amqp_message_put(struct buf *out, const struct record *r, const struct deliver_place *place,
                      enum amqp_message_for what)
{
    unsigned keys = 0;
    if (what == AMQP_FOR_SERVICE_BUS) put_durable(out);
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    buf_put_slice(out, r->pairs);
    if (what == AMQP_FOR_EVENT_HUBS) keys = put_key(out, amqp_message_key(r));
    amqp_close(out, map, 2u * r->pair_count + keys);
    routing_put_marked_sections(out, r, place->bit, place->hub, place->name);
}

void amqp_message_put_envelope(struct buf *out, struct slice key)
{
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_close(out, map, put_key(out, key));
}
