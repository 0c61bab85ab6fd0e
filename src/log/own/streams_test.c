/* streams_test.c - streams that come and go beside the built-in one. */
#include "base/io_mem.h"
#include "base/say.h"
#include "base/text.h"
#include "log/own/fixture_test.h"

static struct log_stream_done make(struct fixture *f, unsigned partitions)
{
    struct log_stream s = {.partitions = (uint16_t)partitions};
    return rig_change(f->rig, LOG_STREAM_MAKE, &s);
}

static unsigned made(struct fixture *f, unsigned partitions)
{
    struct log_stream_done done = make(f, partitions);
    assert_int_equal(done.err, OK);
    assert_int_equal(log_partitions(f->rig->log, done.stream), partitions);
    return done.stream;
}

static enum err drop(struct fixture *f, unsigned stream)
{
    struct log_stream s = {.stream = (uint16_t)stream};
    return rig_change(f->rig, LOG_STREAM_DROP, &s).err;
}

static void fill(struct fixture *f, unsigned stream, unsigned partition, unsigned count)
{
    f->rig->stream = stream;
    for (uint64_t id = 1; id <= count; id++) {
        rig_append(f->rig, 0, partition, id, 300, RECORD_TO_STREAM);
        if (id % 10 == 0) rig_run(f->rig);
    }
    rig_run(f->rig);
}

static void count_record(void *ctx, const struct record *rec)
{
    uint64_t *count = ctx;
    assert_int_equal(rig_id(rec), ++*count);
}

static uint64_t records(struct fixture *f, unsigned stream, unsigned partition)
{
    uint64_t count = 0;
    f->rig->stream = stream;
    assert_int_equal(rig_read_all(f->rig, partition, 0, READ_MAX, count_record, &count), OK);
    return count;
}

static void note_entry(void *ctx, const char *name)
{
    (void)name;
    ++*(unsigned *)ctx;
}

static unsigned entries(struct fixture *f, const char *path)
{
    unsigned count = 0;
    assert_int_equal(io_list(f->io, path, note_entry, &count), OK);
    return count;
}

static void a_stream_counts_for_itself_and_survives(void **state)
{
    (void)state;
    struct fixture f = begin();
    unsigned first = made(&f, 3), second = made(&f, 1);
    fill(&f, 0, 1, 10);
    fill(&f, first, 2, 2000);
    fill(&f, second, 0, 30);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(records(&f, 0, 1), 10);
        assert_int_equal(records(&f, first, 2), 2000);
        assert_int_equal(records(&f, first, 0), 0);
        assert_int_equal(records(&f, second, 0), 30);
        if (round == 1) atomic_store(&f.rig->log->healthy, false); /* as after kill -9 */
        reopen(&f);
    }
    struct log_check checked;
    rig_close(f.rig);
    assert_int_equal(log_check(f.io, &checked), OK);
    assert_int_equal(checked.records, 2040);
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    end(&f);
}

static void a_dropped_stream_is_gone_with_its_files_and_its_number(void **state)
{
    (void)state;
    struct fixture f = begin();
    unsigned first = made(&f, 2);
    fill(&f, first, 0, 1000);
    uint64_t bytes = f.rig->log->archive.bytes;
    assert_int_equal(drop(&f, first), OK);
    assert_true(f.rig->log->archive.bytes < bytes);
    assert_int_equal(f.rig->log->tails.bytes, 0);
    assert_int_equal(entries(&f, "streams"), 1);
    assert_int_equal(log_partitions(f.rig->log, first), 0);
    assert_int_equal(rig_read(f.rig, 0, 0, READ_MAX, true)->err, ERR_INVALID);
    assert_int_equal(rig_seek(f.rig, 0, LOG_LATEST, 0)->err, ERR_NOT_FOUND);
    assert_int_equal(drop(&f, first), ERR_NOT_FOUND);
    assert_int_equal(drop(&f, 0), ERR_NOT_FOUND);
    reopen(&f);
    assert_int_equal(made(&f, 1), first + 1);
    end(&f);
}

static void what_comes_behind_the_drop_is_nobodys(void **state)
{
    (void)state;
    struct fixture f = begin();
    unsigned stream = made(&f, 1);
    struct log_stream s = {.stream = (uint16_t)stream};
    rig_send_change(f.rig, LOG_STREAM_DROP, &s);
    rig_turn(&f.rig->log_lane);
    fill(&f, stream, 0, 5);
    fill(&f, 0, 0, 5);
    assert_int_equal(rig_done_count(f.rig), 10);
    for (size_t i = 0; i < 10; i++) assert_int_equal(rig_done_at(f.rig, i)->result, OK);
    atomic_store(&f.rig->log->healthy, false); /* as after kill -9: the journal has them */
    rig_close(f.rig);
    struct log_check checked;
    assert_int_equal(log_check(f.io, &checked), OK);
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    assert_int_equal(records(&f, 0, 0), 5);
    end(&f);
}

static void who_waits_for_a_stream_that_goes_is_told(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.rig->stream = made(&f, 1);
    assert_null(rig_read(f.rig, 0, 0, READ_MAX, true));
    unsigned answers = f.rig->read_count;
    assert_int_equal(drop(&f, f.rig->stream), OK);
    assert_int_equal(f.rig->read_count, answers + 1);
    assert_int_equal(f.rig->read->err, ERR_INVALID);
    end(&f);
}

static void a_stream_has_its_own_retention(void **state)
{
    (void)state;
    struct fixture f = begin();
    unsigned stream = made(&f, 1), other = made(&f, 1);
    struct log_stream s = {(uint16_t)stream, 1, {60 * 1000000, 0}};
    fill(&f, stream, 0, 2000);
    fill(&f, other, 0, 2000);
    fill(&f, 0, 0, 2000);
    rig_advance(f.rig, 300 * 1000000ll);
    assert_int_equal(records(&f, stream, 0), 2000);
    assert_int_equal(rig_change(f.rig, LOG_STREAM_KEEP, &s).err, OK);
    for (int i = 0; i < 3; i++) rig_advance(f.rig, 60 * 1000000ll);
    f.rig->stream = stream;
    assert_true(rig_ends(f.rig, 0).first_ordinal > 1500);
    s.keep = (struct log_retention){0, 1 << 20};
    s.stream = (uint16_t)other;
    assert_int_equal(rig_change(f.rig, LOG_STREAM_KEEP, &s).err, OK);
    fill(&f, other, 0, 2000);
    rig_advance(f.rig, 20 * 1000000ll);
    assert_in_range(rig_ends(f.rig, 0).first_ordinal, 100, 1500);
    assert_int_equal(records(&f, 0, 0), 2000);
    end(&f);
}

static void streams_have_a_limit(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (unsigned i = 1; i < LOG_STREAMS_MAX; i++) assert_int_equal(made(&f, 1), i);
    assert_int_equal(make(&f, 1).err, ERR_FULL);
    assert_int_equal(drop(&f, 7), OK);
    assert_int_equal(made(&f, 1), LOG_STREAMS_MAX);
    assert_int_equal(make(&f, 1).err, ERR_FULL);
    reopen(&f);
    assert_int_equal(make(&f, 1).err, ERR_FULL);
    end(&f);
}

static void partitions_of_all_streams_have_a_limit(void **state)
{
    (void)state;
    struct fixture f = begin();
    assert_int_equal(make(&f, 0).err, ERR_INVALID);
    assert_int_equal(make(&f, LOG_PARTITIONS_MAX + 1).err, ERR_INVALID);
    for (unsigned left = LOG_PLACES_MAX - 2; left;) {
        unsigned some = left < LOG_PARTITIONS_MAX ? left : LOG_PARTITIONS_MAX;
        made(&f, some);
        left -= some;
    }
    assert_int_equal(make(&f, 1).err, ERR_FULL);
    end(&f);
}

static void without_room_there_is_no_stream_and_nothing_of_it(void **state)
{
    (void)state;
    struct fixture f = begin();
    io_mem_capacity(f.io, 1);
    assert_int_equal(make(&f, 1).err, ERR_FULL);
    assert_true(log_healthy(f.rig->log));
    assert_int_equal(entries(&f, "streams"), 1);
    io_mem_capacity(f.io, 10 << 20);
    made(&f, 1);
    end(&f);
}

static void numbers_are_not_given_twice_and_run_out(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.rig->log->meta.next_stream = LOG_STREAM_IDS_MAX;
    unsigned last = made(&f, 1);
    assert_int_equal(last, LOG_STREAM_IDS_MAX);
    assert_int_equal(drop(&f, last), OK);
    assert_int_equal(make(&f, 1).err, ERR_FULL);
    reopen(&f);
    assert_int_equal(make(&f, 1).err, ERR_FULL);
    end(&f);
}

static void one_change_at_a_time(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct log_stream s = {.partitions = 1};
    rig_send_change(f.rig, LOG_STREAM_MAKE, &s);
    rig_send_change(f.rig, LOG_STREAM_MAKE, &s);
    rig_turn(&f.rig->log_lane);
    rig_turn(&f.rig->cores[0].lane);
    assert_int_equal(f.rig->changed.err, ERR_THROTTLED);
    rig_run(f.rig);
    assert_int_equal(f.rig->changed.err, OK);
    end(&f);
}

static void a_start_may_say_which_streams_there_are(void **state)
{
    (void)state;
    struct fixture f = begin();
    unsigned kept = made(&f, 2), unwanted = made(&f, 1);
    fill(&f, kept, 0, 10);
    fill(&f, unwanted, 0, 10);
    reopen(&f);
    struct log_stream wanted[] = {{(uint16_t)kept, 2, {0, 0}}, {9, 3, {0, 1 << 20}}};
    assert_int_equal(log_streams_set(f.rig->log, wanted, 2), OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(log_partitions(f.rig->log, unwanted), 0);
        assert_int_equal(log_partitions(f.rig->log, 9), 3);
        assert_int_equal(records(&f, kept, 0), 10);
        assert_int_equal(entries(&f, "streams"), 3);
        reopen(&f);
    }
    wanted[1].partitions = 4;
    assert_int_equal(log_streams_set(f.rig->log, wanted, 2), ERR_CORRUPT);
    assert_int_equal(made(&f, 1), 10);
    end(&f);
}

/* ---- formats of log.meta */

static void assert_meta(struct fixture *f, const char *text)
{
    struct buf found = {0};
    assert_int_equal(io_load(f->io, "log.meta", &found), OK);
    assert_string_equal(buf_cstr(&found), text);
    buf_free(&found);
}

/* Line by line as the first version of the program wrote it, and then `more`. */
static void write_meta(struct fixture *f, const struct meta *m, const char *more, struct buf *text)
{
    buf_clear(text);
    buf_printf(text, "azimuth-log %s\npartitions 2\ncreated 1700000000000000\njournal %llu\nepoch ",
               more[0] ? "3" : "1", (unsigned long long)m->journal_bytes);
    text_hex(text, slice_of(&m->epoch, sizeof m->epoch));
    buf_printf(text, "\n%s", more);
    assert_int_equal(io_store(f->io, "log.meta", buf_slice(text)), OK);
}

static void fill_and_die(struct fixture *f, struct meta *m)
{
    fill(f, 0, 0, 2000);
    reopen(f);
    fill(f, 0, 1, 30);
    atomic_store(&f->rig->log->healthy, false); /* as kill -9 leaves it: some only in the journal */
    rig_close(f->rig);
    assert_int_equal(meta_load(f->io, m), OK);
}

static void assert_filled(struct fixture *f)
{
    assert_int_equal(records(f, 0, 0), 2000);
    assert_int_equal(records(f, 0, 1), 30);
}

static void a_log_of_format_1_is_read_whole_and_becomes_one_of_format_2(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct buf text = {0};
    struct meta m;
    fill_and_die(&f, &m);
    write_meta(&f, &m, "", &text);
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    for (int round = 0; round < 3; round++) {
        assert_filled(&f);
        if (round == 1) {
            fill(&f, made(&f, 3), 2, 10);
            assert_int_equal(meta_load(f.io, &m), OK);
            assert_int_equal(m.created_us, 1700000000000000);
            assert_int_equal(m.next_stream, 2);
            assert_int_equal(meta_places(&m), 2 + 3);
            buf_clear(&text);
            assert_int_equal(io_load(f.io, "log.meta", &text), OK);
            assert_true(slice_starts(buf_slice(&text), SLICE_LIT("azimuth-log 2\n")));
        }
        reopen(&f);
    }
    assert_int_equal(records(&f, 1, 2), 10);
    buf_free(&text);
    end(&f);
}

static void a_log_of_a_newer_format_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct buf text = {0};
    struct meta m;
    fill_and_die(&f, &m);
    write_meta(&f, &m, "next-stream 1\nof-the-future 7\n", &text);
    assert_int_equal(rig_open(f.rig, &f.cfg), ERR_VERSION);
    assert_string_equal(fail_text(), "log.meta: written in format 3, this program knows up to 2");
    assert_meta(&f, buf_cstr(&text));
    write_meta(&f, &m, "", &text);
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    assert_filled(&f);
    buf_free(&text);
    end(&f);
}

int main(void)
{
    say_level_max = SAY_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_counts_for_itself_and_survives),
        cmocka_unit_test(a_dropped_stream_is_gone_with_its_files_and_its_number),
        cmocka_unit_test(what_comes_behind_the_drop_is_nobodys),
        cmocka_unit_test(who_waits_for_a_stream_that_goes_is_told),
        cmocka_unit_test(a_stream_has_its_own_retention),
        cmocka_unit_test(streams_have_a_limit),
        cmocka_unit_test(partitions_of_all_streams_have_a_limit),
        cmocka_unit_test(without_room_there_is_no_stream_and_nothing_of_it),
        cmocka_unit_test(numbers_are_not_given_twice_and_run_out),
        cmocka_unit_test(one_change_at_a_time),
        cmocka_unit_test(a_start_may_say_which_streams_there_are),
        cmocka_unit_test(a_log_of_format_1_is_read_whole_and_becomes_one_of_format_2),
        cmocka_unit_test(a_log_of_a_newer_format_is_refused_and_left_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
