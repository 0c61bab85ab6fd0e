/* cursor.c - reading on from a place: pieces of the log come ahead of the owner, who pulls records.
 *
 *        done            handed  pulled                              ask_next
 *   ──────┼────────────────┼───────┼──────────────────────────────────┼──────▶ ordinals
 *         │ the owner works│ not   │ pieces in hand, CURSOR_PIECES     │ the next question
 *         │ on these       │ wanted│ at most                           │
 *
 * When nothing is with the owner, `done` goes with `pulled`: records that he does not want are done.
 */
#include "cursor/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "cursor/place.h"

COUNTER(records_total, "azimuth_cursor_records_total", "Records that were handed out.");
COUNTER(lost_total, "azimuth_cursor_records_lost_total",
        "Records that retention or damage took before they were read.");
GAUGE(lag_records, "azimuth_cursor_lag_records", "Records that are not done, over all cursors.");
GAUGE(
    lag_seconds, "azimuth_cursor_lag_seconds",
    "Age of the oldest record that is not done, of the cursor most behind on each lane, added up.");
GAUGE(cursors_now, "azimuth_cursors", "Cursors on the log.");

/* ---- asking the log */

static void ask_more(struct cursor *c)
{
    struct log_read_msg m = {.stream = (uint16_t)c->cfg.stream,
                             .partition = (uint16_t)c->cfg.partition,
                             .max_bytes = c->cfg.window_bytes,
                             .from_ordinal = c->ask_next,
                             .wait = true};
    if (c->state != CURSOR_READING || c->asking || c->piece_count == CURSOR_PIECES) return;
    if (timer_active(&c->gather)) return;
    c->asking = true;
    log_ask_read(&c->asker, &m);
}

/* The end is heard of with every answer; whoever does not pull has to ask for it. */
static void ask_end(struct cursor *c)
{
    if (c->state != CURSOR_READING || c->asking) return;
    c->asking = true;
    log_ask_ends(&c->asker, c->cfg.stream, c->cfg.partition);
}

/* How far it is comes first: there is no answer at the end of the log that would tell. */
static void read_on(struct cursor *c)
{
    if (c->knows_end)
        ask_more(c);
    else
        ask_end(c);
}

static void forget_answers(struct cursor *c)
{
    c->asking = false;
    log_ask_forget(&c->asker);
}

static void on_gathered(struct timer *t, int64_t now_us)
{
    (void)now_us;
    ask_more(CONTAINER_OF(t, struct cursor, gather));
}

/* All cursors of a lane ask at the same moments: their answers come together. */
static void gather(struct cursor *c)
{
    bool is_at_end = c->ask_next == c->ends.next_ordinal;
    if (!is_at_end || c->cfg.gather_us == 0) return;
    int64_t now_us = clock_mono_us();
    timer_set(&c->cs->lane->timers, &c->gather,
              now_us + c->cfg.gather_us - now_us % c->cfg.gather_us);
}

/* ---- pieces */

static void drop_piece(struct cursor *c)
{
    blob_drop(c->pieces[0].blob);
    c->pieces[0] = c->pieces[1];
    c->piece_count--;
}

/* Nothing is with the owner: what was passed over is done. */
static void pass_to(struct cursor *c, uint64_t ordinal)
{
    if (ordinal > c->pulled) c->pulled = ordinal;
    if (c->handed <= c->done) c->done = MAX(c->done, c->pulled);
}

/* The piece that has something left, or NULL. */
static struct piece *piece_in_hand(struct cursor *c)
{
    while (c->piece_count) {
        struct piece *p = &c->pieces[0];
        if (p->frames.len) {
            pass_to(c, p->first);
            return p;
        }
        pass_to(c, p->next);
        drop_piece(c);
    }
    pass_to(c, c->ask_next);
    return NULL;
}

static void wake(struct cursor *c)
{
    if (!c->wanting) return;
    c->wanting = false;
    c->cfg.fn(c, c->cfg.ctx);
}

/* ---- answers */

/* What was at the cursor's place is not there any more. */
static void jump(struct cursor *c, uint64_t to, const char *why)
{
    uint64_t lost = to - c->ask_next;
    say_warn("cursor.jumped",
             "name=%s stream=%u partition=%u from=%" PRIu64 " to=%" PRIu64 " why=%s", c->name,
             c->cfg.stream, c->cfg.partition, c->ask_next, to, why);
    metric_add(&lost_total, (int64_t)lost);
    c->lost += lost;
    c->ask_next = to;
}

static void go_back(struct cursor *c, uint64_t to)
{
    say_warn("cursor.beyond_end",
             "name=%s stream=%u partition=%u at=%" PRIu64 " end=%" PRIu64
             " next=\"goes on at the end\"",
             c->name, c->cfg.stream, c->cfg.partition, c->ask_next, to);
    c->ask_next = c->pulled = c->done = c->handed = to;
}

static void take_read(struct cursor *c, const struct log_read_done *done)
{
    c->ends = done->ends;
    if (done->err == OK) {
        c->pieces[c->piece_count++] =
            (struct piece){.blob = done->blob,
                           .frames = slice_of(done->blob->bytes + done->offset, done->len),
                           .first = done->first,
                           .next = done->next};
        c->ask_next = done->next;
        gather(c);
        wake(c);
    } else if (done->err == ERR_NOT_FOUND && done->ends.first_ordinal > c->ask_next) {
        jump(c, done->ends.first_ordinal, "retention");
        ask_more(c);
    } else if (done->err == ERR_CORRUPT && done->next > c->ask_next) {
        jump(c, done->next, "damage");
        ask_more(c);
    } else if (done->err == ERR_INVALID && c->piece_count == 0 &&
               done->ends.next_ordinal < c->ask_next) {
        go_back(c, done->ends.next_ordinal);
        ask_more(c);
    } else {
        c->retry = true;
    }
}

static void on_read(struct log_asker *a, const struct log_read_done *done)
{
    struct cursor *c = CONTAINER_OF(a, struct cursor, asker);
    c->asking = false;
    take_read(c, done);
}

void cursor_placed(struct cursor *c, uint64_t at)
{
    c->state = CURSOR_READING;
    c->done = c->pulled = c->handed = c->ask_next = at;
    read_on(c);
}

/* Where to begin, or only how far the partition reaches; meanwhile nothing was read. */
static void on_sought(struct log_asker *a, const struct log_seek_done *done)
{
    struct cursor *c = CONTAINER_OF(a, struct cursor, asker);
    c->asking = false;
    if (done->err == OK) {
        c->ends = done->ends;
        c->knows_end = true;
    }
    if (c->state == CURSOR_READING && c->knows_end)
        ask_more(c);
    else if (done->err == OK)
        cursor_placed(c, done->ordinal);
    else
        c->retry = true;
}

/* ---- the owner's side */

/* The next frame of the piece; what cannot be parsed ends it.  A piece was written a while ago: what comes
 * behind is fetched while the owner works on this. */
static bool next_frame(struct cursor *c, struct piece *p, struct record *out)
{
    if (record_parse(p->frames, out) != OK) {
        say_warn("cursor.damaged", "name=%s stream=%u partition=%u at=%" PRIu64, c->name,
                 c->cfg.stream, c->cfg.partition, c->pulled);
        p->frames = SLICE_NONE;
        return false;
    }
    p->frames = slice_from(p->frames, out->frame.len);
    mem_fetch(p->frames.ptr, MIN(out->frame.len, p->frames.len), false);
    return true;
}

static void hand_out(struct cursor *c, const struct record *rec)
{
    if (c->handed <= c->done) {
        c->done = MAX(c->done, rec->ordinal);
        c->oldest_us = rec->enqueued_us;
    }
    c->pulled = c->handed = rec->ordinal + 1;
    metric_inc(&records_total);
}

enum err cursor_next(struct cursor *c, struct record *out)
{
    struct piece *p;
    ON_LANE(c->cs->lane);
    while ((p = piece_in_hand(c)) != NULL) {
        if (!next_frame(c, p, out)) continue;
        if (c->cfg.destinations == 0 || (out->destinations & c->cfg.destinations)) {
            hand_out(c, out);
            ask_more(c);
            return OK;
        }
        pass_to(c, out->ordinal + 1);
    }
    c->wanting = true;
    ask_more(c);
    return ERR_AGAIN;
}

void cursor_done(struct cursor *c, uint64_t ordinal)
{
    ON_LANE(c->cs->lane);
    assert(ordinal <= c->pulled);
    if (ordinal <= c->done) return;
    c->done = ordinal;
    pass_to(c, c->pulled);
}

void cursor_done_all(struct cursor *c)
{
    cursor_done(c, c->pulled);
}

void cursor_rewind(struct cursor *c)
{
    ON_LANE(c->cs->lane);
    if (c->state != CURSOR_READING || c->handed <= c->done) return;
    while (c->piece_count) drop_piece(c);
    forget_answers(c);
    c->ask_next = c->pulled = c->handed = c->done;
    c->wanting = true;
    ask_more(c);
}

/* ---- how far behind */

/* 0: nobody knows of one. */
static int64_t oldest_us(const struct cursor *c)
{
    struct record rec;
    if (c->handed > c->done) return c->oldest_us;
    for (unsigned i = 0; i < c->piece_count; i++)
        if (c->pieces[i].frames.len && record_parse(c->pieces[i].frames, &rec) == OK)
            return rec.enqueued_us;
    return 0;
}

void cursor_status(const struct cursor *c, struct cursor_status *out)
{
    int64_t since_us = oldest_us(c);
    *out = (struct cursor_status){.placed = c->state == CURSOR_READING && c->knows_end,
                                  .done = c->done,
                                  .pulled = c->pulled,
                                  .end = MAX(c->ends.next_ordinal, c->ask_next),
                                  .lost = c->lost};
    if (!out->placed) return;
    out->lag_records = out->end - out->done;
    if (since_us) out->lag_us = MAX(0, clock_wall_us() - since_us);
}

static void measure(const struct cursors *cs)
{
    int64_t records = 0, age_us = 0;
    LIST_EACH(node, &cs->all)
    {
        struct cursor_status s;
        cursor_status(CONTAINER_OF(node, struct cursor, node), &s);
        records += (int64_t)s.lag_records;
        age_us = MAX(age_us, s.lag_us);
    }
    metric_set(&lag_records, records);
    metric_set(&lag_seconds, age_us / 1000000);
}

/* ---- once a second */

static void try_again(struct cursor *c)
{
    if (!c->retry) return;
    c->retry = false;
    if (c->state == CURSOR_READING)
        read_on(c);
    else if (c->state != CURSOR_LEAVING)
        place_find(c);
}

static void on_tick(struct timer *t, int64_t now_us)
{
    struct cursors *cs = CONTAINER_OF(t, struct cursors, tick);
    bool ends_too = ++cs->ticks % (CURSOR_LAG_US / CURSOR_STORE_US) == 0;
    LIST_EACH(node, &cs->all)
    {
        struct cursor *c = CONTAINER_OF(node, struct cursor, node);
        place_store(c);
        try_again(c);
        if (ends_too) ask_end(c);
    }
    measure(cs);
    if (!list_empty(&cs->all)) timer_set(&cs->lane->timers, t, now_us + CURSOR_STORE_US);
}

/* ---- life */

struct cursors *cursors_new(struct lane *lane, struct log *log, const struct store *store)
{
    struct cursors *cs = NEW(struct cursors);
    *cs = (struct cursors){.lane = lane, .log = log, .store = store};
    list_init(&cs->all);
    timer_init(&cs->tick, on_tick);
    return cs;
}

void cursors_free(struct cursors *cs)
{
    if (cs == NULL) return;
    LIST_EACH(node, &cs->all)
    {
        struct cursor *c = CONTAINER_OF(node, struct cursor, node);
        if (c->storing) store_forget(cs->lane, &c->wait);
        c->gone = NULL;
        cursor_drop(c);
    }
    timer_stop(&cs->tick);
    free(cs);
}

struct cursor *cursor_new(struct cursors *cs, const struct cursor_config *cfg)
{
    struct cursor *c = NEW(struct cursor);
    assert(cfg->name.len <= CURSOR_NAME_MAX && cfg->fn);
    assert(cs->store || cfg->start == CURSOR_AT);
    c->cs = cs;
    c->cfg = *cfg;
    if (c->cfg.window_bytes == 0) c->cfg.window_bytes = CURSOR_WINDOW_DEFAULT;
    c->cfg.window_bytes = MIN(c->cfg.window_bytes, (uint32_t)CURSOR_WINDOW_MAX);
    snprintf(c->name, sizeof c->name, "%.*s", SLICE_ARG(cfg->name));
    c->cfg.name = slice_str(c->name);
    c->asker =
        (struct log_asker){.lane = cs->lane, .log = cs->log, .read = on_read, .sought = on_sought};
    c->wanting = true;
    timer_init(&c->gather, on_gathered);
    if (!timer_active(&cs->tick))
        timer_set(&cs->lane->timers, &cs->tick, clock_mono_us() + CURSOR_STORE_US);
    list_push(&cs->all, &c->node);
    metric_add(&cursors_now, 1);
    place_find(c);
    return c;
}

void cursor_drop(struct cursor *c)
{
    void (*gone)(void *) = c->gone;
    void *ctx = c->gone_ctx;
    timer_stop(&c->gather);
    while (c->piece_count) drop_piece(c);
    slot_free(c->cs->lane, c->asker.slot); /* the log may have stopped: it is told before, or not */
    list_remove(&c->node);
    metric_add(&cursors_now, -1);
    free(c);
    if (gone) gone(ctx);
}

void cursor_remove(struct cursor *c, void (*removed)(void *ctx), void *ctx)
{
    ON_LANE(c->cs->lane);
    forget_answers(c);
    while (c->piece_count) drop_piece(c);
    c->wanting = false;
    c->gone = removed;
    c->gone_ctx = ctx;
    place_leave(c);
}

void cursor_free(struct cursor *c)
{
    if (c == NULL) return;
    if (c->storing) store_forget(c->cs->lane, &c->wait);
    forget_answers(c);
    cursor_drop(c);
}
