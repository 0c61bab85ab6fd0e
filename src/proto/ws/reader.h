/* reader.h - frames out of bytes: wslay, and how far it is.  Private to proto/ws. */
#ifndef PROTO_WS_READER_H
#define PROTO_WS_READER_H

#include "proto/ws/ws.h"

struct wslay_frame_context;

struct ws_reader {
    struct wslay_frame_context *wslay;
    struct slice *in;    /* where wslay gets bytes; set for each call */
    size_t held;         /* bytes that wslay has taken and not yet told of */
    uint64_t frame_left; /* payload of this frame still to come */
    bool in_frame;
    size_t control_len; /* payload of a control frame, gathered by the engine */
    uint8_t control[WS_CONTROL_MAX];
};

/* A part of a frame's payload, unmasked. */
struct ws_chunk {
    uint8_t opcode, reserved; /* four and three bits */
    bool fin, masked;
    bool starts, ends; /* the frame does, with this chunk */
    uint64_t frame_len;
    struct slice data; /* at most WS_PIECE_MAX bytes, valid until the next call */
};

struct ws_reader *ws_reader_new(void);
void ws_reader_free(struct ws_reader *r); /* NULL is fine */

/* ERR_AGAIN: `in` is empty.  ERR_PROTOCOL: what wslay refuses; the reader is of no more use. */
enum err ws_reader_next(struct ws_reader *r, struct slice *in, struct ws_chunk *chunk) MUST_USE;

/* It stands between two frames and holds no byte of the next. */
bool ws_reader_is_idle(const struct ws_reader *r);

#endif
