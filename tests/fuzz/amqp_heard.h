/* amqp_heard.h - what a hub sent over AMQP, frame by frame, for targets that keep account of it.
 *
 * Frames are whole and performatives lists, or the hub is at fault (assert).
 */
#ifndef FUZZ_AMQP_HEARD_H
#define FUZZ_AMQP_HEARD_H

#include "base/amqp.h"
#include "base/slice.h"

/* Codes of performatives (AMQP 2.7, 5.3.3). */
enum {
    CODE_ATTACH = 0x12,
    CODE_TRANSFER = 0x14,
    CODE_DISPOSITION = 0x15,
    CODE_DETACH = 0x16,
    CODE_END = 0x17,
    CODE_CLOSE = 0x18,
    CODE_INIT = 0x41,
    CODE_CHALLENGE = 0x42,
    CODE_RESPONSE = 0x43,
    CODE_OUTCOME = 0x44,
};

enum { AMQP_FRAME_HEAD = 8 };

struct amqp_heard {
    struct slice frame;  /* all of it */
    bool is_header;      /* of the protocol: nothing else is there */
    uint64_t code;       /* 0: an empty frame */
    struct slice fields; /* of the performative, for cur_of() */
    struct slice payload;
};

/* Takes the next off `rest`; false: that was all.  Slices lie in `rest`. */
bool amqp_heard_next(struct slice *rest, struct amqp_heard *out);

#endif
