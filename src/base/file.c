/* file.c - see file.h. */
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

enum err file_begin(const char *path, struct file_new *f)
{
    struct buf part = {0};
    buf_printf(&part, "%s.part-XXXXXX", path);
    f->part = slice_dup(buf_slice(&part));
    buf_free(&part);
    int fd = mkostemp(f->part, O_CLOEXEC);
    f->out = fd < 0 ? NULL : fdopen(fd, "w");
    if (f->out) return OK;
    enum err e = fail_errno("%s cannot be written", path);
    free(f->part);
    return e;
}

enum err file_finish(const char *path, struct file_new *f, enum err e)
{
    if (fclose(f->out) != 0 && e == OK) e = fail_errno("%s cannot be written", f->part);
    if (e == OK && rename(f->part, path) != 0) e = fail_errno("%s cannot be written", path);
    if (e != OK) remove(f->part);
    free(f->part);
    return e;
}
