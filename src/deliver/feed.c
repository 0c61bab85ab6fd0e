/* feed.c - from the log into batches, one after the other, so that the order is kept.
 *
 * What a target did not take is not kept: the cursor is rewound and reads it again.  A stalled endpoint
 * costs a window of the log per partition, no more. */
#include "deliver/endpoint.h"

#include <stdio.h>

/* The next message, borrowed until the next call. */
static enum err next_record(struct feed *f, struct record *out)
{
    if (buf_size(&f->held)) return record_parse(buf_slice(&f->held), out);
    return cursor_next(f->cursor, out);
}

static void hold(struct feed *f, const struct record *r)
{
    buf_put_slice(&f->held, r->frame);
}

/* Of the first of a batch; a longer batch ends before it. */
static void pass_over(struct feed *f, const struct record *r)
{
    uint64_t next = r->ordinal + 1;
    struct record_tally one = {0};
    record_tally_add(&one, r);
    endpoint_refused(f->endpoint, &one, fail_text());
    buf_clear(&f->held);
    cursor_done(f->cursor, next);
}

static void gather(struct feed *f)
{
    struct endpoint *ep = f->endpoint;
    struct record r;
    buf_clear(&f->batch);
    f->count = 0;
    f->tally = (struct record_tally){0};
    f->events = (struct event_tally){0};
    while (next_record(f, &r) == OK) {
        enum err e = ep->kind->add(ep->target, &r, &f->batch, f->count);
        if (e != OK && f->count) {
            hold(f, &r);
            break;
        }
        if (e != OK) {
            pass_over(f, &r);
            continue;
        }
        f->count++;
        record_tally_add(&f->tally, &r);
        event_tally_add(&f->events, ep->target->event, &r);
        f->next = r.ordinal + 1;
        buf_clear(&f->held);
        if (f->next <= f->alone_until) break;
    }
}

void feed_rewind(struct feed *f)
{
    buf_clear(&f->held);
    cursor_rewind(f->cursor);
}

/* ---- answers */

static void on_refused(struct feed *f, const struct deliver_result *r)
{
    if (f->count > 1) {
        f->alone_until = f->next;
        feed_rewind(f);
    } else {
        cursor_done(f->cursor, f->next);
        endpoint_refused(f->endpoint, &f->tally, r->text);
    }
}

/* Nobody knows whether time mends it: the message is looked for, and gets some more tries. */
static bool is_given_up(struct feed *f, const struct deliver_result *r)
{
    if (!r->doubtful) return false;
    if (f->count > 1) f->alone_until = f->next;
    return f->count == 1 && ++f->doubts >= DELIVER_DOUBTS_MAX;
}

static void on_answer(struct deliver_call *c, const struct deliver_result *r)
{
    struct feed *f = CONTAINER_OF(c, struct feed, call);
    struct endpoint *ep = f->endpoint;
    bool failed = r->outcome == DELIVER_AGAIN || r->outcome == DELIVER_SLOW;
    f->sending = false;
    ep->sending--;
    if (failed && is_given_up(f, r)) failed = false;
    if (!failed) f->doubts = 0;
    event_tally_end(&f->events, r->outcome == DELIVER_TAKEN);
    c->tries = failed ? c->tries + 1 : 0;
    if (failed) {
        metric_add(ep->counters.deliveries[DELIVERY_FAILED], f->count);
        feed_rewind(f);
        endpoint_failed(ep, r);
        return;
    }
    if (r->outcome == DELIVER_TAKEN) {
        health_count_taken(&ep->counters, &f->tally);
        cursor_done(f->cursor, f->next);
    } else {
        on_refused(f, r);
    }
    endpoint_reached(ep, r->outcome);
    feed_run(f);
}

/* ---- sending */

static void send_batch(struct feed *f)
{
    struct endpoint *ep = f->endpoint;
    f->sending = true;
    endpoint_sends(ep);
    f->call.fn = on_answer;
    f->call.target = ep->target;
    ep->kind->send(ep->target, &f->batch, &f->call);
    buf_free(&f->batch);
}

/* Nobody takes them any more. */
static void drop(struct feed *f)
{
    struct record r;
    struct record_tally dropped = {0};
    buf_clear(&f->held);
    while (cursor_next(f->cursor, &r) == OK) record_tally_add(&dropped, &r);
    cursor_done_all(f->cursor);
    endpoint_dropped(f->endpoint, &dropped);
}

void feed_run(struct feed *f)
{
    if (f->sending) return;
    if (!endpoint_may_send(f->endpoint)) {
        if (endpoint_is_dead(f->endpoint)) drop(f);
        return;
    }
    gather(f);
    if (f->count)
        send_batch(f);
    else
        buf_free(&f->batch);
}

void feed_forget(struct feed *f)
{
    struct endpoint *ep = f->endpoint;
    if (f->sending) {
        ep->kind->forget(ep->target, &f->call);
        ep->sending--;
    }
    f->sending = false;
    f->call.tries = 0;
    f->alone_until = 0;
}

/* ---- life */

static void on_something(struct cursor *c, void *ctx)
{
    (void)c;
    feed_run(ctx);
}

void feed_open(struct feed *f, struct cursors *cursors, unsigned partition)
{
    char name[CURSOR_NAME_MAX + 1];
    const struct endpoint *ep = f->endpoint;
    int len = snprintf(name, sizeof name, "endpoint/%s@%lld", ep->name, (long long)ep->since_us);
    f->cursor = cursor_new(cursors, &(struct cursor_config){.name = slice_of(name, (size_t)len),
                                                            .partition = partition,
                                                            .start = CURSOR_TIME,
                                                            .start_us = ep->since_us,
                                                            .destinations = UINT64_C(1) << ep->bit,
                                                            .window_bytes = DELIVER_WINDOW,
                                                            .fn = on_something,
                                                            .ctx = f});
}

void feed_fini(struct feed *f, bool remove)
{
    buf_free(&f->batch);
    buf_free(&f->held);
    if (remove)
        cursor_remove(f->cursor, NULL, NULL);
    else
        cursor_free(f->cursor);
}
