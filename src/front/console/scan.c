/* scan.c - see scan.h. */
#include "front/console/scan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"
#include "front/console/event_text.h"
#include "front/console/series.h"
#include "front/console/tap.h"

COUNTER(scans_done, "azimuth_series_scans_total",
        "Answers to the console's question for numbers of telemetry");
COUNTER(bytes_read, "azimuth_series_bytes_total", "Bytes of the log that were read for them");
COUNTER(refused, "azimuth_series_refused_total",
        "Questions that were refused since there were too many at a time");

struct scan {
    struct call *call;
    struct taps taps;
    struct series series;
    int64_t began_us;
};

bool scan_enter(unsigned *running)
{
    if (*running == SCANS_MAX) return false;
    ++*running;
    return true;
}

/* The call is over. */
static void forget(struct call *c)
{
    struct scan *s = c->own;
    struct console *console = c->ctx;
    if (s == NULL) return;
    taps_close(&s->taps);
    series_fini(&s->series);
    free(s);
    c->own = NULL;
    console->scans--;
}

/* ---- the answer */

static void put_next(struct buf *out, const struct taps *t)
{
    for (unsigned i = 0; i < t->count; i++)
        buf_printf(out, "%s\"%u\":%" PRIu64, i ? "," : "", t->items[i].partition, t->items[i].next);
}

static void answer(struct scan *s, bool complete)
{
    struct call *c = s->call;
    struct buf json = {0};
    rest_call_resume(c);
    series_put(&s->series, &json);
    buf_printf(&json, ",\"complete\":%s,\"next\":{", complete ? "true" : "false");
    put_next(&json, &s->taps);
    buf_printf(&json, "},\"lost\":%" PRIu64 "}", s->taps.skipped);
    metric_inc(&scans_done);
    metric_add(&bytes_read, (int64_t)s->series.bytes);
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
    rest_call_end(c);
}

/* ---- reading */

static struct slice body_of(const struct record *r)
{
    struct amqp_message m;
    if (amqp_message_parse(r->sections, &m) != OK) return SLICE_NONE;
    return m.body_kind == AMQP_DATA ? m.data : amqp_text(&m.value);
}

static void take_record(struct series *s, const struct record *r)
{
    if (r->source != RECORD_TELEMETRY || r->enqueued_us < s->from_us) return;
    struct slice device = event_device(r);
    if (series_wants(s, device)) series_take(s, device, body_of(r), r->enqueued_us);
}

static void take_piece(struct scan *s, struct tap *t)
{
    struct record r;
    s->series.bytes += t->frames.len;
    while (tap_next(t, &r)) {
        if (r.enqueued_us >= s->series.to_us) {
            tap_let_go(t);
            t->next = r.ordinal;
            t->finished = true;
            return;
        }
        take_record(&s->series, &r);
    }
    t->finished = t->next >= t->end;
}

static void on_came(struct taps *t)
{
    struct scan *s = CONTAINER_OF(t, struct scan, taps);
    bool all = true;
    if (!taps_placed(t)) return;
    for (unsigned i = 0; i < t->count; i++) {
        struct tap *tap = &t->items[i];
        if (!tap->finished && !tap->asker.reading) take_piece(s, tap);
        all = all && tap->finished;
    }
    if (all || series_is_enough(&s->series) || clock_mono_us() - s->began_us >= SCAN_TIME_US)
        answer(s, all);
    else
        taps_read_on(t);
}

static struct log_seek_msg place_of(void *ctx, uint16_t partition)
{
    const struct series *s = ctx;
    if (s->places[partition] != UINT64_MAX)
        return (struct log_seek_msg){
            .partition = partition, .where = LOG_ORDINAL, .value = (int64_t)s->places[partition]};
    return (struct log_seek_msg){.partition = partition, .where = LOG_TIME, .value = s->from_us};
}

static void start(struct scan *s)
{
    struct log *log = s->call->service->config->hub->log;
    unsigned partitions = log_partitions(log, 0);
    s->taps =
        (struct taps){.lane = s->call->service->lane,
                      .log = log,
                      .came = on_came,
                      .read_bytes = MAX(SCAN_READ_BYTES / partitions, (unsigned)SCAN_READ_MIN)};
    s->began_us = clock_mono_us();
    rest_call_wait(s->call, WAITING_SITE);
    taps_open(&s->taps, place_of, &s->series);
}

void scan_series(struct call *c)
{
    struct console *console = c->ctx;
    if (!scan_enter(&console->scans)) {
        metric_inc(&refused);
        rest_answer_status(c, STATUS_SERVICE_UNAVAILABLE, "there are 4 such questions already");
        return;
    }
    struct scan *s = NEW(struct scan);
    s->call = c;
    c->own = s;
    c->forget = forget;
    const char *fault = series_init(&s->series, buf_slice(&c->body), clock_wall_us());
    if (fault)
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, fault);
    else
        start(s);
}
