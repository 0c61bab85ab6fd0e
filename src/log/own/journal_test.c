/* journal_test.c - what recovery makes of a journal that was torn, damaged or written round. */
#include "base/test.h"

#include "base/io_mem.h"
#include "base/mem.h"
#include "log/own/journal.h"

enum { BYTES = 256 << 10, SECTION = BYTES / JOURNAL_SECTIONS, EPOCH = 77 };

struct bench {
    struct io *io;
    struct journal j;
    struct slice parts[8];
    uint64_t next; /* ordinal */
};

/* What a replay gave. */
struct heard {
    uint64_t count, first, next;
    bool gap;
};

static void begin(struct bench *b)
{
    *b = (struct bench){.io = io_mem_new()};
    assert_int_equal(journal_create(b->io, BYTES), OK);
    assert_int_equal(journal_open(&b->j, b->io, BYTES, EPOCH), OK);
}

static void end(struct bench *b)
{
    journal_close(&b->j);
    io_free(b->io);
}

/* One stamped frame of `size` bytes. */
static void put_frame(struct bench *b, struct block *block, struct buf *out, uint32_t size)
{
    size_t at = out->len;
    uint8_t *frame = buf_reserve(out, size);
    memset(frame, 0, RECORD_HEAD);
    memset(frame + RECORD_HEAD, 'x', size - RECORD_HEAD);
    memcpy(frame, &size, sizeof size);
    buf_commit(out, size);
    record_stamp(out->ptr + at, b->next, (int64_t)b->next, 1);
    block_note(block, out->ptr + at);
    b->next++;
}

/* A commit of `count` frames; false when it needs the next section. */
static bool commit(struct bench *b, unsigned count, uint32_t size)
{
    struct buf frames = {0};
    struct block block = {.parts = b->parts, .part_max = 8};
    uint64_t before = b->next;
    block_begin(&block);
    for (unsigned i = 0; i < count; i++) put_frame(b, &block, &frames, size);
    block_add(&block, buf_slice(&frames));
    bool fits = journal_fits(&b->j, &block);
    if (fits)
        assert_int_equal(journal_write(&b->j, &block), OK);
    else
        b->next = before;
    buf_free(&frames);
    return fits;
}

static void commit_anyway(struct bench *b, unsigned count, uint32_t size)
{
    if (commit(b, count, size)) return;
    journal_turn(&b->j);
    assert_true(commit(b, count, size));
}

static enum err hear(void *ctx, const struct record *r)
{
    struct heard *h = ctx;
    if (h->count++ == 0)
        h->first = r->ordinal;
    else
        h->gap |= r->ordinal != h->next;
    h->next = r->ordinal + 1;
    return OK;
}

static enum err replay(struct bench *b, uint64_t epoch, struct heard *h)
{
    struct journal again;
    *h = (struct heard){0};
    assert_int_equal(journal_open(&again, b->io, BYTES, epoch), OK);
    enum err err = journal_replay(&again, hear, h);
    journal_close(&again);
    return err;
}

static void patch(struct bench *b, uint64_t offset, struct slice bytes)
{
    assert_int_equal(io_write_at(b->j.file, offset, bytes), OK);
}

/* ---- */

static void a_journal_that_was_cut_short_is_damage(void **state)
{
    (void)state;
    struct bench b;
    struct journal again;
    begin(&b);
    assert_true(commit(&b, 1, 100));
    assert_int_equal(io_truncate(b.j.file, BYTES - 1), OK);
    assert_int_equal(journal_open(&again, b.io, BYTES, EPOCH), ERR_CORRUPT);
    assert_int_equal(io_truncate(b.j.file, 0), OK);
    assert_int_equal(journal_open(&again, b.io, BYTES, EPOCH), ERR_CORRUPT);
    end(&b);
}

static void an_empty_journal_gives_nothing(void **state)
{
    (void)state;
    struct bench b;
    struct heard h;
    begin(&b);
    assert_int_equal(replay(&b, EPOCH, &h), OK);
    assert_int_equal(h.count, 0);
    end(&b);
}

static void commits_come_back_in_order_and_only_in_their_epoch(void **state)
{
    (void)state;
    struct bench b;
    struct heard h;
    begin(&b);
    for (unsigned i = 1; i <= 5; i++) commit_anyway(&b, i, 100 + i * 1000);
    assert_int_equal(replay(&b, EPOCH, &h), OK);
    assert_int_equal(h.count, 15);
    assert_false(h.gap);
    assert_int_equal(replay(&b, EPOCH + 1, &h), OK);
    assert_int_equal(h.count, 0);
    end(&b);
}

/* Behind the tear: zeros, other bytes, or an older block. */
static void a_torn_last_commit_is_cut_wherever_it_tears(void **state)
{
    (void)state;
    static const uint8_t fillers[] = {0, 0xff, 'x'};
    struct bench b;
    struct heard h;
    begin(&b);
    commit_anyway(&b, 3, 200);
    commit_anyway(&b, 2, 300);
    uint64_t start = b.j.at;
    commit_anyway(&b, 4, 250);
    uint8_t whole[JOURNAL_HEAD + 4 * 250];
    size_t got;
    assert_int_equal(io_read_at(b.j.file, start, whole, sizeof whole, &got), OK);
    for (size_t f = 0; f < sizeof fillers; f++)
        for (size_t cut = 0; cut < sizeof whole; cut++) {
            uint8_t torn[sizeof whole];
            memcpy(torn, whole, cut);
            memset(torn + cut, fillers[f], sizeof torn - cut);
            patch(&b, start, slice_of(torn, sizeof torn));
            bool same = memcmp(torn, whole, sizeof torn) == 0;
            assert_int_equal(replay(&b, EPOCH, &h), OK);
            assert_int_equal(h.count, same ? 9 : 5);
        }
    end(&b);
}

static void a_flipped_bit_in_a_durable_commit_is_an_error(void **state)
{
    (void)state;
    struct bench b;
    struct heard h;
    begin(&b);
    for (int i = 0; i < 3; i++) commit_anyway(&b, 2, 150);
    for (uint64_t at = 0; at < JOURNAL_HEAD + 2 * 150; at++) {
        uint8_t byte, flipped;
        size_t got;
        assert_int_equal(io_read_at(b.j.file, at, &byte, 1, &got), OK);
        flipped = byte ^ 1;
        patch(&b, at, slice_of(&flipped, 1));
        assert_int_equal(replay(&b, EPOCH, &h), ERR_CORRUPT);
        patch(&b, at, slice_of(&byte, 1));
    }
    assert_int_equal(replay(&b, EPOCH, &h), OK);
    end(&b);
}

/* Written round several times, it gives the newest commits without a gap. */
static void a_recycled_journal_never_gives_old_commits(void **state)
{
    (void)state;
    struct bench b;
    struct heard h;
    begin(&b);
    unsigned turns = 0;
    for (unsigned i = 0; i < 300; i++) {
        if (!commit(&b, 1 + i % 3, 100 + i * 37 % 9000)) {
            journal_turn(&b.j);
            b.j.settled = b.j.commit - 1; /* as if all of it were in segments */
            turns++;
            continue;
        }
        assert_int_equal(replay(&b, EPOCH, &h), OK);
        assert_false(h.gap);
        assert_int_equal(h.next, b.next);
    }
    assert_true(turns > 5 * JOURNAL_SECTIONS);
    end(&b);
}

/* A commit of before the last turn is missing: fine if it was settled, else an error. */
static void a_missing_section_matters_unless_it_was_settled(void **state)
{
    (void)state;
    for (int settled = 0; settled < 2; settled++) {
        struct bench b;
        struct heard h;
        uint8_t rubbish = 'r';
        begin(&b);
        commit_anyway(&b, 1, 60000);
        commit_anyway(&b, 1, 60000);
        b.j.settled = settled ? 2 : 0;
        commit_anyway(&b, 1, 60000);
        patch(&b, SECTION + 1000, slice_of(&rubbish, 1));
        assert_int_equal(replay(&b, EPOCH, &h), settled ? OK : ERR_CORRUPT);
        end(&b);
    }
}

/* The first block of the newest section is damaged, the second is not. */
static void a_damaged_beginning_does_not_hide_what_follows(void **state)
{
    (void)state;
    struct bench b;
    struct heard h;
    uint8_t rubbish = 'r';
    begin(&b);
    commit_anyway(&b, 1, 60000);
    commit_anyway(&b, 1, 6000);
    commit_anyway(&b, 1, 6000);
    patch(&b, SECTION + 3, slice_of(&rubbish, 1));
    assert_int_equal(replay(&b, EPOCH, &h), ERR_CORRUPT);
    end(&b);
}

/* Bytes that a device sends cannot become a block: they do not know the epoch. */
static void a_forged_block_inside_a_record_is_not_found(void **state)
{
    (void)state;
    struct bench b;
    struct heard h;
    uint8_t forged[JOURNAL_PAGE];
    size_t got;
    begin(&b);
    b.j.epoch = EPOCH + 1;
    b.j.commit = 2;
    commit_anyway(&b, 1, 200);
    assert_int_equal(io_read_at(b.j.file, 0, forged, sizeof forged, &got), OK);
    journal_restart(&b.j, EPOCH);
    b.next = 0;
    commit_anyway(&b, 1, 200);
    patch(&b, JOURNAL_PAGE, slice_of(forged, sizeof forged));
    assert_int_equal(replay(&b, EPOCH, &h), OK);
    assert_int_equal(h.count, 1);
    end(&b);
}

static void the_largest_block_fills_a_section(void **state)
{
    (void)state;
    struct bench b;
    struct heard h;
    begin(&b);
    assert_int_equal(journal_block_max(&b.j), SECTION - JOURNAL_HEAD);
    assert_true(commit(&b, 1, SECTION - JOURNAL_HEAD));
    assert_false(commit(&b, 1, RECORD_HEAD));
    journal_turn(&b.j);
    assert_false(commit(&b, 1, SECTION - JOURNAL_HEAD + 1));
    assert_true(commit(&b, 1, RECORD_HEAD));
    assert_int_equal(replay(&b, EPOCH, &h), OK);
    assert_int_equal(h.count, 2);
    end(&b);
}

static void a_failed_write_or_sync_is_reported(void **state)
{
    (void)state;
    static const enum io_call calls[] = {IO_CALL_WRITE, IO_CALL_SYNC};
    for (size_t i = 0; i < 2; i++) {
        struct bench b;
        struct buf frames = {0};
        struct block block;
        begin(&b);
        block = (struct block){.parts = b.parts, .part_max = 8};
        block_begin(&block);
        put_frame(&b, &block, &frames, 100);
        block_add(&block, buf_slice(&frames));
        io_mem_fail(b.io, calls[i], 1, ERR_FULL, false);
        assert_int_equal(journal_write(&b.j, &block), ERR_FULL);
        buf_free(&frames);
        end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_that_was_cut_short_is_damage),
        cmocka_unit_test(an_empty_journal_gives_nothing),
        cmocka_unit_test(commits_come_back_in_order_and_only_in_their_epoch),
        cmocka_unit_test(a_torn_last_commit_is_cut_wherever_it_tears),
        cmocka_unit_test(a_flipped_bit_in_a_durable_commit_is_an_error),
        cmocka_unit_test(a_recycled_journal_never_gives_old_commits),
        cmocka_unit_test(a_missing_section_matters_unless_it_was_settled),
        cmocka_unit_test(a_damaged_beginning_does_not_hide_what_follows),
        cmocka_unit_test(a_forged_block_inside_a_record_is_not_found),
        cmocka_unit_test(the_largest_block_fills_a_section),
        cmocka_unit_test(a_failed_write_or_sync_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
