/* log.c - the log's files while they grow, in the order that backup.h explains.
 *
 * The journal is a row of SECTIONS of equal size; each begins with a block whose first 24 bytes have its
 * epoch and commit number (log/own/journal.c), so that a section that is begun again shows there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/mem.h"

enum { SECTIONS = 4, HEAD = 24, PIECE = 1 << 20, META_MAX = 1 << 20 };

struct from_to {
    const char *from, *to;
    struct backup_progress *progress;
    bool again;                   /* the second time: what is sealed is there already */
    char newest[BACKUP_PATH_MAX]; /* of the partition: what we have of it may have grown since */
};

/* ---- segments: streams/S/P/ORDINAL.log, with 20 digits, so that names are in their order */

static enum err note_newest(void *ctx, const char *path, bool is_dir, uint64_t size)
{
    struct from_to *x = ctx;
    (void)size;
    if (!is_dir)
        snprintf(x->newest, sizeof x->newest, "%.*s", (int)(strrchr(path, '.') - path), path);
    return OK;
}

static enum err enter(struct from_to *x, const char *path, const char *to)
{
    if (mkdir(to, 0700) && errno != EEXIST) return fail_errno("cannot make %s", to);
    x->newest[0] = '\0';
    return x->again ? backup_walk(x->to, path, note_newest, x) : OK;
}

struct before {
    const char *to, *path;
};

static enum err remove_before(void *ctx, const char *path, bool is_dir, uint64_t size)
{
    const struct before *b = ctx;
    char whole[BACKUP_PATH_MAX];
    (void)size;
    TRY(backup_join(whole, b->to, path));
    if (is_dir || strcmp(path, b->path) >= 0) return OK;
    return unlink(whole) ? fail_errno("cannot remove %s", whole) : OK;
}

/* Retention took it while we copied those before it, which may be here: the row must have no gap. */
static enum err forget_before(const struct from_to *x, const char *path)
{
    char dir[BACKUP_PATH_MAX];
    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = '\0';
    struct before b = {x->to, path};
    return backup_walk(x->to, dir, remove_before, &b);
}

/* A sealed segment never changes: the second time only the newest is copied, and what came behind it. */
static enum err copy_segment(void *ctx, const char *path, bool is_dir, uint64_t size)
{
    struct from_to *x = ctx;
    char from[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX];
    (void)size;
    TRY(backup_join(from, x->from, path));
    TRY(backup_join(to, x->to, path));
    if (is_dir) return enter(x, path, to);
    if (x->again && strcmp(path, x->newest) < 0) return OK;
    enum err e = backup_copy_file(from, to, x->progress, NULL);
    return e == ERR_NOT_FOUND ? forget_before(x, path) : e;
}

/* ---- the journal */

struct heads {
    uint8_t bytes[SECTIONS][HEAD];
};

static enum err read_heads(int fd, off_t size, struct heads *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < SECTIONS; i++)
        if (pread(fd, out->bytes[i], HEAD, size / SECTIONS * i) != HEAD)
            return fail(ERR_CORRUPT, "the journal is shorter than it should be");
    return OK;
}

/* From its end to its beginning. */
static enum err copy_backwards(int from, int to, off_t size, struct backup_progress *p)
{
    uint8_t *piece = mem_new(PIECE);
    enum err e = OK;
    for (off_t end = size; end > 0 && e == OK;) {
        if (backup_stopped(p)) e = ERR_CLOSED;
        off_t at = end > PIECE ? end - PIECE : 0;
        size_t len = (size_t)(end - at);
        if (pread(from, piece, len, at) != (ssize_t)len)
            e = fail(ERR_IO, "the journal cannot be read");
        else if (pwrite(to, piece, len, at) != (ssize_t)len)
            e = fail(ERR_FULL, "the journal's copy cannot be written: is there room on the disk?");
        backup_show(p, len);
        end = at;
    }
    free(piece);
    return e;
}

static enum err copy_still(int from, int to, off_t size, struct backup_progress *p)
{
    struct heads before, after;
    for (int i = 0; i < BACKUP_TRIES; i++) {
        TRY(read_heads(from, size, &before));
        TRY(copy_backwards(from, to, size, p));
        TRY(read_heads(from, size, &after));
        if (memcmp(&before, &after, sizeof before) == 0) return OK;
    }
    return fail(ERR_CONFLICT, "the journal was never still for a moment; try again later");
}

static enum err copy_journal(const struct from_to *x)
{
    char from[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX];
    struct stat st;
    TRY(backup_join(from, x->from, "journal"));
    TRY(backup_join(to, x->to, "journal"));
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum err e = OK;
    if (in < 0 || out < 0 || fstat(in, &st))
        e = fail_errno("cannot copy %s", from);
    else
        e = copy_still(in, out, st.st_size, x->progress);
    if (e == OK && fsync(out)) e = fail_errno("cannot sync %s", to);
    if (in >= 0) close(in);
    if (out >= 0) close(out);
    return e;
}

/* ---- all of it */

static bool same_file(const char *a, const char *b)
{
    struct backup_progress none = {0};
    uint8_t of_a[BACKUP_DIGEST_LEN], of_b[BACKUP_DIGEST_LEN];
    uint64_t size;
    return backup_digest(a, &none, &size, of_a) == OK &&
           backup_digest(b, &none, &size, of_b) == OK && memcmp(of_a, of_b, sizeof of_a) == 0;
}

enum err backup_copy_log(const char *from, const char *to, struct backup_progress *p)
{
    struct from_to x = {.from = from, .to = to, .progress = p};
    char meta[BACKUP_PATH_MAX], streams[BACKUP_PATH_MAX], copy[BACKUP_PATH_MAX];
    TRY(backup_join(meta, from, "log.meta"));
    TRY(backup_join(copy, to, "log.meta"));
    TRY(backup_join(streams, to, "streams"));
    TRY(backup_copy_file(meta, copy, p, NULL));
    if (mkdir(streams, 0700) && errno != EEXIST) return fail_errno("cannot make %s", streams);
    TRY(backup_walk(from, "streams", copy_segment, &x));
    TRY(copy_journal(&x));
    x.again = true;
    TRY(backup_walk(from, "streams", copy_segment, &x));
    if (same_file(meta, copy)) return OK;
    return fail(ERR_CONFLICT,
                "an event hub came or went, or the server was started again, while it was "
                "copied; try again");
}
