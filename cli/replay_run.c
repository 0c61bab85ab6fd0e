/* replay_run.c - see replay_run.h.
 *
 *   turn:  read and put what is due, as long as there is room ─▶ send ─▶ wait for either connection
 */
#include "cli/replay_run.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/event_json.h"
#include "cli/fleet_report.h"

enum { EVENTS_PER_TURN = 500, WAKE_MS = 500, SHOW_US = 200000 };
#define LAST_WAIT_US (10 * 1000000ll) /* for what is on its way when a run ends early */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void end_early(struct replay_run *r, enum err e)
{
    if (r->fate != OK) return;
    r->fate = e;
    r->over = true;
    snprintf(r->why, sizeof r->why, "%s", fail_text());
}

/* ---- what is due */

static void begin_pace(struct replay_run *r, const struct replay_head *h)
{
    r->began = true;
    r->first_due_us = h->due_us;
    if (r->shift == REPLAY_SHIFT_NOW && !r->resume.has_shift) {
        r->resume.has_shift = true;
        r->resume.shift_us = clock_wall_us() - h->enqueued_us;
    }
    if (r->shift != REPLAY_NO_SHIFT)
        r->shift_us = r->shift == REPLAY_SHIFT_BY ? r->shift_us : r->resume.shift_us;
}

static bool is_due(struct replay_run *r, const struct replay_head *h, int64_t now_us)
{
    r->next_us = 0;
    if (r->speed <= 0 || r->target == NULL) return true;
    int64_t due_us = r->start_us + (int64_t)((double)(h->due_us - r->first_due_us) / r->speed);
    if (due_us <= now_us) return true;
    r->next_us = due_us;
    return false;
}

static void count(struct replay_run *r)
{
    const struct replay_event *e = &r->event;
    struct replay_result *out = &r->result;
    if (out->matched++ == 0) out->first_us = e->head.enqueued_us;
    out->last_us = MAX(out->last_us, e->head.enqueued_us);
    out->bytes +=
        (int64_t)(buf_size(&e->body) + buf_size(&e->application) + buf_size(&e->properties));
}

static void keep_sample(struct replay_run *r)
{
    struct buf text = {0};
    struct amqp_message m;
    if (r->result.matched > REPLAY_SAMPLE) return;
    replay_event_put(&text, &r->event, &r->mark, false);
    if (amqp_message_parse(buf_slice(&text), &m) == OK)
        json_append(r->sample, event_json(&r->cli->arena, &m,
                                          EVENT_SYSTEM | EVENT_APPLICATION | EVENT_ANNOTATIONS));
    buf_free(&text);
}

/* Builds the next event that is wanted.  ERR_AGAIN: none is due; ERR_NOT_FOUND: none is left. */
static enum err build_next(struct replay_run *r, int64_t now_us)
{
    struct replay_head head;
    struct replay_source *s = &r->source;
    for (unsigned i = 0; i < EVENTS_PER_TURN; i++) {
        TRY(s->peek(s->ctx, &head));
        bool wanted = replay_filter_wants(&r->filter, &head);
        if (wanted && !r->began) begin_pace(r, &head);
        if (wanted && !is_due(r, &head, now_us)) return ERR_AGAIN;
        if (wanted) {
            TRY(s->build(s->ctx, r->shift_us, &r->event));
            replay_event_set_head(&r->event, &head);
            wanted = replay_filter_passes(&r->filter, &r->event);
        }
        if (wanted) return OK;
        r->result.read++;
        TRY(s->take(s->ctx));
    }
    r->next_us = 1; /* soon */
    return ERR_AGAIN;
}

static enum err put(struct replay_run *r)
{
    if (r->target == NULL) {
        count(r);
        keep_sample(r);
        return OK;
    }
    if (r->before) TRY(r->before(r->ctx, &r->event));
    TRY(replay_target_put(r->target, &r->event));
    count(r);
    return OK;
}

/* Puts what is due; ERR_AGAIN: nothing more now. */
static enum err put_due(struct replay_run *r, int64_t now_us)
{
    for (unsigned i = 0; i < EVENTS_PER_TURN; i++) {
        if (!r->built) TRY(build_next(r, now_us));
        r->built = true;
        enum err e = put(r);
        r->blocked = e == ERR_AGAIN;
        TRY(e);
        r->built = false;
        r->result.read++;
        TRY(r->source.take(r->source.ctx));
    }
    r->next_us = 1;
    return ERR_AGAIN;
}

static void fill(struct replay_run *r, int64_t now_us)
{
    if (r->over) return;
    r->next_us = 0;
    enum err e = put_due(r, now_us);
    if (e == ERR_AGAIN || e == OK) return;
    r->over = true;
    if (e != ERR_NOT_FOUND) end_early(r, e);
}

/* ---- saving */

static int64_t saved_lane(void *ctx, unsigned lane)
{
    return ((const struct replay_run *)ctx)->lanes[lane];
}

static enum err save(struct replay_run *r, int64_t now_us)
{
    struct replay_source *s = &r->source;
    unsigned count = s->lane_count(s->ctx);
    if (r->resume.path == NULL || r->target == NULL || !r->may_save) return OK;
    if (count > r->lane_cap) {
        r->lanes = mem_grow(r->lanes, count * sizeof *r->lanes);
        r->lane_cap = count;
    }
    for (unsigned i = 0; i < count; i++) r->lanes[i] = s->next_index(s->ctx, i);
    replay_target_floor(r->target, r->lanes, count);
    r->resume.saved_us = now_us;
    return replay_resume_save(&r->resume, r->target->identity, r->resume.events + r->target->acked,
                              s, saved_lane, r);
}

/* ---- what a terminal sees */

static void put_wait(struct buf *line, const struct replay_back *b, const char *host,
                     int64_t now_us)
{
    double wait_s = (double)MAX(b->at_us - now_us, 0) / 1e6;
    buf_printf(line, ", waiting for %s: try %u in %.0f s", host, b->tries, wait_s);
}

static int64_t done_so_far(const struct replay_run *r)
{
    return r->target ? r->target->acked : r->result.matched;
}

static void show_as_json(struct replay_run *r, const char *waits_for, bool ended)
{
    double part = r->source.progress(r->source.ctx);
    progress_show(&r->cli->progress, &(struct progress_at){.step = waits_for ? "waiting" : "replay",
                                                           .unit = "events",
                                                           .done = (uint64_t)done_so_far(r),
                                                           .part = ended ? 1 : part,
                                                           .status = slice_str(waits_for),
                                                           .ended = ended});
}

static const char *waits_for(const struct replay_run *r)
{
    if (r->target && r->target_back.at_us) return r->target->cfg.host;
    return r->stream_back.at_us ? r->stream->cfg.host : NULL;
}

static void show_line(struct replay_run *r, int64_t now_us)
{
    struct buf line = {0};
    int64_t done = done_so_far(r), elapsed_us = now_us - r->start_us;
    buf_printf(&line, "\r%" PRId64 " replayed", done);
    if (elapsed_us > 0) buf_printf(&line, ", %.0f/s", (double)done * 1e6 / (double)elapsed_us);
    fleet_put_bar(&line, r->source.progress(r->source.ctx), elapsed_us);
    if (r->target_back.at_us) put_wait(&line, &r->target_back, r->target->cfg.host, now_us);
    if (r->stream_back.at_us) put_wait(&line, &r->stream_back, r->stream->cfg.host, now_us);
    fprintf(stderr, "%s\033[K", buf_cstr(&line));
    buf_free(&line);
}

static void show(struct replay_run *r, int64_t now_us)
{
    enum progress_how how = r->cli->progress.how;
    if (how == PROGRESS_NONE || now_us < r->shown_us + SHOW_US) return;
    r->shown_us = now_us;
    if (how == PROGRESS_JSON)
        show_as_json(r, waits_for(r), false);
    else
        show_line(r, now_us);
}

static void stop_showing(struct replay_run *r)
{
    if (r->cli->progress.how == PROGRESS_BAR) fputs("\r\033[K", stderr);
    if (r->cli->progress.how == PROGRESS_JSON && r->result.complete) show_as_json(r, NULL, true);
}

/* ---- connections that are lost */

static void say_lost(const struct replay_run *r, const struct replay_back *b, const char *host,
                     int64_t now_us)
{
    enum progress_how how = r->cli->progress.how;
    if (r->quiet || b->tries > 1 || how == PROGRESS_JSON) return;
    fprintf(stderr, "%sthe connection to %s was lost (%s): again in %.1f s\n",
            how == PROGRESS_BAR ? "\r\033[K" : "", host, fail_text(),
            (double)(b->at_us - now_us) / 1e6);
}

static enum err given_up(const struct replay_back *b, enum err e)
{
    char why[256];
    if (!replay_back_is_loss(e)) return e;
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(e, "%s; nor did %u tries to make the connection anew in %.0f s get any further",
                why, b->tries, (double)b->give_up_us / 1e6);
}

/* What was done with the target's connection ended with `e`: OK, too, if it is lost and will be tried again.
 * One that never came about is final. */
static enum err with_target(struct replay_run *r, enum err e)
{
    int64_t now_us = clock_mono_us();
    if (e == OK || !r->target->identity[0]) return e;
    if (!replay_back_lost(&r->target_back, e, r->target->acked, now_us))
        return given_up(&r->target_back, e);
    say_lost(r, &r->target_back, r->target->cfg.host, now_us);
    replay_target_lost(r->target);
    return OK;
}

static enum err with_stream(struct replay_run *r, enum err e)
{
    int64_t now_us = clock_mono_us();
    if (e == OK || r->stream->partitions == NULL) return e;
    if (!replay_back_lost(&r->stream_back, e, r->result.read, now_us))
        return given_up(&r->stream_back, e);
    say_lost(r, &r->stream_back, r->stream->cfg.host, now_us);
    replay_stream_lost(r->stream);
    return OK;
}

static enum err target_turn(struct replay_run *r, short revents)
{
    if (replay_back_try(&r->target_back, clock_mono_us())) {
        r->result.reconnects++;
        enum err e = replay_target_reopen(r->target);
        if (e == OK) replay_back_there(&r->target_back, clock_mono_us());
        return with_target(r, e);
    }
    return r->target->opened ? with_target(r, replay_target_turn(r->target, revents)) : OK;
}

static enum err stream_turn(struct replay_run *r, short revents)
{
    if (replay_back_try(&r->stream_back, clock_mono_us())) {
        r->result.reconnects++;
        enum err e = replay_stream_open(r->stream);
        if (e == OK) replay_back_there(&r->stream_back, clock_mono_us());
        return with_stream(r, e);
    }
    return r->stream->opened ? with_stream(r, replay_stream_turn(r->stream, revents)) : OK;
}

/* ---- the loop */

static int wait_ms(const struct replay_run *r, int64_t now_us)
{
    int64_t until = now_us + WAKE_MS * 1000ll;
    if (r->target) until = MIN(until, replay_target_deadline(r->target));
    if (r->stream) until = MIN(until, replay_stream_deadline(r->stream));
    if (r->next_us && !r->over) until = MIN(until, r->next_us);
    if (r->target_back.at_us) until = MIN(until, r->target_back.at_us);
    if (r->stream_back.at_us) until = MIN(until, r->stream_back.at_us);
    return until <= now_us ? 0 : (int)((until - now_us + 999) / 1000);
}

static enum err wait(struct replay_run *r, int64_t now_us)
{
    struct pollfd fds[2] = {{.fd = -1}, {.fd = -1}};
    if (r->target)
        fds[0] = (struct pollfd){.fd = r->target->line.fd, .events = line_wants(&r->target->line)};
    if (r->stream)
        fds[1] =
            (struct pollfd){.fd = r->stream->line.fd, .events = replay_stream_wants(r->stream)};
    if (poll(fds, 2, wait_ms(r, now_us)) < 0 && errno != EINTR) return fail_errno("poll");
    if (r->target) TRY(target_turn(r, fds[0].revents));
    if (r->stream && !r->over) {
        enum err e = stream_turn(r, fds[1].revents);
        if (e != OK) end_early(r, e);
    }
    return OK;
}

static bool is_ready(const struct replay_run *r)
{
    return (r->target == NULL || r->target->ready) && (r->stream == NULL || r->stream->ready);
}

static enum err begin(struct replay_run *r)
{
    int64_t give_up_us = clock_mono_us() + REPLAY_READY_US;
    while (!is_ready(r) && !interrupted && r->fate == OK) {
        TRY(wait(r, clock_mono_us()));
        if (clock_mono_us() < give_up_us) continue;
        bool target = r->target && !r->target->ready;
        return fail(ERR_TIMEOUT, "%s does not answer",
                    (target ? &r->target->cfg : &r->stream->cfg)->host);
    }
    if (r->fate != OK || interrupted) return OK;
    r->start_us = clock_mono_us();
    r->renew_us = r->start_us + REPLAY_RENEW_US;
    if (r->ready) TRY(r->ready(r->ctx));
    r->may_save = true;
    return save(r, 0); /* what cannot be kept is not begun; the first turn saves again */
}

/* What is full; all when nothing else is due.  Where a batch went there may be room again. */
static enum err send_what_goes(struct replay_run *r)
{
    int64_t sent = r->target->sent;
    bool all = r->blocked ? replay_target_hurries(r->target) : r->next_us != 1;
    TRY(replay_target_pump(r->target, all || r->over));
    if (r->blocked && r->target->sent != sent) r->next_us = 1;
    return OK;
}

static enum err turn(struct replay_run *r)
{
    int64_t now_us = clock_mono_us();
    if (interrupted && r->fate == OK) end_early(r, fail(ERR_CLOSED, "interrupted"));
    fill(r, now_us);
    if (r->target) TRY(with_target(r, send_what_goes(r)));
    show(r, now_us);
    if (now_us >= r->renew_us && is_ready(r)) {
        r->renew_us = now_us + REPLAY_RENEW_US;
        TRY(r->renew(r->ctx));
    }
    if (now_us >= r->resume.saved_us + REPLAY_SAVE_US) TRY(save(r, now_us));
    if (r->target == NULL && r->stream == NULL) return OK;
    return wait(r, now_us);
}

static bool is_done(const struct replay_run *r)
{
    return r->over && (r->target == NULL || replay_target_idle(r->target));
}

static enum err run(struct replay_run *r)
{
    int64_t give_up_us = INT64_MAX;
    TRY(begin(r));
    while (!is_done(r)) {
        TRY(turn(r));
        if (r->fate == OK) continue;
        if (give_up_us == INT64_MAX) give_up_us = clock_mono_us() + LAST_WAIT_US;
        if (clock_mono_us() >= give_up_us) break;
    }
    return OK;
}

enum err replay_run(struct replay_run *r)
{
    struct sigaction old[2];
    const struct sigaction once = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    interrupted = 0;
    sigaction(SIGINT, &once, &old[0]);
    sigaction(SIGTERM, &once, &old[1]);
    r->start_us = clock_mono_us();
    enum err e = run(r);
    if (e != OK) end_early(r, e);
    sigaction(SIGINT, &old[0], NULL);
    sigaction(SIGTERM, &old[1], NULL);
    r->result.elapsed_us = clock_mono_us() - r->start_us;
    r->result.complete = r->fate == OK && is_done(r);
    stop_showing(r);
    e = save(r, 0);
    if (r->fate != OK) return fail(r->fate, "%s", r->why);
    return e;
}

void replay_run_fini(struct replay_run *r)
{
    replay_event_free(&r->event);
    replay_filter_fini(&r->filter);
    free(r->lanes);
}
