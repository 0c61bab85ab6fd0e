/* archive.c - segments of all partitions: found at start, written, rolled, trimmed. */
#include "log/own/archive.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/say.h"

enum { SEGMENT_LEAST = 1 << 20, SEGMENTS_KEPT = 4 };

/* ---- streams and their partitions */

static struct rack *rack_of(const struct archive *a, unsigned stream)
{
    for (unsigned i = 0; i < a->rack_count; i++)
        if (a->racks[i].stream == stream) return (struct rack *)&a->racks[i];
    return NULL;
}

struct shelf *archive_shelf(const struct archive *a, struct shelf_id id)
{
    const struct rack *r = rack_of(a, id.stream);
    return r && id.partition < r->partitions ? &r->shelves[id.partition] : NULL;
}

unsigned archive_places(const struct archive *a)
{
    unsigned count = 0;
    for (unsigned i = 0; i < a->rack_count; i++) count += a->racks[i].partitions;
    return count;
}

unsigned archive_place(const struct archive *a, struct shelf_id id)
{
    unsigned before = 0;
    for (unsigned i = 0; a->racks[i].stream != id.stream; i++) before += a->racks[i].partitions;
    return before + id.partition;
}

struct mark shelf_first(const struct shelf *s)
{
    return s->count ? s->infos[0].first : s->next;
}

/* Whole segments go: a few of each partition must fit into what may stay. */
void archive_keep(struct archive *a, unsigned stream, const struct log_retention *keep)
{
    struct rack *r = rack_of(a, stream);
    if (r == NULL) return;
    uint64_t share = keep->bytes / r->partitions / SEGMENTS_KEPT;
    r->keep = *keep;
    r->segment_bytes = a->segment_bytes;
    if (keep->bytes) r->segment_bytes = MIN(a->segment_bytes, MAX(share, (uint64_t)SEGMENT_LEAST));
}

/* Segments of that stream became so much more, or less. */
static void count_bytes(struct archive *a, struct shelf_id id, int64_t more)
{
    struct rack *r = rack_of(a, id.stream);
    assert(r != NULL);
    r->bytes += (uint64_t)more;
    a->bytes += (uint64_t)more;
}

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
    count_bytes(a, s->id, (int64_t)info.bytes);
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

static enum err open_shelves(struct archive *a, struct rack *r, bool *made)
{
    for (unsigned p = 0; p < r->partitions; p++) {
        TRY(open_shelf(a, &r->shelves[p], made));
        r->shelves[p].told = shelf_first(&r->shelves[p]).ordinal;
    }
    return OK;
}

static void rack_path(unsigned stream, char out[IO_NAME_MAX])
{
    snprintf(out, IO_NAME_MAX, "streams/%u", stream);
}

static enum err sync_dirs(struct archive *a, unsigned stream)
{
    char path[IO_NAME_MAX];
    rack_path(stream, path);
    TRY(io_sync_dir(a->io, path));
    TRY(io_sync_dir(a->io, "streams"));
    return io_sync_dir(a->io, ".");
}

static struct rack *rack_new(struct archive *a, unsigned stream, unsigned partitions)
{
    assert(a->rack_count < LOG_STREAMS_MAX);
    struct rack *r = &a->racks[a->rack_count++];
    *r = (struct rack){(uint16_t)stream, partitions, .segment_bytes = a->segment_bytes};
    r->shelves = mem_zero(partitions * sizeof *r->shelves);
    for (unsigned p = 0; p < partitions; p++)
        r->shelves[p].id = (struct shelf_id){(uint16_t)stream, (uint16_t)p};
    return r;
}

static void close_shelf(struct archive *a, struct shelf *s)
{
    if (s->grows) segment_close(&s->growing);
    for (size_t i = 0; i < s->count; i++) archive_forget_file(a, s->id, s->infos[i].first.ordinal);
    free(s->infos);
}

static void rack_free(struct archive *a, struct rack *r)
{
    for (unsigned p = 0; p < r->partitions; p++) {
        a->segments -= r->shelves[p].count;
        close_shelf(a, &r->shelves[p]);
    }
    a->bytes -= r->bytes;
    free(r->shelves);
    *r = a->racks[--a->rack_count];
}

static enum err open_rack(struct archive *a, unsigned stream, unsigned partitions)
{
    bool made = false;
    TRY(open_shelves(a, rack_new(a, stream, partitions), &made));
    return made ? sync_dirs(a, stream) : OK;
}

/* ---- what belongs to no stream */

struct names {
    struct buf text; /* one a line */
};

static void note_name(void *ctx, const char *name)
{
    struct names *n = ctx;
    buf_printf(&n->text, "%s\n", name);
}

/* A directory that has directories in it, `depth` deep, and files in those. */
static enum err remove_tree(struct io *io, const char *path, int depth)
{
    struct names names = {0};
    enum err err = io_list(io, path, note_name, &names);
    struct slice rest = buf_slice(&names.text), name;
    while (err == OK && slice_split(&rest, '\n', &name) && name.len) {
        char inner[IO_NAME_MAX];
        int len = snprintf(inner, sizeof inner, "%s/%.*s", path, SLICE_ARG(name));
        if (len >= (int)sizeof inner) continue;
        err = depth ? remove_tree(io, inner, depth - 1) : io_remove(io, inner);
    }
    buf_free(&names.text);
    return err == OK ? io_remove(io, path) : err;
}

static enum err remove_stream(struct archive *a, unsigned stream)
{
    char path[IO_NAME_MAX];
    rack_path(stream, path);
    return remove_tree(a->io, path, 1);
}

/* Streams whose making or dropping a crash has cut short. */
static enum err remove_strays(struct archive *a)
{
    struct names names = {0};
    enum err err = io_list(a->io, "streams", note_name, &names);
    struct slice rest = buf_slice(&names.text), name;
    while (err == OK && slice_split(&rest, '\n', &name) && name.len) {
        uint64_t stream;
        if (num_u64(name, &stream) == OK && stream <= LOG_STREAM_IDS_MAX &&
            rack_of(a, (unsigned)stream) == NULL)
            err = remove_stream(a, (unsigned)stream);
    }
    buf_free(&names.text);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- life */

static enum err open_racks(struct archive *a, const struct meta *meta)
{
    TRY(open_rack(a, 0, meta->partitions));
    for (unsigned i = 0; i < meta->stream_count; i++)
        TRY(open_rack(a, meta->streams[i].id, meta->streams[i].partitions));
    return a->look ? OK : remove_strays(a);
}

enum err archive_open(struct archive *a, struct io *io, const struct meta *meta,
                      uint64_t segment_bytes, bool look)
{
    *a = (struct archive){.io = io, .segment_bytes = segment_bytes, .look = look};
    enum err err = open_racks(a, meta);
    if (err != OK) archive_close(a);
    return err;
}

void archive_close(struct archive *a)
{
    while (a->rack_count) rack_free(a, &a->racks[a->rack_count - 1]);
    for (unsigned i = 0; i < ARCHIVE_FILES_MAX; i++) io_close(a->files[i].file);
    buf_free(&a->room);
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
    return s->growing.end > SEGMENT_HEAD &&
           s->growing.end + more > rack_of(a, s->id.stream)->segment_bytes;
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
    TRY(segment_append(&s->growing, &a->room, frames));
    s->next = s->growing.next;
    s->infos[s->count - 1].bytes += frames.len;
    count_bytes(a, s->id, (int64_t)frames.len);
    return OK;
}

enum err archive_write(struct archive *a, struct shelf *s, struct slice frames)
{
    TRY(check_unbroken(a));
    return note_failure(a, write_frames(a, s, frames));
}

static enum err sync_shelves(struct archive *a)
{
    for (unsigned i = 0; i < a->rack_count; i++)
        for (unsigned p = 0; p < a->racks[i].partitions; p++) {
            struct shelf *s = &a->racks[i].shelves[p];
            if (s->grows) TRY(segment_sync(&s->growing));
        }
    return OK;
}

enum err archive_sync(struct archive *a)
{
    TRY(check_unbroken(a));
    return note_failure(a, sync_shelves(a));
}

/* ---- streams that come and go */

enum err archive_remove(struct archive *a, unsigned stream)
{
    struct rack *r = rack_of(a, stream);
    if (r) rack_free(a, r);
    enum err err = note_failure(a, remove_stream(a, stream));
    if (err != OK)
        say_warn("log.leftover", "stream=%u reason=\"%s\" effect=\"it goes at the next start\"",
                 stream, fail_text());
    return err;
}

enum err archive_add(struct archive *a, unsigned stream, unsigned partitions)
{
    TRY(check_unbroken(a));
    enum err err = note_failure(a, open_rack(a, stream, partitions));
    if (err != OK && archive_remove(a, stream) != OK) a->broken = true;
    return err;
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
    count_bytes(a, s->id, -(int64_t)s->infos[0].bytes);
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

static struct shelf *shelf_with_oldest(const struct rack *r)
{
    struct shelf *oldest = NULL;
    for (unsigned p = 0; p < r->partitions; p++) {
        struct shelf *s = &r->shelves[p];
        if (s->count < 2 || sealed_count(s) == 0) continue;
        if (oldest == NULL || newest_of_oldest(s) < newest_of_oldest(oldest)) oldest = s;
    }
    return oldest;
}

static enum err trim_old(struct archive *a, const struct rack *r, int64_t wall_us)
{
    for (unsigned p = 0; r->keep.age_us && p < r->partitions; p++) {
        struct shelf *s = &r->shelves[p];
        TRY(renew_stale(a, s, wall_us - r->keep.age_us / 4));
        while (s->count > 1 && newest_of_oldest(s) < wall_us - r->keep.age_us)
            TRY(remove_oldest(a, s));
    }
    return OK;
}

static enum err trim_rack(struct archive *a, const struct rack *r, int64_t wall_us)
{
    struct shelf *oldest;
    TRY(trim_old(a, r, wall_us));
    while (r->keep.bytes && r->bytes > r->keep.bytes && (oldest = shelf_with_oldest(r)) != NULL)
        TRY(remove_oldest(a, oldest));
    return OK;
}

static enum err trim_racks(struct archive *a, int64_t wall_us)
{
    for (unsigned i = 0; i < a->rack_count; i++) TRY(trim_rack(a, &a->racks[i], wall_us));
    return OK;
}

enum err archive_trim(struct archive *a, int64_t wall_us, bool *trimmed)
{
    uint64_t before = a->removals;
    TRY(check_unbroken(a));
    enum err err = note_failure(a, trim_racks(a, wall_us));
    *trimmed = a->removals != before;
    return err;
}
