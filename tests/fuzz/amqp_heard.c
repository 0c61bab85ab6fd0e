/* amqp_heard.c - see amqp_heard.h. */
#include "amqp_heard.h"

#include "base/cur.h"

static void read_performative(struct amqp_heard *out)
{
    struct cur c = cur_of(slice_from(out->frame, AMQP_FRAME_HEAD));
    struct amqp_value fields;
    if (cur_left(&c) == 0) return;
    enum err e = amqp_get_descriptor(&c, &out->code);
    if (e == OK) e = amqp_get(&c, &fields);
    assert(e == OK && fields.type == AMQP_LIST);
    out->fields = fields.bytes;
    out->payload = cur_rest(&c);
}

bool amqp_heard_next(struct slice *rest, struct amqp_heard *out)
{
    *out = (struct amqp_heard){.is_header = slice_starts(*rest, SLICE_LIT("AMQP"))};
    if (rest->len == 0) return false;
    struct cur c = cur_of(*rest);
    size_t size = out->is_header ? AMQP_FRAME_HEAD : cur_be32(&c);
    assert(size >= AMQP_FRAME_HEAD && size <= rest->len);
    out->frame = slice_head(*rest, size);
    *rest = slice_from(*rest, size);
    if (!out->is_header) read_performative(out);
    return true;
}
