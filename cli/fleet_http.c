/* fleet_http.c - see fleet_http.h. */
#include "cli/fleet_http.h"

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/fleet_device.h"
#include "cli/fleet_report.h"
#include "cli/interrupt.h"

enum { SLEEP_MS_MAX = 200 }; /* a signal that comes just before is not seen for longer */

struct sender {
    const struct fleet_identity *identity;
    struct payload_state payload;
    struct fleet_due due;
    struct buf bag, body; /* of a message that the hub has not taken yet */
    int64_t sent_us;      /* when that was tried first */
    int64_t next_us, poll_us, pause_us;
    uint64_t sent;
    bool waits, was_up;
};

struct run {
    struct fleet fleet; /* for its reports */
    struct target *target;
    const struct bound_way *settle;
    struct sender *senders;
    struct fleet_heap heap;
    int64_t began_us, taken_us; /* when the hub took something last */
    struct arena arena;
};

/* ---- when */

static int64_t next_message_us(const struct run *r, const struct sender *s)
{
    const struct fleet_plan *plan = r->fleet.plan;
    int64_t after_us;
    if (s->waits) return s->next_us;
    if (plan->messages && s->sent == plan->messages) return INT64_MAX;
    if (!payload_due(&s->payload, &after_us)) return INT64_MAX;
    if (plan->speed == 0) return s->next_us;
    return r->began_us + (int64_t)((double)after_us / plan->speed);
}

/* Who has nothing more to say asks for nothing any more. */
static void set_due(struct run *r, struct sender *s)
{
    int64_t next_us = next_message_us(r, s);
    if (next_us != INT64_MAX && r->settle) next_us = MIN(next_us, s->poll_us);
    fleet_heap_set(&r->heap, &s->due, next_us);
}

/* ---- requests */

/* Whether the same request may be answered otherwise later. */
static bool is_passing(enum err e, long status)
{
    return e == ERR_CLOSED || e == ERR_TIMEOUT || status == 429 || status >= 500;
}

static void put_path(struct buf *out, const struct fleet_identity *id)
{
    buf_put_str(out, "/devices/");
    text_percent(out, id->device);
    if (id->module.len) buf_put_str(out, "/modules/");
    text_percent(out, id->module);
    buf_put_str(out, "/messages/events");
}

static enum err refused(struct run *r, const struct sender *s, const struct http_answer *a)
{
    char what[200];
    snprintf(what, sizeof what, "device '%.*s'", SLICE_ARG(slice_head(s->identity->device, 150)));
    return http_refusal(r->target, a, what);
}

static enum err ask(struct run *r, struct sender *s, const struct http_call *call, bool *passing)
{
    struct http_answer a = {0};
    enum err e = http_do(r->target, call, &a);
    *passing = is_passing(e, a.status);
    if (e != OK) return e;
    if (a.status >= 300) e = refused(r, s, &a);
    http_answer_free(&a);
    return e;
}

/* For an answer: as long as for an acknowledgement. */
static unsigned wait_s(const struct run *r)
{
    return (unsigned)((r->fleet.plan->wait_us + 999999) / 1000000);
}

static enum err post(struct run *r, struct sender *s, const char *token, bool *passing)
{
    struct buf path = {0}, lines = {0};
    const char *headers[PAYLOAD_PROPERTIES_MAX + 2]; /* and the two that JSON gets */
    size_t count;
    *passing = false;
    enum err e = fleet_http_headers(buf_slice(&s->bag), &lines, &count);
    assert(count <= sizeof headers / sizeof *headers);
    const char *line = buf_cstr(&lines);
    for (size_t i = 0; i < count; i++, line += strlen(line) + 1) headers[i] = line;
    put_path(&path, s->identity);
    const struct http_call call = {.method = "POST",
                                   .path = buf_cstr(&path),
                                   .body = slice_of(buf_cstr(&s->body), buf_size(&s->body)),
                                   .type = "application/octet-stream",
                                   .headers = headers,
                                   .header_count = count,
                                   .wait_s = wait_s(r),
                                   .token = token};
    if (e == OK) e = ask(r, s, &call, passing);
    buf_free(&lines);
    buf_free(&path);
    return e;
}

static void make(struct run *r, struct sender *s, int64_t now_us)
{
    struct fleet *f = &r->fleet;
    buf_clear(&s->bag);
    buf_clear(&s->body);
    payload_write(&s->payload, clock_wall_us(), &s->bag, &s->body);
    s->waits = true;
    s->sent_us = now_us;
    s->sent++;
    if (f->result->sent++ == 0) f->first_us = f->last_us = now_us;
}

static void taken(struct run *r, struct sender *s)
{
    struct fleet *f = &r->fleet;
    int64_t now_us = clock_mono_us();
    r->taken_us = f->last_us = now_us;
    f->result->acknowledged++;
    fleet_latency_add(&f->result->latency, now_us - s->sent_us);
    s->waits = false;
    s->pause_us = 0;
    s->next_us = MAX(s->next_us + f->plan->interval_us, now_us - FLEET_CATCH_UP_US);
    if (s->was_up) return;
    s->was_up = true;
    f->up++;
    f->result->connected++;
}

static enum err say(struct run *r, struct sender *s, const char *token, int64_t now_us,
                    bool *passing)
{
    if (s->waits)
        r->fleet.result->resent++;
    else
        make(r, s, now_us);
    TRY(post(r, s, token, passing));
    taken(r, s);
    return OK;
}

/* Takes and settles one message, if there is one; then there may be another. */
static enum err take_message(struct run *r, struct sender *s, const char *token, int64_t now_us,
                             bool *passing)
{
    const struct bound b = {r->target, s->identity->device, token};
    struct http_answer a = {0};
    s->poll_us = now_us + FLEET_POLL_US;
    enum err e = bound_take(&b, BOUND_LOCK_S, &a);
    *passing = is_passing(e, a.status);
    if (e != OK) return e;
    if (a.status >= 300) e = bound_refusal(&b, &a);
    if (a.status == 200) {
        fleet_tell(&r->fleet, b.device, "message", SLICE_NONE, buf_slice(&a.body));
        e = bound_settle(&b, bound_lock(&a), r->settle);
        if (e == ERR_PRECONDITION) e = OK; /* somebody else has it by now */
        r->fleet.result->messages++;
        s->poll_us = now_us;
    }
    http_answer_free(&a);
    return e;
}

/* ---- a turn */

static void failed(struct run *r, struct sender *s, enum err e, bool passing)
{
    struct fleet *f = &r->fleet;
    int64_t now_us = clock_mono_us();
    if (!passing || f->result->acknowledged == 0 || now_us >= r->taken_us + f->plan->wait_us) {
        fleet_give_up(f, e);
        return;
    }
    s->pause_us = MIN(MAX(2 * s->pause_us, FLEET_RETRY_MIN_US), FLEET_RETRY_MAX_US);
    s->next_us = s->poll_us = now_us + s->pause_us;
    fleet_complain(f, "device '%.*s': %s; it tries again in %.1f s", SLICE_ARG(s->identity->device),
                   fail_text(), (double)s->pause_us / 1e6);
}

static void turn(struct run *r, struct sender *s)
{
    struct buf token = BUF_SECRET;
    bool passing = false;
    int64_t now_us = clock_mono_us();
    enum err e = OK;
    fleet_device_put_token(&token, s->identity);
    if (next_message_us(r, s) <= now_us) e = say(r, s, buf_cstr(&token), now_us, &passing);
    if (e == OK && r->settle && s->poll_us <= now_us)
        e = take_message(r, s, buf_cstr(&token), now_us, &passing);
    if (e != OK) failed(r, s, e, passing);
    set_due(r, s);
    buf_wipe(&token);
}

/* ---- the run */

static void begin(struct run *r, const struct fleet_plan *plan)
{
    r->senders = arena_zero(&r->arena, plan->count * sizeof *r->senders);
    r->began_us = r->taken_us = clock_mono_us();
    for (size_t i = 0; i < plan->count; i++) {
        struct sender *s = &r->senders[i];
        double part = (double)i / (double)plan->count;
        s->identity = &plan->identities[i];
        s->next_us = r->began_us + (int64_t)(part * (double)plan->interval_us);
        payload_begin(plan->payload, &r->arena, s->identity->device, i, plan->count, plan->seed,
                      &s->payload);
        set_due(r, s);
    }
}

static bool is_over(const struct run *r, int64_t now_us)
{
    int64_t duration_us = r->fleet.plan->duration_us;
    return interrupt_came() || r->fleet.error != OK ||
           (duration_us && now_us >= r->began_us + duration_us);
}

/* Until somebody is due or the time is over, but never for long. */
static void rest(const struct run *r, int64_t until_us, int64_t now_us)
{
    int64_t duration_us = r->fleet.plan->duration_us;
    if (duration_us) until_us = MIN(until_us, r->began_us + duration_us);
    (void)!poll(NULL, 0, (int)MIN((until_us - now_us + 999) / 1000, SLEEP_MS_MAX));
}

static void go_on(struct run *r)
{
    struct fleet_due *due;
    int64_t now_us = r->began_us, shown_us = now_us;
    while ((due = fleet_heap_first(&r->heap)) != NULL && !is_over(r, now_us)) {
        if (due->at_us > now_us)
            rest(r, due->at_us, now_us);
        else
            turn(r, CONTAINER_OF(due, struct sender, due));
        now_us = clock_mono_us();
        if (!fleet_shows_progress(&r->fleet) || now_us - shown_us < FLEET_REPORT_US) continue;
        fleet_show_progress(&r->fleet, r->began_us, now_us);
        shown_us = now_us;
    }
    fleet_clear_progress(&r->fleet);
}

static void end(struct run *r)
{
    struct fleet_result *result = r->fleet.result;
    result->failed = result->sent - result->acknowledged;
    result->elapsed_us = r->fleet.last_us - r->fleet.first_us;
    for (size_t i = 0; i < r->fleet.plan->count; i++) {
        buf_free(&r->senders[i].bag);
        buf_free(&r->senders[i].body);
    }
    fleet_heap_free(&r->heap);
    arena_free(&r->arena);
}

enum err fleet_http_run(const struct fleet_plan *plan, struct target *t,
                        const struct bound_way *settle, struct fleet_result *out)
{
    struct sigaction old[2];
    struct run r = {.fleet = {.plan = plan, .result = out}, .target = t, .settle = settle};
    *out = (struct fleet_result){0};
    interrupt_catch(old);
    begin(&r, plan);
    go_on(&r);
    interrupt_release(old);
    end(&r);
    if (r.fleet.error != OK) return fail(r.fleet.error, "%s", r.fleet.error_text);
    return OK;
}
