/* dir.c - taking and leaving a data directory. */
#include "server/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io_mem.h"

static enum err is_taken(const struct dir *d)
{
    return fail(ERR_EXISTS, "another azimuth runs on %s; stop it or give --data another directory",
                d->path);
}

/* File systems that lock no directories (NFS) have the file only. */
static enum err take_self(struct dir *d)
{
    d->self = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->self < 0) return fail_errno("cannot open %s", d->path);
    return flock(d->self, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? is_taken(d) : OK;
}

static enum err take_lock(struct dir *d)
{
    char path[DIR_PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/lock", d->path);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0) return fail_errno("cannot open %s", path);
    if (flock(d->lock, LOCK_EX | LOCK_NB) == 0) return take_self(d);
    if (errno != EWOULDBLOCK) return fail_errno("cannot lock %s", path);
    return is_taken(d);
}

static enum err advise(enum err e, const char *advice)
{
    char why[384];
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(e, "%s; %s", why, advice);
}

enum err dir_advise(const struct dir *d, enum err e)
{
    char advice[192];
    const char *what = e == ERR_VERSION    ? "start the newer program on"
                       : e == ERR_CORRUPT  ? "restore from a backup"
                       : e == ERR_INVALID  ? "change the option for"
                       : e == ERR_CONFLICT ? "end that before this serves"
                                           : "look at the disk and the owner of";
    snprintf(advice, sizeof advice, "%s %.100s, or give --data another directory", what, d->path);
    return advise(e, advice);
}

enum err dir_open(const char *path, struct dir *out)
{
    *out = (struct dir){.lock = -1, .self = -1, .made = access(path, F_OK) != 0};
    enum err e = io_posix_new(path, &out->files);
    out->state = out->secrets = out->files;
    if (e == OK && realpath(path, out->path) == NULL) e = fail_errno("cannot resolve %s", path);
    if (e == OK) e = take_lock(out);
    if (e == OK) return OK;
    dir_close(out);
    if (e == ERR_EXISTS) return e;
    return advise(e, "see who owns it, or give --data another directory");
}

enum err dir_open_ephemeral(struct dir *out)
{
    const char *tmp = getenv("TMPDIR");
    *out = (struct dir){.lock = -1, .self = -1, .temporary = true};
    snprintf(out->path, sizeof out->path, "%s/azimuth-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(out->path) == NULL) return fail_errno("cannot make %s", out->path);
    TRY(io_posix_new(out->path, &out->files));
    out->state = out->secrets = io_mem_new();
    return OK;
}

static void remove_entry(void *ctx, const char *name)
{
    const struct dir *d = ctx;
    char path[DIR_PATH_MAX + IO_NAME_MAX];
    snprintf(path, sizeof path, "%s/%s", d->path, name);
    unlink(path);
}

void dir_undo(struct dir *d)
{
    if (!d->made || d->lock < 0) return;
    remove_entry(d, "lock");
    rmdir(d->path);
}

void dir_close(struct dir *d)
{
    if (d->temporary && d->files && io_list(d->files, "", remove_entry, d) == OK) rmdir(d->path);
    if (d->state && d->state != d->files) io_free(d->state);
    if (d->files) io_free(d->files);
    if (d->lock >= 0) close(d->lock);
    if (d->self >= 0) close(d->self);
    *d = (struct dir){.lock = -1, .self = -1};
}
