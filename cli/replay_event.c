/* replay_event.c - see replay.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/num.h"
#include "cli/replay.h"

void replay_event_clear(struct replay_event *e)
{
    struct buf *all[] = {&e->names,      &e->key_text,    &e->annotations,
                         &e->properties, &e->application, &e->body};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) buf_clear(all[i]);
    e->key = SLICE_NONE;
    e->annotation_count = e->application_count = 0;
}

void replay_event_free(struct replay_event *e)
{
    struct buf *all[] = {&e->names,      &e->key_text,    &e->annotations,
                         &e->properties, &e->application, &e->body};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) buf_free(all[i]);
}

void replay_event_set_head(struct replay_event *e, const struct replay_head *h)
{
    e->head = *h;
    buf_clear(&e->names);
    buf_put_slice(&e->names, h->device);
    buf_put_slice(&e->names, h->module);
    struct slice names = buf_slice(&e->names);
    e->head.device = slice_head(names, h->device.len);
    e->head.module = slice_from(names, h->device.len);
}

/* ---- names */

bool replay_is_mark(struct slice name)
{
    return slice_starts(name, SLICE_LIT(REPLAY_MARK));
}

bool replay_is_place(struct slice name)
{
    return slice_starts(name, SLICE_LIT("x-opt-")) && !slice_is(name, "x-opt-partition-key") &&
           (slice_is(name, "x-opt-sequence-number") || slice_is(name, "x-opt-offset") ||
            slice_is(name, "x-opt-enqueued-time") || slice_is(name, "x-opt-publisher-name") ||
            slice_is(name, "x-opt-sequence-number-epoch"));
}

int64_t replay_shifted_ms(int64_t ms, int64_t shift_us)
{
    int64_t moved;
    return num_add_i64(ms, shift_us / 1000, &moved) ? moved : ms;
}

bool replay_is_time(struct slice name)
{
    return slice_is(name, "iothub-enqueuedtime") || slice_is(name, "iothub-creation-time-utc");
}

struct slice replay_event_key(const struct replay_event *e)
{
    return e->head.device.len ? e->head.device : e->key;
}

/* ---- as a message */

static void put_annotations(struct buf *out, const struct replay_event *e)
{
    struct slice key = replay_event_key(e);
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    buf_put_slice(out, buf_slice(&e->annotations));
    if (key.ptr) {
        amqp_put_sym(out, "x-opt-partition-key");
        amqp_put_string(out, key);
    }
    amqp_close(out, map, 2 * (e->annotation_count + (key.ptr != NULL)));
}

static void put_application(struct buf *out, const struct replay_event *e, struct replay_mark *mark)
{
    bool numbered = e->head.sequence >= 0;
    if (mark->time[0] == '\0' || mark->time_us != e->head.enqueued_us) {
        clock_iso(e->head.enqueued_us, mark->time);
        mark->time_us = e->head.enqueued_us;
    }
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    buf_put_slice(out, buf_slice(&e->application));
    amqp_put_str(out, REPLAY_MARK);
    amqp_put_string(out, mark->run);
    if (numbered) {
        amqp_put_str(out, REPLAY_MARK_SEQUENCE);
        amqp_put_long(out, e->head.sequence);
    }
    amqp_put_str(out, REPLAY_MARK_TIME);
    amqp_put_str(out, mark->time);
    amqp_close(out, map, 2 * (e->application_count + 2u + numbered));
}

void replay_event_put(struct buf *out, const struct replay_event *e, struct replay_mark *mark,
                      bool device)
{
    if (!device) put_annotations(out, e);
    buf_put_slice(out, buf_slice(&e->properties));
    put_application(out, e, mark);
    buf_put_slice(out, buf_slice(&e->body));
}
