/* newest.c - see newest.h.
 *
 *   walk the partitions ─▶ read each from the time on ─▶ keep the newest of the device ─▶ all at their ends
 */
#include "cli/newest.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/event_json.h"
#include "cli/replay.h"
#include "cli/way.h"

enum { CREDIT_STEP = EVENTS_CREDIT / 3, WAKE_MS = 1000 };
#define NEWEST_WAIT_US (30 * 1000000ll)

struct place {
    int64_t last; /* of the partition, when it was looked at */
    bool over;
    unsigned taken; /* since credit was given */
};

struct newest {
    struct target *target;
    struct events_config cfg;
    struct line_to to;
    struct line line;
    struct events events;
    struct slice device;
    int64_t since_us, heard_us;
    struct place *places; /* EVENTS_PARTITIONS_MAX */
    unsigned count, redirects;
    bool ready;
    struct buf best; /* the message */
    int64_t best_ms;
};

static bool is_done(const struct newest *n)
{
    for (unsigned i = 0; i < n->count; i++)
        if (!n->places[i].over) return false;
    return n->ready;
}

static enum err read_partition(struct newest *n, const struct events_event *ev)
{
    char selector[96];
    struct place *p = &n->places[ev->partition];
    n->count = MAX(n->count, ev->partition + 1);
    *p = (struct place){.last = ev->last};
    p->over = ev->first > ev->last || ev->last_ms < n->since_us / 1000;
    if (p->over) return OK;
    snprintf(selector, sizeof selector, "amqp.annotation.x-opt-enqueued-time >= '%" PRId64 "'",
             n->since_us / 1000);
    return events_read(&n->events, ev->partition, selector);
}

static void take_event(struct newest *n, const struct events_event *ev)
{
    const struct amqp_message *m = &ev->message;
    struct place *p = &n->places[ev->partition];
    int64_t time_ms = event_number(m, "x-opt-enqueued-time");
    bool ours = slice_eq(event_annotation(m, "iothub-connection-device-id"), n->device) &&
                !replay_is_event(event_annotation(m, "iothub-message-source"));
    n->heard_us = clock_mono_us();
    if (ours && time_ms >= n->best_ms) {
        n->best_ms = time_ms;
        buf_clear(&n->best);
        buf_put_slice(&n->best, n->events.got.delivery.payload);
    }
    p->over = p->over || event_number(m, "x-opt-sequence-number") >= p->last;
    if (++p->taken < CREDIT_STEP || p->over) return;
    events_credit(&n->events, ev->partition, p->taken);
    p->taken = 0;
}

/* `*moved` when this connection is over and another one leads on. */
static enum err pull(struct newest *n, bool *moved)
{
    struct events_event ev;
    enum err e = OK;
    while (!*moved && (e = events_next(&n->events, &ev)) == OK) {
        switch (ev.kind) {
        case EVENTS_PARTITION: TRY(read_partition(n, &ev)); break;
        case EVENTS_EVENT: take_event(n, &ev); break;
        case EVENTS_READY: n->ready = true; break;
        case EVENTS_REDIRECTED:
            TRY(way_follow(n->target, &ev, &n->redirects, &n->cfg, &n->to));
            *moved = true;
            break;
        default: break;
        }
    }
    return *moved || e == ERR_AGAIN ? OK : e;
}

static enum err turn(struct newest *n, bool *moved)
{
    struct pollfd fd = {.fd = n->line.fd, .events = line_wants(&n->line)};
    struct slice bytes;
    int ready = poll(&fd, 1, WAKE_MS);
    if (ready < 0 && errno != EINTR) return fail_errno("poll");
    int64_t now_us = clock_mono_us();
    enum err read = ready > 0 ? line_ready(&n->line, fd.revents) : OK;
    while (!*moved && line_next(&n->line, &bytes)) {
        events_feed(&n->events, bytes, now_us);
        TRY(pull(n, moved));
    }
    if (now_us >= events_deadline(&n->events)) events_tick(&n->events, now_us);
    TRY(pull(n, moved));
    TRY(line_flush(&n->line));
    if (now_us - n->heard_us > NEWEST_WAIT_US)
        return fail(ERR_TIMEOUT, "%s has not sent what '%s' has: did retention take it?",
                    n->cfg.host, n->cfg.entity);
    return *moved || is_done(n) ? OK : read;
}

static enum err run_connection(struct newest *n, bool *moved)
{
    enum err e = OK;
    TRY(line_open(&n->line, &n->to));
    n->cfg.out = &n->line.out;
    events_init(&n->events, &n->cfg, clock_mono_us());
    while (e == OK && !*moved && !is_done(n)) e = turn(n, moved);
    if (e == OK) {
        events_close(&n->events);
        (void)!line_flush(&n->line);
    }
    events_fini(&n->events);
    line_close(&n->line);
    return e;
}

static enum err show(struct cli *c, const struct newest *n, struct json **event)
{
    struct amqp_message m;
    if (buf_size(&n->best) == 0)
        return fail(ERR_NOT_FOUND, "device '%.*s' has sent nothing since then: see --from",
                    SLICE_ARG(n->device));
    struct slice kept = arena_copy(&c->arena, buf_slice(&n->best));
    TRY(amqp_message_parse(kept, &m));
    *event = json_get(
        event_json(&c->arena, &m, EVENT_SYSTEM | EVENT_APPLICATION | EVENT_ANNOTATIONS), "event");
    return OK;
}

enum err newest_find(struct cli *c, struct target *t, struct slice device, int64_t since_us,
                     struct json **event)
{
    struct newest n = {.target = t,
                       .line.fd = -1,
                       .device = device,
                       .since_us = since_us,
                       .heard_us = clock_mono_us(),
                       .best_ms = -1};
    n.cfg = (struct events_config){.group = "$Default", .all = true, .walks = true};
    n.places = mem_zero(EVENTS_PARTITIONS_MAX * sizeof *n.places);
    enum err e = way_choose(t, NULL, &n.cfg, &n.to);
    for (bool moved = true; e == OK && moved;) {
        moved = false;
        e = run_connection(&n, &moved);
    }
    if (e == OK) e = show(c, &n, event);
    tls_context_drop(n.to.tls);
    buf_free(&n.best);
    free(n.places);
    return e;
}
