/* reader.c - wslay's frame reader behind a slice.
 *
 * wslay reads ahead into 4 KiB of its own.  What it has read and not yet told of is counted here, so
 * that a reader which stands exactly between two frames can serve another connection. */
#include "proto/ws/reader.h"

#include <stdlib.h>
#include <wslay/wslay.h>

#include "base/mem.h"
#include "base/num.h"

/* -1 without setting anything: to wslay it means that there is nothing to read now. */
static ssize_t give_bytes(uint8_t *to, size_t room, int flags, void *user)
{
    struct ws_reader *r = user;
    (void)flags;
    size_t len = MIN(room, r->in->len);
    if (len == 0) return -1;
    memcpy(to, r->in->ptr, len);
    *r->in = slice_from(*r->in, len);
    r->held += len;
    return (ssize_t)len;
}

struct ws_reader *ws_reader_new(void)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = give_bytes};
    struct ws_reader *r = NEW(struct ws_reader);
    int made = wslay_frame_context_init(&r->wslay, &callbacks, r);
    assert(made == 0);
    return r;
}

void ws_reader_free(struct ws_reader *r)
{
    if (r == NULL) return;
    wslay_frame_context_free(r->wslay);
    free(r);
}

/* wslay insists on the shortest form of a length, so that the head's is known. */
static size_t head_len(const struct wslay_frame_iocb *f)
{
    size_t extended = f->payload_length < 126 ? 0 : f->payload_length <= UINT16_MAX ? 2 : 8;
    return 2 + extended + (f->mask ? 4 : 0);
}

static void note_position(struct ws_reader *r, const struct wslay_frame_iocb *f,
                          struct ws_chunk *chunk)
{
    chunk->starts = !r->in_frame;
    if (chunk->starts) {
        r->held -= head_len(f);
        r->frame_left = f->payload_length;
    }
    r->held -= f->data_length;
    r->frame_left -= f->data_length;
    r->in_frame = r->frame_left > 0;
    chunk->ends = !r->in_frame;
}

enum err ws_reader_next(struct ws_reader *r, struct slice *in, struct ws_chunk *chunk)
{
    struct wslay_frame_iocb f = {0};
    r->in = in;
    ssize_t got = wslay_frame_recv(r->wslay, &f);
    if (got == WSLAY_ERR_WANT_READ) {
        assert(in->len == 0);
        return ERR_AGAIN;
    }
    if (got < 0) return ERR_PROTOCOL;
    *chunk = (struct ws_chunk){.opcode = f.opcode,
                               .reserved = f.rsv,
                               .fin = f.fin,
                               .masked = f.mask,
                               .frame_len = f.payload_length,
                               .data = slice_of(f.data, f.data_length)};
    note_position(r, &f, chunk);
    return OK;
}

bool ws_reader_is_idle(const struct ws_reader *r)
{
    return !r->in_frame && r->held == 0;
}
