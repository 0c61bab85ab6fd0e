/* crash_test.c - a disk that loses power and calls that fail, at every point, and what must hold.
 *
 * A world is a disk, a log on it that is opened again after each crash, and a model of what was sent
 * and what the log said about it.  After each crash everything is read and compared:
 *
 *   - a record that was answered OK is there, once, with the ordinal that a reader saw before;
 *   - nothing is there that was not sent, or twice, or in another partition;
 *   - ordinals and sequences have no gaps, enqueued times do not fall;
 *   - of what a core sent between two crashes a first part is there, in its order, and no other;
 *   - a stream that was made is there with its partitions, one that was dropped is not, one under way
 *     is whole or not there;
 *   - where the disk is full, what a core sent before it heard of a refusal is refused as well.
 */
#include "base/test.h"

#include "base/io_mem.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/say.h"
#include "log/log_rig.h"

enum { PARTITIONS = 3, IDS_MAX = 5000, READ_MAX = 32 << 10, MADE_PARTITIONS = 2, MADE_MAX = 3 };

/* What is known of the record with an id. */
struct fate {
    uint8_t core, stream, partition;
    uint8_t round; /* between which crashes it was sent; 0: never */
    bool visible, durable, refused, present;
    uint64_t ordinal; /* as a reader saw it, UINT64_MAX: never */
    size_t heard;     /* answers of this round that were known when it was sent */
};

struct world {
    uint64_t dice;
    struct log_config cfg;
    struct rig *rig;
    struct fate fates[IDS_MAX];
    uint64_t last_id;
    uint8_t round;
    bool slow_files;           /* the logread lane hardly runs in this round */
    bool full_disk[UINT8_MAX]; /* by round: some records are refused */
    size_t seen_done;
    size_t refused_at[RIG_CORES]; /* the last refusal, counted among the answers of this round */
    const char *violation;        /* the first one found */
    struct log_stream made[MADE_MAX];
    unsigned made_count;
    bool dropped[UINT8_MAX + 1]; /* by stream: its records are gone */
    unsigned changing;           /* LOG_STREAM_MAKE or _DROP under way; 0: none */
    uint16_t leaving;            /* the stream that is being dropped */
    unsigned changes_heard;
    /* of the partition being read */
    unsigned partition;
    struct log_ends next;
    uint64_t last_of_core[RIG_CORES];
};

static uint64_t roll(struct world *w, uint64_t sides)
{
    uint64_t z = (w->dice += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % sides;
}

static void violate(struct world *w, bool wrong, const char *what)
{
    if (wrong && w->violation == NULL) w->violation = what;
}

/* ---- life */

static struct world *world_new(uint64_t seed)
{
    struct world *w = NEW(struct world);
    w->dice = seed;
    w->cfg = (struct log_config){.io = io_mem_new(),
                                 .partitions = PARTITIONS,
                                 .journal_bytes = LOG_JOURNAL_MIN,
                                 .segment_bytes = (40 + roll(w, 100)) << 10,
                                 .tail_bytes = (8 + roll(w, 100)) << 10,
                                 .reserve_bytes = roll(w, 2) << 16};
    rig_mono_us = 1000000;
    rig_wall_us = 1700000000000000;
    w->rig = rig_new();
    return w;
}

static void world_free(struct world *w)
{
    rig_free(w->rig);
    io_free(w->cfg.io);
    free(w);
}

static enum err start_round(struct world *w)
{
    w->round++;
    w->slow_files = roll(w, 3) == 0;
    w->seen_done = 0;
    memset(w->refused_at, 0, sizeof w->refused_at);
    buf_clear(&w->rig->done);
    return rig_open(w->rig, &w->cfg);
}

/* ---- streams */

static struct log_stream *find_made(struct world *w, unsigned stream)
{
    for (unsigned i = 0; i < w->made_count; i++)
        if (w->made[i].stream == stream) return &w->made[i];
    return NULL;
}

static void note_made(struct world *w, unsigned stream)
{
    violate(w, stream == 0 || stream > UINT8_MAX || w->dropped[stream], "a number was given twice");
    violate(w, w->made_count == MADE_MAX, "there are too many streams");
    if (w->violation) return;
    w->made[w->made_count++] = (struct log_stream){(uint16_t)stream, MADE_PARTITIONS, {0, 0}};
}

static void note_dropped(struct world *w, unsigned stream)
{
    struct log_stream *s = find_made(w, stream);
    w->dropped[stream] = true;
    *s = w->made[--w->made_count];
}

static void change_streams(struct world *w)
{
    struct log_stream s = {0, MADE_PARTITIONS, {0, 0}};
    if (w->changing) return;
    bool make = w->made_count == 0 || (w->made_count < MADE_MAX && roll(w, 2));
    if (!make) s = w->made[roll(w, w->made_count)];
    w->leaving = s.stream;
    w->changing = make ? LOG_STREAM_MAKE : LOG_STREAM_DROP;
    rig_send_change(w->rig, w->changing, &s);
}

/* After an error only the next start tells. */
static void hear_change(struct world *w)
{
    if (w->changes_heard == w->rig->change_count) return;
    w->changes_heard = w->rig->change_count;
    if (w->rig->changed.err != OK) return;
    if (w->changing == LOG_STREAM_MAKE) note_made(w, w->rig->changed.stream);
    if (w->changing == LOG_STREAM_DROP) note_dropped(w, w->leaving);
    w->changing = 0;
}

/* What was under way has happened or not; nothing else has. */
static void look_at_streams(struct world *w)
{
    for (unsigned stream = 1; stream <= UINT8_MAX && w->violation == NULL; stream++) {
        unsigned there = log_partitions(w->rig->log, stream);
        bool known = find_made(w, stream) != NULL;
        violate(w, there && there != MADE_PARTITIONS, "a stream has other partitions");
        violate(w, there && !known && w->changing != LOG_STREAM_MAKE, "a stream came by itself");
        violate(w, !there && known && (w->changing != LOG_STREAM_DROP || stream != w->leaving),
                "a stream is lost");
        if (there && !known) note_made(w, stream);
        if (!there && known) note_dropped(w, stream);
    }
    w->changing = 0;
    w->changes_heard = w->rig->change_count;
}

/* One that is there and stays, for now. */
static unsigned some_stream(struct world *w)
{
    uint64_t at = roll(w, w->made_count + 2);
    if (at >= w->made_count) return 0;
    unsigned stream = w->made[at].stream;
    return w->changing == LOG_STREAM_DROP && stream == w->leaving ? 0 : stream;
}

/* ---- what happens */

static void send(struct world *w)
{
    uint64_t id = ++w->last_id;
    struct fate *f = &w->fates[id];
    assert_true(id < IDS_MAX);
    *f = (struct fate){.core = (uint8_t)roll(w, RIG_CORES)};
    uint64_t at = roll(w, w->made_count + 2); /* also one that is being dropped */
    f->stream = (uint8_t)(at < w->made_count ? w->made[at].stream : 0);
    f->partition = (uint8_t)roll(w, f->stream ? MADE_PARTITIONS : PARTITIONS);
    f->round = w->round;
    f->visible = roll(w, 4) != 0;
    f->ordinal = UINT64_MAX;
    f->heard = w->seen_done;
    size_t size = RIG_BODY_MIN + roll(w, roll(w, 20) == 0 ? 6000 : 400);
    w->rig->stream = f->stream;
    rig_append(w->rig, f->core, f->partition, id, size, f->visible ? RECORD_TO_STREAM : 2);
}

static void hear(struct world *w)
{
    hear_change(w);
    for (; w->seen_done < rig_done_count(w->rig); w->seen_done++) {
        const struct rig_done *d = rig_done_at(w->rig, w->seen_done);
        struct fate *f = &w->fates[d->id];
        f->durable |= d->result == OK;
        f->refused |= d->result != OK;
        if (d->result != OK) w->refused_at[d->core] = w->seen_done + 1;
        violate(w, d->result == OK && w->refused_at[d->core] > f->heard,
                "a record was taken that follows a refused one unheard");
    }
}

static void note_ordinal(void *ctx, const struct record *rec)
{
    struct world *w = ctx;
    uint64_t id = rig_id(rec);
    violate(w, id == 0 || id > w->last_id, "a reader got a record that was not sent");
    if (id == 0 || id > w->last_id) return;
    struct fate *f = &w->fates[id];
    violate(w, f->ordinal != UINT64_MAX && f->ordinal != rec->ordinal,
            "a record changed its ordinal");
    f->ordinal = rec->ordinal;
    f->durable = true; /* what a reader saw must stay, too */
}

/* A reader somewhere. */
static void peek(struct world *w)
{
    w->rig->stream = some_stream(w);
    unsigned partition = (unsigned)roll(w, w->rig->stream ? MADE_PARTITIONS : PARTITIONS);
    struct log_ends ends = rig_ends(w->rig, partition);
    uint64_t from = ends.next_ordinal - roll(w, MIN(ends.next_ordinal, 50u) + 1);
    enum err err = rig_read_all(w->rig, partition, from, READ_MAX, note_ordinal, w);
    violate(w, err != OK && log_healthy(w->rig->log), "a reader was refused");
}

static void act(struct world *w)
{
    uint64_t what = roll(w, 20);
    if (roll(w, 25) == 0) change_streams(w);
    struct lane *lane = w->rig->office.lanes[roll(w, w->rig->office.count)];
    bool slow = w->slow_files && (what == 19 || lane == &w->rig->read_lane);
    if (what < 11)
        send(w);
    else if (slow && roll(w, 100))
        return;
    else if (what < 19)
        rig_turn(lane);
    else
        peek(w);
    rig_wall_us += (int64_t)roll(w, 2000) - 500;
    rig_mono_us += (int64_t)roll(w, 20000);
    hear(w);
}

/* ---- what must hold */

static void check_numbers(struct world *w, const struct record *rec, const struct fate *f)
{
    struct log_ends *next = &w->next;
    violate(w, rec->ordinal != next->next_ordinal++, "ordinals have a gap");
    violate(w, rec->sequence != (f->visible ? next->next_sequence++ : -1), "sequences have a gap");
    violate(w, rec->enqueued_us < next->last_enqueued_us, "an enqueued time fell");
    next->last_enqueued_us = rec->enqueued_us;
}

static void check_record(void *ctx, const struct record *rec)
{
    struct world *w = ctx;
    uint64_t id = rig_id(rec);
    struct fate *f = &w->fates[id < IDS_MAX ? id : 0];
    violate(w, id > w->last_id || f->round == 0, "a record was invented");
    violate(w, f->present, "a record is there twice");
    violate(w, f->partition != w->partition || f->stream != w->rig->stream,
            "a record is in another partition");
    violate(w, id <= w->last_of_core[f->core], "a core's order was not kept");
    violate(w, f->ordinal != UINT64_MAX && f->ordinal != rec->ordinal,
            "a record changed its ordinal");
    check_numbers(w, rec, f);
    f->present = true;
    w->last_of_core[f->core] = id;
}

/* Nothing of a core's is missing before something of the same round that is there. */
static void check_first_parts(struct world *w)
{
    bool missing[RIG_CORES][UINT8_MAX] = {{false}};
    for (uint64_t id = 1; id <= w->last_id; id++) {
        const struct fate *f = &w->fates[id];
        if (w->dropped[f->stream]) continue;
        violate(w, f->durable && !f->present, "a record that was answered OK is lost");
        violate(w, f->present && missing[f->core][f->round],
                "an earlier record of a core is missing");
        missing[f->core][f->round] |= !f->present && !w->full_disk[f->round];
    }
}

/* Returns how many records it has. */
static uint64_t check_stream(struct world *w, unsigned stream, unsigned partitions)
{
    uint64_t count = 0;
    w->rig->stream = stream;
    for (w->partition = 0; w->partition < partitions; w->partition++) {
        w->next = (struct log_ends){0};
        memset(w->last_of_core, 0, sizeof w->last_of_core);
        enum err err = rig_read_all(w->rig, w->partition, 0, READ_MAX, check_record, w);
        violate(w, err != OK, "a partition cannot be read");
        count += w->next.next_ordinal;
    }
    return count;
}

static void check_all(struct world *w)
{
    struct log_check checked;
    for (uint64_t id = 1; id <= w->last_id; id++) w->fates[id].present = false;
    uint64_t count = check_stream(w, 0, PARTITIONS);
    for (unsigned i = 0; i < w->made_count; i++)
        count += check_stream(w, w->made[i].stream, MADE_PARTITIONS);
    violate(w, log_check(w->cfg.io, &checked) != OK, "the offline check objects");
    violate(w, checked.records != count, "the offline check counts another number of records");
    check_first_parts(w);
}

/* Opens after a crash and checks; false: found something wrong. */
static bool recovers(struct world *w)
{
    struct log_check checked;
    violate(w, log_check(w->cfg.io, &checked) != OK, fail_text());
    if (start_round(w) != OK) {
        violate(w, true, fail_text());
        return false;
    }
    look_at_streams(w);
    check_all(w);
    return w->violation == NULL;
}

static void crash(struct world *w, uint64_t seed)
{
    hear(w);
    io_mem_capacity(w->cfg.io, UINT64_MAX);
    io_mem_crash(w->cfg.io, seed);
    rig_close(w->rig);
}

/* ---- crashes */

enum { ROUNDS = 4 };

/* A part of the round has no room for segments. */
static void maybe_fill_disk(struct world *w, uint64_t acts, uint64_t i)
{
    if (i == acts / 4 && roll(w, 5) == 0) {
        w->full_disk[w->round] = true;
        io_mem_capacity(w->cfg.io, LOG_JOURNAL_MIN + roll(w, 300 << 10));
    }
    if (i == acts / 2 && roll(w, 2)) io_mem_capacity(w->cfg.io, UINT64_MAX);
    if (w->full_disk[w->round] && i > acts / 4 && i < acts / 2 && roll(w, 8) == 0)
        io_mem_capacity(w->cfg.io, roll(w, 2) ? UINT64_MAX : LOG_JOURNAL_MIN + roll(w, 300 << 10));
}

/* By hand: crash_test FIRST LAST */
static uint64_t first_seed = 1, last_seed = 200;

/* Several lives of one log, each ended by a power cut at some call; once lives end cleanly. */
static const char *live(uint64_t seed, bool lying_disk)
{
    struct world *w = world_new(seed);
    bool fine = start_round(w) == OK;
    for (int round = 0; round < ROUNDS && fine; round++) {
        io_mem_ignore_sync(w->cfg.io, lying_disk);
        uint64_t acts = roll(w, 10) ? 160 : 1200; /* enough to write the journal round and round */
        if (roll(w, 4)) io_mem_cut_power(w->cfg.io, 1 + roll(w, acts));
        for (uint64_t i = 0; i < acts; i++) {
            maybe_fill_disk(w, acts, i);
            act(w);
        }
        if (roll(w, 8) == 0)
            rig_close(w->rig);
        else
            crash(w, roll(w, 3) ? 1 + roll(w, UINT32_MAX) : 0);
        io_mem_capacity(w->cfg.io, UINT64_MAX);
        io_mem_crash(w->cfg.io, roll(w, UINT32_MAX));
        fine = recovers(w);
    }
    const char *violation = w->violation;
    world_free(w);
    return violation;
}

static void nothing_acknowledged_is_lost_whenever_power_fails(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++) {
        const char *violation = live(seed, false);
        if (violation) print_message("seed %llu: %s\n", (unsigned long long)seed, violation);
        assert_null(violation);
    }
}

/* The proof that the test above can fail. */
static void a_disk_that_ignores_syncs_is_found_out(void **state)
{
    (void)state;
    uint64_t lives = 100, found = 0;
    for (uint64_t seed = 1; seed <= lives; seed++) found += live(seed, true) != NULL;
    assert_true(found * 10 > lives * 9);
}

/* The power fails at the n-th call of a start, for every n. */
static void power_may_fail_during_recovery(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct world *w = world_new(7);
        assert_int_equal(start_round(w), OK);
        for (int i = 0; i < 400; i++) act(w);
        crash(w, 11);
        io_mem_cut_power(w->cfg.io, n);
        bool survived = start_round(w) == OK;
        if (survived)
            crash(w, n);
        else
            io_mem_crash(w->cfg.io, n);
        assert_true(recovers(w));
        assert_null(w->violation);
        world_free(w);
        if (survived) break;
        assert_true(n < 1000);
    }
}

/* ---- calls that fail */

/* Once the log has said ERR_IO it never says OK again. */
static void check_poison(struct world *w)
{
    bool poisoned[RIG_CORES] = {false};
    for (size_t i = 0; i < rig_done_count(w->rig); i++) {
        const struct rig_done *d = rig_done_at(w->rig, i);
        violate(w, poisoned[d->core] && d->result == OK, "an append was taken after a failure");
        poisoned[d->core] |= d->result == ERR_IO;
    }
    violate(w, (poisoned[0] || poisoned[1]) && log_healthy(w->rig->log), "a failure was forgotten");
}

/* The n-th call fails; false when the scenario has fewer. */
static bool fails_at(enum io_call call, uint64_t n, bool forever, bool slow_files)
{
    struct world *w = world_new(3);
    assert_int_equal(start_round(w), OK);
    w->slow_files = slow_files;
    io_mem_fail(w->cfg.io, call, n, ERR_IO, forever);
    for (int i = 0; i < 500; i++) act(w);
    rig_run(w->rig);
    hear(w);
    check_poison(w);
    bool hit = !log_healthy(w->rig->log);
    io_mem_fail(w->cfg.io, call, 0, OK, false);
    crash(w, n);
    recovers(w);
    if (w->violation)
        print_message("call %d number %llu: %s\n", call, (unsigned long long)n, w->violation);
    assert_null(w->violation);
    world_free(w);
    return hit;
}

static void nothing_is_acknowledged_after_a_failed_write_or_sync(void **state)
{
    (void)state;
    for (int forever = 0; forever < 2; forever++) {
        bool slow_files = !forever;
        uint64_t writes = 1, syncs = 1;
        while (fails_at(IO_CALL_WRITE, writes, forever, slow_files)) writes++;
        while (fails_at(IO_CALL_SYNC, syncs, forever, slow_files)) syncs++;
        assert_true(writes > 30 && syncs > 30);
    }
}

/* The n-th call of a start fails: it says so, and the next one succeeds. */
static void a_failed_start_changes_nothing(void **state)
{
    (void)state;
    static const enum io_call calls[] = {IO_CALL_WRITE, IO_CALL_SYNC, IO_CALL_OPEN, IO_CALL_READ,
                                         IO_CALL_ALLOCATE};
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (uint64_t n = 1;; n++) {
            struct world *w = world_new(5);
            io_mem_fail(w->cfg.io, calls[c], n, ERR_IO, false);
            bool made = start_round(w) == OK;
            if (!made) assert_int_equal(start_round(w), OK);
            io_mem_fail(w->cfg.io, calls[c], 0, OK, false);
            for (int i = 0; i < 200; i++) act(w);
            crash(w, 1);
            io_mem_fail(w->cfg.io, calls[c], n, ERR_IO, false);
            bool started = start_round(w) == OK;
            if (started) rig_close(w->rig);
            io_mem_fail(w->cfg.io, calls[c], 0, OK, false);
            assert_true(recovers(w));
            world_free(w);
            if (made && started) break;
        }
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        last_seed = strtoull(argv[2], NULL, 10);
    }
    say_level_max = SAY_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_whenever_power_fails),
        cmocka_unit_test(a_disk_that_ignores_syncs_is_found_out),
        cmocka_unit_test(power_may_fail_during_recovery),
        cmocka_unit_test(nothing_is_acknowledged_after_a_failed_write_or_sync),
        cmocka_unit_test(a_failed_start_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
