/* file.c - see file.h. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"

const char *file_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static enum err too_big(const char *path, size_t max)
{
    bool many = max >= 1 << 20;
    return fail(ERR_TOO_BIG, "%s: more than %zu %s", path, max >> (many ? 20 : 10),
                many ? "MiB" : "KiB");
}

static enum err read_all(struct cli *c, struct io_file *f, const char *path, size_t max,
                         struct slice *out)
{
    uint64_t size;
    size_t got;
    TRY(io_size(f, &size));
    if (size > max) return too_big(path, max);
    uint8_t *bytes = arena_alloc(&c->arena, (size_t)size + 1);
    TRY(io_read_at(f, 0, bytes, (size_t)size, &got));
    bytes[got] = '\0';
    *out = slice_of(bytes, got);
    return OK;
}

/* Whose size nobody knows before its end. */
static enum err read_stream(struct cli *c, int fd, const char *path, size_t max, struct slice *out)
{
    enum { PIECE = 64 << 10 };
    struct buf bytes = BUF_SECRET;
    enum err e = OK;
    for (ssize_t n = 1; n != 0 && e == OK;) {
        n = read(fd, buf_reserve(&bytes, PIECE), PIECE);
        if (n > 0) buf_commit(&bytes, (size_t)n);
        if (n < 0 && errno != EINTR) e = fail_errno("%s cannot be read", path);
        if (buf_size(&bytes) > max) e = too_big(path, max);
    }
    if (e == OK) *out = arena_copy(&c->arena, buf_slice(&bytes));
    buf_wipe(&bytes);
    return e;
}

/* A pipe has a path of the shell's, but none that leads to it: <(command) is /dev/fd/63. */
static enum err load_stream(struct cli *c, const char *path, size_t max, struct slice *out)
{
    if (strcmp(path, "-") == 0) return read_stream(c, STDIN_FILENO, file_name(path), max, out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno("%s cannot be read", path);
    enum err e = read_stream(c, fd, path, max, out);
    close(fd);
    return e;
}

enum err file_load_max(struct cli *c, const char *path, size_t max, struct slice *out)
{
    struct stat st;
    struct io *root;
    struct io_file *f;
    if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
        return load_stream(c, path, max, out);
    char *whole = realpath(path, NULL);
    if (whole == NULL) return fail(ERR_INVALID, "%s: there is no such file", path);
    enum err e = io_posix_new("/", &root);
    if (e == OK) {
        e = io_open_file(root, whole + 1, IO_READ, &f);
        if (e == OK) {
            e = read_all(c, f, path, max, out);
            io_close(f);
        }
        io_free(root);
    }
    free(whole);
    return e;
}

enum err file_yaml(struct cli *c, const char *path, size_t max, struct yaml **out)
{
    struct slice text;
    TRY(file_load_max(c, path, max, &text));
    return yaml_parse(&c->arena, file_name(path), text, out);
}

enum err file_blame(enum err e, const char *place)
{
    char why[400];
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(e, "%s: %s", place, why);
}

enum err file_json_option(struct cli *c, const char *option, struct json **out)
{
    const char *given = cli_value(c, option);
    *out = NULL;
    if (given == NULL) return OK;
    struct slice text = slice_str(given);
    if (json_parse(&c->arena, text, out) == OK) return OK;
    if (file_load(c, given, &text) == OK && json_parse(&c->arena, text, out) == OK) return OK;
    return fail(ERR_INVALID, "--%s %s: JSON was expected, or a file with some", option, given);
}
