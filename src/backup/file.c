/* file.c - files and directories: copied, walked, synced. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/mem.h"

enum { PIECE = 1 << 20 };

/* ---- how far it is */

static void show(struct backup_progress *p, bool ended)
{
    if (p->show) p->show(p->ctx, p, ended);
}

void backup_show(struct backup_progress *p, uint64_t more)
{
    p->done += more;
    if (p->done > p->all) p->all = p->done; /* it grows while it is copied */
    if (p->watch) {
        p->watch->done = p->done;
        p->watch->all = p->all;
    }
    show(p, false);
}

bool backup_stopped(const struct backup_progress *p)
{
    if (p->watch == NULL || !p->watch->stop) return false;
    (void)!fail(ERR_CLOSED, "the server stops");
    return true;
}

void backup_shown(struct backup_progress *p)
{
    p->all = p->done; /* what is left out was counted, too */
    show(p, true);
}

/* ---- files */

struct copying {
    int from, to; /* to: -1: only the digest is wanted */
    const char *from_path, *to_path;
    EVP_MD_CTX *digest;
    uint64_t size;
    struct backup_progress *progress;
    uint8_t *piece;
};

static enum err write_all(const struct copying *x, size_t len)
{
    for (size_t at = 0; x->to >= 0 && at < len;) {
        ssize_t n = write(x->to, x->piece + at, len - at);
        if (n < 0 && errno == ENOSPC) return fail(ERR_FULL, "%s: the disk is full", x->to_path);
        if (n < 0) return fail_errno("cannot write %s", x->to_path);
        at += (size_t)n;
    }
    return OK;
}

static enum err pump(struct copying *x)
{
    struct stat st;
    if (fstat(x->from, &st)) return fail_errno("cannot look at %s", x->from_path);
    for (uint64_t end = (uint64_t)st.st_size; x->size < end;) {
        if (backup_stopped(x->progress)) return ERR_CLOSED;
        size_t want = (size_t)(end - x->size < PIECE ? end - x->size : PIECE);
        ssize_t n = read(x->from, x->piece, want);
        if (n < 0) return fail_errno("cannot read %s", x->from_path);
        if (n == 0) break; /* it has become shorter */
        TRY(write_all(x, (size_t)n));
        int good = EVP_DigestUpdate(x->digest, x->piece, (size_t)n);
        assert(good);
        x->size += (uint64_t)n;
        backup_show(x->progress, (uint64_t)n);
    }
    if (x->to >= 0 && fsync(x->to)) return fail_errno("cannot sync %s", x->to_path);
    return OK;
}

static enum err open_from(struct copying *x)
{
    x->from = open(x->from_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (x->from >= 0) return OK;
    if (errno == ENOENT) return fail(ERR_NOT_FOUND, "%s is not there", x->from_path);
    return fail_errno("cannot open %s", x->from_path);
}

static enum err open_to(struct copying *x)
{
    if (x->to_path == NULL) return OK;
    x->to = open(x->to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return x->to >= 0 ? OK : fail_errno("cannot make %s", x->to_path);
}

static enum err run(struct copying *x, uint8_t *digest)
{
    x->from = x->to = -1;
    x->piece = mem_new(PIECE);
    x->digest = EVP_MD_CTX_new();
    int good = EVP_DigestInit_ex(x->digest, EVP_sha256(), NULL);
    assert(good);
    enum err e = open_from(x);
    if (e == OK) e = open_to(x);
    if (e == OK) e = pump(x);
    if (e == OK && digest) EVP_DigestFinal_ex(x->digest, digest, NULL);
    if (x->from >= 0) close(x->from);
    if (x->to >= 0) close(x->to);
    EVP_MD_CTX_free(x->digest);
    free(x->piece);
    return e;
}

enum err backup_copy_file(const char *from, const char *to, struct backup_progress *p,
                          uint8_t *digest)
{
    struct copying x = {.from_path = from, .to_path = to, .progress = p};
    return run(&x, digest);
}

enum err backup_digest(const char *path, struct backup_progress *p, uint64_t *size,
                       uint8_t digest[BACKUP_DIGEST_LEN])
{
    struct copying x = {.from_path = path, .progress = p};
    enum err e = run(&x, digest);
    *size = x.size;
    return e;
}

/* ---- directories */

enum err backup_join(char out[BACKUP_PATH_MAX], const char *root, const char *path)
{
    int len = snprintf(out, BACKUP_PATH_MAX, "%s/%s", root, path);
    if (len < BACKUP_PATH_MAX) return OK;
    return fail(ERR_INVALID, "a path of a backup has at most %d bytes, not %d: %s/%s",
                BACKUP_PATH_MAX - 1, len, root, path);
}

static int not_dots(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum err walk(const char *root, const char *below, unsigned depth, backup_file_fn fn,
                     void *ctx);

static enum err visit(const char *root, const char *path, unsigned depth, backup_file_fn fn,
                      void *ctx)
{
    char whole[BACKUP_PATH_MAX];
    struct stat st;
    TRY(backup_join(whole, root, path));
    if (lstat(whole, &st)) return errno == ENOENT ? OK : fail_errno("cannot look at %s", whole);
    if (S_ISREG(st.st_mode)) return fn(ctx, path, false, (uint64_t)st.st_size);
    if (!S_ISDIR(st.st_mode)) return OK; /* sockets */
    TRY(fn(ctx, path, true, 0));
    return walk(root, path, depth + 1, fn, ctx);
}

static enum err walk(const char *root, const char *below, unsigned depth, backup_file_fn fn,
                     void *ctx)
{
    struct dirent **entries;
    char path[BACKUP_PATH_MAX];
    enum err e = OK;
    if (depth > BACKUP_DEPTH_MAX) return fail(ERR_TOO_BIG, "%s/%s is too deep", root, below);
    TRY(backup_join(path, root, below));
    int count = scandir(path, &entries, not_dots, by_name);
    if (count < 0) return errno == ENOENT ? OK : fail_errno("cannot read %s", path);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (e == OK && *below) e = backup_join(path, below, name);
        if (e == OK) e = visit(root, *below ? path : name, depth, fn, ctx);
        free(entries[i]);
    }
    free(entries);
    return e;
}

enum err backup_walk(const char *root, const char *below, backup_file_fn fn, void *ctx)
{
    return walk(root, below, 0, fn, ctx);
}

enum err backup_make_dir(const char *path)
{
    struct dirent **entries;
    if (mkdir(path, 0700) == 0) return OK;
    if (errno != EEXIST) return fail_errno("cannot make %s", path);
    int count = scandir(path, &entries, not_dots, NULL);
    if (count < 0) return fail_errno("cannot read %s", path);
    for (int i = 0; i < count; i++) free(entries[i]);
    free(entries);
    return count == 0
               ? OK
               : fail(ERR_EXISTS, "%s is not empty; name a directory that is not there", path);
}

bool backup_lies_in(const char *path, const char *directory)
{
    char *inner = realpath(path, NULL), *outer = realpath(directory, NULL);
    size_t len = outer ? strlen(outer) : 0;
    bool lies = inner && outer && strncmp(inner, outer, len) == 0 && strchr("/", inner[len]);
    free(inner);
    free(outer);
    return lies;
}

enum err backup_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail_errno("cannot open %s", path);
    int failed = fsync(fd);
    close(fd);
    return failed ? fail_errno("cannot sync %s", path) : OK;
}
