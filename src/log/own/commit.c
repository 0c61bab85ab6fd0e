/* commit.c - the log lane: gathers batches, commits them together, answers.
 *
 * Handlers only queue.  At the end of each turn everything that waits is committed, group by group;
 * whatever comes during a group's fdatasync is the next group.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "log/own/own.h"
#include "post/hold.h"

COUNTER(records, "azimuth_log_appends_total", "Records committed.");
COUNTER(record_bytes, "azimuth_log_append_bytes_total", "Bytes of records committed.");
COUNTER(batches, "azimuth_log_batches_total", "Batches committed; a core sends one per turn.");
COUNTER(commits, "azimuth_log_commits_total", "Commits, each one fdatasync.");
COUNTER(commit_us, "azimuth_log_commit_microseconds_total",
        "Time spent writing and syncing commits.");
COUNTER(strays, "azimuth_log_stray_records_total",
        "Records of streams that were dropped before they came.");
COUNTER(stalls, "azimuth_log_journal_stalls_total", "Turns without a free journal section.");
COUNTER(throttled, "azimuth_log_throttled_total", "Batches refused for want of disk space.");
COUNTER(refused, "azimuth_log_refused_total", "Batches refused after a failed write or sync.");
GAUGE(tail_bytes, "azimuth_log_tail_bytes", "Memory that holds the newest records.");
GAUGE(healthy, "azimuth_log_healthy", "0 after a failed write or sync, until a restart.");
GAUGE(accepting, "azimuth_log_accepting", "1 when appends are taken.");
GAUGE(room_left, "azimuth_log_room_bytes",
      "Bytes of the disk above its reserve, as last looked at; 0 also where no reserve is kept.");

void own_poison(struct log *l)
{
    if (!atomic_exchange(&l->healthy, false)) return;
    say_error("log.poisoned", "reason=\"%s\"", fail_text());
    metric_set(&healthy, 0);
    metric_set(&accepting, 0);
}

/* ---- answers */

static struct msg *shift_waiting(struct log *l)
{
    struct msg *m = l->waiting;
    l->waiting = m->next;
    if (l->waiting == NULL) l->waiting_last = NULL;
    return m;
}

/* Its writer appended it before it heard of the last refusal. */
static bool is_stale(const struct log *l, const struct msg *m)
{
    return m->from.gen != l->refusals[m->from.lane];
}

/* The message goes home with its memory. */
static void answer_first(struct log *l, enum err err)
{
    struct msg *m = shift_waiting(l);
    if (err != OK && !is_stale(l, m)) l->refusals[m->from.lane]++;
    struct log_appended answer = {err, l->refusals[m->from.lane]};
    memcpy(m->body, &answer, sizeof answer);
    m->kind = LOG_APPENDED;
    post(l->lane, m->to, m->from, m);
}

static void refuse_waiting(struct log *l, enum err err)
{
    for (; l->waiting; metric_inc(err == ERR_IO ? &refused : &throttled)) answer_first(l, err);
}

/* Or a device's message would be stored before the one that it is about to send again. */
static void refuse_stale(struct log *l)
{
    for (; l->waiting && is_stale(l, l->waiting); metric_inc(&throttled))
        answer_first(l, ERR_THROTTLED);
}

/* ---- towards segments */

static void request_writes(struct log *l, struct partition *p, bool partial)
{
    struct flush_msg f = {.id = p->id};
    while (tails_next_write(p, partial, &f.frames)) {
        struct msg *m = msg_new(LOG_FLUSH, sizeof f);
        memcpy(m->body, &f, sizeof f);
        post(l->lane, lane_addr(l->lane), lane_addr(l->read_lane), m);
        l->flushes++;
    }
}

static bool may_write(const struct log *l)
{
    return log_healthy(l) && !l->full;
}

static void settle_sections(struct log *l)
{
    if (!may_write(l)) return;
    for (struct partition *p = NULL; (p = tails_next(&l->tails, p)) != NULL;)
        request_writes(l, p, true);
    post(l->lane, lane_addr(l->lane), lane_addr(l->read_lane), msg_new(LOG_SYNC, 0));
}

static void keep_tail_small(struct log *l)
{
    struct partition *p;
    while (may_write(l) && (p = tails_evict(&l->tails)) != NULL) request_writes(l, p, true);
    metric_set(&tail_bytes, (int64_t)l->tails.bytes);
}

/* ---- one group */

/* As many waiting batches as fit into one block; false: the first one alone does not. */
static bool gather(struct log *l, struct block *b)
{
    *b = (struct block){.parts = l->parts, .part_max = OWN_GROUP_MAX + 2};
    block_begin(b);
    uint64_t max = journal_block_max(&l->journal) + JOURNAL_HEAD;
    for (const struct msg *m = l->waiting; m && block_has_room(b); m = m->next) {
        if (b->bytes + m->len > max || is_stale(l, m)) break;
        block_add(b, msg_body(m));
    }
    return b->part_count > 1;
}

/* Turns to the next section of the journal if need be and if it is clean. */
static bool make_room(struct log *l, const struct block *b)
{
    if (journal_fits(&l->journal, b)) return true;
    unsigned section = l->journal.section;
    struct recycling *next = &l->sections[(l->journal.section + 1) % JOURNAL_SECTIONS];
    if (!next->clean) {
        metric_inc(&stalls);
        return false;
    }
    l->sections[section].last_commit = l->journal.commit - 1;
    for (struct partition *p = NULL; (p = tails_next(&l->tails, p)) != NULL;)
        p->need[section] = p->durable.ordinal;
    journal_turn(&l->journal);
    next->clean = false;
    settle_sections(l);
    return true;
}

/* Its stream was dropped: nobody reads it, and recovery passes it over. */
static void stamp_stray(struct block *b, uint8_t *at, const struct record *r, int64_t wall_us)
{
    assert(r->stream != 0);
    record_stamp(at, 0, -1, wall_us);
    block_note(b, at);
    metric_inc(&strays);
}

static void stamp_record(struct log *l, struct block *b, uint8_t *at, struct record *r,
                         int64_t wall_us)
{
    struct partition *p = tails_partition(&l->tails, r->stream, r->partition);
    if (p == NULL) {
        stamp_stray(b, at, r, wall_us);
        return;
    }
    r->ordinal = p->next.ordinal;
    r->sequence = r->destinations & RECORD_TO_STREAM ? p->next.sequence : -1;
    r->enqueued_us = MAX(p->next.enqueued_us, wall_us);
    record_stamp(at, r->ordinal, r->sequence, r->enqueued_us);
    block_note(b, at);
    tails_add(&l->tails, p, r);
}

/* Numbers, time and CRC for each record, and a copy for readers. */
static void stamp(struct log *l, struct block *b, struct slice batch, int64_t wall_us)
{
    for (uint8_t *at = (uint8_t *)batch.ptr; at < batch.ptr + batch.len;) {
        struct record r;
        enum err whole = record_parse(slice_of(at, batch.len - (size_t)(at - batch.ptr)), &r);
        assert(whole == OK);
        stamp_record(l, b, at, &r, wall_us);
        at += r.frame.len;
    }
}

/* Whoever waits in several partitions is woken once. */
static void publish(struct log *l)
{
    post_hold();
    while (!list_empty(&l->tails.touched)) {
        struct partition *p = CONTAINER_OF(l->tails.touched.next, struct partition, touched);
        tails_publish(p);
        if (may_write(l)) request_writes(l, p, false);
        reads_wake(l, p);
    }
    post_release(l->lane->office);
}

static enum err write_group(struct log *l, struct block *b)
{
    int64_t began = clock_mono_us();
    TRY(journal_write(&l->journal, b));
    metric_add(&commit_us, clock_mono_us() - began);
    metric_add(&records, b->frames);
    metric_add(&record_bytes, (int64_t)b->bytes - JOURNAL_HEAD);
    metric_inc(&commits);
    l->unchecked_bytes += b->bytes;
    return OK;
}

/* Commits the first of what waits.  False: nothing more can be done now. */
static bool commit_group(struct log *l)
{
    struct block b;
    if (!log_healthy(l))
        refuse_waiting(l, ERR_IO);
    else if (!log_accepting(l))
        refuse_waiting(l, ERR_THROTTLED);
    refuse_stale(l);
    if (l->waiting == NULL) return false;
    if (!gather(l, &b)) {
        answer_first(l, ERR_TOO_BIG);
        return true;
    }
    if (!make_room(l, &b)) return false;
    size_t batch_count = b.part_count - 1;
    int64_t wall_us = clock_wall_us();
    for (size_t i = 0; i < batch_count; i++) stamp(l, &b, l->parts[1 + i], wall_us);
    if (b.frames > 0 && write_group(l, &b) != OK) {
        own_poison(l);
        return true;
    }
    for (size_t i = 0; i < batch_count; i++) answer_first(l, OK);
    metric_add(&batches, (int64_t)batch_count);
    publish(l);
    return true;
}

/* ---- room on the disk */

static void set_roomy(struct log *l, bool roomy)
{
    if (atomic_exchange(&l->roomy, roomy) == roomy) return;
    if (roomy)
        say_info("log.accepting", "there is room on the disk again");
    else
        say_warn("log.throttled", "the disk is full to its reserve, or no file can be opened: "
                                  "appends are refused");
    metric_set(&accepting, roomy && log_healthy(l));
}

static bool is_roomy(const struct log *l)
{
    uint64_t room;
    if (l->cfg.reserve_bytes == 0) return true;
    if (io_free_bytes(l->cfg.io, &room) != OK) return true;
    metric_set(&room_left,
               room > l->cfg.reserve_bytes ? (int64_t)(room - l->cfg.reserve_bytes) : 0);
    return room >= l->cfg.reserve_bytes;
}

/* Only when every earlier request has been answered: two for the same records would outlive them. */
static void try_segments_again(struct log *l)
{
    for (struct partition *p = NULL; (p = tails_next(&l->tails, p)) != NULL;) tails_not_written(p);
    l->full = false;
    settle_sections(l);
}

static void look_again(struct log *l, int64_t now_us, int64_t in_us)
{
    timer_set(&l->lane->timers, &l->room_timer, now_us + in_us);
}

static void check_journal(struct log *l)
{
    if (!log_healthy(l) || journal_is_there(l->cfg.io)) return;
    (void)!fail(ERR_NOT_FOUND, "the journal was removed from the data directory");
    own_poison(l);
}

static void check_room(struct log *l, int64_t now_us)
{
    l->room_checked_us = now_us;
    l->unchecked_bytes = 0;
    check_journal(l);
    bool roomy = is_roomy(l);
    if (roomy && l->full && l->flushes == 0) try_segments_again(l);
    roomy &= !l->full && (log_accepting(l) || l->flushes == 0); /* their answers tell */
    set_roomy(l, roomy);
    look_again(l, now_us, roomy ? OWN_ROOM_IDLE_US : OWN_ROOM_EVERY_US);
}

/* Not at each commit; but whoever appends fast is not to use up the reserve between two looks. */
static void look_at_room(struct log *l, int64_t now_us)
{
    uint64_t part = l->cfg.reserve_bytes / OWN_ROOM_EVERY_PART;
    if (now_us - l->room_checked_us >= OWN_ROOM_EVERY_US || (part && l->unchecked_bytes > part))
        check_room(l, now_us);
}

static void on_room_timer(struct timer *t, int64_t now_us)
{
    check_room(CONTAINER_OF(t, struct log, room_timer), now_us);
}

/* A segment could not grow, or not be opened.  What is in memory and in the journal stays there until
 * it can. */
static void run_full(struct log *l)
{
    l->full = true;
    set_roomy(l, false);
    look_again(l, clock_mono_us(), OWN_ROOM_EVERY_US);
}

/* ---- handlers */

static void on_append(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    msg_keep(m);
    m->next = NULL;
    if (l->waiting_last)
        l->waiting_last->next = m;
    else
        l->waiting = m;
    l->waiting_last = m;
}

static void on_turn_end(struct turn_hook *hook, int64_t now_us)
{
    struct log *l = CONTAINER_OF(hook, struct log, hook);
    if (l->waiting == NULL) return;
    do {
        look_at_room(l, now_us);
    } while (commit_group(l));
    keep_tail_small(l);
}

static void take_failure(struct log *l, enum err err)
{
    if (!log_healthy(l)) return;
    if (err == ERR_FULL || err == ERR_AGAIN) {
        run_full(l);
        return;
    }
    fail(err, "a segment could not be written or synced: see above"); /* by the logread lane */
    own_poison(l);
}

static void on_flushed(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    struct flushed_msg f;
    memcpy(&f, m->body, sizeof f);
    l->flushes--;
    struct partition *p = tails_partition(&l->tails, f.id.stream, f.id.partition);
    if (f.err == OK && p)
        tails_written(p, f.next);
    else if (f.err)
        take_failure(l, f.err);
    if (l->flushes == 0 && !l->full && !log_accepting(l)) check_room(l, clock_mono_us());
    keep_tail_small(l);
}

static bool is_clean(const struct log *l, unsigned section)
{
    for (const struct partition *p = NULL; (p = tails_next(&l->tails, p)) != NULL;)
        if (p->synced < p->need[section]) return false;
    return true;
}

/* All that LOG_FLUSHED has told so far was written before this sync. */
static void on_synced(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    struct synced_msg s;
    memcpy(&s, m->body, sizeof s);
    if (s.err != OK) {
        take_failure(l, s.err);
        return;
    }
    for (struct partition *p = NULL; (p = tails_next(&l->tails, p)) != NULL;)
        p->synced = p->written;
    for (unsigned i = 0; i < JOURNAL_SECTIONS; i++) {
        struct recycling *r = &l->sections[i];
        if (r->clean || i == l->journal.section || !is_clean(l, i)) continue;
        r->clean = true;
        l->journal.settled = MAX(l->journal.settled, r->last_commit);
    }
}

void commit_init(struct log *l)
{
    for (unsigned i = 0; i < JOURNAL_SECTIONS; i++) l->sections[i].clean = i != 0;
    atomic_init(&l->healthy, true);
    atomic_init(&l->roomy, true);
    l->room_checked_us = INT64_MIN / 2;
    timer_init(&l->room_timer, on_room_timer);
    look_again(l, clock_mono_us(), 0);
    l->hook.fn = on_turn_end;
    lane_on_turn_end(l->lane, &l->hook);
    lane_on(l->lane, LOG_APPEND, on_append, l);
    lane_on(l->lane, LOG_FLUSHED, on_flushed, l);
    lane_on(l->lane, LOG_SYNCED, on_synced, l);
    metric_set(&healthy, 1);
    metric_set(&accepting, 1);
}

void commit_fini(struct log *l)
{
    while (l->waiting) msg_free(shift_waiting(l));
    timer_stop(&l->room_timer);
    list_remove(&l->hook.node);
}
