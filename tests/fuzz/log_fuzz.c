/* log_fuzz.c - a log's files full of anything: opening them must not crash, and what opens must work.
 *
 * Input: a byte of REPAIR_ bits and RESIZE, u16 length of journal, u16 length of segment, journal, segment, and
 * the rest is the segment's index.  The journal is given as cells of 512 bytes that go in turn to the
 * first page of each section, then to the second of each.  Repairing puts in what a fuzzer cannot
 * guess: magic numbers, the epoch, checksums.  RESIZE: the first start is told of a larger journal, the next of one
 * as it was.
 */
#include "base/crc32c.h"
#include "base/cur.h"
#include "base/io_mem.h"
#include "base/say.h"
#include "fuzz.h"
#include "log/log_rig.h"
#include "log/own/own.h"

enum { REPAIR_JOURNAL = 1, REPAIR_SEGMENT = 2, REPAIR_INDEX = 4, RESIZE = 8 };
enum { CELL = 512, READ_MAX = 4096 };
enum { INDEX_ENTRY = 40, SECTION = LOG_JOURNAL_MIN / JOURNAL_SECTIONS };

static const uint8_t epoch[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const char meta[] =
    "azimuth-log 1\npartitions 2\ncreated 1\njournal 262144\nepoch 0102030405060708\n";

static void put_le32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, sizeof v);
}

/* ---- checksums */

static uint32_t frame_size(struct slice rest)
{
    uint32_t size;
    if (rest.len < RECORD_HEAD) return 0;
    memcpy(&size, rest.ptr, sizeof size);
    return size >= RECORD_HEAD && size <= rest.len ? size : 0;
}

/* Frame after frame; returns the bytes of those that are whole, and the CRC over their first ones. */
static size_t repair_frames(uint8_t *bytes, size_t len, uint32_t *noted, uint32_t *count)
{
    size_t at = 0;
    for (uint32_t size; (size = frame_size(slice_of(bytes + at, len - at))) != 0; at += size) {
        put_le32(bytes + at + 4, crc32c(0, bytes + at + 8, size - 8));
        *noted = crc32c(*noted, bytes + at, 8);
        ++*count;
    }
    return at;
}

static void repair_block(uint8_t cell[CELL])
{
    uint32_t noted = 0, count = 0;
    size_t frames = repair_frames(cell + JOURNAL_HEAD, CELL - JOURNAL_HEAD, &noted, &count);
    memcpy(cell, "AZJB", 4);
    memcpy(cell + 8, epoch, sizeof epoch);
    put_le32(cell + 32, (uint32_t)(JOURNAL_HEAD + frames));
    put_le32(cell + 36, count);
    put_le32(cell + 4, crc32c(noted, cell + 8, JOURNAL_HEAD - 8));
}

static void repair_segment(uint8_t *bytes, size_t len)
{
    uint32_t noted = 0, count = 0;
    if (len < SEGMENT_HEAD) return;
    memcpy(bytes, "AZJSEG\0", 8);
    put_le32(bytes + 8, 1);
    put_le32(bytes + 12, crc32c(0, bytes + 16, SEGMENT_HEAD - 16));
    repair_frames(bytes + SEGMENT_HEAD, len - SEGMENT_HEAD, &noted, &count);
}

static void repair_index(uint8_t *bytes, size_t len, uint64_t ordinal)
{
    for (size_t at = 0; at + INDEX_ENTRY <= len; at += INDEX_ENTRY)
        put_le32(bytes + at + 36, crc32c(crc32c(0, &ordinal, sizeof ordinal), bytes + at, 36));
}

/* ---- files */

static void store(struct io *io, const char *path, struct slice bytes)
{
    enum err err = io_store(io, path, bytes);
    assert(err == OK);
}

static void store_journal(struct io *io, struct slice cells, bool repair)
{
    struct io_file *f;
    enum err err = journal_create(io, LOG_JOURNAL_MIN);
    if (err == OK) err = io_open_file(io, "journal", IO_WRITE, &f);
    assert(err == OK);
    for (uint64_t i = 0; cells.len && i < 4 * SECTION / JOURNAL_PAGE; i++) {
        uint8_t cell[CELL] = {0};
        struct slice piece = slice_head(cells, CELL);
        memcpy(cell, piece.ptr, piece.len);
        if (repair) repair_block(cell);
        uint64_t at = i % JOURNAL_SECTIONS * SECTION + i / JOURNAL_SECTIONS * JOURNAL_PAGE;
        err = io_write_at(f, at, slice_of(cell, CELL));
        assert(err == OK);
        cells = slice_from(cells, piece.len);
    }
    io_close(f);
}

/* The file is named as its head says. */
static void store_segment(struct io *io, struct slice segment, struct slice index, unsigned repair)
{
    char path[IO_NAME_MAX];
    struct shelf_id id = {0, 0};
    uint64_t ordinal = 0;
    struct buf s = {0}, x = {0};
    buf_put_slice(&s, segment);
    buf_put_slice(&x, index);
    if (segment.len >= SEGMENT_HEAD) memcpy(&ordinal, segment.ptr + 24, sizeof ordinal);
    if (repair & REPAIR_SEGMENT) repair_segment(s.ptr, s.len);
    if (repair & REPAIR_INDEX) repair_index(x.ptr, x.len, ordinal);
    segment_path(id, ordinal, ".log", path);
    store(io, path, buf_slice(&s));
    segment_path(id, ordinal, ".idx", path);
    if (index.len) store(io, path, buf_slice(&x));
    buf_free(&s);
    buf_free(&x);
}

static struct io *make_files(struct slice input)
{
    struct io *io = io_mem_new();
    struct cur c = cur_of(input);
    unsigned repair = cur_u8(&c);
    size_t journal_len = cur_le16(&c), segment_len = cur_le16(&c);
    struct slice rest = cur_rest(&c);
    enum err err = io_make_dir(io, "streams/0/0");
    assert(err == OK);
    store(io, "log.meta", slice_of(meta, sizeof meta - 1));
    store_journal(io, slice_head(rest, journal_len), repair & REPAIR_JOURNAL);
    rest = slice_from(rest, journal_len);
    if (segment_len)
        store_segment(io, slice_head(rest, segment_len), slice_from(rest, segment_len), repair);
    return io;
}

/* ---- */

static void count(void *ctx, const struct record *rec)
{
    (void)rec;
    ++*(uint64_t *)ctx;
}

/* What opened takes records and, if the check found it whole, gives them back, now and after the next
 * start. */
static void use(struct rig *r, struct log_config *cfg, bool whole)
{
    struct log_ends ends[2];
    for (unsigned p = 0; p < 2; p++) {
        uint64_t records = 0;
        ends[p] = rig_ends(r, p);
        enum err err = rig_read_all(r, p, ends[p].first_ordinal, READ_MAX, count, &records);
        assert(err == OK || !whole);
        assert(err != OK || records == ends[p].next_ordinal - ends[p].first_ordinal);
        rig_append(r, 0, p, 7, 100, RECORD_TO_STREAM);
    }
    rig_run(r);
    assert(rig_done_count(r) == 2 && rig_done_at(r, 1)->result == OK);
    rig_close(r);
    cfg->journal_bytes = LOG_JOURNAL_MIN;
    enum err err = rig_open(r, cfg);
    assert(err == OK);
    for (unsigned p = 0; p < 2; p++) {
        assert(rig_ends(r, p).next_ordinal == ends[p].next_ordinal + 1);
        enum err read = rig_read(r, p, ends[p].next_ordinal, READ_MAX, false)->err;
        assert(read == OK || !whole);
    }
}

void fuzz_one(struct slice input)
{
    struct log_check check;
    say_level_max = SAY_ERROR;
    struct log_config cfg = {.io = make_files(input), .partitions = 2};
    bool resize = input.len && input.ptr[0] & RESIZE;
    cfg.journal_bytes = resize ? 2 * LOG_JOURNAL_MIN : LOG_JOURNAL_MIN;
    struct rig *r = rig_new();
    enum err looked = log_check(cfg.io, &check);
    enum err opened = rig_open(r, &cfg);
    assert(looked != OK || opened == OK);
    if (opened == OK) use(r, &cfg, looked == OK);
    rig_free(r);
    io_free(cfg.io);
}
