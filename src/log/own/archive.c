/* archive.c - segments of all partitions: found at start, written, rolled, trimmed. */
#include "log/own/archive.h"

#include <stdlib.h>

#include "base/num.h"

/* ---- start: what is there */

struct listing {
    struct archive *archive;
    struct shelf_id id;
    struct buf ordinals; /* uint64_t, of the .log files */
    struct buf indexes;  /* of the .idx files */
};

static void note_file(void *ctx, const char *name)
{
    struct listing *l = ctx;
    uint64_t ordinal;
    struct slice text = slice_str(name);
    if (text.len != 24 || num_u64(slice_head(text, 20), &ordinal) != OK) return;
    if (slice_ends(text, SLICE_LIT(".log"))) buf_put(&l->ordinals, &ordinal, sizeof ordinal);
    if (slice_ends(text, SLICE_LIT(".idx"))) buf_put(&l->indexes, &ordinal, sizeof ordinal);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static const uint64_t *sorted(struct buf *b, size_t *count)
{
    *count = buf_size(b) / sizeof(uint64_t);
    if (*count) qsort(b->ptr, *count, sizeof(uint64_t), by_value);
    return (const uint64_t *)(const void *)b->ptr;
}

static void add_info(struct archive *a, struct shelf *s, struct segment_info info)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 4;
        s->infos = mem_grow(s->infos, s->cap * sizeof *s->infos);
    }
    s->infos[s->count++] = info;
    a->bytes += info.bytes;
    a->segments++;
}

/* The newest segment with anything durable in it becomes the one that grows; a newer file whose head
 * never reached the disk is removed. */
static enum err open_newest(struct archive *a, struct shelf *s, const uint64_t *ordinals,
                            size_t *count)
{
    while (*count) {
        uint64_t newest = ordinals[*count - 1];
        enum err err = segment_open(&s->growing, a->io, s->id, newest, a->look);
        if (err == OK) {
            s->grows = true;
            s->next = s->growing.next;
            return OK;
        }
        if (err != ERR_NOT_FOUND) return err;
        if (!a->look) TRY(segment_remove(a->io, s->id, newest));
        --*count;
    }
    return OK;
}

static enum err check_order(const struct shelf *s)
{
    for (size_t i = 1; i < s->count; i++) {
        const struct mark *a = &s->infos[i - 1].first, *b = &s->infos[i].first;
        if (a->ordinal >= b->ordinal || a->sequence > b->sequence ||
            a->enqueued_us > b->enqueued_us)
            return fail(ERR_CORRUPT, "streams/%u/%u: segment %llu does not follow the one before",
                        s->id.stream, s->id.partition, (unsigned long long)b->ordinal);
    }
    return OK;
}

static enum err take_segments(struct archive *a, struct shelf *s, const uint64_t *ordinals,
                              size_t count)
{
    TRY(open_newest(a, s, ordinals, &count));
    for (size_t i = 0; i + 1 < count; i++) {
        struct segment_info info;
        TRY(segment_info(a->io, s->id, ordinals[i], &info));
        add_info(a, s, info);
    }
    if (s->grows) add_info(a, s, (struct segment_info){s->growing.first, s->growing.end});
    return check_order(s);
}

/* Index files whose segment is gone. */
static enum err remove_litter(struct archive *a, struct listing *l, const uint64_t *ordinals,
                              size_t count)
{
    size_t indexes;
    const uint64_t *index = sorted(&l->indexes, &indexes);
    for (size_t i = 0; i < indexes; i++) {
        char path[IO_NAME_MAX];
        if (count && bsearch(&index[i], ordinals, count, sizeof *ordinals, by_value)) continue;
        segment_path(l->id, index[i], ".idx", path);
        TRY(io_remove(a->io, path));
    }
    return OK;
}

static enum err open_listed(struct archive *a, struct shelf *s, struct listing *l)
{
    size_t count;
    const uint64_t *ordinals = sorted(&l->ordinals, &count);
    if (!a->look) TRY(remove_litter(a, l, ordinals, count));
    return take_segments(a, s, ordinals, count);
}

static enum err open_shelf(struct archive *a, struct shelf *s, bool *made)
{
    char dir[IO_NAME_MAX];
    segment_dir(s->id, dir);
    struct listing l = {.archive = a, .id = s->id};
    enum err err = io_list(a->io, dir, note_file, &l);
    if (err == ERR_NOT_FOUND) {
        *made = !a->look;
        return a->look ? OK : io_make_dir(a->io, dir);
    }
    if (err == OK) err = open_listed(a, s, &l);
    buf_free(&l.ordinals);
    buf_free(&l.indexes);
    return err;
}

static enum err open_shelves(struct archive *a)
{
    bool made = false;
    for (unsigned p = 0; p < a->partitions; p++) {
        a->shelves[p].id.partition = (uint16_t)p;
        TRY(open_shelf(a, &a->shelves[p], &made));
    }
    if (!made) return OK;
    TRY(io_sync_dir(a->io, "streams/0"));
    TRY(io_sync_dir(a->io, "streams"));
    return io_sync_dir(a->io, ".");
}

enum err archive_open(struct archive *a, struct io *io, unsigned partitions, uint64_t segment_bytes,
                      bool look)
{
    *a = (struct archive){.io = io, .partitions = partitions, .segment_bytes = segment_bytes};
    a->look = look;
    a->shelves = mem_zero(partitions * sizeof *a->shelves);
    enum err err = open_shelves(a);
    if (err != OK) archive_close(a);
    return err;
}

void archive_close(struct archive *a)
{
    for (unsigned p = 0; p < a->partitions; p++) {
        if (a->shelves[p].grows) segment_close(&a->shelves[p].growing);
        free(a->shelves[p].infos);
    }
    for (unsigned i = 0; i < ARCHIVE_FILES_MAX; i++) io_close(a->files[i].file);
    free(a->shelves);
    a->shelves = NULL;
    a->partitions = 0;
}

struct mark archive_first(const struct archive *a, unsigned partition)
{
    const struct shelf *s = &a->shelves[partition];
    return s->count ? s->infos[0].first : s->next;
}

struct mark archive_next(const struct archive *a, unsigned partition)
{
    return a->shelves[partition].next;
}

/* ---- growth */

static enum err seal(struct shelf *s)
{
    TRY(segment_seal(&s->growing));
    s->grows = false;
    return OK;
}

static enum err begin_segment(struct archive *a, struct shelf *s)
{
    TRY(segment_create(&s->growing, a->io, s->id, &s->next));
    s->grows = true;
    add_info(a, s, (struct segment_info){s->next, SEGMENT_HEAD});
    return OK;
}

static bool is_grown(const struct archive *a, const struct shelf *s, size_t more)
{
    return s->growing.end > SEGMENT_HEAD && s->growing.end + more > a->segment_bytes;
}

static enum err check_unbroken(const struct archive *a)
{
    return a->broken ? fail(ERR_IO, "segments: an earlier write or sync failed") : OK;
}

static enum err note_failure(struct archive *a, enum err err)
{
    a->broken |= err != OK && err != ERR_FULL && err != ERR_AGAIN;
    return err;
}

static enum err write_frames(struct archive *a, struct shelf *s, struct slice frames)
{
    struct record first;
    enum err whole = record_parse(frames, &first);
    assert(whole == OK);
    if (first.ordinal != s->next.ordinal) return ERR_AGAIN;
    if (s->grows && is_grown(a, s, frames.len)) TRY(seal(s));
    if (!s->grows) TRY(begin_segment(a, s));
    TRY(segment_append(&s->growing, frames));
    s->next = s->growing.next;
    s->infos[s->count - 1].bytes += frames.len;
    a->bytes += frames.len;
    return OK;
}

enum err archive_write(struct archive *a, unsigned partition, struct slice frames)
{
    TRY(check_unbroken(a));
    return note_failure(a, write_frames(a, &a->shelves[partition], frames));
}

static enum err sync_shelves(struct archive *a)
{
    for (unsigned p = 0; p < a->partitions; p++)
        if (a->shelves[p].grows) TRY(segment_sync(&a->shelves[p].growing));
    return OK;
}

enum err archive_sync(struct archive *a)
{
    TRY(check_unbroken(a));
    return note_failure(a, sync_shelves(a));
}

/* ---- retention */

static size_t sealed_count(const struct shelf *s)
{
    return s->count - (s->grows ? 1 : 0);
}

/* When the newest record of the oldest segment was enqueued. */
static int64_t newest_of_oldest(const struct shelf *s)
{
    return s->count > 1 ? s->infos[1].first.enqueued_us : s->next.enqueued_us;
}

/* Only once the head of the newest one is durable: it says how the numbers go on. */
static enum err remove_oldest(struct archive *a, struct shelf *s)
{
    char dir[IO_NAME_MAX];
    uint64_t ordinal = s->infos[0].first.ordinal;
    if (s->grows) TRY(segment_sync(&s->growing));
    archive_forget_file(a, s->id, ordinal);
    TRY(segment_remove(a->io, s->id, ordinal));
    segment_dir(s->id, dir);
    TRY(io_sync_dir(a->io, dir));
    a->removals++;
    a->bytes -= s->infos[0].bytes;
    a->segments--;
    s->count--;
    memmove(s->infos, s->infos + 1, s->count * sizeof *s->infos);
    return OK;
}

static enum err renew_stale(struct archive *a, struct shelf *s, int64_t stale_us)
{
    if (!s->grows || s->growing.end == SEGMENT_HEAD || s->growing.first.enqueued_us >= stale_us)
        return OK;
    TRY(seal(s));
    return begin_segment(a, s);
}

static struct shelf *shelf_with_oldest(struct archive *a)
{
    struct shelf *oldest = NULL;
    for (unsigned p = 0; p < a->partitions; p++) {
        struct shelf *s = &a->shelves[p];
        if (s->count < 2 || sealed_count(s) == 0) continue;
        if (oldest == NULL || newest_of_oldest(s) < newest_of_oldest(oldest)) oldest = s;
    }
    return oldest;
}

static enum err trim_shelves(struct archive *a, const struct retention *r)
{
    struct shelf *oldest;
    for (unsigned p = 0; p < a->partitions; p++) {
        struct shelf *s = &a->shelves[p];
        TRY(renew_stale(a, s, r->stale_us));
        while (s->count > 1 && newest_of_oldest(s) < r->before_us) TRY(remove_oldest(a, s));
    }
    while (r->max_bytes && a->bytes > r->max_bytes && (oldest = shelf_with_oldest(a)) != NULL)
        TRY(remove_oldest(a, oldest));
    return OK;
}

enum err archive_trim(struct archive *a, const struct retention *r, bool *trimmed)
{
    uint64_t before = a->removals;
    TRY(check_unbroken(a));
    enum err err = note_failure(a, trim_shelves(a, r));
    *trimmed = a->removals != before;
    return err;
}
