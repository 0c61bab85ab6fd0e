/* segment.c - segment files and their indexes.
 *
 * streams/<stream>/<partition>/<first ordinal, 20 digits>.log, little-endian:
 *
 *    0  u8[8] magic      "AZJSEG\0\0"
 *    8  u32   version    1
 *   12  u32   crc        CRC32C over 16 .. 64
 *   16  u16   stream
 *   18  u16   partition
 *   20  u32   0
 *   24  mark  the numbers of the first record (below)
 *   56  u64   0
 *   64  frames (record.h) without gaps: ordinals rise by one, sequences of those that readers of the
 *       stream see rise by one, enqueued times never fall
 *       in the newest segment, zeros to the end of a block of IO_BLOCK bytes
 *
 * A mark is u64 ordinal, i64 sequence, i64 enqueued_us, i64 visible_us (mark.h).
 *
 * The index beside it, <first ordinal>.idx, is a row of entries of 40 bytes:
 *
 *    0  mark  of the frame at `offset`
 *   32  u32   offset
 *   36  u32   crc        CRC32C over the segment's first ordinal (u64), then over 0 .. 36
 *
 * with offsets that rise.  There is one for each SEGMENT_INDEX_EVERY bytes, and one for the end of
 * the file at each sync.  Entries are written after the sync of the bytes before `offset`: an entry
 * that is there promises that these bytes are durable.  Nothing promises that the entry itself is,
 * except in a sealed segment; a missing one costs reading.
 *
 * Only committed records come here, so a crash leaves the newest segment with a durable beginning,
 * as its index says, then perhaps more whole frames, then rubbish: that is cut, and the journal has
 * what was in it.  A segment is sealed (file and index synced) before the next one is made, so only
 * the newest needs looking at.
 */
#include "log/own/segment.h"

#include <stdio.h>

#include "base/crc32c.h"
#include "log/own/walk.h"

enum {
    ROOM_LEAST = 512 << 10,
    INDEX_ENTRY = 40,
    INDEX_CRC_AT = 36,
    HEAD_CRC_AT = 12,
    HEAD_CRC_FROM = 16,
    VERSION = 1
};

static const uint8_t magic[8] = "AZJSEG\0";

/* ---- names */

void segment_dir(struct shelf_id id, char out[IO_NAME_MAX])
{
    snprintf(out, IO_NAME_MAX, "streams/%u/%u", id.stream, id.partition);
}

void segment_path(struct shelf_id id, uint64_t ordinal, const char *suffix, char out[IO_NAME_MAX])
{
    snprintf(out, IO_NAME_MAX, "streams/%u/%u/%020llu%s", id.stream, id.partition,
             (unsigned long long)ordinal, suffix);
}

/* ---- head */

static void put_head(struct buf *out, struct shelf_id id, const struct mark *first)
{
    buf_put(out, magic, sizeof magic);
    buf_put_le32(out, VERSION);
    buf_put_le32(out, 0);
    buf_put_le16(out, id.stream);
    buf_put_le16(out, id.partition);
    buf_put_le32(out, 0);
    mark_put(out, first);
    buf_put_le64(out, 0);
    uint32_t crc = crc32c(0, out->ptr + HEAD_CRC_FROM, SEGMENT_HEAD - HEAD_CRC_FROM);
    memcpy(out->ptr + HEAD_CRC_AT, &crc, sizeof crc);
}

/* ERR_NOT_FOUND: not a whole head, as a crash may leave it. */
static enum err parse_head(struct slice head, struct shelf_id id, uint64_t ordinal,
                           struct mark *out)
{
    char path[IO_NAME_MAX];
    segment_path(id, ordinal, ".log", path);
    struct cur c = cur_of(head);
    bool ours = slice_eq(cur_take(&c, sizeof magic), slice_of(magic, sizeof magic));
    uint32_t version = cur_le32(&c), crc = cur_le32(&c);
    struct shelf_id of = {.stream = cur_le16(&c)};
    of.partition = cur_le16(&c);
    cur_le32(&c);
    *out = mark_get(&c);
    if (c.bad || !ours || crc != crc32c(0, head.ptr + HEAD_CRC_FROM, SEGMENT_HEAD - HEAD_CRC_FROM))
        return fail(ERR_NOT_FOUND, "%s: damaged head", path);
    if (version > VERSION)
        return fail(ERR_VERSION, "%s: written in format %u, this program knows up to %d", path,
                    version, VERSION);
    if (of.stream != id.stream || of.partition != id.partition || out->ordinal != ordinal ||
        !mark_is_possible(out))
        return fail(ERR_CORRUPT, "%s: belongs elsewhere", path);
    return OK;
}

static enum err read_head(struct io_file *f, struct shelf_id id, uint64_t ordinal, struct mark *out)
{
    uint8_t head[SEGMENT_HEAD];
    size_t got;
    TRY(io_read_at(f, 0, head, sizeof head, &got));
    return parse_head(slice_of(head, got), id, ordinal, out);
}

/* ---- index */

static const struct index_entry *entries_of(const struct segment *s, size_t *count)
{
    *count = buf_size(&s->index) / sizeof(struct index_entry);
    return (const struct index_entry *)(const void *)s->index.ptr;
}

static void add_entry(struct segment *s, const struct mark *m, uint64_t offset)
{
    struct index_entry e = {*m, (uint32_t)offset};
    buf_put(&s->index, &e, sizeof e);
}

static uint64_t last_offset(const struct segment *s)
{
    size_t count;
    const struct index_entry *e = entries_of(s, &count);
    return count ? e[count - 1].offset : SEGMENT_HEAD;
}

static uint32_t entry_crc(uint64_t segment, const uint8_t *entry)
{
    return crc32c(crc32c(0, &segment, sizeof segment), entry, INDEX_CRC_AT);
}

/* The valid entries at the start of an index file, as far as they make sense for `bytes` of file. */
static void parse_index(struct slice file, uint64_t segment, struct buf *out)
{
    uint64_t last = SEGMENT_HEAD;
    for (struct slice rest = file; rest.len >= INDEX_ENTRY; rest = slice_from(rest, INDEX_ENTRY)) {
        struct cur c = cur_of(slice_head(rest, INDEX_ENTRY));
        struct index_entry e = {.mark = mark_get(&c)};
        e.offset = cur_le32(&c);
        if (cur_le32(&c) != entry_crc(segment, rest.ptr) || e.offset <= last ||
            !mark_is_possible(&e.mark))
            break;
        last = e.offset;
        buf_put(out, &e, sizeof e);
    }
}

enum err segment_load_index(struct io *io, struct shelf_id id, uint64_t ordinal, struct buf *out)
{
    char path[IO_NAME_MAX];
    struct buf file = {0};
    segment_path(id, ordinal, ".idx", path);
    enum err err = io_load(io, path, &file);
    if (err == OK) parse_index(buf_slice(&file), ordinal, out);
    buf_free(&file);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* Entries that are not in the file yet. */
static void put_new_entries(const struct segment *s, struct buf *out)
{
    size_t count;
    const struct index_entry *e = entries_of(s, &count);
    for (size_t i = s->index_stored / sizeof *e; i < count; i++) {
        size_t at = out->len;
        mark_put(out, &e[i].mark);
        buf_put_le32(out, e[i].offset);
        buf_put_le32(out, entry_crc(s->first.ordinal, out->ptr + at));
    }
}

/* What a crash left behind the valid entries goes first. */
static enum err write_entries(struct segment *s, struct io_file *f, bool sync)
{
    uint64_t size, at = s->index_stored / sizeof(struct index_entry) * INDEX_ENTRY;
    TRY(io_size(f, &size));
    if (size > at) TRY(io_truncate(f, at));
    struct buf out = {0};
    put_new_entries(s, &out);
    enum err err = io_write_at(f, at, buf_slice(&out));
    buf_free(&out);
    if (err == OK) s->index_stored = buf_size(&s->index);
    TRY(err);
    return sync && io_sync(f) != OK ? ERR_IO : OK;
}

static enum err store_index(struct segment *s, bool sync)
{
    char path[IO_NAME_MAX];
    struct io_file *f;
    if (s->index_stored == buf_size(&s->index) && !sync) return OK;
    segment_path(s->id, s->first.ordinal, ".idx", path);
    TRY(io_open_file(s->io, path, IO_WRITE | IO_CREATE, &f));
    enum err err = write_entries(s, f, sync);
    io_close(f);
    return err;
}

struct index_entry index_before(const struct buf *index, const struct target *t,
                                struct index_entry start)
{
    const struct index_entry *e = (const struct index_entry *)(const void *)index->ptr;
    size_t low = 0, high = buf_size(index) / sizeof *e;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mark_before(&e[middle].mark, t))
            low = middle + 1;
        else
            high = middle;
    }
    return low ? e[low - 1] : start;
}

struct index_entry index_behind(const struct buf *index, uint64_t offset, struct index_entry end)
{
    const struct index_entry *e = (const struct index_entry *)(const void *)index->ptr;
    for (size_t i = 0; i < buf_size(index) / sizeof *e; i++)
        if (e[i].offset > offset) return e[i];
    return end;
}

/* ---- growing */

static size_t whole_blocks(size_t len)
{
    return (len + IO_BLOCK - 1) / IO_BLOCK * IO_BLOCK;
}

static void make_room(struct buf *room, size_t len)
{
    size_t cap = ROOM_LEAST;
    buf_clear(room);
    if (room->cap >= len) return;
    while (cap < len) cap *= 2;
    buf_free(room);
    buf_align(room, IO_BLOCK, cap);
}

/* The last block again, with more behind it. */
static enum err write_blocks(struct segment *s, struct buf *room, struct slice more)
{
    uint64_t from = s->end - buf_size(&s->rest);
    size_t len = buf_size(&s->rest) + more.len, whole = whole_blocks(len);
    make_room(room, whole);
    buf_put_slice(room, buf_slice(&s->rest));
    buf_put_slice(room, more);
    memset(buf_reserve(room, whole - len), 0, whole - len);
    room->len += whole - len;
    TRY(io_write_at(s->file, from, buf_slice(room)));
    size_t kept = len % IO_BLOCK;
    buf_clear(&s->rest);
    buf_put(&s->rest, room->ptr + len - kept, kept);
    s->end += more.len;
    return OK;
}

static enum err write_head(struct segment *s)
{
    struct buf head = {0}, room = {0};
    put_head(&head, s->id, &s->first);
    s->end = 0;
    enum err err = write_blocks(s, &room, buf_slice(&head));
    s->synced = s->end;
    buf_free(&room);
    buf_free(&head);
    return err;
}

static enum err begin_files(struct segment *s)
{
    char path[IO_NAME_MAX];
    struct io_file *index;
    TRY(io_truncate(s->file, 0));
    TRY(write_head(s));
    segment_path(s->id, s->first.ordinal, ".idx", path);
    TRY(io_open_file(s->io, path, IO_WRITE | IO_CREATE, &index));
    enum err err = io_truncate(index, 0);
    io_close(index);
    return err;
}

enum err segment_create(struct segment *s, struct io *io, struct shelf_id id,
                        const struct mark *first)
{
    char path[IO_NAME_MAX];
    *s = (struct segment){.io = io, .id = id, .first = *first, .next = *first};
    segment_path(id, first->ordinal, ".log", path);
    TRY(io_open_file(io, path, IO_WRITE | IO_CREATE | IO_DIRECT, &s->file));
    enum err err = begin_files(s);
    if (err != OK) segment_close(s);
    return err;
}

static enum err cut_behind(struct segment *s, uint64_t size)
{
    if (size <= s->end) return OK;
    s->changed = true;
    return io_truncate(s->file, s->end);
}

/* What follows the durable part: whole frames are kept, the first that is not ends the segment. */
static enum err cut_tail(struct segment *s, uint64_t size, bool look)
{
    struct walk w;
    struct record r;
    enum err err;
    walk_begin(&w, s->file, s->synced, size, s->next);
    while ((err = walk_next(&w, &r)) == OK) {
        if (s->end - last_offset(s) >= SEGMENT_INDEX_EVERY) add_entry(s, &s->next, s->end);
        s->next = w.mark;
        s->end = w.at;
    }
    walk_end(&w);
    if (err != ERR_NOT_FOUND && err != ERR_CORRUPT) return err;
    s->changed = s->end > s->synced;
    return look ? OK : cut_behind(s, size);
}

/* The durable part, as the index promises it. */
static enum err take_index(struct segment *s, uint64_t size)
{
    size_t count;
    TRY(segment_load_index(s->io, s->id, s->first.ordinal, &s->index));
    const struct index_entry *e = entries_of(s, &count);
    s->index_stored = buf_size(&s->index);
    if (count == 0) return OK;
    s->named = true;
    s->next = e[count - 1].mark;
    s->end = s->synced = e[count - 1].offset;
    if (s->synced <= size) return OK;
    return fail(ERR_CORRUPT, "streams/%u/%u: segment %llu ends at byte %llu, %llu were durable",
                s->id.stream, s->id.partition, (unsigned long long)s->first.ordinal,
                (unsigned long long)size, (unsigned long long)s->synced);
}

static enum err read_rest(struct segment *s)
{
    size_t len = s->end % IO_BLOCK, got;
    uint8_t *to = buf_reserve(&s->rest, IO_BLOCK);
    TRY(io_read_at(s->file, s->end - len, to, len, &got));
    s->rest.len += got;
    return got == len ? OK : ERR_CORRUPT;
}

/* An index entry is written only after a sync of the file. */
static bool was_synced(struct segment *s, uint64_t ordinal)
{
    struct buf index = {0};
    enum err err = segment_load_index(s->io, s->id, ordinal, &index);
    bool synced = err != OK || buf_size(&index) > 0;
    buf_free(&index);
    return synced;
}

static enum err open_parts(struct segment *s, uint64_t ordinal, bool look)
{
    uint64_t size;
    TRY(io_size(s->file, &size));
    enum err err = read_head(s->file, s->id, ordinal, &s->first);
    if (err == ERR_NOT_FOUND) return was_synced(s, ordinal) ? ERR_CORRUPT : err;
    TRY(err);
    s->next = s->first;
    s->end = s->synced = SEGMENT_HEAD;
    TRY(take_index(s, size));
    TRY(cut_tail(s, size, look));
    return read_rest(s);
}

enum err segment_open(struct segment *s, struct io *io, struct shelf_id id, uint64_t ordinal,
                      bool look)
{
    char path[IO_NAME_MAX];
    *s = (struct segment){.io = io, .id = id};
    segment_path(id, ordinal, ".log", path);
    TRY(io_open_file(io, path, look ? IO_READ : IO_READ | IO_WRITE | IO_DIRECT, &s->file));
    enum err err = open_parts(s, ordinal, look);
    if (err != OK) segment_close(s);
    return err;
}

enum err segment_append(struct segment *s, struct buf *room, struct slice frames)
{
    uint64_t at = s->end;
    s->changed = true;
    TRY(write_blocks(s, room, frames));
    struct record r;
    for (struct slice rest = frames; rest.len; rest = slice_from(rest, r.frame.len)) {
        enum err whole = record_parse(rest, &r);
        assert(whole == OK && mark_takes(&s->next, &r));
        if (at - last_offset(s) >= SEGMENT_INDEX_EVERY) add_entry(s, &s->next, at);
        mark_pass(&s->next, &r);
        at += r.frame.len;
    }
    return OK;
}

/* A failed sync may have dropped bytes for good: never "try again when there is room".  But a directory
 * for which there was no descriptor has not been synced at all. */
static enum err make_durable(struct segment *s)
{
    char dir[IO_NAME_MAX];
    if (io_sync(s->file) != OK) return ERR_IO;
    if (s->named) return OK;
    segment_dir(s->id, dir);
    enum err err = io_sync_dir(s->io, dir);
    return err == OK || err == ERR_FULL ? err : ERR_IO;
}

enum err segment_sync(struct segment *s)
{
    if (!s->changed && s->named) return OK;
    TRY(make_durable(s));
    s->named = true;
    s->changed = false;
    s->synced = s->end;
    if (s->end > last_offset(s)) add_entry(s, &s->next, s->end);
    return store_index(s, false);
}

/* What is behind the end, zeros or what a failed append left, is the file's no more. */
enum err segment_seal(struct segment *s)
{
    uint64_t size;
    TRY(io_size(s->file, &size));
    TRY(cut_behind(s, size));
    TRY(segment_sync(s));
    TRY(store_index(s, true));
    segment_close(s);
    return OK;
}

void segment_close(struct segment *s)
{
    io_close(s->file);
    s->file = NULL;
    buf_free(&s->index);
    buf_free(&s->rest);
}

/* ---- sealed ones */

static enum err info_of(struct io_file *f, struct shelf_id id, uint64_t ordinal,
                        struct segment_info *out)
{
    enum err err = read_head(f, id, ordinal, &out->first);
    if (err != OK) return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
    return io_size(f, &out->bytes);
}

enum err segment_info(struct io *io, struct shelf_id id, uint64_t ordinal, struct segment_info *out)
{
    char path[IO_NAME_MAX];
    struct io_file *f;
    segment_path(id, ordinal, ".log", path);
    TRY(io_open_file(io, path, IO_READ, &f));
    enum err err = info_of(f, id, ordinal, out);
    io_close(f);
    return err;
}

/* The index first: a segment without one can be read, an index without a segment is litter. */
enum err segment_remove(struct io *io, struct shelf_id id, uint64_t ordinal)
{
    char path[IO_NAME_MAX];
    segment_path(id, ordinal, ".idx", path);
    enum err err = io_remove(io, path);
    if (err != OK && err != ERR_NOT_FOUND) return err;
    segment_path(id, ordinal, ".log", path);
    return io_remove(io, path);
}
