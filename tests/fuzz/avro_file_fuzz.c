/* avro_file_fuzz.c - cli/replay_avro.h: what is read of any file as an event is an AMQP message. */
#include "base/amqp.h"
#include "cli/replay_avro.h"
#include "fuzz.h"

enum { RECORDS_MAX = 500, PIECE = 4096 };

static void replay(const struct avro_reader *r, struct replay_event *e, struct buf *out)
{
    struct replay_mark mark = {.run = SLICE_LIT("00000000-0000-0000-0000-000000000000")};
    struct replay_head head;
    struct amqp_message m;
    if (replay_avro_head(r, &head) != OK || replay_avro_build(r, 3600000000, e) != OK) return;
    replay_event_set_head(e, &head);
    for (int device = 0; device < 2; device++) {
        buf_clear(out);
        replay_event_put(out, e, &mark, device);
        assert(amqp_message_parse(buf_slice(out), &m) == OK);
        assert((m.annotations.type == AMQP_MAP) == !device && m.application.type == AMQP_MAP);
    }
}

void fuzz_one(struct slice input)
{
    struct avro_reader *r = avro_reader_new();
    struct replay_event e = {0};
    struct buf out = {0};
    unsigned records = 0;
    enum err err;
    for (;;) {
        while ((err = avro_reader_next(r)) == OK && records++ < RECORDS_MAX) replay(r, &e, &out);
        if (err != ERR_AGAIN || input.len == 0) break;
        avro_reader_feed(r, slice_head(input, PIECE));
        input = slice_from(input, PIECE);
    }
    replay_event_free(&e);
    buf_free(&out);
    avro_reader_free(r);
}
