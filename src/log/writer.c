/* writer.c - a core's end of the log: records gather into one message per turn.
 *
 * The records are built in the body of the LOG_APPEND message, which the log sends back as its
 * answer: the same memory then takes the next batch.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "log/log.h"

enum { IDLE_BATCHES = 4 }; /* of LOG_IDLE_MAX bytes together: what is more is given back */

struct waiter {
    log_done_fn done;
    struct addr who;
    enum err refused; /* OK: as the batch */
    uint64_t cookie;
};

struct log_batch {
    struct list node;
    struct buf frames;  /* a message under construction; its memory is away while posted */
    size_t cap;         /* of that memory */
    struct buf waiters; /* struct waiter */
    uint64_t call;
    uint32_t refusals; /* as the writer's, when it was posted */
    size_t bytes;
    int64_t begun_us;             /* monotonic */
    struct record_tally streamed; /* of the built-in stream, that its readers get */
};

COUNTER(oversize, "azimuth_log_oversize_total", "Records refused for being over the size limit.");

/* ---- what readers of the built-in stream get: counted once per batch, when it is durable */

#define OF_SOURCE(name_, help_, source)                                                            \
    {                                                                                              \
        .name = name_, .help = help_, .labels = "source=\"" source "\"", .kind = METRIC_COUNTER    \
    }

#define BY_SOURCE(name, help)                                                                      \
    {                                                                                              \
        [RECORD_TELEMETRY] = OF_SOURCE(name, help, "DeviceMessages"),                              \
        [RECORD_TWIN_CHANGE] = OF_SOURCE(name, help, "TwinChangeEvents"),                          \
        [RECORD_DEVICE_LIFECYCLE] = OF_SOURCE(name, help, "DeviceLifecycleEvents"),                \
        [RECORD_CONNECTION_STATE] = OF_SOURCE(name, help, "DeviceConnectionStateEvents"),          \
        [RECORD_JOB_LIFECYCLE] = OF_SOURCE(name, help, "DeviceJobLifecycleEvents"),                \
        [RECORD_DIGITAL_TWIN_CHANGE] = OF_SOURCE(name, help, "DigitalTwinChangeEvents"),           \
    }

static struct metric streamed[RECORD_SOURCES] =
    BY_SOURCE("azimuth_stream_messages_total", "Messages that went to the built-in stream");
static struct metric streamed_bytes[RECORD_SOURCES] =
    BY_SOURCE("azimuth_stream_message_bytes_total", "Bytes of messages to the built-in stream");
static struct metric streamed_us[RECORD_SOURCES] =
    BY_SOURCE("azimuth_stream_message_microseconds_total",
              "From taken in to durable in the built-in stream, the sum of all messages");

__attribute__((constructor)) static void register_streamed(void)
{
    for (int source = 0; source < RECORD_SOURCES; source++) {
        metric_register(&streamed[source]);
        metric_register(&streamed_bytes[source]);
        metric_register(&streamed_us[source]);
    }
}

static void count_streamed(const struct log_batch *b)
{
    int64_t took_us = clock_mono_us() - b->begun_us;
    for (int source = 0; source < RECORD_SOURCES; source++) {
        const struct record_count *c = &b->streamed.of[source];
        if (c->count == 0) continue;
        metric_add(&streamed[source], c->count);
        metric_add(&streamed_bytes[source], (int64_t)c->bytes);
        metric_add(&streamed_us[source], c->count * took_us);
    }
}

/* ---- batches */

static void free_batch(struct log_batch *b)
{
    buf_free(&b->frames);
    buf_free(&b->waiters);
    free(b);
}

static void begin_batch(struct log_writer *w)
{
    struct list *node = list_shift(&w->idle);
    struct log_batch *b = node ? CONTAINER_OF(node, struct log_batch, node) : NEW(struct log_batch);
    if (node) {
        w->idle_count--;
        w->idle_bytes -= b->frames.cap + b->waiters.cap;
    }
    if (b->frames.cap)
        b->frames.len = sizeof(struct msg);
    else
        msg_buf_begin(&b->frames);
    b->begun_us = clock_mono_us();
    b->streamed = (struct record_tally){0};
    w->batch = b;
}

static void post_batch(struct log_writer *w)
{
    struct log_batch *b = w->batch;
    w->batch = NULL;
    buf_reserve(&b->frames, sizeof(struct log_appended)); /* an empty batch is answered too */
    b->bytes = b->frames.len - sizeof(struct msg);
    b->cap = b->frames.cap;
    b->call = ++w->last_call;
    list_push(&w->posted, &b->node);
    struct msg *m = msg_buf_end(&b->frames, LOG_APPEND);
    struct addr from = lane_addr(w->core);
    from.gen = b->refusals = w->refusals;
    m->call = b->call;
    post(w->core, from, log_addr(w->log), m);
}

void log_flush(struct log_writer *w)
{
    assert(w->frame_at == 0);
    if (w->batch && w->batch->waiters.len) post_batch(w);
}

static void on_turn_end(struct turn_hook *hook, int64_t now_us)
{
    (void)now_us;
    struct log_writer *w = CONTAINER_OF(hook, struct log_writer, hook);
    log_flush(w);
    list_splice(&w->idle, &w->returned);
}

/* Keeps the batch with the memory of its message, which is not ours before this turn ends: whoever
 * delivered the message still looks at it. */
static void recycle(struct log_writer *w, struct log_batch *b, struct msg *m)
{
    size_t size = b->cap + b->waiters.cap;
    if (w->idle_count == IDLE_BATCHES || w->idle_bytes + size > LOG_IDLE_MAX) {
        free_batch(b);
        return;
    }
    msg_keep(m);
    b->frames = (struct buf){.ptr = (uint8_t *)m, .cap = b->cap};
    list_push(&w->returned, &b->node);
    w->idle_count++;
    w->idle_bytes += size;
}

/* Each is told once. */
static void tell_waiters(struct log_writer *w, struct log_batch *b, enum err result)
{
    const struct waiter *waiters = (const struct waiter *)(const void *)b->waiters.ptr;
    for (size_t i = 0; i < b->waiters.len / sizeof *waiters; i++) {
        const struct waiter *x = &waiters[i];
        x->done(w->core, x->who, x->cookie, x->refused ? x->refused : result);
    }
    buf_clear(&b->waiters);
}

/* The log refuses all that was posted before we heard of this: whoever waits for it is told now, so
 * that nothing that follows from it is posted as if it did not. */
static void hear_of_refusal(struct log_writer *w, struct log_batch *b,
                            const struct log_appended *answer)
{
    log_flush(w);
    w->refusals = answer->refusals;
    tell_waiters(w, b, answer->err);
    LIST_EACH(node, &w->posted)
    {
        struct log_batch *behind = CONTAINER_OF(node, struct log_batch, node);
        if (behind->refusals == w->refusals) break; /* posted by whom was told */
        tell_waiters(w, behind, answer->err == ERR_IO ? ERR_IO : ERR_THROTTLED);
    }
}

static void relieve(struct log_writer *w)
{
    if (!w->was_full || w->inflight >= LOG_INFLIGHT_MAX / 2) return;
    w->was_full = false;
    if (w->on_relief) w->on_relief(w->relief_ctx);
}

static void on_appended(void *ctx, struct lane *core, struct msg *m)
{
    struct log_writer *w = ctx;
    struct log_batch *b = CONTAINER_OF(list_take(&w->posted), struct log_batch, node);
    assert(b->call == m->call);
    struct log_appended answer;
    (void)core;
    memcpy(&answer, m->body, sizeof answer);
    w->inflight -= b->bytes;
    if (answer.err == OK) count_streamed(b);
    if (answer.refusals != w->refusals)
        hear_of_refusal(w, b, &answer);
    else
        tell_waiters(w, b, answer.err);
    recycle(w, b, m);
    relieve(w);
}

void log_writer_init(struct log_writer *w, struct log *log, struct lane *core)
{
    *w = (struct log_writer){.log = log, .core = core, .hook.fn = on_turn_end};
    list_init(&w->posted);
    list_init(&w->returned);
    list_init(&w->idle);
    lane_on(core, LOG_APPENDED, on_appended, w);
    lane_on_turn_end(core, &w->hook);
}

void log_writer_fini(struct log_writer *w)
{
    if (w->batch) free_batch(w->batch);
    list_splice(&w->idle, &w->returned);
    LIST_EACH(node, &w->posted) free_batch(CONTAINER_OF(node, struct log_batch, node));
    LIST_EACH(node, &w->idle) free_batch(CONTAINER_OF(node, struct log_batch, node));
    list_remove(&w->hook.node);
}

struct buf *log_begin(struct log_writer *w, unsigned stream, unsigned partition,
                      enum record_source source, uint64_t destinations)
{
    ON_LANE(w->core);
    assert(w->frame_at == 0 && partition < LOG_PARTITIONS_MAX && stream <= LOG_STREAM_IDS_MAX);
    if (w->batch == NULL) begin_batch(w);
    struct buf *b = &w->batch->frames;
    w->frame_at = b->len;
    w->extra_at = 0;
    uint8_t *head = buf_reserve(b, RECORD_HEAD);
    memset(head, 0, RECORD_HEAD);
    memcpy(head + 32, &destinations, sizeof destinations);
    memcpy(head + 40, &(uint16_t){(uint16_t)stream}, sizeof(uint16_t));
    memcpy(head + 42, &(uint16_t){(uint16_t)partition}, sizeof(uint16_t));
    head[44] = (uint8_t)source;
    buf_commit(b, RECORD_HEAD);
    return b;
}

void log_pairs_done(struct log_writer *w, unsigned pair_count)
{
    assert(w->frame_at != 0 && pair_count <= UINT16_MAX);
    struct buf *b = &w->batch->frames;
    uint8_t *head = b->ptr + w->frame_at;
    uint32_t pairs_len = (uint32_t)(b->len - w->frame_at - RECORD_HEAD);
    memcpy(head + 46, &(uint16_t){(uint16_t)pair_count}, sizeof(uint16_t));
    memcpy(head + 48, &pairs_len, sizeof pairs_len);
}

void log_sections_done(struct log_writer *w)
{
    assert(w->frame_at != 0);
    w->extra_at = w->batch->frames.len;
}

static void note_streamed(struct log_batch *b, const uint8_t *head, size_t size, uint32_t extra_len)
{
    uint64_t destinations;
    uint32_t pairs_len;
    uint16_t stream;
    memcpy(&destinations, head + 32, sizeof destinations);
    memcpy(&stream, head + 40, sizeof stream);
    memcpy(&pairs_len, head + 48, sizeof pairs_len);
    if (stream != 0 || !(destinations & RECORD_TO_STREAM)) return;
    struct record_count *c = &b->streamed.of[head[44]];
    c->count++;
    c->bytes += size - RECORD_HEAD - pairs_len - extra_len;
}

/* Completes the head; a record that is too large leaves only its place in the order of answers. */
static enum err close_frame(struct log_writer *w)
{
    struct buf *b = &w->batch->frames;
    size_t size = b->len - w->frame_at;
    if (size > RECORD_MAX) {
        b->len = w->frame_at;
        metric_inc(&oversize);
        return ERR_TOO_BIG;
    }
    uint32_t extra_len = w->extra_at ? (uint32_t)(b->len - w->extra_at) : 0;
    memcpy(b->ptr + w->frame_at, &(uint32_t){(uint32_t)size}, sizeof(uint32_t));
    memcpy(b->ptr + w->frame_at + 52, &extra_len, sizeof extra_len);
    w->inflight += size;
    note_streamed(w->batch, b->ptr + w->frame_at, size, extra_len);
    return OK;
}

void log_end(struct log_writer *w, log_done_fn done, struct addr who, uint64_t cookie)
{
    assert(w->frame_at != 0);
    struct log_batch *b = w->batch;
    struct waiter x = {done, who, close_frame(w), cookie};
    buf_put(&b->waiters, &x, sizeof x);
    w->frame_at = 0;
    if (w->inflight >= LOG_INFLIGHT_MAX) w->was_full = true;
    if (b->frames.len >= LOG_BATCH_MAX) post_batch(w);
}

void log_abort(struct log_writer *w)
{
    assert(w->frame_at != 0);
    w->batch->frames.len = w->frame_at;
    w->frame_at = 0;
}
