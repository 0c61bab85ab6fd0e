/* replay_files.c - see replay_files.h.
 *
 * Files are sorted by the time and number of their first event.  Those whose first event is not later than
 * the earliest head are open, in a heap; equal times go by the order of the files, so that what a partition
 * has in two files of one second stays in order. */
#include "cli/replay_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avro/avro.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/file.h"
#include "cli/replay_avro.h"
#include "cli/replay_blobs.h"

enum { PIECE = 128 << 10, LOOK_PIECE = 16 << 10 };

struct file {
    char *path;
    int64_t size, first_us, first_sequence;
    int64_t skip; /* events */
    int64_t next; /* to be taken */
    bool over;
    struct replay_blobs *blobs; /* NULL: on this machine */
    /* while it is open: */
    int fd;
    int64_t read;
    struct avro_reader *reader;
    struct replay_head head;
};

struct replay_files {
    struct file *files;
    unsigned count, cap;
    unsigned unopened;              /* those from here on were never opened */
    unsigned heap[REPLAY_OPEN_MAX]; /* of open files, the earliest head first */
    unsigned open;
    int64_t total, done;        /* bytes */
    struct replay_blobs *blobs; /* of a container */
    char *identities[REPLAY_SOURCES_MAX];
    unsigned identity_count;
    size_t root_len; /* of the folder's name in paths */
};

/* ---- one file */

static enum err blame(const struct file *f, enum err e)
{
    return file_blame(e, f->path);
}

static void close_file(struct file *f)
{
    if (f->reader == NULL) return;
    if (f->blobs == NULL) close(f->fd);
    avro_reader_free(f->reader);
    f->reader = NULL;
}

static enum err open_file(struct file *f)
{
    if (f->blobs == NULL) f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->blobs == NULL && f->fd < 0) return fail_errno("%s cannot be read", f->path);
    f->reader = avro_reader_new();
    f->read = 0;
    f->head = (struct replay_head){0};
    return OK;
}

static enum err feed_blob(struct file *f, size_t piece, bool *end)
{
    struct buf bytes = {0};
    size_t most = piece == PIECE ? REPLAY_BLOB_PIECE : piece;
    *end = f->read >= f->size;
    if (*end) return OK;
    enum err e = replay_blobs_read(f->blobs, f->path, f->read,
                                   MIN(most, (size_t)(f->size - f->read)), &bytes);
    *end = e == OK && buf_size(&bytes) == 0;
    f->read += (int64_t)buf_size(&bytes);
    avro_reader_feed(f->reader, buf_slice(&bytes));
    buf_free(&bytes);
    return e;
}

static enum err feed(struct file *f, size_t piece, bool *end)
{
    if (f->blobs) return feed_blob(f, piece, end);
    static uint8_t room[PIECE];
    ssize_t n = read(f->fd, room, piece);
    if (n < 0) return fail_errno("%s cannot be read", f->path);
    *end = n == 0;
    f->read += n;
    avro_reader_feed(f->reader, slice_of(room, (size_t)n));
    return OK;
}

/* The next record; ERR_NOT_FOUND: that was the last one. */
static enum err next_record(struct file *f, size_t piece)
{
    bool end = false;
    for (;;) {
        enum err e = avro_reader_next(f->reader);
        if (e == OK) return OK;
        if (e != ERR_AGAIN) return blame(f, e);
        if (end) {
            e = avro_reader_end(f->reader);
            return e == OK ? ERR_NOT_FOUND : blame(f, e);
        }
        TRY(feed(f, piece, &end));
    }
}

static enum err next_head(struct file *f, size_t piece)
{
    int64_t before = f->head.due_us;
    TRY(next_record(f, piece));
    enum err e = replay_avro_head(f->reader, &f->head);
    if (e != OK) return blame(f, e);
    f->head.due_us = MAX(f->head.due_us, before);
    return OK;
}

/* ---- looking for them */

static void note_identity(struct replay_files *fs, const struct file *f)
{
    struct slice said = avro_reader_note(f->reader, AVRO_NOTE_SOURCE);
    if (said.len == 0 || fs->identity_count == REPLAY_SOURCES_MAX) return;
    for (unsigned i = 0; i < fs->identity_count; i++)
        if (slice_is(said, fs->identities[i])) return;
    fs->identities[fs->identity_count++] = slice_dup(said);
}

/* Its first event says where it belongs. */
static enum err look_into(struct replay_files *fs, struct file *f)
{
    TRY(open_file(f));
    enum err e = next_head(f, LOOK_PIECE);
    if (e == OK || e == ERR_NOT_FOUND) note_identity(fs, f);
    f->over = e == ERR_NOT_FOUND;
    f->first_us = f->head.enqueued_us;
    f->first_sequence = f->head.sequence;
    close_file(f);
    if (fs->identity_count == REPLAY_SOURCES_MAX)
        return fail(ERR_TOO_BIG, "the files are of more than %d event hubs",
                    REPLAY_SOURCES_MAX - 1);
    return f->over ? OK : e;
}

static enum err add_file(struct replay_files *fs, const char *path, int64_t size)
{
    if (fs->count == REPLAY_FILES_MAX)
        return fail(ERR_TOO_BIG, "more than %d files: replay them folder by folder",
                    REPLAY_FILES_MAX);
    if (fs->count == fs->cap) {
        fs->cap = fs->cap ? 2 * fs->cap : 64;
        fs->files = mem_grow(fs->files, fs->cap * sizeof *fs->files);
    }
    fs->files[fs->count++] =
        (struct file){.path = slice_dup(slice_str(path)), .size = size, .blobs = fs->blobs};
    return OK;
}

static enum err walk(struct replay_files *fs, const char *path, unsigned depth);

static enum err walk_entry(struct replay_files *fs, const char *path, unsigned depth)
{
    struct stat st;
    if (stat(path, &st) != 0) return fail_errno("%s cannot be read", path);
    if (S_ISDIR(st.st_mode)) return walk(fs, path, depth + 1);
    bool avro = slice_ends(slice_str(path), SLICE_LIT(".avro"));
    return avro && S_ISREG(st.st_mode) ? add_file(fs, path, st.st_size) : OK;
}

static enum err walk(struct replay_files *fs, const char *path, unsigned depth)
{
    if (depth > REPLAY_FOLDER_DEPTH_MAX)
        return fail(ERR_TOO_BIG, "%s: folders in more than %d levels", path,
                    REPLAY_FOLDER_DEPTH_MAX);
    DIR *dir = opendir(path);
    if (dir == NULL) return fail_errno("%s cannot be read", path);
    enum err e = OK;
    struct buf name = {0};
    for (const struct dirent *d; e == OK && (d = readdir(dir)) != NULL;) {
        if (d->d_name[0] == '.') continue;
        buf_clear(&name);
        buf_printf(&name, "%s/%s", path, d->d_name);
        e = walk_entry(fs, buf_cstr(&name), depth);
    }
    buf_free(&name);
    closedir(dir);
    return e;
}

static int by_first(const void *left, const void *right)
{
    const struct file *a = left, *b = right;
    if (a->over != b->over) return a->over ? 1 : -1;
    if (a->first_us != b->first_us) return a->first_us < b->first_us ? -1 : 1;
    if (a->first_sequence != b->first_sequence)
        return a->first_sequence < b->first_sequence ? -1 : 1;
    return strcmp(a->path, b->path);
}

static enum err find(struct replay_files *fs, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return fail(ERR_NOT_FOUND, "%s: there is no such file or folder", path);
    if (!S_ISDIR(st.st_mode)) {
        const char *slash = strrchr(path, '/');
        fs->root_len = slash ? (size_t)(slash - path) + 1 : 0;
        return add_file(fs, path, st.st_size);
    }
    fs->root_len = strlen(path) + 1;
    TRY(walk(fs, path, 0));
    return fs->count ? OK : fail(ERR_NOT_FOUND, "%s has no .avro files", path);
}

static enum err add_blob(void *ctx, const char *name, int64_t size)
{
    return slice_ends(slice_str(name), SLICE_LIT(".avro")) ? add_file(ctx, name, size) : OK;
}

static enum err find_blobs(struct replay_files *fs, const char *url, const char *ca)
{
    TRY(replay_blobs_open(url, ca, &fs->blobs));
    TRY(replay_blobs_list(fs->blobs, add_blob, fs));
    return fs->count ? OK : fail(ERR_NOT_FOUND, "the container has no .avro blobs");
}

enum err replay_files_open(const char *path, const char *ca, struct replay_files **out)
{
    struct replay_files *fs = NEW(struct replay_files);
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    char *plain = slice_dup(slice_of(path, len));
    bool container = strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0;
    enum err e = container ? find_blobs(fs, path, ca) : find(fs, plain);
    free(plain);
    for (unsigned i = 0; i < fs->count && e == OK; i++) {
        e = look_into(fs, &fs->files[i]);
        fs->total += fs->files[i].size;
    }
    if (e != OK) {
        replay_files_free(fs);
        return e;
    }
    if (fs->count) qsort(fs->files, fs->count, sizeof *fs->files, by_first);
    *out = fs;
    return OK;
}

void replay_files_free(struct replay_files *fs)
{
    if (fs == NULL) return;
    for (unsigned i = 0; i < fs->count; i++) {
        close_file(&fs->files[i]);
        free(fs->files[i].path);
    }
    for (unsigned i = 0; i < fs->identity_count; i++) free(fs->identities[i]);
    replay_blobs_free(fs->blobs);
    free(fs->files);
    free(fs);
}

unsigned replay_files_count(const struct replay_files *fs)
{
    return fs->count;
}

void replay_files_skip(struct replay_files *fs, unsigned lane, int64_t count)
{
    fs->files[lane].skip = count;
    fs->files[lane].next = count;
}

const char *replay_files_identity(const struct replay_files *fs, unsigned i)
{
    return i < fs->identity_count ? fs->identities[i] : NULL;
}

/* ---- the heap */

static bool before(const struct replay_files *fs, unsigned a, unsigned b)
{
    const struct file *x = &fs->files[a], *y = &fs->files[b];
    if (x->head.enqueued_us != y->head.enqueued_us)
        return x->head.enqueued_us < y->head.enqueued_us;
    return a < b;
}

static void sift_down(struct replay_files *fs, unsigned at)
{
    for (;;) {
        unsigned least = at;
        for (unsigned child = 2 * at + 1; child <= 2 * at + 2 && child < fs->open; child++)
            if (before(fs, fs->heap[child], fs->heap[least])) least = child;
        if (least == at) return;
        unsigned moved = fs->heap[at];
        fs->heap[at] = fs->heap[least];
        fs->heap[least] = moved;
        at = least;
    }
}

static void sift_up(struct replay_files *fs, unsigned at)
{
    unsigned moved = fs->heap[at];
    while (at != 0) {
        unsigned up = (at - 1) / 2;
        if (!before(fs, moved, fs->heap[up])) break;
        fs->heap[at] = fs->heap[up];
        at = up;
    }
    fs->heap[at] = moved;
}

static void finish(struct replay_files *fs, struct file *f)
{
    fs->done += f->size - f->read;
    f->over = true;
    close_file(f);
}

/* Opens the next file, past what was replayed before. */
static enum err open_next(struct replay_files *fs)
{
    unsigned lane = fs->unopened++;
    struct file *f = &fs->files[lane];
    if (f->over) {
        fs->done += f->size;
        return OK;
    }
    if (fs->open == REPLAY_OPEN_MAX)
        return fail(ERR_FULL,
                    "the times of more than %d files overlap: replay them folder by folder",
                    REPLAY_OPEN_MAX);
    TRY(open_file(f));
    enum err e = OK;
    for (int64_t i = 0; i < f->skip && e == OK; i++) e = next_record(f, PIECE);
    if (e == OK) e = next_head(f, PIECE);
    fs->done += f->read;
    if (e == ERR_NOT_FOUND) {
        finish(fs, f);
        return OK;
    }
    TRY(e);
    fs->heap[fs->open++] = lane;
    sift_up(fs, fs->open - 1);
    return OK;
}

static bool next_is_due(const struct replay_files *fs)
{
    if (fs->unopened == fs->count) return false;
    return fs->open == 0 || fs->files[fs->unopened].over ||
           fs->files[fs->unopened].first_us <= fs->files[fs->heap[0]].head.enqueued_us;
}

/* ---- as a source */

static enum err peek(void *ctx, struct replay_head *out)
{
    struct replay_files *fs = ctx;
    while (next_is_due(fs)) TRY(open_next(fs));
    if (fs->open == 0) return ERR_NOT_FOUND;
    struct file *f = &fs->files[fs->heap[0]];
    *out = f->head;
    out->lane = fs->heap[0];
    out->index = f->next;
    return OK;
}

static enum err build(void *ctx, int64_t shift_us, struct replay_event *out)
{
    const struct replay_files *fs = ctx;
    const struct file *f = &fs->files[fs->heap[0]];
    enum err e = replay_avro_build(f->reader, shift_us, out);
    return e == OK ? OK : blame(f, e);
}

static enum err take(void *ctx)
{
    struct replay_files *fs = ctx;
    struct file *f = &fs->files[fs->heap[0]];
    int64_t before_read = f->read;
    enum err e = next_head(f, PIECE);
    fs->done += f->read - before_read;
    f->next++;
    if (e == ERR_NOT_FOUND) {
        finish(fs, f);
        fs->heap[0] = fs->heap[--fs->open];
        e = OK;
    }
    sift_down(fs, 0);
    return e;
}

static const char *lane_name(void *ctx, unsigned lane)
{
    const struct replay_files *fs = ctx;
    return fs->files[lane].path + fs->root_len;
}

static unsigned lane_count(void *ctx)
{
    return ((const struct replay_files *)ctx)->count;
}

static int64_t next_index(void *ctx, unsigned lane)
{
    return ((const struct replay_files *)ctx)->files[lane].next;
}

static double progress(void *ctx)
{
    const struct replay_files *fs = ctx;
    return fs->total ? (double)fs->done / (double)fs->total : 1;
}

void replay_files_source(struct replay_files *fs, struct replay_source *out)
{
    *out = (struct replay_source){.ctx = fs,
                                  .peek = peek,
                                  .build = build,
                                  .take = take,
                                  .lane_name = lane_name,
                                  .lane_count = lane_count,
                                  .next_index = next_index,
                                  .progress = progress};
}
