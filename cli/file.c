/* file.c - see file.h. */
#include "cli/file.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/io.h"

enum err file_load(struct cli *c, const char *path, struct slice *out)
{
    struct io *root;
    struct buf bytes = {0};
    char *whole = realpath(path, NULL);
    if (whole == NULL) return fail(ERR_INVALID, "%s: there is no such file", path);
    enum err e = io_posix_new("/", &root);
    if (e == OK) {
        e = io_load(root, whole + 1, &bytes);
        io_free(root);
    }
    if (e == OK) *out = arena_copy(&c->arena, buf_slice(&bytes));
    buf_free(&bytes);
    free(whole);
    return e;
}
