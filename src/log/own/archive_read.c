/* archive_read.c - old records by ordinal, and places by sequence and time.
 *
 * A read finds its segment by binary search, its place there by the index, and walks the rest of the
 * way (at most SEGMENT_INDEX_EVERY bytes).  The next read of the same reader finds a hint instead.
 */
#include <stdio.h>

#include "base/num.h"
#include "log/own/archive.h"
#include "log/own/walk.h"

/* A segment being read. */
struct source {
    struct shelf *shelf;
    size_t at; /* in shelf->infos */
    struct io_file *file;
    const struct buf *index;
    struct buf loaded; /* what `index` points to, of a sealed one */
    uint64_t end;
};

/* ---- files */

static bool same_shelf(struct shelf_id a, struct shelf_id b)
{
    return a.stream == b.stream && a.partition == b.partition;
}

static struct shelf_file *find_file(struct archive *a, struct shelf_id id, uint64_t ordinal)
{
    for (unsigned i = 0; i < ARCHIVE_FILES_MAX; i++) {
        struct shelf_file *f = &a->files[i];
        if (f->file && f->ordinal == ordinal && same_shelf(f->id, id)) return f;
    }
    return NULL;
}

static void close_file(struct shelf_file *f)
{
    io_close(f->file);
    *f = (struct shelf_file){0};
}

void archive_forget_file(struct archive *a, struct shelf_id id, uint64_t ordinal)
{
    struct shelf_file *f = find_file(a, id, ordinal);
    if (f) close_file(f);
}

static struct shelf_file *oldest_file(struct archive *a)
{
    struct shelf_file *oldest = &a->files[0];
    for (unsigned i = 1; i < ARCHIVE_FILES_MAX; i++)
        if (a->files[i].used < oldest->used) oldest = &a->files[i];
    return oldest;
}

static enum err open_file(struct archive *a, struct shelf_id id, uint64_t ordinal,
                          struct io_file **out)
{
    char path[IO_NAME_MAX];
    struct shelf_file *f = find_file(a, id, ordinal);
    if (f == NULL) {
        f = oldest_file(a);
        close_file(f);
        segment_path(id, ordinal, ".log", path);
        TRY(io_open_file(a->io, path, IO_READ, &f->file));
        f->id = id;
        f->ordinal = ordinal;
    }
    f->used = ++a->uses;
    *out = f->file;
    return OK;
}

static enum err open_source(struct archive *a, struct shelf *s, size_t at, struct source *out)
{
    const struct segment_info *info = &s->infos[at];
    *out = (struct source){.shelf = s, .at = at, .end = info->bytes, .index = &out->loaded};
    if (s->grows && at + 1 == s->count) out->index = &s->growing.index;
    return open_file(a, s->id, info->first.ordinal, &out->file);
}

/* Of a sealed segment the index is read only when it is needed. */
static enum err need_index(struct archive *a, struct source *src)
{
    if (src->index != &src->loaded || src->loaded.cap) return OK;
    return segment_load_index(a->io, src->shelf->id, src->shelf->infos[src->at].first.ordinal,
                              &src->loaded);
}

static void close_source(struct source *src)
{
    buf_free(&src->loaded);
}

/* What follows the segment. */
static struct index_entry end_of(const struct source *src)
{
    const struct shelf *s = src->shelf;
    struct mark next = src->at + 1 < s->count ? s->infos[src->at + 1].first : s->next;
    return (struct index_entry){next, (uint32_t)src->end};
}

/* The last segment that begins before the target, else the first. */
static size_t find_segment(const struct shelf *s, const struct target *t)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mark_before(&s->infos[middle].first, t))
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : 0;
}

/* A walk that begins at the last indexed place before the target. */
static enum err walk_from_place(struct archive *a, struct source *src, const struct target *t,
                                struct walk *w)
{
    TRY(need_index(a, src));
    struct index_entry head = {src->shelf->infos[src->at].first, SEGMENT_HEAD};
    struct index_entry place = index_before(src->index, t, head);
    walk_begin(w, src->file, place.offset, src->end, place.mark);
    return OK;
}

/* ---- reading */

static struct shelf_hint *hint_for(struct archive *a, struct shelf_id id, uint64_t ordinal)
{
    return &a->hints[(ordinal * 31 + id.partition) % ARCHIVE_HINTS];
}

static void leave_hint(struct archive *a, const struct source *src, uint64_t ordinal,
                       uint64_t offset)
{
    *hint_for(a, src->shelf->id, ordinal) = (struct shelf_hint){
        src->shelf->id, ordinal, src->shelf->infos[src->at].first.ordinal, offset};
}

static bool take_hint(struct archive *a, const struct source *src, uint64_t ordinal,
                      uint64_t *offset)
{
    const struct shelf_hint *h = hint_for(a, src->shelf->id, ordinal);
    if (ordinal == 0 || h->ordinal != ordinal || !same_shelf(h->id, src->shelf->id) ||
        h->segment != src->shelf->infos[src->at].first.ordinal)
        return false;
    *offset = h->offset;
    return true;
}

/* The offset of a record by its ordinal. */
static enum err find_offset(struct archive *a, struct source *src, uint64_t ordinal,
                            uint64_t *offset)
{
    struct target t = {LOG_ORDINAL, (int64_t)ordinal};
    struct walk w;
    struct record r;
    if (take_hint(a, src, ordinal, offset)) return OK;
    TRY(walk_from_place(a, src, &t, &w));
    enum err err = OK;
    while (err == OK && w.mark.ordinal < ordinal) err = walk_next(&w, &r);
    *offset = w.at;
    walk_end(&w);
    return err;
}

/* Length of the whole, right frames at the start; the first one has that ordinal. */
static size_t check_frames(struct slice bytes, uint64_t ordinal, uint64_t *next)
{
    struct slice rest = bytes;
    struct record r;
    while (record_parse(rest, &r) == OK && record_check(r.frame) && r.ordinal == ordinal) {
        rest = slice_from(rest, r.frame.len);
        ordinal++;
    }
    *next = ordinal;
    return bytes.len - rest.len;
}

/* Up to `max` bytes at an offset into a new blob. */
static enum err read_blob(const struct source *src, uint64_t offset, size_t max, struct blob **out)
{
    size_t len = (size_t)MIN(src->end - offset, (uint64_t)max), got;
    *out = blob_new(len);
    enum err err = io_read_at(src->file, offset, (*out)->bytes, len, &got);
    if (err == OK && got < len)
        memset((*out)->bytes + got, 0, len - got); /* a file that lost its end: no frame there */
    if (err != OK) blob_drop(*out);
    return err;
}

/* The first frame's size, if it is larger than what was read. */
static size_t larger_size(const struct blob *b)
{
    uint32_t size = 0;
    if (b->len >= sizeof size) memcpy(&size, b->bytes, sizeof size);
    return size > b->len && size <= RECORD_MAX ? size : 0;
}

static enum err read_frames(const struct source *src, uint64_t offset, uint64_t ordinal, size_t max,
                            struct blob **blob, uint32_t *len, uint64_t *next)
{
    TRY(read_blob(src, offset, MAX(max, (size_t)RECORD_HEAD), blob));
    size_t size = larger_size(*blob);
    if (size) {
        blob_drop(*blob);
        TRY(read_blob(src, offset, size, blob));
    }
    *len = (uint32_t)check_frames(blob_slice(*blob), ordinal, next);
    if (*len) return OK;
    blob_drop(*blob);
    return ERR_CORRUPT;
}

static enum err read_source(struct archive *a, struct source *src, uint64_t from, size_t max,
                            struct blob **blob, uint32_t *len, uint64_t *next)
{
    uint64_t offset = 0;
    enum err err = find_offset(a, src, from, &offset);
    if (err == OK) err = read_frames(src, offset, from, max, blob, len, next);
    if (err == OK) leave_hint(a, src, *next, offset + *len);
    if (err != ERR_CORRUPT && err != ERR_NOT_FOUND) return err;
    TRY(need_index(a, src));
    *next = index_behind(src->index, offset, end_of(src)).mark.ordinal;
    return fail(
        ERR_CORRUPT, "streams/%u/%u/%020llu.log is damaged at byte %llu: records %llu to %llu",
        src->shelf->id.stream, src->shelf->id.partition,
        (unsigned long long)src->shelf->infos[src->at].first.ordinal, (unsigned long long)offset,
        (unsigned long long)from, (unsigned long long)(*next - 1));
}

enum err archive_read(struct archive *a, struct shelf *s, uint64_t from, size_t max,
                      struct blob **blob, uint32_t *len, uint64_t *next)
{
    struct source src;
    *blob = NULL;
    if (s->count == 0 || from < s->infos[0].first.ordinal) return ERR_NOT_FOUND;
    assert(from < s->next.ordinal);
    struct target t = {LOG_ORDINAL, (int64_t)from};
    enum err err = open_source(a, s, find_segment(s, &t), &src);
    if (err == OK) err = read_source(a, &src, from, max, blob, len, next);
    close_source(&src);
    if (err != OK) *blob = NULL;
    return err;
}

/* ---- looking up */

/* ERR_NOT_FOUND: no record of this segment hits. */
static enum err seek_in(struct archive *a, struct source *src, const struct target *t,
                        uint64_t *ordinal)
{
    struct walk w;
    struct record r;
    TRY(walk_from_place(a, src, t, &w));
    enum err err;
    do err = walk_next(&w, &r);
    while (err == OK && !mark_hits(&r, t));
    if (err == OK) *ordinal = r.ordinal;
    walk_end(&w);
    return err;
}

enum err archive_seek(struct archive *a, struct shelf *s, const struct target *t, uint64_t *ordinal)
{
    enum err err = ERR_NOT_FOUND;
    for (size_t i = find_segment(s, t); i < s->count && err == ERR_NOT_FOUND; i++) {
        struct source src;
        TRY(open_source(a, s, i, &src));
        err = seek_in(a, &src, t, ordinal);
        close_source(&src);
    }
    if (err == ERR_NOT_FOUND) *ordinal = s->next.ordinal;
    return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- all of it */

static bool same_mark(const struct mark *a, const struct mark *b)
{
    return a->ordinal == b->ordinal && a->sequence == b->sequence &&
           a->enqueued_us == b->enqueued_us && a->visible_us == b->visible_us;
}

/* Each entry of the index is met at its offset with its mark; *next: the one to come. */
static enum err check_index(const struct source *src, const struct walk *w, size_t *next)
{
    const struct index_entry *e = (const struct index_entry *)(const void *)src->index->ptr;
    if (*next == buf_size(src->index) / sizeof *e || e[*next].offset > w->at) return OK;
    e += (*next)++;
    if (e->offset == w->at && same_mark(&e->mark, &w->mark)) return OK;
    return fail(ERR_CORRUPT, "its index is wrong about byte %u", e->offset);
}

static enum err walk_all(struct source *src, struct walk *w, archive_record_fn fn, void *ctx)
{
    struct record r;
    size_t next = 0;
    enum err err;
    while ((err = walk_next(w, &r)) == OK) {
        TRY(fn(ctx, &r));
        TRY(check_index(src, w, &next));
    }
    if (err != ERR_NOT_FOUND) return err;
    if (w->mark.ordinal != end_of(src).mark.ordinal)
        return fail(ERR_CORRUPT, "records %llu to %llu are missing",
                    (unsigned long long)w->mark.ordinal,
                    (unsigned long long)end_of(src).mark.ordinal - 1);
    if (next < buf_size(src->index) / sizeof(struct index_entry))
        return fail(ERR_CORRUPT, "its index goes on behind its end");
    return OK;
}

static enum err walk_source(struct archive *a, struct source *src, archive_record_fn fn, void *ctx)
{
    struct walk w;
    char path[IO_NAME_MAX], text[IO_NAME_MAX];
    TRY(need_index(a, src));
    walk_begin(&w, src->file, SEGMENT_HEAD, src->end, src->shelf->infos[src->at].first);
    enum err err = walk_all(src, &w, fn, ctx);
    walk_end(&w);
    if (err != ERR_CORRUPT) return err;
    segment_path(src->shelf->id, src->shelf->infos[src->at].first.ordinal, ".log", path);
    snprintf(text, sizeof text, "%s", fail_text());
    return fail(err, "%s: %s", path, text);
}

enum err archive_walk(struct archive *a, struct shelf *s, archive_record_fn fn, void *ctx)
{
    for (size_t i = 0; i < s->count; i++) {
        struct source src;
        TRY(open_source(a, s, i, &src));
        enum err err = walk_source(a, &src, fn, ctx);
        close_source(&src);
        TRY(err);
    }
    return OK;
}
