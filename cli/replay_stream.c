/* replay_stream.c - see replay_stream.h. */
#include "cli/replay_stream.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

enum { CREDIT_STEP = EVENTS_CREDIT / 3, LENGTH_LEN = 4 };

/* ---- where a partition is read from */

static void choose_start(const struct replay_stream *s, struct replay_partition *p, unsigned number,
                         int64_t last_ms)
{
    int64_t next;
    char name[16];
    snprintf(name, sizeof name, "%u", number);
    if (s->filter->by_number) {
        p->start = MAX(p->start, s->filter->from);
        p->last = MIN(p->last, s->filter->to);
    }
    if (replay_resume_lane(s->resume, name, &next)) p->start = MAX(p->start, next);
    p->next = p->read = p->start;
    bool before = !s->filter->by_number && last_ms < s->filter->from / 1000;
    p->over = p->start > p->last || before;
}

static enum err read_partition(struct replay_stream *s, const struct events_event *ev)
{
    char selector[96];
    if (s->partitions == NULL)
        s->partitions = mem_zero(EVENTS_PARTITIONS_MAX * sizeof *s->partitions);
    struct replay_partition *p = &s->partitions[ev->partition];
    if (ev->partition >= s->count) {
        s->count = ev->partition + 1;
        *p = (struct replay_partition){.start = ev->first, .last = ev->last};
        choose_start(s, p, ev->partition, ev->last_ms);
    }
    p->taken = 0;
    if (p->over) return OK;
    bool by_time = !s->filter->by_number && s->filter->from != INT64_MIN && p->read == ev->first;
    if (by_time)
        snprintf(selector, sizeof selector, "amqp.annotation.x-opt-enqueued-time >= '%" PRId64 "'",
                 s->filter->from / 1000);
    else
        snprintf(selector, sizeof selector, "amqp.annotation.x-opt-sequence-number > '%" PRId64 "'",
                 p->read - 1);
    p->asked = true;
    return events_read(&s->events, ev->partition, selector);
}

/* ---- events come */

static int64_t annotation(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    int64_t number;
    if (m->annotations.type != AMQP_MAP || !amqp_map_find(&m->annotations, name, &v)) return -1;
    if (v.type == AMQP_TIMESTAMP) return v.i;
    return amqp_integer(&v, &number) ? number : -1;
}

static struct slice text_annotation(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    bool there = m->annotations.type == AMQP_MAP && amqp_map_find(&m->annotations, name, &v);
    return there ? amqp_text(&v) : SLICE_NONE;
}

static void take_event(struct replay_stream *s, const struct events_event *ev)
{
    struct replay_partition *p = &s->partitions[ev->partition];
    struct slice bytes = s->events.got.delivery.payload;
    int64_t sequence = annotation(&ev->message, "x-opt-sequence-number");
    int64_t time_ms = annotation(&ev->message, "x-opt-enqueued-time");
    s->heard_us = clock_mono_us();
    bool late = !s->filter->by_number && s->filter->to / 1000 < time_ms;
    if (sequence >= p->last || late) p->over = true;
    if (sequence > p->last || sequence < p->read || late) return;
    p->read = sequence + 1;
    p->has_head = false; /* its texts may move */
    buf_put_le32(&p->queue, (uint32_t)bytes.len);
    buf_put_slice(&p->queue, bytes);
    s->held += bytes.len;
}

static enum err follow(struct replay_stream *s, const struct events_event *ev)
{
    TRY(way_follow(&s->target, ev, &s->redirects, &s->cfg, &s->to));
    events_fini(&s->events);
    s->opened = false;
    line_close(&s->line);
    return replay_stream_open(s);
}

static enum err pull(struct replay_stream *s)
{
    struct events_event ev;
    enum err e;
    while ((e = events_next(&s->events, &ev)) == OK) {
        switch (ev.kind) {
        case EVENTS_PARTITION: TRY(read_partition(s, &ev)); break;
        case EVENTS_EVENT: take_event(s, &ev); break;
        case EVENTS_READY: s->ready = true; break;
        case EVENTS_REDIRECTED: return follow(s, &ev);
        default: break;
        }
    }
    return e == ERR_AGAIN ? OK : e;
}

static bool is_waiting(const struct replay_stream *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (!s->partitions[i].over && buf_size(&s->partitions[i].queue) == 0) return true;
    return false;
}

enum err replay_stream_turn(struct replay_stream *s, short revents)
{
    int64_t now_us = clock_mono_us();
    struct slice bytes;
    enum err read = revents ? line_ready(&s->line, revents) : OK;
    while (line_next(&s->line, &bytes)) {
        events_feed(&s->events, bytes, now_us);
        TRY(pull(s));
    }
    if (now_us >= events_deadline(&s->events)) events_tick(&s->events, now_us);
    TRY(pull(s));
    TRY(line_flush(&s->line));
    if (!is_waiting(s)) s->heard_us = now_us;
    if (s->ready && now_us - s->heard_us > REPLAY_STREAM_WAIT_US)
        return fail(ERR_TIMEOUT,
                    "%s has not sent all events that '%s' had: did retention take them?",
                    s->cfg.host, s->cfg.entity);
    return read;
}

short replay_stream_wants(const struct replay_stream *s)
{
    short wants = line_wants(&s->line);
    if (s->held < REPLAY_STREAM_HELD_MAX) return wants;
    return (short)(wants & ~POLLIN);
}

int64_t replay_stream_deadline(const struct replay_stream *s)
{
    if (!s->opened) return INT64_MAX;
    int64_t until = events_deadline(&s->events);
    return is_waiting(s) ? MIN(until, s->heard_us + REPLAY_STREAM_WAIT_US + 1) : until;
}

/* ---- as a source */

static struct slice first_of(const struct replay_partition *p)
{
    struct slice in = buf_slice(&p->queue);
    struct cur c = cur_of(in);
    return slice_head(slice_from(in, LENGTH_LEN), cur_le32(&c));
}

static void read_head(struct replay_partition *p, unsigned lane)
{
    struct amqp_message m;
    int64_t before = p->head.due_us;
    enum err e = amqp_message_parse(first_of(p), &m);
    assert(e == OK); /* it was parsed when it came */
    p->head = (struct replay_head){
        .lane = lane,
        .sequence = annotation(&m, "x-opt-sequence-number"),
        .enqueued_us = annotation(&m, "x-opt-enqueued-time") * 1000,
        .device = text_annotation(&m, "iothub-connection-device-id"),
        .module = text_annotation(&m, "iothub-connection-module-id"),
        .is_event = replay_is_event(text_annotation(&m, "iothub-message-source")),
    };
    p->head.index = p->head.sequence;
    p->head.due_us = MAX(before, p->head.enqueued_us);
    p->has_head = true;
}

/* The partition with the earliest event; -1: one that could have an earlier one has nothing yet. */
static int earliest(struct replay_stream *s)
{
    int best = -1;
    bool full = s->held >= REPLAY_STREAM_HELD_MAX;
    for (unsigned i = 0; i < s->count; i++) {
        struct replay_partition *p = &s->partitions[i];
        if (buf_size(&p->queue) == 0) {
            if (!p->over && !full) return -1;
            continue;
        }
        if (!p->has_head) read_head(p, i);
        if (best < 0 || p->head.enqueued_us < s->partitions[best].head.enqueued_us) best = (int)i;
    }
    return best;
}

static bool is_over(const struct replay_stream *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (!s->partitions[i].over || buf_size(&s->partitions[i].queue)) return false;
    return s->ready;
}

static enum err peek(void *ctx, struct replay_head *out)
{
    struct replay_stream *s = ctx;
    if (!s->ready) return ERR_AGAIN;
    if (is_over(s)) return ERR_NOT_FOUND;
    int best = earliest(s);
    if (best < 0) return ERR_AGAIN;
    *out = s->partitions[best].head;
    return OK;
}

static enum err take(void *ctx)
{
    struct replay_stream *s = ctx;
    int best = earliest(s);
    assert(best >= 0);
    struct replay_partition *p = &s->partitions[best];
    size_t len = first_of(p).len;
    p->next = p->head.sequence + 1;
    s->held -= len;
    buf_consume(&p->queue, LENGTH_LEN + len);
    p->has_head = false;
    if (++p->taken < CREDIT_STEP || p->over) return OK;
    events_credit(&s->events, (unsigned)best, p->taken);
    p->taken = 0;
    return OK;
}

/* ---- building */

static void put_moved(struct buf *out, struct slice name, const struct amqp_value *v,
                      int64_t shift_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    int64_t us;
    bool moves = shift_us != 0 && replay_is_time(name);
    if (moves && v->type == AMQP_TIMESTAMP) {
        amqp_put_timestamp(out, replay_shifted_ms(v->i, shift_us));
    } else if (moves && amqp_text(v).ptr && clock_parse_iso(amqp_text(v), &us) == OK) {
        clock_iso(us + shift_us, iso);
        amqp_put_str(out, iso);
    } else
        amqp_put_value(out, v);
}

static void take_annotations(struct replay_event *out, const struct amqp_message *m,
                             int64_t shift_us)
{
    struct cur c = cur_of(m->annotations.type == AMQP_MAP ? m->annotations.bytes : SLICE_NONE);
    struct amqp_value key, value;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK) {
        struct slice name = amqp_text(&key);
        if (slice_is(name, "x-opt-partition-key")) {
            buf_put_slice(&out->key_text, amqp_text(&value));
            out->key = buf_slice(&out->key_text);
        } else if (!replay_is_place(name)) {
            amqp_put_value(&out->annotations, &key);
            put_moved(&out->annotations, name, &value, shift_us);
            out->annotation_count++;
        }
    }
}

static void take_application(struct replay_event *out, const struct amqp_message *m,
                             int64_t shift_us)
{
    struct cur c = cur_of(m->application.type == AMQP_MAP ? m->application.bytes : SLICE_NONE);
    struct amqp_value key, value;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK) {
        if (replay_is_mark(amqp_text(&key))) continue;
        amqp_put_value(&out->application, &key);
        put_moved(&out->application, amqp_text(&key), &value, shift_us);
        out->application_count++;
    }
}

static void take_properties(struct buf *out, const struct amqp_message *m, int64_t shift_us)
{
    if (m->properties_section.len == 0) return;
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    for (int i = 0; i < AMQP_PROPERTY_COUNT; i++) {
        const struct amqp_value *v = &m->properties[i];
        if (v->type == AMQP_TIMESTAMP)
            amqp_put_timestamp(out, replay_shifted_ms(v->i, shift_us));
        else
            amqp_put_value(out, v);
    }
    amqp_close(out, list, AMQP_PROPERTY_COUNT);
}

static void take_body(struct buf *out, struct slice bytes)
{
    struct cur c = cur_of(bytes);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    while (amqp_next_section(&c, &code, &value, &whole) == OK)
        if (code >= AMQP_DATA && code <= AMQP_FOOTER) buf_put_slice(out, whole);
}

static enum err build(void *ctx, int64_t shift_us, struct replay_event *out)
{
    struct replay_stream *s = ctx;
    struct amqp_message m;
    int best = earliest(s);
    assert(best >= 0);
    struct slice bytes = first_of(&s->partitions[best]);
    TRY(amqp_message_parse(bytes, &m));
    replay_event_clear(out);
    take_annotations(out, &m, shift_us);
    take_properties(&out->properties, &m, shift_us);
    take_application(out, &m, shift_us);
    take_body(&out->body, bytes);
    return OK;
}

/* ---- life */

static const char *lane_name(void *ctx, unsigned lane)
{
    struct replay_stream *s = ctx;
    snprintf(s->name, sizeof s->name, "%u", lane);
    return s->name;
}

static unsigned lane_count(void *ctx)
{
    return ((const struct replay_stream *)ctx)->count;
}

static int64_t next_index(void *ctx, unsigned lane)
{
    return ((const struct replay_stream *)ctx)->partitions[lane].next;
}

static double progress(void *ctx)
{
    const struct replay_stream *s = ctx;
    double all = 0, done = 0;
    for (unsigned i = 0; i < s->count; i++) {
        const struct replay_partition *p = &s->partitions[i];
        if (p->last < p->start) continue;
        all += (double)(p->last - p->start + 1);
        done += p->over && buf_size(&p->queue) == 0 ? (double)(p->last - p->start + 1)
                                                    : (double)(p->next - p->start);
    }
    return all > 0 ? done / all : 1;
}

void replay_stream_source(struct replay_stream *s, struct replay_source *out)
{
    *out = (struct replay_source){.ctx = s,
                                  .peek = peek,
                                  .build = build,
                                  .take = take,
                                  .lane_name = lane_name,
                                  .lane_count = lane_count,
                                  .next_index = next_index,
                                  .progress = progress};
}

enum err replay_stream_open(struct replay_stream *s)
{
    s->cfg.walks = true;
    TRY(line_open(&s->line, &s->to));
    s->cfg.out = &s->line.out;
    s->heard_us = clock_mono_us();
    events_init(&s->events, &s->cfg, clock_mono_us());
    s->opened = true;
    return OK;
}

void replay_stream_lost(struct replay_stream *s)
{
    if (s->opened) events_fini(&s->events);
    line_close(&s->line);
    s->opened = s->ready = false;
}

void replay_stream_close(struct replay_stream *s)
{
    if (s->opened) {
        events_close(&s->events);
        (void)!line_flush(&s->line);
        events_fini(&s->events);
    }
    line_close(&s->line);
    for (unsigned i = 0; i < s->count; i++) buf_free(&s->partitions[i].queue);
    free(s->partitions);
}
