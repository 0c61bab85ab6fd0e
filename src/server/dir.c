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

static enum err take_lock(struct dir *d)
{
    char path[DIR_PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/lock", d->path);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0) return fail_errno("cannot open %s", path);
    if (flock(d->lock, LOCK_EX | LOCK_NB) == 0) return OK;
    close(d->lock);
    d->lock = -1;
    if (errno != EWOULDBLOCK) return fail_errno("cannot lock %s", path);
    return fail(ERR_EXISTS, "another azimuth runs on %s; stop it or give --data another directory",
                d->path);
}

enum err dir_open(const char *path, struct dir *out)
{
    *out = (struct dir){.lock = -1};
    TRY(io_posix_new(path, &out->files));
    out->state = out->files;
    if (realpath(path, out->path) == NULL) return fail_errno("cannot resolve %s", path);
    enum err e = take_lock(out);
    if (e != OK) dir_close(out);
    return e;
}

enum err dir_open_ephemeral(struct dir *out)
{
    const char *tmp = getenv("TMPDIR");
    *out = (struct dir){.lock = -1, .temporary = true};
    snprintf(out->path, sizeof out->path, "%s/azimuth-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(out->path) == NULL) return fail_errno("cannot make %s", out->path);
    TRY(io_posix_new(out->path, &out->files));
    out->state = io_mem_new();
    return OK;
}

static void remove_entry(void *ctx, const char *name)
{
    const struct dir *d = ctx;
    char path[DIR_PATH_MAX + IO_NAME_MAX];
    snprintf(path, sizeof path, "%s/%s", d->path, name);
    unlink(path);
}

void dir_close(struct dir *d)
{
    if (d->temporary && d->files && io_list(d->files, "", remove_entry, d) == OK) rmdir(d->path);
    if (d->state && d->state != d->files) io_free(d->state);
    if (d->files) io_free(d->files);
    if (d->lock >= 0) close(d->lock);
    *d = (struct dir){.lock = -1};
}
