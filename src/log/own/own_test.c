/* own_test.c - what only our own files have: their limits, their damage, their room. */
#include "base/crc32c.h"
#include "base/io_mem.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "log/own/fixture_test.h"

/* As kill -9 leaves it: files as written, nothing settled. */
static void die(struct fixture *f)
{
    atomic_store(&f->rig->log->healthy, false);
    rig_close(f->rig);
}

static void append(struct fixture *f, unsigned partition, uint64_t id, size_t size)
{
    rig_append(f->rig, 0, partition, id, size, RECORD_TO_STREAM);
}

/* Ids from `first` to `last`, a commit for every ten. */
static void fill(struct fixture *f, unsigned partition, uint64_t first, uint64_t last, size_t size)
{
    for (uint64_t id = first; id <= last; id++) {
        append(f, partition, id, size);
        if (id % 10 == 0) rig_run(f->rig);
    }
    rig_run(f->rig);
}

static void expect_next_id(void *ctx, const struct record *rec)
{
    uint64_t *last = ctx;
    assert_int_equal(rig_id(rec), *last + 1);
    ++*last;
}

static void assert_ids(struct fixture *f, unsigned partition, uint64_t count)
{
    uint64_t last = 0;
    assert_int_equal(rig_read_all(f->rig, partition, 0, READ_MAX, expect_next_id, &last), OK);
    assert_int_equal(last, count);
}

static size_t results(const struct fixture *f, enum err result)
{
    size_t count = 0;
    for (size_t i = 0; i < rig_done_count(f->rig); i++)
        count += rig_done_at(f->rig, i)->result == result;
    return count;
}

static void store(struct fixture *f, const char *path, const char *text)
{
    assert_int_equal(io_store(f->io, path, slice_str(text)), OK);
}

/* ---- what a start finds */

#define META_REST "partitions 2\ncreated 1\njournal 262144\nepoch 0011223344556677\n"
#define META_2    "azimuth-log 2\n" META_REST

static void damaged_or_newer_files_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *path, *text; /* NULL: removed */
        enum err err;
        const char *reason;
    } rows[] = {
        {"log.meta", "azimuth-log 3\n", ERR_VERSION, "format 3, this program knows up to 2"},
        {"log.meta", "azimuth-log x\n", ERR_CORRUPT, "not a log's"},
        {"log.meta", "", ERR_CORRUPT, "not a log's"},
        {"log.meta", "azimuth-log 0\n" META_REST, ERR_CORRUPT, "not a log's"},
        {"log.meta", "azimuth-log 1\npartitions 2\ncreated 1\njournal 262144\n", ERR_CORRUPT,
         "damaged"},
        {"log.meta",
         "azimuth-log 1\npartitions 0\ncreated 1\njournal 262144\nepoch 0011223344556677\n",
         ERR_CORRUPT, "damaged"},
        {"log.meta",
         "azimuth-log 1\npartitions 2\ncreated 1\njournal 262144\nepoch 00112233445566\n",
         ERR_CORRUPT, "damaged"},
        {"log.meta",
         "azimuth-log 1\npartitions 2\ncreated 1\njournal 262143\nepoch 0011223344556677\n",
         ERR_CORRUPT, "damaged"},
        {"log.meta",
         "azimuth-log 1\npartitions 2\ncreated 9223372036854775808\njournal 262144\n"
         "epoch 0011223344556677\n",
         ERR_CORRUPT, "damaged"},
        {"log.meta", "azimuth-log 1\n" META_REST "next-stream 3\nstream 2 1\n", ERR_CORRUPT,
         "damaged"},
        {"log.meta", META_2 "next-stream 0\n", ERR_CORRUPT, "damaged"},
        {"log.meta", META_2 "next-stream 65537\n", ERR_CORRUPT, "damaged"},
        {"log.meta", META_2 "next-stream 3\nstream 3 1\n", ERR_CORRUPT, "damaged"},
        {"log.meta", META_2 "next-stream 3\nstream 2 257\n", ERR_CORRUPT, "damaged"},
        {"log.meta", META_2 "next-stream 3\nstream 2 1\nstream 2 1\n", ERR_CORRUPT, "damaged"},
        {"log.meta",
         META_2 "next-stream 5\nstream 1 256\nstream 2 256\nstream 3 256\nstream 4 255\n",
         ERR_CORRUPT, "damaged"}, /* 1025 places */
        {"log.meta", NULL, ERR_CORRUPT, "log.meta is missing"},
        {"journal", NULL, ERR_CORRUPT, "journal is missing"},
        {"streams/0/0/00000000000000000000.log", "short", ERR_CORRUPT, "damaged head"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f = begin();
        fill(&f, 0, 1, 30, 100);
        rig_close(f.rig);
        if (rows[i].text)
            store(&f, rows[i].path, rows[i].text);
        else
            assert_int_equal(io_remove(f.io, rows[i].path), OK);
        assert_int_equal(rig_open(f.rig, &f.cfg), rows[i].err);
        assert_non_null(strstr(fail_text(), rows[i].reason));
        end(&f);
    }
}

static void a_log_without_its_first_records_is_not_taken_for_whole(void **state)
{
    (void)state;
    struct fixture f = begin();
    fill(&f, 0, 1, 30, 100);
    die(&f);
    struct io_file *segment;
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    fill(&f, 0, 31, 60, 100);
    die(&f);
    const char *path = "streams/0/0/00000000000000000000.log";
    assert_int_equal(io_open_file(f.io, path, IO_WRITE, &segment), OK);
    assert_int_equal(io_truncate(segment, 500), OK);
    io_close(segment);
    assert_int_equal(rig_open(f.rig, &f.cfg), ERR_CORRUPT);
    assert_non_null(strstr(fail_text(), "were durable"));
    end(&f);
}

static void limits_of_the_configuration(void **state)
{
    (void)state;
    struct fixture f = begin();
    rig_close(f.rig);
    f.cfg.journal_bytes = LOG_JOURNAL_MIN - 1;
    assert_int_equal(rig_open(f.rig, &f.cfg), ERR_INVALID);
    f.cfg.journal_bytes = LOG_JOURNAL_MIN;
    f.cfg.segment_bytes = (uint64_t)LOG_SEGMENT_MAX + 1;
    assert_int_equal(rig_open(f.rig, &f.cfg), ERR_INVALID);
    f.cfg.segment_bytes = LOG_SEGMENT_MAX;
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    end(&f);
}

static void a_killed_log_has_everything(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (uint64_t i = 0; i < 20; i++) {
        fill(&f, 1, i * 50 + 1, i * 50 + 50, 700);
        assert_int_equal(results(&f, OK), (i + 1) * 50);
        die(&f);
        struct log_check check;
        assert_int_equal(log_check(f.io, &check), OK);
        assert_int_equal(check.records, (i + 1) * 50);
        assert_int_equal(check.bytes, (i + 1) * 50 * (700 + RECORD_HEAD));
        assert_int_equal(check.ends[1].next_sequence, (i + 1) * 50);
        assert_int_equal(rig_open(f.rig, &f.cfg), OK);
        assert_ids(&f, 1, (i + 1) * 50);
    }
    end(&f);
}

static void the_journal_may_change_its_size(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {LOG_JOURNAL_MIN, 1 << 20, LOG_JOURNAL_MIN + 5000, 300 << 10};
    struct fixture f = begin();
    for (uint64_t i = 0; i < 8; i++) {
        fill(&f, 0, i * 50 + 1, i * 50 + 50, 2000);
        if (i % 2)
            die(&f);
        else
            rig_close(f.rig);
        f.cfg.journal_bytes = sizes[i % 4];
        assert_int_equal(rig_open(f.rig, &f.cfg), OK);
        assert_ids(&f, 0, (i + 1) * 50);
    }
    end(&f);
}

/* ---- damage */

/* Everything that a reader gets is right; what is damaged is named, and one can go on behind it. */
static uint64_t read_around_damage(struct fixture *f, uint64_t end, uint64_t *skipped)
{
    uint64_t from = 0, whole = 0;
    while (from < end) {
        const struct log_read_done *d = rig_read(f->rig, 0, from, READ_MAX, false);
        assert_true(d->err == OK || d->err == ERR_CORRUPT);
        assert_true(d->next > from);
        if (d->err) *skipped += d->next - from;
        struct slice rest =
            d->err ? SLICE_NONE : slice_head(slice_from(blob_slice(d->blob), d->offset), d->len);
        struct record r;
        for (; rest.len; rest = slice_from(rest, r.frame.len), whole++) {
            assert_int_equal(record_parse(rest, &r), OK);
            assert_int_equal(rig_id(&r), r.ordinal + 1);
        }
        from = d->next;
    }
    return whole;
}

static void a_flipped_bit_is_found_and_costs_little(void **state)
{
    (void)state;
    struct fixture f = begin();
    fill(&f, 0, 1, 1000, 300);
    reopen(&f);
    uint64_t size = f.rig->log->archive.racks[0].shelves[0].infos[0].bytes;
    assert_true(size > SEGMENT_INDEX_EVERY);
    for (uint64_t at = SEGMENT_HEAD; at < size; at += 997) {
        struct io_file *segment;
        uint8_t byte, flipped;
        size_t got;
        uint64_t skipped = 0;
        const char *path = "streams/0/0/00000000000000000000.log";
        assert_int_equal(io_open_file(f.io, path, IO_READ | IO_WRITE, &segment), OK);
        assert_int_equal(io_read_at(segment, at, &byte, 1, &got), OK);
        flipped = byte ^ (uint8_t)(1 << at % 8);
        assert_int_equal(io_write_at(segment, at, slice_of(&flipped, 1)), OK);
        assert_int_equal(read_around_damage(&f, 1000, &skipped) + skipped, 1000);
        assert_in_range(skipped, 1, 2 * SEGMENT_INDEX_EVERY / 356);
        struct log_check check;
        assert_int_equal(log_check(f.io, &check), ERR_CORRUPT);
        assert_int_equal(io_write_at(segment, at, slice_of(&byte, 1)), OK);
        io_close(segment);
    }
    assert_ids(&f, 0, 1000);
    end(&f);
}

static uint64_t size_on_disk(struct fixture *f, uint64_t ordinal)
{
    char path[IO_NAME_MAX];
    struct io_file *file;
    uint64_t size;
    segment_path((struct shelf_id){0, 0}, ordinal, ".log", path);
    assert_int_equal(io_open_file(f->io, path, IO_READ, &file), OK);
    assert_int_equal(io_size(file, &size), OK);
    io_close(file);
    return size;
}

static void a_segment_grows_by_blocks_and_ends_with_its_last_record(void **state)
{
    (void)state;
    struct fixture f = begin();
    fill(&f, 0, 1, 1000, 300);
    reopen(&f);
    const struct shelf *s = &f.rig->log->archive.racks[0].shelves[0];
    assert_true(s->count > 1 && s->grows);
    for (size_t i = 0; i + 1 < s->count; i++)
        assert_int_equal(size_on_disk(&f, s->infos[i].first.ordinal), s->infos[i].bytes);
    uint64_t newest = s->infos[s->count - 1].first.ordinal;
    assert_int_equal(size_on_disk(&f, newest), s->growing.end);
    for (uint64_t id = 1001; id <= 1040; id++) {
        fill(&f, 0, id, id, 300);
        reopen(&f);
    }
    assert_ids(&f, 0, 1040);
    end(&f);
}

static void a_lost_index_costs_only_reading(void **state)
{
    (void)state;
    struct fixture f = begin();
    fill(&f, 0, 1, 1000, 300);
    rig_close(f.rig);
    assert_int_equal(io_remove(f.io, "streams/0/0/00000000000000000000.idx"), OK);
    store(&f, "streams/0/0/00000000000000000286.idx",
          "rubbish that is longer than one entry of it");
    store(&f, "streams/0/0/00000000000000999999.idx", "litter");
    store(&f, "streams/0/0/notes.txt", "not ours");
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    assert_ids(&f, 0, 1000);
    for (uint64_t from = 0; from < 1000; from += 97) {
        assert_int_equal(rig_read(f.rig, 0, from, READ_MAX, false)->err, OK);
        assert_int_equal(rig_seek(f.rig, 0, LOG_SEQUENCE, (int64_t)from)->ordinal, from);
    }
    struct buf gone = {0};
    assert_int_equal(io_load(f.io, "streams/0/0/00000000000000999999.idx", &gone), ERR_NOT_FOUND);
    end(&f);
}

/* ---- what the offline check finds */

static void change_file(struct fixture *f, const char *path, uint64_t at, const char *text)
{
    struct io_file *file;
    assert_int_equal(io_open_file(f->io, path, IO_WRITE, &file), OK);
    assert_int_equal(io_write_at(file, at, slice_str(text)), OK);
    io_close(file);
}

static void copy_file(struct fixture *f, const char *from, const char *to)
{
    struct buf b = {0};
    assert_int_equal(io_load(f->io, from, &b), OK);
    assert_int_equal(io_store(f->io, to, buf_slice(&b)), OK);
    buf_free(&b);
}

static void shorten(struct fixture *f, const char *path, uint64_t by)
{
    struct io_file *file;
    uint64_t size;
    assert_int_equal(io_open_file(f->io, path, IO_READ | IO_WRITE, &file), OK);
    assert_int_equal(io_size(file, &size), OK);
    assert_int_equal(io_truncate(file, size - by), OK);
    io_close(file);
}

#define FIRST "streams/0/0/00000000000000000000"

static void lose_records(struct fixture *f)
{
    shorten(f, FIRST ".log", 356);
}

static void lose_a_segment(struct fixture *f)
{
    uint64_t second = f->rig->log->archive.racks[0].shelves[0].infos[1].first.ordinal;
    assert_int_equal(segment_remove(f->io, (struct shelf_id){0, 0}, second), OK);
}

static void misplace_a_segment(struct fixture *f)
{
    copy_file(f, FIRST ".log", "streams/0/1/00000000000000000000.log");
}

static void damage_a_head(struct fixture *f)
{
    change_file(f, FIRST ".log", 20, "x");
}

static void write_a_newer_format(struct fixture *f)
{
    change_file(f, FIRST ".log", 8, "\2");
}

/* A second index entry that is right by itself, in the place of the first. */
static void shift_an_index(struct fixture *f)
{
    struct buf index = {0};
    struct index_entry e = {.mark = {.ordinal = 1, .sequence = 1}, .offset = 100};
    mark_put(&index, &e.mark);
    buf_put_le32(&index, e.offset);
    uint64_t segment = 0;
    buf_put_le32(&index, crc32c(crc32c(0, &segment, sizeof segment), index.ptr, index.len));
    assert_int_equal(io_store(f->io, FIRST ".idx", buf_slice(&index)), OK);
    buf_free(&index);
}

static void the_check_names_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        void (*harm)(struct fixture *f);
        enum err err;
        const char *reason;
    } rows[] = {
        {lose_records, ERR_CORRUPT, "are missing"},
        {lose_a_segment, ERR_CORRUPT, "are missing"},
        {misplace_a_segment, ERR_CORRUPT, "belongs elsewhere"},
        {damage_a_head, ERR_CORRUPT, "damaged head"},
        {write_a_newer_format, ERR_VERSION, "format 2"},
        {shift_an_index, ERR_CORRUPT, "index is wrong"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f = begin();
        struct log_check check;
        fill(&f, 0, 1, 1000, 300);
        reopen(&f);
        rows[i].harm(&f);
        assert_int_equal(log_check(f.io, &check), rows[i].err);
        if (strstr(fail_text(), rows[i].reason) == NULL) print_message("%s\n", fail_text());
        assert_non_null(strstr(fail_text(), rows[i].reason));
        end(&f);
    }
}

/* ---- limits */

static void a_batch_over_a_section_is_refused_in_its_turn(void **state)
{
    (void)state;
    struct fixture f = begin();
    uint64_t max = journal_block_max(&f.rig->log->journal) - RECORD_HEAD;
    append(&f, 0, 1, max);
    rig_turn(&f.rig->cores[0].lane);
    append(&f, 0, 2, max + 1);
    rig_turn(&f.rig->cores[0].lane);
    append(&f, 0, 3, 100);
    rig_run(f.rig);
    append(&f, 0, 4, 100);
    rig_run(f.rig);
    static const enum err expected[] = {OK, ERR_TOO_BIG, ERR_THROTTLED, OK};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(rig_done_at(f.rig, i)->id, i + 1);
        assert_int_equal(rig_done_at(f.rig, i)->result, expected[i]);
    }
    end(&f);
}

/* Though another core's batch, which is written, stands between the two. */
static void what_was_appended_behind_a_refused_batch_is_not_written_with_others(void **state)
{
    (void)state;
    struct fixture f = begin();
    uint64_t max = journal_block_max(&f.rig->log->journal) - RECORD_HEAD;
    append(&f, 0, 1, max + 1);
    rig_turn(&f.rig->cores[0].lane);
    rig_append(f.rig, 1, 1, 1, 100, RECORD_TO_STREAM);
    rig_turn(&f.rig->cores[1].lane);
    append(&f, 0, 2, 100);
    rig_run(f.rig);
    assert_int_equal(results(&f, ERR_TOO_BIG), 1);
    assert_int_equal(results(&f, ERR_THROTTLED), 1);
    assert_int_equal(results(&f, OK), 1);
    fill(&f, 0, 1, 1, 100);
    assert_ids(&f, 0, 1);
    assert_ids(&f, 1, 1);
    end(&f);
}

static void a_commit_takes_a_limited_number_of_batches(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (uint64_t id = 1; id <= OWN_GROUP_MAX; id++) {
        append(&f, 0, id, 20);
        rig_turn(&f.rig->cores[0].lane);
    }
    rig_run(f.rig);
    assert_int_equal(f.rig->log->journal.commit, 2);
    for (uint64_t id = 1; id <= OWN_GROUP_MAX + 1; id++) {
        append(&f, 1, id, 20);
        rig_turn(&f.rig->cores[0].lane);
    }
    rig_run(f.rig);
    assert_int_equal(f.rig->log->journal.commit, 4);
    assert_ids(&f, 0, OWN_GROUP_MAX);
    assert_ids(&f, 1, OWN_GROUP_MAX + 1);
    end(&f);
}

/* In a journal whose sections are larger. */
static void a_commit_takes_8_mib(void **state)
{
    (void)state;
    enum { LARGE = RECORD_MAX - RECORD_HEAD, COUNT = JOURNAL_BLOCK_MAX / RECORD_MAX };
    for (unsigned over = 0; over < 2; over++) {
        struct fixture f = begin();
        f.cfg.journal_bytes = 0;
        reopen(&f);
        assert_int_equal(journal_block_max(&f.rig->log->journal), JOURNAL_BLOCK_MAX - JOURNAL_HEAD);
        for (uint64_t id = 1; id <= COUNT; id++) {
            append(&f, 0, id, LARGE - (id == COUNT ? JOURNAL_HEAD - over : 0));
            rig_turn(&f.rig->cores[0].lane);
        }
        rig_run(f.rig);
        assert_int_equal(results(&f, OK), COUNT);
        assert_int_equal(f.rig->log->journal.commit, 2 + over);
        end(&f);
    }
}

static void a_large_batch_does_not_wait_for_the_end_of_the_turn(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.cfg.journal_bytes = 0;
    reopen(&f);
    append(&f, 0, 1, LOG_BATCH_MAX - RECORD_HEAD - sizeof(struct msg) - 1);
    assert_false(lane_has_mail(&f.rig->log_lane));
    append(&f, 0, 2, 8);
    assert_true(lane_has_mail(&f.rig->log_lane));
    rig_run(f.rig);
    assert_ids(&f, 0, 2);
    end(&f);
}

/* Batches that come back are there for the next ones, up to so much memory. */
static void a_writer_keeps_so_much_memory(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.cfg.journal_bytes = 0;
    reopen(&f);
    for (uint64_t id = 1; id <= 5; id++) append(&f, 0, id, LOG_BATCH_MAX);
    rig_run(f.rig);
    assert_ids(&f, 0, 5);
    const struct log_writer *w = &f.rig->cores[0].writer;
    assert_in_range(w->idle_bytes, LOG_BATCH_MAX, LOG_IDLE_MAX);
    assert_in_range(w->idle_count, 1, 3); /* each has more than a fourth of that */
    append(&f, 0, 6, 8);
    rig_run(f.rig);
    assert_in_range(w->idle_bytes, LOG_BATCH_MAX, LOG_IDLE_MAX);
    end(&f);
}

/* While segments are not written, the journal fills up and nothing more is acknowledged. */
static void a_journal_without_a_clean_section_makes_appends_wait(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (uint64_t id = 1; id <= 100; id++) {
        append(&f, 0, id, 4000);
        rig_turn(&f.rig->cores[0].lane);
        rig_turn(&f.rig->log_lane);
    }
    rig_turn(&f.rig->cores[0].lane);
    assert_in_range(rig_done_count(f.rig), 30, 70);
    assert_true(log_accepting(f.rig->log));
    rig_run(f.rig);
    assert_int_equal(results(&f, OK), 100);
    assert_ids(&f, 0, 100);
    end(&f);
}

/* Syncs that were asked for before come back when segments have not what is in it: they do not make it clean. */
static void a_section_is_clean_once_its_own_records_are_synced(void **state)
{
    (void)state;
    struct fixture f = begin();
    const struct log *l = f.rig->log;
    for (uint64_t id = 1; l->journal.section < JOURNAL_SECTIONS - 1; id++) {
        append(&f, 0, id, 4000);
        rig_turn(&f.rig->cores[0].lane);
        rig_turn(&f.rig->log_lane);
    }
    io_mem_capacity(f.io, LOG_JOURNAL_MIN); /* no segment can grow */
    rig_run(f.rig);
    for (unsigned i = 0; i < JOURNAL_SECTIONS; i++) assert_false(l->sections[i].clean);
    assert_int_equal(l->journal.settled, 0);
    io_mem_capacity(f.io, 10 << 20);
    rig_advance(f.rig, (int64_t)2 * OWN_ROOM_EVERY_US);
    for (unsigned i = 0; i < JOURNAL_SECTIONS - 1; i++) assert_true(l->sections[i].clean);
    assert_int_equal(l->journal.settled, l->sections[JOURNAL_SECTIONS - 2].last_commit);
    end(&f);
}

static void memory_for_the_newest_records_is_bounded(void **state)
{
    (void)state;
    struct fixture f = begin();
    append(&f, 1, 1, 100);
    rig_run(f.rig);
    assert_true(f.rig->log->tails.bytes < 8 << 10);
    for (uint64_t i = 0; i < 20; i++) {
        fill(&f, 0, i * 50 + 1, i * 50 + 50, 3000);
        assert_true(f.rig->log->tails.bytes <= f.cfg.tail_bytes);
    }
    assert_ids(&f, 0, 1000);
    assert_ids(&f, 1, 1);
    end(&f);
}

/* Records that nobody of the stream sees fill whole chunks between those that are looked for. */
static void a_place_in_memory_is_found_across_chunks(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.cfg.tail_bytes = 0;
    reopen(&f);
    for (uint64_t id = 1; id <= 600; id++) {
        rig_append(f.rig, 0, 0, id, 300, id <= 2 || id > 500 ? RECORD_TO_STREAM : 2);
        if (id % 10 == 0) rig_run(f.rig);
    }
    assert_int_equal(rig_seek(f.rig, 0, LOG_SEQUENCE, 1)->ordinal, 1);
    assert_int_equal(rig_seek(f.rig, 0, LOG_SEQUENCE, 2)->ordinal, 500);
    assert_int_equal(rig_seek(f.rig, 0, LOG_SEQUENCE, -1)->ordinal, 0);
    end(&f);
}

/* ---- retention */

static struct fixture begin_with_retention(uint64_t tail_bytes)
{
    struct fixture f = begin();
    f.cfg.retention_us = 86400000000;
    f.cfg.tail_bytes = tail_bytes;
    reopen(&f);
    fill(&f, 0, 1, 1000, 300);
    return f;
}

static void what_is_trimmed_leaves_memory_too(void **state)
{
    (void)state;
    struct fixture f = begin_with_retention(1 << 20);
    assert_true(f.rig->log->tails.bytes > 300000);
    for (int i = 0; i < 3; i++) rig_advance(f.rig, f.cfg.retention_us);
    assert_true(f.rig->log->tails.bytes < 300000);
    assert_int_equal(rig_read(f.rig, 0, 0, READ_MAX, false)->err, ERR_NOT_FOUND);
    end(&f);
}

/* As a consumer asks that comes back to a place of before, while all messages go to endpoints. */
static void what_is_trimmed_is_looked_for_among_records_that_nobody_sees(void **state)
{
    (void)state;
    struct fixture f = begin_with_retention(1 << 20);
    reopen(&f); /* now all of them are in segments */
    for (int i = 0; i < 3; i++) rig_advance(f.rig, f.cfg.retention_us);
    assert_int_equal(rig_ends(f.rig, 0).first_ordinal, 1000);
    for (uint64_t id = 1001; id <= 1200; id++) {
        rig_append(f.rig, 0, 0, id, 300, 2);
        if (id % 10 == 0) rig_run(f.rig);
    }
    assert_int_equal(rig_ends(f.rig, 0).next_ordinal, 1200);
    assert_int_equal(rig_seek(f.rig, 0, LOG_SEQUENCE, 5)->ordinal, 1200);
    append(&f, 0, 1201, 300);
    rig_run(f.rig);
    assert_int_equal(rig_seek(f.rig, 0, LOG_SEQUENCE, 5)->ordinal, 1200);
    end(&f);
}

static void a_read_that_trimming_overtakes_is_told(void **state)
{
    (void)state;
    struct fixture f = begin_with_retention(16 << 10);
    int64_t later = rig_wall_us + 10 * f.cfg.retention_us;
    bool trimmed;
    assert_int_equal(archive_trim(&f.rig->log->archive, later, &trimmed), OK);
    assert_true(trimmed);
    const struct log_read_done *d = rig_read(f.rig, 0, 0, READ_MAX, false);
    assert_int_equal(d->err, ERR_NOT_FOUND);
    assert_true(d->ends.first_ordinal > 0);
    assert_int_equal(d->ends.first_ordinal, d->ends.first_sequence);
    end(&f);
}

static void retention_that_cannot_sync_stops_the_log_and_want_of_room_does_not(void **state)
{
    (void)state;
    struct fixture f = begin_with_retention(0);
    io_mem_fail(f.io, IO_CALL_OPEN, 1, ERR_FULL, false);
    rig_advance(f.rig, f.cfg.retention_us);
    assert_true(log_healthy(f.rig->log));
    io_mem_fail(f.io, IO_CALL_SYNC, 1, ERR_IO, false);
    fill(&f, 0, 1001, 1010, 300);
    io_mem_fail(f.io, IO_CALL_SYNC, 1, ERR_IO, false);
    rig_advance(f.rig, f.cfg.retention_us);
    assert_false(log_healthy(f.rig->log));
    end(&f);
}

/* ---- room */

static void appends_are_refused_below_the_reserve_and_taken_again_above(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.cfg.reserve_bytes = 1 << 20;
    io_mem_capacity(f.io, 3 << 20);
    reopen(&f);
    struct io_file *other;
    fill(&f, 0, 1, 10, 100);
    assert_int_equal(results(&f, OK), 10);
    assert_int_equal(io_open_file(f.io, "other", IO_WRITE | IO_CREATE, &other), OK);
    assert_int_equal(io_allocate(other, 2 << 20), OK);
    rig_advance(f.rig, OWN_ROOM_EVERY_US);
    append(&f, 0, 0, 100);
    rig_run(f.rig);
    assert_int_equal(results(&f, ERR_THROTTLED), 1);
    assert_false(log_accepting(f.rig->log));
    assert_true(log_healthy(f.rig->log));
    assert_int_equal(rig_read(f.rig, 0, 0, READ_MAX, false)->err, OK);
    assert_int_equal(io_truncate(other, 0), OK);
    rig_advance(f.rig, (int64_t)2 * OWN_ROOM_EVERY_US);
    assert_true(log_accepting(f.rig->log));
    fill(&f, 0, 11, 20, 100);
    assert_int_equal(results(&f, OK), 20);
    assert_ids(&f, 0, 20);
    io_close(other);
    end(&f);
}

static void a_log_that_nobody_uses_sees_that_others_fill_the_disk(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.cfg.reserve_bytes = 1 << 20;
    io_mem_capacity(f.io, 3 << 20);
    reopen(&f);
    rig_advance(f.rig, TIMER_TICK_US);
    assert_true(log_accepting(f.rig->log));
    io_mem_capacity(f.io, 1 << 20);
    rig_advance(f.rig, OWN_ROOM_IDLE_US - TIMER_TICK_US);
    assert_true(log_accepting(f.rig->log));
    rig_advance(f.rig, TIMER_TICK_US);
    assert_false(log_accepting(f.rig->log));
    io_mem_capacity(f.io, 3 << 20);
    rig_advance(f.rig, OWN_ROOM_EVERY_US);
    assert_true(log_accepting(f.rig->log));
    io_mem_capacity(f.io, 1 << 20); /* nor does it begin on a full one */
    reopen(&f);
    rig_advance(f.rig, TIMER_TICK_US);
    assert_false(log_accepting(f.rig->log));
    end(&f);
}

/* What is acknowledged then, no restart would find. */
static void a_log_whose_journal_is_removed_takes_nothing_more(void **state)
{
    (void)state;
    struct fixture f = begin();
    fill(&f, 0, 1, 10, 100);
    assert_int_equal(results(&f, OK), 10);
    assert_int_equal(io_remove(f.io, "journal"), OK);
    rig_advance(f.rig, OWN_ROOM_IDLE_US);
    assert_false(log_healthy(f.rig->log));
    append(&f, 0, 11, 100);
    rig_run(f.rig);
    assert_int_equal(results(&f, OK), 10);
    end(&f);
}

/* A device that sends 2 before it hears that 1 was refused will send both again. */
static void what_follows_a_refusal_unheard_is_refused_too(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.cfg.reserve_bytes = 1 << 20;
    reopen(&f);
    struct lane *core = &f.rig->cores[0].lane;
    io_mem_capacity(f.io, 1 << 20);
    rig_mono_us += OWN_ROOM_EVERY_US;
    rig_append(f.rig, 0, 0, 1, 100, RECORD_TO_STREAM);
    rig_turn(core);
    rig_turn(&f.rig->log_lane);
    io_mem_capacity(f.io, UINT64_MAX);
    rig_mono_us += OWN_ROOM_EVERY_US;
    rig_turn(&f.rig->log_lane);
    assert_true(log_accepting(f.rig->log));
    rig_append(f.rig, 0, 0, 2, 100, RECORD_TO_STREAM);
    log_flush(&f.rig->cores[0].writer); /* posted, */
    rig_append(f.rig, 0, 0, 3, 100,
               RECORD_TO_STREAM); /* or still gathering when 1's answer comes */
    rig_append(f.rig, 1, 1, 4, 100, RECORD_TO_STREAM); /* another core's */
    rig_run(f.rig);
    assert_int_equal(results(&f, ERR_THROTTLED), 3);
    assert_int_equal(results(&f, OK), 1);
    fill(&f, 0, 1, 3, 100);
    assert_int_equal(results(&f, OK), 4);
    assert_ids(&f, 0, 3);
    end(&f);
}

/* Time stands still, so the free room is looked at for the bytes alone. */
static void who_appends_fast_does_not_use_up_the_reserve(void **state)
{
    (void)state;
    struct fixture f = begin();
    uint64_t room, id = 0;
    f.cfg.reserve_bytes = 1 << 20;
    io_mem_capacity(f.io, 3 << 20);
    reopen(&f);
    while (log_accepting(f.rig->log)) {
        append(&f, id % 2, id / 2 + 1, 5000);
        id++;
        rig_run(f.rig);
        assert_true(id < 1000);
    }
    assert_int_equal(io_free_bytes(f.io, &room), OK);
    assert_true(room > (1 << 20) - 2 * (1 << 20) / OWN_ROOM_EVERY_PART);
    end(&f);
}

/* ---- what is counted */

static int64_t streamed(const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "azimuth_stream_message%s_total", what);
    return metric_value(metric_of(METRIC_COUNTER, name, "source=\"DeviceMessages\"", ""));
}

/* Of the built-in stream, for its readers, and durable. */
static void messages_to_the_built_in_stream_are_counted_when_they_are_durable(void **state)
{
    (void)state;
    struct fixture f = begin();
    const struct log_stream other = {.stream = 1, .partitions = 1};
    rig_change(f.rig, LOG_STREAM_MAKE, &other);
    int64_t count = streamed("s"), bytes = streamed("_bytes"), us = streamed("_microseconds");
    append(&f, 0, 1, 100);
    append(&f, 0, 2, 50);
    rig_append(f.rig, 0, 0, 3, 100, 2); /* to an endpoint only */
    f.rig->stream = 1;
    append(&f, 0, 4, 100);
    assert_int_equal(streamed("s"), count);
    rig_mono_us += 700;
    rig_run(f.rig);
    assert_int_equal(streamed("s"), count + 2);
    assert_int_equal(streamed("_bytes"), bytes + 150);
    assert_int_equal(streamed("_microseconds"), us + 1400);
    f.rig->stream = 0;
    append(&f, 0, 5, journal_block_max(&f.rig->log->journal));
    rig_run(f.rig);
    assert_int_equal(rig_done_at(f.rig, 4)->result, ERR_TOO_BIG);
    assert_int_equal(streamed("s"), count + 2);
    end(&f);
}

static int64_t room_told(void)
{
    struct buf text = {0};
    metrics_write(&text);
    const char *line = strstr(buf_cstr(&text), "\nazimuth_log_room_bytes ");
    assert_non_null(line);
    int64_t room = strtoll(line + strlen("\nazimuth_log_room_bytes "), NULL, 10);
    buf_free(&text);
    return room;
}

static void the_room_above_the_reserve_is_told(void **state)
{
    (void)state;
    struct fixture f = begin();
    uint64_t room;
    f.cfg.reserve_bytes = 1 << 20;
    io_mem_capacity(f.io, 3 << 20);
    reopen(&f);
    assert_int_equal(io_free_bytes(f.io, &room), OK);
    append(&f, 0, 1, 100);
    rig_run(f.rig);
    assert_in_range(room_told(), 1, room - (1 << 20));
    io_mem_capacity(f.io, 1 << 20);
    for (uint64_t n = 2; log_accepting(f.rig->log) && n < 1000; n++) {
        append(&f, 0, n, 5000);
        rig_run(f.rig);
    }
    assert_int_equal(room_told(), 0);
    end(&f);
}

/* No reserve is kept and the disk fills up: the journal has room of its own, so nothing is lost. */
static void segments_that_cannot_grow_are_tried_again(void **state)
{
    (void)state;
    struct fixture f = begin();
    io_mem_capacity(f.io, 700 << 10);
    uint64_t id = 0;
    while (log_accepting(f.rig->log)) {
        append(&f, id % 2, id / 2 + 1, 2000);
        id++;
        rig_run(f.rig);
        assert_true(id < 1000);
    }
    assert_true(log_healthy(f.rig->log));
    size_t taken = results(&f, OK);
    for (int i = 0; i < 10; i++) rig_advance(f.rig, OWN_ROOM_EVERY_US);
    io_mem_capacity(f.io, 10 << 20);
    rig_advance(f.rig, (int64_t)2 * OWN_ROOM_EVERY_US);
    assert_true(log_accepting(f.rig->log));
    for (; id < 1000; id++) {
        append(&f, id % 2, id / 2 + 1, 2000);
        rig_run(f.rig);
    }
    assert_int_equal(results(&f, OK), 1000);
    assert_true(taken > 100);
    assert_ids(&f, 0, 500);
    die(&f);
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    assert_ids(&f, 1, 500);
    end(&f);
}

/* Until it takes no more. */
static void fill_disk(struct fixture *f)
{
    io_mem_capacity(f->io, 700 << 10);
    for (uint64_t id = 1; log_accepting(f->rig->log); id++) {
        append(f, 0, id, 2000);
        rig_run(f->rig);
    }
}

/* Or who is refused would be told the opposite four times a second. */
static void the_disk_has_room_once_a_segment_has_grown(void **state)
{
    (void)state;
    struct fixture f = begin();
    fill_disk(&f);
    for (int last = 0; last <= 1; last++) {
        if (last) io_mem_capacity(f.io, 10 << 20);
        rig_mono_us += OWN_ROOM_EVERY_US;
        rig_turn(&f.rig->log_lane); /* asks for segments again */
        assert_false(log_accepting(f.rig->log));
        rig_run(f.rig); /* their answers */
        assert_int_equal(log_accepting(f.rig->log), last);
    }
    end(&f);
}

/* From the n-th one on no file can be opened for a while; true when that was noticed. */
static bool opens_fail_from(uint64_t n)
{
    struct fixture f = begin();
    io_mem_fail(f.io, IO_CALL_OPEN, n, ERR_FULL, true);
    uint64_t id = 0;
    for (; log_accepting(f.rig->log) && id < 400; id++) {
        append(&f, id % 2, id / 2 + 1, 2000);
        rig_run(f.rig);
    }
    bool noticed = !log_accepting(f.rig->log);
    assert_true(log_healthy(f.rig->log));
    io_mem_fail(f.io, IO_CALL_OPEN, 0, OK, false);
    rig_advance(f.rig, (int64_t)2 * OWN_ROOM_EVERY_US);
    assert_true(log_accepting(f.rig->log));
    uint64_t refused = results(&f, ERR_THROTTLED);
    assert_true(refused <= 1);
    for (id -= refused; id < 400; id++) {
        append(&f, id % 2, id / 2 + 1, 2000);
        rig_run(f.rig);
    }
    assert_int_equal(results(&f, OK), 400);
    die(&f);
    assert_int_equal(rig_open(f.rig, &f.cfg), OK);
    assert_ids(&f, 0, 200);
    assert_ids(&f, 1, 200);
    end(&f);
    return noticed;
}

/* As when the process has no descriptor left. */
static void segments_that_cannot_be_opened_are_tried_again(void **state)
{
    (void)state;
    uint64_t n = 1;
    while (opens_fail_from(n)) n++;
    assert_true(n > 8);
}

/* A second request for the same records would outlive the chunk that holds them. */
static void add_chunk_sized(struct tails *t, struct partition *p, uint64_t ordinal)
{
    static uint8_t frame[CHUNK_MAX];
    struct record r = {
        .ordinal = ordinal, .sequence = (int64_t)ordinal, .frame = slice_of(frame, sizeof frame)};
    tails_add(t, p, &r);
    tails_publish(p);
    tails_written(p, ordinal + 1);
}

/* Not one that a reader has, and so many. */
static void chunks_that_leave_memory_are_there_for_others(void **state)
{
    struct tails t;
    struct blob *read;
    uint32_t offset, len;
    uint64_t next, count = 0;
    (void)state;
    tails_init(&t, 0);
    tails_add_stream(&t, 0, 1);
    struct partition *p = tails_partition(&t, 0, 0);
    tails_start(p, (struct mark){0}, (struct mark){0});
    while (count < SPARES_MAX + 1) add_chunk_sized(&t, p, count++);
    assert_true(tails_read(p, 0, CHUNK_MAX, &read, &offset, &len, &next));
    blob_ref(read);
    assert_null(tails_evict(&t));
    assert_int_equal(t.spare_count, SPARES_MAX);
    add_chunk_sized(&t, p, count++);
    assert_int_equal(t.spare_count, SPARES_MAX - 1);
    add_chunk_sized(&t, p, count++);
    assert_null(tails_evict(&t));
    assert_int_equal(t.spare_count, SPARES_MAX);
    for (unsigned i = 0; i < SPARES_MAX + 1; i++) add_chunk_sized(&t, p, count++);
    assert_int_equal(t.spare_count, 0);
    assert_null(tails_evict(&t));
    assert_int_equal(t.spare_count, SPARES_MAX);
    blob_drop(read);
    tails_fini(&t);
}

static void segments_are_not_asked_twice_for_the_same_records(void **state)
{
    (void)state;
    struct fixture f = begin();
    fill_disk(&f);
    io_mem_capacity(f.io, 10 << 20);
    f.rig->log->flushes++; /* as if one were still under way */
    rig_advance(f.rig, (int64_t)4 * OWN_ROOM_EVERY_US);
    assert_false(log_accepting(f.rig->log));
    f.rig->log->flushes--;
    rig_advance(f.rig, (int64_t)4 * OWN_ROOM_EVERY_US);
    assert_true(log_accepting(f.rig->log));
    end(&f);
}

static void a_poisoned_log_still_answers_readers(void **state)
{
    (void)state;
    struct fixture f = begin();
    fill(&f, 0, 1, 10, 100);
    io_mem_fail(f.io, IO_CALL_SYNC, 1, ERR_IO, false);
    append(&f, 0, 11, 100);
    rig_run(f.rig);
    assert_false(log_healthy(f.rig->log));
    assert_false(log_accepting(f.rig->log));
    append(&f, 0, 12, 100);
    rig_run(f.rig);
    assert_int_equal(results(&f, OK), 10);
    assert_int_equal(results(&f, ERR_IO), 2);
    assert_ids(&f, 0, 10);
    end(&f);
}

int main(void)
{
    say_level_max = SAY_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_or_newer_files_are_refused_with_a_reason),
        cmocka_unit_test(a_log_without_its_first_records_is_not_taken_for_whole),
        cmocka_unit_test(limits_of_the_configuration),
        cmocka_unit_test(a_killed_log_has_everything),
        cmocka_unit_test(the_journal_may_change_its_size),
        cmocka_unit_test(a_flipped_bit_is_found_and_costs_little),
        cmocka_unit_test(a_segment_grows_by_blocks_and_ends_with_its_last_record),
        cmocka_unit_test(a_lost_index_costs_only_reading),
        cmocka_unit_test(the_check_names_what_is_wrong),
        cmocka_unit_test(a_batch_over_a_section_is_refused_in_its_turn),
        cmocka_unit_test(what_was_appended_behind_a_refused_batch_is_not_written_with_others),
        cmocka_unit_test(a_commit_takes_a_limited_number_of_batches),
        cmocka_unit_test(a_commit_takes_8_mib),
        cmocka_unit_test(a_large_batch_does_not_wait_for_the_end_of_the_turn),
        cmocka_unit_test(a_writer_keeps_so_much_memory),
        cmocka_unit_test(a_journal_without_a_clean_section_makes_appends_wait),
        cmocka_unit_test(a_section_is_clean_once_its_own_records_are_synced),
        cmocka_unit_test(memory_for_the_newest_records_is_bounded),
        cmocka_unit_test(a_place_in_memory_is_found_across_chunks),
        cmocka_unit_test(what_is_trimmed_leaves_memory_too),
        cmocka_unit_test(what_is_trimmed_is_looked_for_among_records_that_nobody_sees),
        cmocka_unit_test(a_read_that_trimming_overtakes_is_told),
        cmocka_unit_test(retention_that_cannot_sync_stops_the_log_and_want_of_room_does_not),
        cmocka_unit_test(appends_are_refused_below_the_reserve_and_taken_again_above),
        cmocka_unit_test(a_log_that_nobody_uses_sees_that_others_fill_the_disk),
        cmocka_unit_test(a_log_whose_journal_is_removed_takes_nothing_more),
        cmocka_unit_test(what_follows_a_refusal_unheard_is_refused_too),
        cmocka_unit_test(who_appends_fast_does_not_use_up_the_reserve),
        cmocka_unit_test(segments_that_cannot_grow_are_tried_again),
        cmocka_unit_test(segments_that_cannot_be_opened_are_tried_again),
        cmocka_unit_test(the_room_above_the_reserve_is_told),
        cmocka_unit_test(messages_to_the_built_in_stream_are_counted_when_they_are_durable),
        cmocka_unit_test(the_disk_has_room_once_a_segment_has_grown),
        cmocka_unit_test(chunks_that_leave_memory_are_there_for_others),
        cmocka_unit_test(segments_are_not_asked_twice_for_the_same_records),
        cmocka_unit_test(a_poisoned_log_still_answers_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
