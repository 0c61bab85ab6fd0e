/* say_test.h - what devices say, as it lies in the log; for *_test.c files only. */
#ifndef DELIVER_SAY_TEST_H
#define DELIVER_SAY_TEST_H

#include "base/amqp.h"
#include "cursor/cursor_rig.h"

/* JSON with the property level = hot, for the endpoints of those bits: 1 << 1 is the first that was made. */
static inline void say_body(struct cursor_rig *r, unsigned partition, const char *device_id,
                            struct slice body, uint64_t bits)
{
    struct log_writer *w = &r->rig->cores[0].writer;
    lane_running = &r->rig->cores[0].lane;
    struct buf *b = log_begin(w, 0, partition, RECORD_TELEMETRY, bits);
    amqp_put_sym(b, "iothub-connection-device-id");
    amqp_put_str(b, device_id);
    log_pairs_done(w, 1);
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    for (unsigned i = 0; i < 6; i++) amqp_put_null(b);
    amqp_put_sym(b, "application/json");
    amqp_put_sym(b, "utf-8");
    amqp_close(b, list, 8);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_str(b, "level");
    amqp_put_str(b, "hot");
    amqp_close(b, map, 2);
    amqp_put_data(b, body);
    log_end(w, rig_note, r->rig->cores[0].slot, 1);
    rig_run(r->rig);
}

#endif
