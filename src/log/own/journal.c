/* journal.c - group commit into one preallocated, recycled file.
 *
 * The file `journal` is a row of JOURNAL_SECTIONS sections of equal size, written round and round.
 * A commit is one block; blocks follow each other in a section, each at a multiple of JOURNAL_PAGE
 * so that a torn write cannot touch an earlier commit.  A block that does not fit into the rest of a
 * section begins the next one.  Little-endian:
 *
 *    0  u32 magic     "AZJB"
 *    4  u32 crc       CRC32C over the first 8 bytes (size, crc) of each frame, then over 8 .. 40
 *    8  u64 epoch     of the journal, from log.meta: random, so no stored bytes can pretend to be it
 *   16  u64 commit    1, 2, 3 .. within an epoch, without gaps
 *   24  u64 settled   commits up to this one are durable in segments
 *   32  u32 bytes     head and frames, without the padding
 *   36  u32 frames    their count
 *   40  frames        record.h, of all partitions, in the order of their ordinals per partition
 *    .. zeros up to the next page
 *
 * A block is valid when all of that fits together and the CRC of every frame is right.  Since each
 * block is synced before the next is written, an invalid block at the end is a commit that was never
 * acknowledged, and is cut.
 *
 * Recycling.  A section is written again when its records are durable in segments.  What lies behind
 * the newest block is then an older block of the same epoch, with a smaller commit number, or the
 * middle of one: neither continues the row of numbers.  After recovery everything is durable in
 * segments and a new epoch begins, so that nothing of before can come back.
 *
 * Recovery.  The sections with a valid first block are taken in the order of its commit number; each
 * is read until the row breaks.  Acknowledged records must not be cut in silence, so two things are
 * checked: no commit after the newest block's `settled` is missing in the row, and no page behind a
 * break holds a valid block with a number higher than the newest one's.
 */
#include "log/own/journal.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/cur.h"
#include "base/num.h"
#include "log/own/window.h"

static const char journal_path[] = "journal";
static const uint8_t magic[4] = "AZJB";

enum { CRC_FROM = 8, FRAME_NOTE = 8 };

static uint64_t round_to_page(uint64_t bytes)
{
    return (bytes + JOURNAL_PAGE - 1) / JOURNAL_PAGE * JOURNAL_PAGE;
}

static uint64_t section_of(uint64_t file_bytes)
{
    return file_bytes / JOURNAL_SECTIONS / JOURNAL_PAGE * JOURNAL_PAGE;
}

/* ---- the file */

/* Never shorter meanwhile than it was or shall be: journal_open() would call that damage. */
static enum err fill(struct io *io, struct io_file *f, uint64_t bytes)
{
    TRY(io_allocate(f, bytes));
    TRY(io_truncate(f, bytes));
    TRY(io_sync(f));
    return io_sync_dir(io, ".");
}

enum err journal_create(struct io *io, uint64_t bytes)
{
    struct io_file *f;
    TRY(io_open_file(io, journal_path, IO_WRITE | IO_CREATE, &f));
    enum err err = fill(io, f, bytes);
    io_close(f);
    return err;
}

bool journal_is_there(struct io *io)
{
    return io_exists(io, journal_path);
}

void journal_close(struct journal *j)
{
    io_close(j->file);
    j->file = NULL;
}

/* What was cut off may have held commits, of which nothing else would tell. */
static enum err check_size(struct io_file *f, uint64_t bytes)
{
    uint64_t size;
    TRY(io_size(f, &size));
    if (size >= bytes) return OK;
    return fail(ERR_CORRUPT, "journal: only %llu of its %llu bytes are there",
                (unsigned long long)size, (unsigned long long)bytes);
}

enum err journal_open(struct journal *j, struct io *io, uint64_t bytes, uint64_t epoch)
{
    *j = (struct journal){.section_bytes = section_of(bytes)};
    journal_restart(j, epoch);
    TRY(io_open_file(io, journal_path, IO_READ | IO_WRITE | IO_DIRECT, &j->file));
    enum err err = check_size(j->file, bytes);
    if (err != OK) journal_close(j);
    return err;
}

void journal_restart(struct journal *j, uint64_t epoch)
{
    j->epoch = epoch;
    j->commit = 1;
    j->settled = 0;
    j->section = 0;
    j->at = 0;
}

/* ---- writing */

uint64_t journal_block_max(const struct journal *j)
{
    return MIN(j->section_bytes, (uint64_t)JOURNAL_BLOCK_MAX) - JOURNAL_HEAD;
}

void block_begin(struct block *b)
{
    b->part_count = 1;
    b->bytes = JOURNAL_HEAD;
    b->frames = 0;
    b->crc = 0;
}

void block_add(struct block *b, struct slice frames)
{
    assert(block_has_room(b));
    b->parts[b->part_count++] = frames;
    b->bytes += frames.len;
}

void block_note(struct block *b, const uint8_t *frame)
{
    b->crc = crc32c(b->crc, frame, FRAME_NOTE);
    b->frames++;
}

bool journal_fits(const struct journal *j, const struct block *b)
{
    return round_to_page(b->bytes) <= j->section_bytes - j->at;
}

void journal_turn(struct journal *j)
{
    j->section = (j->section + 1) % JOURNAL_SECTIONS;
    j->at = 0;
}

static void put_head(const struct journal *j, const struct block *b, struct buf *out)
{
    buf_put(out, magic, sizeof magic);
    buf_put_le32(out, 0);
    buf_put_le64(out, j->epoch);
    buf_put_le64(out, j->commit);
    buf_put_le64(out, j->settled);
    buf_put_le32(out, (uint32_t)b->bytes);
    buf_put_le32(out, b->frames);
    uint32_t crc = crc32c(b->crc, out->ptr + CRC_FROM, JOURNAL_HEAD - CRC_FROM);
    memcpy(out->ptr + 4, &crc, sizeof crc);
}

enum err journal_write(struct journal *j, struct block *b)
{
    static const uint8_t zeros[JOURNAL_PAGE];
    uint64_t whole = round_to_page(b->bytes);
    assert(journal_fits(j, b));
    struct buf head = {0};
    put_head(j, b, &head);
    b->parts[0] = buf_slice(&head);
    b->parts[b->part_count++] = slice_of(zeros, (size_t)(whole - b->bytes));
    uint64_t offset = j->section * j->section_bytes + j->at;
    enum err err = io_writev_at(j->file, offset, b->parts, b->part_count);
    buf_free(&head);
    TRY(err);
    TRY(io_sync(j->file));
    j->at += whole;
    j->commit++;
    return OK;
}

/* ---- recovery */

struct scan {
    const struct journal *j;
    struct window window;
    uint64_t last;    /* commit replayed */
    uint64_t missing; /* the last one before it that was not found */
    uint64_t settled; /* as the last one says */
};

/* A block as found in the file. */
struct found {
    uint64_t commit, settled;
    uint64_t bytes;
    struct slice frames; /* borrowed from the window */
};

/* ERR_NOT_FOUND: no valid head here. */
static enum err find_head(struct scan *s, uint64_t offset, uint64_t room, struct found *out)
{
    struct slice at;
    TRY(window_at(&s->window, offset, JOURNAL_HEAD, &at));
    struct cur c = cur_of(slice_head(at, JOURNAL_HEAD));
    struct slice mark = cur_take(&c, sizeof magic);
    cur_le32(&c);
    uint64_t epoch = cur_le64(&c);
    out->commit = cur_le64(&c);
    out->settled = cur_le64(&c);
    out->bytes = cur_le32(&c);
    if (c.bad || !slice_eq(mark, slice_of(magic, sizeof magic)) || epoch != s->j->epoch ||
        out->commit == 0 || out->bytes < JOURNAL_HEAD || out->bytes > room)
        return ERR_NOT_FOUND;
    return OK;
}

/* All frames whole and right, as many as the head says, and the head's CRC. */
static bool is_whole(struct slice block)
{
    struct cur c = cur_of(slice_head(slice_from(block, 4), JOURNAL_HEAD - 4));
    uint32_t crc = cur_le32(&c), noted = 0, count = 0;
    cur_take(&c, 28);
    uint32_t frames = cur_le32(&c);
    struct slice rest = slice_from(block, JOURNAL_HEAD);
    struct record r;
    for (; rest.len; rest = slice_from(rest, r.frame.len), count++) {
        if (record_parse(rest, &r) != OK || !record_check(r.frame)) return false;
        noted = crc32c(noted, r.frame.ptr, FRAME_NOTE);
    }
    return count == frames && crc == crc32c(noted, block.ptr + CRC_FROM, JOURNAL_HEAD - CRC_FROM);
}

/* The block at an offset of the file.  ERR_NOT_FOUND: no valid one. */
static enum err find_block(struct scan *s, uint64_t offset, uint64_t room, struct found *out)
{
    struct slice block;
    TRY(find_head(s, offset, room, out));
    TRY(window_at(&s->window, offset, (size_t)out->bytes, &block));
    if (block.len < out->bytes) return ERR_NOT_FOUND;
    block = slice_head(block, (size_t)out->bytes);
    out->frames = slice_from(block, JOURNAL_HEAD);
    return is_whole(block) ? OK : ERR_NOT_FOUND;
}

static enum err replay_block(struct scan *s, const struct found *b, journal_frame_fn fn, void *ctx)
{
    if (b->commit != s->last + 1) s->missing = b->commit - 1;
    s->last = b->commit;
    s->settled = b->settled;
    struct record r;
    for (struct slice rest = b->frames; rest.len; rest = slice_from(rest, r.frame.len)) {
        enum err whole = record_parse(rest, &r);
        assert(whole == OK);
        TRY(fn(ctx, &r));
    }
    return OK;
}

/* Replays the row of blocks from the start of a section; *at becomes where it breaks. */
static enum err replay_row(struct scan *s, uint64_t start, uint64_t *at, journal_frame_fn fn,
                           void *ctx)
{
    uint64_t expected = 0;
    struct found b;
    while (*at < s->j->section_bytes) {
        enum err err = find_block(s, start + *at, s->j->section_bytes - *at, &b);
        if (err == ERR_NOT_FOUND || (err == OK && expected && b.commit != expected)) break;
        TRY(err);
        TRY(replay_block(s, &b, fn, ctx));
        expected = b.commit + 1;
        *at += round_to_page(b.bytes);
    }
    return OK;
}

static enum err damaged(uint64_t commit)
{
    return fail(ERR_CORRUPT, "%s: commit %llu is damaged or missing", journal_path,
                (unsigned long long)commit);
}

/* Is there a later commit than the last one behind the end of a section's row? */
static enum err find_stray(struct scan *s, uint64_t start, uint64_t at)
{
    struct found b;
    for (; at < s->j->section_bytes; at += JOURNAL_PAGE) {
        enum err err = find_block(s, start + at, s->j->section_bytes - at, &b);
        if (err == ERR_NOT_FOUND || (err == OK && b.commit <= s->last)) continue;
        TRY(err);
        return damaged(s->last + 1);
    }
    return OK;
}

struct section {
    unsigned index;
    uint64_t first; /* commit; 0: no valid block at its start */
    uint64_t end;   /* of its row */
};

static int by_first(const void *a, const void *b)
{
    const struct section *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static enum err order_sections(struct scan *s, struct section sections[JOURNAL_SECTIONS])
{
    for (unsigned i = 0; i < JOURNAL_SECTIONS; i++) {
        struct found b;
        enum err err = find_block(s, i * s->j->section_bytes, s->j->section_bytes, &b);
        if (err != OK && err != ERR_NOT_FOUND) return err;
        sections[i] = (struct section){.index = i, .first = err == OK ? b.commit : 0};
    }
    qsort(sections, JOURNAL_SECTIONS, sizeof *sections, by_first);
    return OK;
}

static enum err replay_all(struct scan *s, journal_frame_fn fn, void *ctx)
{
    struct section sections[JOURNAL_SECTIONS];
    TRY(order_sections(s, sections));
    for (unsigned i = 0; i < JOURNAL_SECTIONS; i++)
        if (sections[i].first)
            TRY(replay_row(s, sections[i].index * s->j->section_bytes, &sections[i].end, fn, ctx));
    if (s->missing > s->settled) return damaged(s->missing);
    for (unsigned i = 0; i < JOURNAL_SECTIONS; i++)
        TRY(find_stray(s, sections[i].index * s->j->section_bytes, sections[i].end));
    return OK;
}

enum err journal_replay(struct journal *j, journal_frame_fn fn, void *ctx)
{
    struct scan s = {.j = j, .window.file = j->file};
    enum err err = replay_all(&s, fn, ctx);
    window_free(&s.window);
    return err;
}
