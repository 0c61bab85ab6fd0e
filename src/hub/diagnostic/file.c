/* file.c - JSON lines.  The newest are in NAME.jsonl; when that is full it becomes NAME.jsonl.1, and that
 * one NAME.jsonl.2, up to DIAGNOSTIC_FILES_MAX files.  Nothing is synced: these are no records of account. */
#include <stdio.h>

#include "base/say.h"
#include "hub/diagnostic/home.h"

void log_file_put(struct log_file *f, struct slice line)
{
    buf_put_slice(&f->lines, line);
    buf_put_u8(&f->lines, '\n');
}

void log_file_close(struct log_file *f)
{
    if (f->file) io_close(f->file);
    f->file = NULL;
}

static void name_of(const struct log_file *f, unsigned age, char out[IO_NAME_MAX])
{
    if (age)
        snprintf(out, IO_NAME_MAX, "%.*s.%u", IO_NAME_MAX - 16, f->path, age);
    else
        snprintf(out, IO_NAME_MAX, "%s", f->path);
}

/* Those that are not there have nothing to move. */
static enum err shift(struct log_file *f, struct io *io)
{
    char from[IO_NAME_MAX], to[IO_NAME_MAX];
    for (unsigned age = DIAGNOSTIC_FILES_MAX - 1; age > 0; age--) {
        name_of(f, age - 1, from);
        name_of(f, age, to);
        enum err e = io_rename(io, from, to);
        if (e != OK && e != ERR_NOT_FOUND) return e;
    }
    return OK;
}

/* A crash, or a full disk, may have torn the last line. */
static enum err end_line(struct log_file *f)
{
    uint8_t last = '\n';
    size_t got = 0;
    if (f->size) TRY(io_read_at(f->file, f->size - 1, &last, 1, &got));
    if (last == '\n') return OK;
    TRY(io_write_at(f->file, f->size, SLICE_LIT("\n")));
    f->size++;
    return OK;
}

static enum err open_file(struct log_file *f, struct io *io)
{
    if (f->file) return OK;
    TRY(io_make_dir(io, DIAGNOSTIC_FOLDER));
    TRY(io_open_file(io, f->path, IO_READ | IO_WRITE | IO_CREATE, &f->file));
    enum err e = io_size(f->file, &f->size);
    if (e == OK) e = end_line(f);
    if (e != OK) log_file_close(f);
    return e;
}

/* A line longer than a file may be has one of its own. */
static enum err make_room(struct log_file *f, struct io *io, size_t len)
{
    TRY(open_file(f, io));
    if (f->size == 0 || f->size + len <= f->size_max) return OK;
    log_file_close(f);
    TRY(shift(f, io));
    return open_file(f, io);
}

static enum err write_line(struct log_file *f, struct io *io, struct slice line)
{
    TRY(make_room(f, io, line.len));
    TRY(io_write_at(f->file, f->size, line));
    f->size += line.len;
    return OK;
}

static unsigned lines_in(struct slice text)
{
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) count += text.ptr[i] == '\n';
    return count;
}

/* As many lines at a time as the file has room for. */
static struct slice next_part(const struct log_file *f, struct slice rest)
{
    uint64_t room = f->file && f->size < f->size_max ? f->size_max - f->size : f->size_max;
    if (rest.len <= room) return rest;
    size_t end = slice_rfind(slice_head(rest, room), '\n');
    if (end == room) end = slice_find(rest, '\n');
    return slice_head(rest, end + 1);
}

/* What a write that failed has left; if that fails, too, end_line() puts an end to it. */
static void take_back(struct log_file *f)
{
    bool whole = f->file == NULL || io_truncate(f->file, f->size) == OK;
    (void)whole;
}

static void write_lines(struct log_file *f, struct io *io)
{
    struct slice rest = buf_slice(&f->lines);
    while (rest.len) {
        struct slice part = next_part(f, rest);
        if (write_line(f, io, part) != OK) {
            say_warn("diagnostic.file", "file=\"%s\" reason=\"%s\"", f->path, fail_text());
            diagnostic_lost(LOST_IN_FILE, lines_in(rest));
            take_back(f);
            log_file_close(f);
            break;
        }
        diagnostic_wrote(true, lines_in(part));
        rest = slice_from(rest, part.len);
    }
}

void log_file_flush(struct log_file *f, const struct diagnostics_config *cfg)
{
    if (room_for(cfg, buf_size(&f->lines), f->path, &f->held_back))
        write_lines(f, cfg->io);
    else
        diagnostic_lost(LOST_IN_FILE, lines_in(buf_slice(&f->lines)));
    buf_free(&f->lines);
}
