/* write.c - frames into the caller's buffer.
 *
 *   size u32 | doff 2 | type | channel u16 | 00 53 code | list of fields | payload
 */
#include "base/text.h"
#include "proto/amqp/internal.h"

static uint8_t *frame_start(const struct amqp *a)
{
    return a->out->ptr + a->out->off + a->frame_at;
}

struct amqp_open amqp_frame_begin(struct amqp *a, uint8_t type, uint16_t channel, uint8_t code)
{
    a->accepted.session = NULL;
    a->frame_at = buf_size(a->out);
    buf_put_be32(a->out, 0);
    buf_put_u8(a->out, FRAME_HEAD / 4);
    buf_put_u8(a->out, type);
    buf_put_be16(a->out, channel);
    amqp_put_descriptor(a->out, code);
    return amqp_open_list(a->out);
}

/* A frame that the peer did not agree to take is taken back; without it the peer's picture of the
 * connection would be wrong, so that is the end. */
void amqp_frame_end(struct amqp *a, struct amqp_open fields, uint32_t count)
{
    amqp_close(a->out, fields, count);
    size_t size = buf_size(a->out) - a->frame_at;
    bool sasl = frame_start(a)[5] == FRAME_SASL;
    if (size > a->frame_max && !sasl) {
        a->out->len -= size;
        amqp_fail(a, ERR_PROTOCOL, AMQP_FRAMING_ERROR,
                  "An answer of %zu bytes does not fit into the frame size of %u bytes.", size,
                  a->frame_max);
        return;
    }
    uint32_t wire = __builtin_bswap32((uint32_t)size);
    memcpy(frame_start(a), &wire, sizeof wire);
    a->sent_us = a->now_us;
}

void amqp_put_nulls(struct buf *b, unsigned count)
{
    while (count-- > 0) amqp_put_null(b);
}

void amqp_put_raw(struct buf *b, struct slice encoded)
{
    if (encoded.len)
        buf_put_slice(b, encoded);
    else
        amqp_put_null(b);
}

/* What a frame with an error takes beside description and info. */
enum { ERROR_FRAME_REST = 256 };

void amqp_put_error(struct amqp *a, const struct amqp_error *error)
{
    if (error == NULL || error->condition.len == 0) {
        amqp_put_null(a->out);
        return;
    }
    size_t room = a->frame_max - ERROR_FRAME_REST;
    struct slice info = error->info.len <= room / 2 ? error->info : SLICE_NONE;
    amqp_put_descriptor(a->out, P_ERROR);
    struct amqp_open list = amqp_open_list(a->out);
    amqp_put_symbol(a->out, error->condition);
    amqp_put_string(a->out, text_first_part(error->description, room - info.len));
    amqp_put_raw(a->out, info);
    amqp_close(a->out, list, 3);
}
