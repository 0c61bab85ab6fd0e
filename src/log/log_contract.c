/* log_contract.c - the rows of the contract. */
#include "log/log_contract.h"

#include "base/test.h"

#include "base/limit.h"
#include "base/num.h"

enum { READ_MAX = 64 << 10, DAY_S = 86400 };

struct fixture {
    const struct log_contract *contract;
    struct log_config cfg;
    struct rig *rig;
};

static struct fixture begin(void **state, unsigned partitions)
{
    const struct log_contract *c = *state;
    struct fixture f = {c, c->make(partitions), rig_new()};
    rig_mono_us = 1000000;
    rig_wall_us = 1700000000000000;
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    return f;
}

static void reopen(struct fixture *f)
{
    rig_close(f->rig);
    assert_int_equal(rig_open(f->rig, &f->cfg), OK);
}

static void end(struct fixture *f)
{
    rig_free(f->rig);
    f->contract->drop(&f->cfg);
}

static void append(struct fixture *f, unsigned partition, uint64_t id, size_t size)
{
    rig_append(f->rig, 0, partition, id, size, RECORD_TO_STREAM);
}

/* Ids 1 .. count, one commit for each `group`. */
static void fill(struct fixture *f, unsigned partition, uint64_t count, size_t size, uint64_t group)
{
    for (uint64_t id = 1; id <= count; id++) {
        append(f, partition, id, size);
        if (id % group == 0) rig_run(f->rig);
    }
    rig_run(f->rig);
}

static void assert_all_done(const struct fixture *f, size_t count, enum err result)
{
    assert_int_equal(rig_done_count(f->rig), count);
    for (size_t i = 0; i < count; i++) assert_int_equal(rig_done_at(f->rig, i)->result, result);
}

static struct record first_record(const struct log_read_done *d)
{
    struct record r;
    assert_non_null(d);
    assert_int_equal(d->err, OK);
    struct slice bytes = slice_head(slice_from(blob_slice(d->blob), d->offset), d->len);
    assert_int_equal(record_parse(bytes, &r), OK);
    return r;
}

static void expect_next_id(void *ctx, const struct record *rec)
{
    uint64_t *last = ctx;
    assert_int_equal(rig_id(rec), *last + 1);
    ++*last;
}

static void assert_ids(struct fixture *f, unsigned partition, uint32_t max, uint64_t count)
{
    uint64_t last = 0;
    assert_int_equal(rig_read_all(f->rig, partition, 0, max, expect_next_id, &last), OK);
    assert_int_equal(last, count);
}

/* ---- writing */

static void a_record_comes_back_as_it_was_written(void **state)
{
    struct fixture f = begin(state, 4);
    struct rig_core *core = &f.rig->cores[0];
    lane_running = &core->lane;
    buf_put_str(log_begin(&core->writer, 0, 3, RECORD_TELEMETRY, 0), "not wanted after all");
    log_abort(&core->writer);
    struct buf *b = log_begin(&core->writer, 0, 3, RECORD_DEVICE_LIFECYCLE, RECORD_TO_STREAM | 32);
    buf_put_str(b, "pairs");
    log_pairs_done(&core->writer, 2);
    buf_put_str(b, "message sections");
    log_end(&core->writer, rig_note, core->slot, 7);
    rig_run(f.rig);
    assert_all_done(&f, 1, OK);
    struct record r = first_record(rig_read(f.rig, 3, 0, READ_MAX, false));
    assert_true(record_check(r.frame));
    assert_true(slice_is(r.pairs, "pairs") && slice_is(r.sections, "message sections"));
    assert_int_equal(r.pair_count, 2);
    assert_int_equal(r.extra.len, 0);
    assert_int_equal(r.source, RECORD_DEVICE_LIFECYCLE);
    assert_int_equal(r.destinations, RECORD_TO_STREAM | 32);
    assert_int_equal(r.partition, 3);
    assert_int_equal(r.ordinal, 0);
    assert_int_equal(r.enqueued_us, rig_wall_us);
    assert_int_equal(rig_ends(f.rig, 3).next_ordinal, 1);
    end(&f);
}

static void enrichments_lie_beside_the_message(void **state)
{
    struct fixture f = begin(state, 1);
    struct rig_core *core = &f.rig->cores[0];
    lane_running = &core->lane;
    struct buf *b = log_begin(&core->writer, 0, 0, RECORD_TELEMETRY, 4);
    log_pairs_done(&core->writer, 0);
    buf_put_str(b, "message sections");
    log_sections_done(&core->writer);
    buf_put_str(b, "enrichments");
    log_end(&core->writer, rig_note, core->slot, 7);
    append(&f, 0, 1, 10);
    rig_run(f.rig);
    assert_all_done(&f, 2, OK);
    reopen(&f);
    struct record r = first_record(rig_read(f.rig, 0, 0, READ_MAX, false));
    assert_true(slice_is(r.sections, "message sections") && slice_is(r.extra, "enrichments"));
    assert_int_equal(r.sequence, -1);
    struct record next = first_record(rig_read(f.rig, 0, 1, READ_MAX, false));
    assert_int_equal(next.extra.len, 0);
    assert_int_equal(next.sequence, 0);
    end(&f);
}

static void answers_come_in_the_order_of_the_appends(void **state)
{
    struct fixture f = begin(state, 8);
    uint64_t last[RIG_CORES] = {0};
    for (uint64_t id = 1; id <= 1000; id++) {
        rig_append(f.rig, id % 2, (unsigned)(id * 7 % 8), id, 50 + id % 90, RECORD_TO_STREAM);
        if (id % 17 == 0) rig_turn(&f.rig->cores[id % 2].lane);
        if (id % 41 == 0) rig_turn(&f.rig->log_lane);
    }
    rig_run(f.rig);
    assert_all_done(&f, 1000, OK);
    for (size_t i = 0; i < 1000; i++) {
        const struct rig_done *d = rig_done_at(f.rig, i);
        assert_true(d->id > last[d->core]);
        last[d->core] = d->id;
    }
    end(&f);
}

static void partitions_count_for_themselves(void **state)
{
    struct fixture f = begin(state, 3);
    fill(&f, 0, 10, 40, 3);
    fill(&f, 2, 25, 40, 4);
    assert_int_equal(rig_ends(f.rig, 0).next_ordinal, 10);
    assert_int_equal(rig_ends(f.rig, 1).next_ordinal, 0);
    assert_int_equal(rig_ends(f.rig, 2).next_ordinal, 25);
    assert_ids(&f, 0, READ_MAX, 10);
    assert_ids(&f, 1, READ_MAX, 0);
    assert_ids(&f, 2, READ_MAX, 25);
    end(&f);
}

struct sequences {
    uint64_t ordinal;
    int64_t next;
};

static void expect_sequence(void *ctx, const struct record *rec)
{
    struct sequences *s = ctx;
    bool visible = rig_id(rec) % 3 == 0;
    assert_int_equal(rec->ordinal, s->ordinal++);
    assert_int_equal(rec->sequence, visible ? s->next++ : -1);
}

static void only_records_for_the_stream_have_a_sequence_without_gaps(void **state)
{
    struct fixture f = begin(state, 1);
    for (int round = 0; round < 3; round++) {
        for (uint64_t id = 1; id <= 300; id++)
            rig_append(f.rig, 0, 0, id, 60, id % 3 == 0 ? RECORD_TO_STREAM : 4);
        rig_run(f.rig);
        reopen(&f);
    }
    struct sequences s = {0, 0};
    assert_int_equal(rig_read_all(f.rig, 0, 0, READ_MAX, expect_sequence, &s), OK);
    assert_int_equal(s.ordinal, 900);
    struct log_ends ends = rig_ends(f.rig, 0);
    assert_int_equal(ends.first_sequence, 0);
    assert_int_equal(ends.next_sequence, 300);
    end(&f);
}

static void expect_no_earlier(void *ctx, const struct record *rec)
{
    int64_t *last = ctx;
    assert_true(rec->enqueued_us >= *last);
    *last = rec->enqueued_us;
}

static void enqueued_time_never_decreases(void **state)
{
    struct fixture f = begin(state, 1);
    static const int64_t steps_us[] = {5, -1000000000, 3, 2000000000, -9000000000, 1};
    int64_t newest = 0, last = 0;
    for (size_t i = 0; i < sizeof steps_us / sizeof *steps_us; i++) {
        rig_wall_us += steps_us[i];
        newest = MAX(newest, rig_wall_us);
        append(&f, 0, i + 1, 20);
        rig_run(f.rig);
        assert_int_equal(rig_ends(f.rig, 0).last_enqueued_us, newest);
        if (i % 2) reopen(&f);
    }
    assert_int_equal(rig_read_all(f.rig, 0, 0, READ_MAX, expect_no_earlier, &last), OK);
    end(&f);
}

static void the_largest_record_is_taken_and_a_larger_one_refused(void **state)
{
    struct fixture f = begin(state, 1);
    f.cfg.journal_bytes = 0;
    reopen(&f);
    append(&f, 0, 1, RECORD_MAX - RECORD_HEAD);
    append(&f, 0, 2, RECORD_MAX - RECORD_HEAD + 1);
    append(&f, 0, 3, 10);
    rig_run(f.rig);
    assert_int_equal(rig_done_count(f.rig), 3);
    static const enum err results[] = {OK, ERR_TOO_BIG, OK};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rig_done_at(f.rig, i)->id, i + 1);
        assert_int_equal(rig_done_at(f.rig, i)->result, results[i]);
    }
    assert_int_equal(first_record(rig_read(f.rig, 0, 0, 1, false)).frame.len, RECORD_MAX);
    reopen(&f);
    assert_int_equal(first_record(rig_read(f.rig, 0, 0, 1, false)).frame.len, RECORD_MAX);
    end(&f);
}

static void a_writer_is_full_at_its_limit_and_relieved_at_half(void **state)
{
    struct fixture f = begin(state, 2);
    struct rig_core *core = &f.rig->cores[0];
    enum { SIZE = (32 << 10) - RECORD_HEAD };
    uint64_t id = 0;
    for (; core->writer.inflight + SIZE + RECORD_HEAD < LOG_INFLIGHT_MAX; id++)
        append(&f, 0, id + 1, SIZE);
    assert_false(log_writer_full(&core->writer));
    append(&f, 0, ++id, SIZE);
    assert_true(log_writer_full(&core->writer));
    assert_int_equal(core->reliefs, 0);
    rig_run(f.rig);
    assert_false(log_writer_full(&core->writer));
    assert_int_equal(core->reliefs, 1);
    assert_int_equal(core->writer.inflight, 0);
    fill(&f, 1, 10, 100, 1);
    assert_int_equal(core->reliefs, 1);
    assert_int_equal(rig_done_count(f.rig), id + 10);
    end(&f);
}

static void records_and_numbers_survive_a_restart(void **state)
{
    struct fixture f = begin(state, 2);
    for (uint64_t round = 0; round < 5; round++) {
        for (uint64_t i = 1; i <= 100; i++) {
            append(&f, 1, round * 100 + i, 1000);
            if (i % 10 == 0) rig_run(f.rig);
        }
        struct log_ends before = rig_ends(f.rig, 1);
        reopen(&f);
        struct log_ends after = rig_ends(f.rig, 1);
        assert_memory_equal(&before, &after, sizeof before);
        assert_ids(&f, 1, READ_MAX, (round + 1) * 100);
    }
    end(&f);
}

/* ---- reading */

static void reads_give_whole_records_up_to_the_wish(void **state)
{
    struct fixture f = begin(state, 1);
    static const uint32_t wishes[] = {0, 1, 155, 156, 157, 1000, 5000, 100000, UINT32_MAX};
    fill(&f, 0, 3000, 100, 7);
    for (int from_files = 0; from_files < 2; from_files++) {
        for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
            for (uint64_t from = 0; from < 3000; from += 331) {
                const struct log_read_done *d = rig_read(f.rig, 0, from, wishes[i], false);
                assert_int_equal(first_record(d).ordinal, from);
                assert_true(d->len <= MAX(wishes[i], 156u) && d->len == 156 * (d->next - from));
                assert_int_equal(d->ends.next_ordinal, 3000);
            }
        for (size_t i = 2; i < sizeof wishes / sizeof *wishes; i++)
            assert_ids(&f, 0, wishes[i], 3000);
        reopen(&f);
    }
    end(&f);
}

static void a_reader_may_begin_anywhere(void **state)
{
    struct fixture f = begin(state, 1);
    for (uint64_t id = 1; id <= 2000; id++) {
        append(&f, 0, id, 8 + id * 37 % 500);
        if (id % 20 == 0) rig_run(f.rig);
    }
    for (int from_files = 0; from_files < 2; from_files++) {
        for (uint64_t from = 0; from < 2000; from += 13) {
            struct record r = first_record(rig_read(f.rig, 0, from, READ_MAX, false));
            assert_int_equal(r.ordinal, from);
            assert_int_equal(rig_id(&r), from + 1);
        }
        reopen(&f);
    }
    end(&f);
}

static void what_is_not_there_is_refused(void **state)
{
    struct fixture f = begin(state, 2);
    fill(&f, 0, 5, 20, 5);
    assert_int_equal(rig_read(f.rig, 0, 5, READ_MAX, false)->err, ERR_AGAIN);
    assert_int_equal(rig_read(f.rig, 0, 6, READ_MAX, false)->err, ERR_INVALID);
    assert_int_equal(rig_read(f.rig, 0, 6, READ_MAX, true)->err, ERR_INVALID);
    assert_int_equal(rig_read(f.rig, 2, 0, READ_MAX, true)->err, ERR_INVALID);
    assert_int_equal(rig_seek(f.rig, 2, LOG_LATEST, 0)->err, ERR_NOT_FOUND);
    assert_int_equal(rig_seek(f.rig, 0, (enum log_where)99, 0)->err, ERR_INVALID);
    assert_int_equal(log_partitions(f.rig->log, 0), 2);
    assert_int_equal(log_partitions(f.rig->log, 1), 0);
    end(&f);
}

static void a_waiting_read_is_answered_by_the_next_record(void **state)
{
    struct fixture f = begin(state, 2);
    for (int round = 0; round < 3; round++) {
        uint64_t next = rig_ends(f.rig, 1).next_ordinal;
        assert_null(rig_read(f.rig, 1, next, READ_MAX, true));
        append(&f, 0, 1, 30);
        rig_run(f.rig);
        assert_null(f.rig->read);
        append(&f, 1, next + 1, 30);
        append(&f, 1, next + 2, 30);
        rig_run(f.rig);
        struct record r = first_record(f.rig->read);
        assert_int_equal(r.ordinal, next);
        assert_int_equal(f.rig->read->next, next + 2);
        if (round == 1) reopen(&f);
    }
    end(&f);
}

static void a_cancelled_read_is_not_answered(void **state)
{
    struct fixture f = begin(state, 1);
    assert_null(rig_read(f.rig, 0, 0, READ_MAX, true));
    rig_cancel(f.rig, 0);
    rig_cancel(f.rig, 0);
    rig_cancel(f.rig, 99);
    fill(&f, 0, 3, 30, 1);
    assert_null(f.rig->read);
    end(&f);
}

static void waiting_reads_have_a_limit(void **state)
{
    struct fixture f = begin(state, 1);
    for (int i = 0; i < LOG_WAITING_MAX; i++) assert_null(rig_read(f.rig, 0, 0, 100, true));
    int64_t refused = limit_reached("log-waiting-reads");
    assert_int_equal(rig_read(f.rig, 0, 0, 100, true)->err, ERR_FULL);
    assert_int_equal(limit_reached("log-waiting-reads") - refused, 1);
    unsigned before = f.rig->read_count;
    fill(&f, 0, 1, 30, 1);
    assert_int_equal(f.rig->read_count - before, LOG_WAITING_MAX);
    end(&f);
}

/* ---- looking up */

enum { SEEK_RECORDS = 1500 };

struct model {
    int64_t sequence[SEEK_RECORDS], time_us[SEEK_RECORDS];
    uint64_t count;
};

static void note_in_model(void *ctx, const struct record *rec)
{
    struct model *m = ctx;
    m->sequence[rec->ordinal] = rec->sequence;
    m->time_us[rec->ordinal] = rec->enqueued_us;
    m->count++;
}

static uint64_t expected_place(const struct model *m, enum log_where where, int64_t value)
{
    for (uint64_t i = 0; i < m->count; i++) {
        if (where == LOG_SEQUENCE && m->sequence[i] >= 0 && m->sequence[i] >= value) return i;
        if (where == LOG_TIME && m->time_us[i] >= value) return i;
        if (where == LOG_ORDINAL && (int64_t)i >= value) return i;
    }
    return m->count;
}

static void assert_place(struct fixture *f, const struct model *m, enum log_where where,
                         int64_t value)
{
    const struct log_seek_done *d = rig_seek(f->rig, 0, where, value);
    assert_non_null(d);
    assert_int_equal(d->err, OK);
    assert_int_equal(d->ordinal, expected_place(m, where, value));
}

static void every_selector_finds_its_place(void **state)
{
    struct fixture f = begin(state, 1);
    static struct model m;
    m.count = 0;
    assert_int_equal(rig_seek(f.rig, 0, LOG_SEQUENCE, 5)->ordinal, 0);
    assert_int_equal(rig_seek(f.rig, 0, LOG_TIME, 5)->ordinal, 0);
    for (uint64_t id = 1; id <= SEEK_RECORDS; id++) {
        rig_wall_us += (int64_t)(id % 50 == 0 ? 1000 : id % 2);
        rig_append(f.rig, 0, 0, id, 300, id % 100 < 40 ? 4 : RECORD_TO_STREAM);
        if (id % 5 == 0) rig_run(f.rig);
    }
    assert_int_equal(rig_read_all(f.rig, 0, 0, READ_MAX, note_in_model, &m), OK);
    assert_int_equal(m.count, SEEK_RECORDS);
    for (int from_files = 0; from_files < 2; from_files++) {
        assert_int_equal(rig_seek(f.rig, 0, LOG_EARLIEST, 0)->ordinal, 0);
        assert_int_equal(rig_seek(f.rig, 0, LOG_LATEST, 0)->ordinal, SEEK_RECORDS);
        for (int64_t v = -3; v < SEEK_RECORDS + 3; v += 7) {
            assert_place(&f, &m, LOG_ORDINAL, v);
            assert_place(&f, &m, LOG_SEQUENCE, v);
        }
        for (uint64_t i = 0; i < m.count; i += 11) {
            assert_place(&f, &m, LOG_TIME, m.time_us[i] - 1);
            assert_place(&f, &m, LOG_TIME, m.time_us[i]);
            assert_place(&f, &m, LOG_TIME, m.time_us[i] + 1);
        }
        reopen(&f);
    }
    end(&f);
}

/* ---- retention */

static void old_records_go_and_readers_are_told(void **state)
{
    struct fixture f = begin(state, 2);
    f.cfg.retention_us = (int64_t)DAY_S * 1000000;
    f.cfg.segment_bytes = 64 << 10;
    reopen(&f);
    fill(&f, 0, 1000, 200, 20);
    reopen(&f);
    rig_advance(f.rig, f.cfg.retention_us / 2);
    fill(&f, 0, 1000, 200, 20);
    rig_advance(f.rig, f.cfg.retention_us / 2 + 20000000);
    rig_advance(f.rig, 20000000);
    struct log_ends ends = rig_ends(f.rig, 0);
    assert_true(ends.first_ordinal > 500 && ends.first_ordinal <= 1000);
    assert_int_equal(ends.first_sequence, ends.first_ordinal);
    const struct log_read_done *d = rig_read(f.rig, 0, 0, READ_MAX, false);
    assert_int_equal(d->err, ERR_NOT_FOUND);
    assert_int_equal(d->ends.first_ordinal, ends.first_ordinal);
    assert_int_equal(first_record(rig_read(f.rig, 0, ends.first_ordinal, 1, false)).ordinal,
                     ends.first_ordinal);
    assert_int_equal(rig_seek(f.rig, 0, LOG_EARLIEST, 0)->ordinal, ends.first_ordinal);
    assert_int_equal(rig_seek(f.rig, 0, LOG_ORDINAL, 3)->ordinal, ends.first_ordinal);
    assert_int_equal(rig_seek(f.rig, 0, LOG_SEQUENCE, 3)->ordinal, ends.first_ordinal);
    end(&f);
}

static void numbers_go_on_when_everything_was_trimmed(void **state)
{
    struct fixture f = begin(state, 1);
    f.cfg.retention_us = (int64_t)DAY_S * 1000000;
    reopen(&f);
    fill(&f, 0, 100, 200, 20);
    int64_t enqueued = rig_ends(f.rig, 0).last_enqueued_us;
    reopen(&f);
    for (int i = 0; i < 3; i++) rig_advance(f.rig, f.cfg.retention_us);
    reopen(&f);
    struct log_ends ends = rig_ends(f.rig, 0);
    assert_int_equal(ends.first_ordinal, 100);
    assert_int_equal(ends.next_ordinal, 100);
    assert_int_equal(ends.first_sequence, 100);
    assert_int_equal(ends.next_sequence, 100);
    assert_int_equal(ends.last_enqueued_us, enqueued);
    fill(&f, 0, 1, 200, 1);
    assert_int_equal(first_record(rig_read(f.rig, 0, 100, 1, false)).sequence, 100);
    end(&f);
}

static void the_log_keeps_to_its_size(void **state)
{
    struct fixture f = begin(state, 2);
    f.cfg.retention_bytes = 4 << 20;
    f.cfg.segment_bytes = 256 << 10;
    reopen(&f);
    for (int i = 0; i < 12; i++) {
        fill(&f, (unsigned)i % 2, 1000, 1000, 40);
        rig_advance(f.rig, 20000000);
    }
    uint64_t kept = 0;
    for (unsigned p = 0; p < 2; p++) {
        struct log_ends ends = rig_ends(f.rig, p);
        assert_true(ends.first_ordinal > 0);
        kept += (ends.next_ordinal - ends.first_ordinal) * (1000 + RECORD_HEAD);
        assert_int_equal(first_record(rig_read(f.rig, p, ends.first_ordinal, 1, false)).ordinal,
                         ends.first_ordinal);
    }
    assert_in_range(kept, 3 << 20, 5 << 20);
    end(&f);
}

/* ---- what is fixed */

static void another_partition_count_is_refused_by_name(void **state)
{
    struct fixture f = begin(state, 4);
    rig_close(f.rig);
    struct log_config other = f.cfg;
    other.partitions = 5;
    assert_int_equal(rig_open(f.rig, &other), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "4"));
    assert_non_null(strstr(fail_text(), "5"));
    other.partitions = 0;
    assert_int_equal(rig_open(f.rig, &other), ERR_INVALID);
    other.partitions = LOG_PARTITIONS_MAX + 1;
    assert_int_equal(rig_open(f.rig, &other), ERR_INVALID);
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    end(&f);
}

static void as_many_partitions_as_the_limit(void **state)
{
    struct fixture f = begin(state, LOG_PARTITIONS_MAX);
    for (unsigned p = 0; p < LOG_PARTITIONS_MAX; p++) append(&f, p, p + 1, 100);
    rig_run(f.rig);
    assert_all_done(&f, LOG_PARTITIONS_MAX, OK);
    reopen(&f);
    for (unsigned p = 0; p < LOG_PARTITIONS_MAX; p++) {
        struct record r = first_record(rig_read(f.rig, p, 0, 1000, false));
        assert_int_equal(rig_id(&r), p + 1);
    }
    end(&f);
}

#define ROW(name)                                                                                  \
    {                                                                                              \
        #name, name, NULL, NULL, NULL                                                              \
    }

int log_contract_run(const struct log_contract *c)
{
    struct CMUnitTest rows[] = {
        ROW(a_record_comes_back_as_it_was_written),
        ROW(enrichments_lie_beside_the_message),
        ROW(answers_come_in_the_order_of_the_appends),
        ROW(partitions_count_for_themselves),
        ROW(only_records_for_the_stream_have_a_sequence_without_gaps),
        ROW(enqueued_time_never_decreases),
        ROW(the_largest_record_is_taken_and_a_larger_one_refused),
        ROW(a_writer_is_full_at_its_limit_and_relieved_at_half),
        ROW(records_and_numbers_survive_a_restart),
        ROW(reads_give_whole_records_up_to_the_wish),
        ROW(a_reader_may_begin_anywhere),
        ROW(what_is_not_there_is_refused),
        ROW(a_waiting_read_is_answered_by_the_next_record),
        ROW(a_cancelled_read_is_not_answered),
        ROW(waiting_reads_have_a_limit),
        ROW(every_selector_finds_its_place),
        ROW(old_records_go_and_readers_are_told),
        ROW(numbers_go_on_when_everything_was_trimmed),
        ROW(the_log_keeps_to_its_size),
        ROW(another_partition_count_is_refused_by_name),
        ROW(as_many_partitions_as_the_limit),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) rows[i].initial_state = (void *)c;
    return cmocka_run_group_tests_name(c->name, rows, NULL, NULL);
}
