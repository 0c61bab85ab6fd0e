/* stream.c - records as events of an event hub: the lane gathers them, the first core appends them.
 *
 * While events are under way the next records gather, so that a quiet hub's come at once and a busy one's
 * together. */
#include <stdlib.h>

#include "base/amqp.h"
#include "hub/diagnostic/home.h"
#include "log/log.h"

static const char head[] = "{\"records\":[", tail[] = "]}";

/* Each ends with a line; within one there is none. */
static unsigned records_in(struct slice records)
{
    unsigned count = 0;
    for (size_t i = 0; i < records.len; i++) count += records.ptr[i] == '\n';
    return count;
}

/* ---- the lane */

static void post_event(struct setting *s)
{
    struct diagnostics *d = s->home;
    struct slice name = slice_str(s->event_hub);
    const struct event_msg m = {.hub_len = (uint32_t)name.len};
    struct buf body = {0};
    msg_buf_begin(&body);
    buf_put(&body, &m, sizeof m);
    buf_put_slice(&body, name);
    buf_put_str(&body, head);
    buf_put_slice(&body, buf_slice(&s->events));
    buf_put_str(&body, tail);
    s->under_way++;
    post(d->cfg.lane, s->slot, (struct addr){.lane = d->cfg.hub->cores[0]},
         msg_buf_end(&body, DIAGNOSTIC_EVENT));
}

static void send(struct setting *s)
{
    struct slice records = buf_slice(&s->events);
    if (room_for(&s->home->cfg, records.len, s->event_hub, &s->held_back))
        post_event(s);
    else
        diagnostic_lost(LOST_IN_EVENTS, records_in(records));
    buf_free(&s->events);
}

void stream_put(struct setting *s, struct slice record)
{
    bool full = buf_size(&s->events) + record.len + 2 > DIAGNOSTIC_BATCH_MAX;
    if (full && buf_size(&s->events) && s->under_way < DIAGNOSTIC_BATCHES_MAX) {
        send(s);
        full = false;
    }
    if (full && buf_size(&s->events)) {
        diagnostic_lost(LOST_IN_EVENTS, 1);
        return;
    }
    if (buf_size(&s->events)) {
        s->events.len--;
        buf_put_str(&s->events, ",\n");
    }
    buf_put_slice(&s->events, record);
    buf_put_u8(&s->events, '\n');
}

void stream_flush(struct setting *s)
{
    if (buf_size(&s->events) && s->under_way == 0) send(s);
}

/* The body of the answer: enum err, and how many records it is about. */
struct event_done {
    enum err err;
    unsigned records;
};

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct event_done done;
    struct setting *s = slot_get(lane, m->to);
    (void)ctx;
    memcpy(&done, m->body, sizeof done);
    if (done.err == OK)
        diagnostic_wrote(false, done.records);
    else
        diagnostic_lost(LOST_IN_EVENTS, done.records);
    if (s == NULL) return; /* the setting is gone */
    s->under_way--;
    stream_flush(s);
}

void stream_join_lane(struct diagnostics *d)
{
    lane_on(d->cfg.lane, DIAGNOSTIC_EVENT_DONE, on_done, d);
}

/* ---- the first core */

/* An event that the log has. */
struct append {
    struct list node; /* in diagnostics.appends */
    struct msg *m;
    struct addr slot;
};

static struct slice records_of(const struct msg *m)
{
    const struct event_msg *e = (const void *)m->body;
    struct slice body = slice_from(msg_body(m), sizeof *e + e->hub_len + sizeof head - 1);
    return slice_head(body, body.len - (sizeof tail - 1));
}

static void answer(struct lane *core, const struct msg *m, enum err e)
{
    struct msg *reply = msg_new(DIAGNOSTIC_EVENT_DONE, sizeof(struct event_done));
    const struct event_done done = {e, records_in(records_of(m))};
    memcpy(reply->body, &done, sizeof done);
    post_reply(core, m, reply);
}

static void append_free(struct append *a)
{
    list_remove(&a->node);
    msg_free(a->m);
    free(a);
}

static void on_appended(struct lane *core, struct addr who, uint64_t cookie, enum err result)
{
    struct append *a = slot_get(core, who);
    (void)cookie;
    if (a == NULL) return;
    answer(core, a->m, result);
    slot_free(core, a->slot);
    append_free(a);
}

static void put_message(struct buf *b, struct slice body)
{
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    for (int i = 0; i < AMQP_CONTENT_TYPE; i++) amqp_put_null(b);
    amqp_put_sym(b, "application/json");
    amqp_put_sym(b, "utf-8");
    amqp_close(b, list, AMQP_CONTENT_ENCODING + 1);
    amqp_put_data(b, body);
}

static void on_event(void *ctx, struct lane *core, struct msg *m)
{
    struct diagnostics *d = ctx;
    const struct event_msg *e = (const void *)m->body;
    const struct event_hub *h = event_hub_find(d->event_hubs, slice_of(e->bytes, e->hub_len));
    if (h == NULL || log_writer_full(d->writer)) {
        answer(core, m, h ? ERR_THROTTLED : ERR_NOT_FOUND);
        return;
    }
    struct append *a = NEW(struct append);
    msg_keep(m);
    *a = (struct append){.m = m, .slot = slot_new(core, a)};
    list_push(&d->appends, &a->node);
    struct buf *b = log_begin(d->writer, h->stream, d->next_partition++ % h->partitions,
                              RECORD_TELEMETRY, RECORD_TO_STREAM);
    log_pairs_done(d->writer, 0);
    put_message(b, slice_from(msg_body(m), sizeof *e + e->hub_len));
    log_end(d->writer, on_appended, a->slot, 0);
}

void stream_join_core(struct diagnostics *d, struct lane *core)
{
    lane_on(core, DIAGNOSTIC_EVENT, on_event, d);
}

void stream_fini(struct diagnostics *d)
{
    while (!list_empty(&d->appends))
        append_free(CONTAINER_OF(d->appends.next, struct append, node));
}
