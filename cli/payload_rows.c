/* payload_rows.c - a CSV file as messages: each row a JSON object, made once and checked at once, so
 * that nothing is sent from a file that has a mistake further down. */
#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/payload_parts.h"

enum { NO_COLUMN = PAYLOAD_COLUMNS_MAX };

struct reader {
    struct arena *arena;
    struct payload_rows *out;
    struct csv csv;
    struct slice keys[PAYLOAD_COLUMNS_MAX]; /* `"name":` */
    size_t columns, time_column, device_column;
    struct map devices; /* id -> its number */
    struct buf id;
    size_t row_room, device_room;
};

/* ---- values */

static size_t digits(struct slice text, size_t at)
{
    size_t n = 0;
    while (at + n < text.len && text.ptr[at + n] >= '0' && text.ptr[at + n] <= '9') n++;
    return n;
}

/* RFC 8259 section 6. */
static bool is_number(struct slice text)
{
    size_t at = text.len && text.ptr[0] == '-', n = digits(text, at);
    if (n == 0 || (n > 1 && text.ptr[at] == '0')) return false;
    at += n;
    if (at < text.len && text.ptr[at] == '.') {
        if ((n = digits(text, at + 1)) == 0) return false;
        at += 1 + n;
    }
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        at++;
        at += at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-');
        if ((n = digits(text, at)) == 0) return false;
        at += n;
    }
    return at == text.len;
}

static void put_value(struct buf *out, const struct csv_cell *cell)
{
    struct slice text = cell->text;
    bool literal = is_number(text) || slice_is(text, "true") || slice_is(text, "false");
    if (text.len == 0 && !cell->quoted)
        buf_put_str(out, "null");
    else if (literal && !cell->quoted)
        buf_put_slice(out, text);
    else
        text_json_string(out, text);
}

/* Seconds, or milliseconds if as seconds they were after the year 5000. */
static enum err number_time(const char *text, int64_t *wall_us)
{
    double seconds = strtod(text, NULL);
    if (seconds > 1e11) seconds /= 1000;
    if (!(seconds > -1e11 && seconds <= 1e11)) return ERR_INVALID;
    *wall_us = (int64_t)(seconds * 1e6);
    return OK;
}

/* "2012-01-31", "2012/01/31 10:00", ISO 8601, seconds or milliseconds since 1970. */
static enum err read_time(struct slice text, int64_t *wall_us)
{
    static const char midnight[] = "0000-00-00T00:00:00";
    enum { DATE = 10, MINUTES = 16, SECONDS = sizeof midnight - 1, MOST = 36 };
    char copy[MOST + 1] = "";
    if (text.len == 0 || text.len > MOST) return ERR_INVALID;
    memcpy(copy, text.ptr, text.len);
    if (is_number(text)) return number_time(copy, wall_us);
    for (size_t i = 0; i < DATE; i++)
        if (copy[i] == '/') copy[i] = '-';
    if (text.len == DATE || text.len == MINUTES)
        memcpy(copy + text.len, midnight + text.len, SECONDS - text.len);
    return clock_parse_iso(slice_str(copy), wall_us);
}

/* ---- header */

static enum err check_utf8(struct slice text, size_t line)
{
    return text_is_utf8(text) ? OK : fail(ERR_INVALID, "line %zu: not UTF-8", line);
}

static enum err add_column(struct reader *r, struct slice name)
{
    struct buf key = {0};
    if (r->columns == PAYLOAD_COLUMNS_MAX)
        return fail(ERR_TOO_BIG, "more than %d columns", PAYLOAD_COLUMNS_MAX);
    TRY(check_utf8(name, 1));
    if (name.len == 0) return fail(ERR_INVALID, "column %zu has no name", r->columns + 1);
    text_json_string(&key, name);
    buf_put_u8(&key, ':');
    for (size_t i = 0; i < r->columns; i++) {
        if (!slice_eq(r->keys[i], buf_slice(&key))) continue;
        buf_free(&key);
        return fail(ERR_INVALID, "two columns are called '%.*s'", SLICE_ARG(name));
    }
    r->keys[r->columns++] = arena_copy(r->arena, buf_slice(&key));
    buf_free(&key);
    return OK;
}

static enum err find_column(const struct reader *r, const char *name, size_t *column)
{
    struct buf key = {0};
    *column = NO_COLUMN;
    if (name == NULL) return OK;
    text_json_string(&key, slice_str(name));
    buf_put_u8(&key, ':');
    for (size_t i = 0; i < r->columns; i++)
        if (slice_eq(r->keys[i], buf_slice(&key))) *column = i;
    buf_free(&key);
    if (*column < NO_COLUMN) return OK;
    return fail(ERR_INVALID, "the file has no column '%s'", name);
}

static enum err guess_time_column(struct reader *r)
{
    static const char *const keys[] = {"\"time\":", "\"timestamp\":", "\"datetime\":", "\"date\":"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (r->time_column = 0; r->time_column < r->columns; r->time_column++)
            if (slice_is_nocase(r->keys[r->time_column], keys[k])) return OK;
    return fail(ERR_INVALID, "no column is called time, timestamp, datetime or date; name it with "
                             "--time-column");
}

static enum err read_header(struct reader *r, const struct payload_config *config)
{
    struct csv_cell cell;
    enum err e;
    do {
        e = csv_next(&r->csv, &cell);
        if (e == ERR_NOT_FOUND) return fail(ERR_INVALID, "the file is empty");
        if (e == OK) e = add_column(r, slice_trim(cell.text));
        if (e != OK) return e;
    } while (!cell.last);
    if (config->time_column && *config->time_column == '\0')
        TRY(guess_time_column(r));
    else
        TRY(find_column(r, config->time_column, &r->time_column));
    return find_column(r, config->device_column, &r->device_column);
}

/* ---- rows */

static enum err take_time(struct reader *r, struct slice text, size_t line, struct payload_row *row)
{
    if (read_time(slice_trim(text), &row->time_us) != OK)
        return fail(ERR_INVALID, "line %zu: '%.*s' is not a time, as 2026-01-31T12:00:00Z is", line,
                    SLICE_ARG(text));
    if (r->out->count == 0 || row->time_us < r->out->earliest_us)
        r->out->earliest_us = row->time_us;
    return OK;
}

/* What IoT Hub has in ids stays, anything else becomes '-': "New York" is New-York. */
static struct slice id_of(struct reader *r, struct slice text)
{
    static const char allowed[] = "-:.+%_#*?!(),=@$'";
    text = slice_trim(text);
    buf_clear(&r->id);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool fits = isalnum(c) || memchr(allowed, c, sizeof allowed - 1);
        buf_put_u8(&r->id, fits ? c : '-');
    }
    return buf_slice(&r->id);
}

static size_t *add_device(struct reader *r, struct slice id)
{
    struct payload_rows *out = r->out;
    size_t *number = arena_alloc(r->arena, sizeof *number);
    if (out->device_count == r->device_room) {
        r->device_room = MAX(2 * r->device_room, (size_t)16);
        out->devices = mem_grow(out->devices, r->device_room * sizeof *out->devices);
    }
    id = arena_copy(r->arena, id);
    *number = out->device_count++;
    out->devices[*number] = id;
    map_put(&r->devices, id, number);
    return number;
}

static enum err take_device(struct reader *r, struct slice text, size_t line,
                            struct payload_row *row)
{
    struct slice id = id_of(r, text);
    if (id.len == 0) return fail(ERR_INVALID, "line %zu: no device is named", line);
    const size_t *number = map_get(&r->devices, id);
    row->device = number ? *number : *add_device(r, id);
    return OK;
}

static enum err read_cell(struct reader *r, size_t column, struct csv_cell *cell,
                          struct payload_row *row)
{
    size_t line = r->csv.line;
    TRY(csv_next(&r->csv, cell));
    if (column == r->columns) return fail(ERR_INVALID, "line %zu: too many cells", line);
    TRY(check_utf8(cell->text, line));
    if (column == r->time_column) TRY(take_time(r, cell->text, line, row));
    if (column == r->device_column) TRY(take_device(r, cell->text, line, row));
    buf_put_u8(&r->out->json, column ? ',' : '{');
    buf_put_slice(&r->out->json, r->keys[column]);
    put_value(&r->out->json, cell);
    return OK;
}

static void add_row(struct reader *r, struct payload_row *row)
{
    struct payload_rows *out = r->out;
    if (out->count == r->row_room) {
        r->row_room = MAX(2 * r->row_room, (size_t)256);
        out->rows = mem_grow(out->rows, r->row_room * sizeof *out->rows);
    }
    buf_put_u8(&out->json, '}');
    row->len = buf_size(&out->json) - row->at;
    out->rows[out->count++] = *row;
}

static enum err read_row(struct reader *r)
{
    struct payload_row row = {.at = buf_size(&r->out->json)};
    struct csv_cell cell = {.last = false};
    size_t line = r->csv.line, column = 0;
    while (!cell.last) {
        enum err e = read_cell(r, column, &cell, &row);
        if (e != OK) return e;
        column++;
    }
    if (column < r->columns)
        return fail(ERR_INVALID, "line %zu: %zu cells, and the header has %zu", line, column,
                    r->columns);
    add_row(r, &row);
    if (r->out->rows[r->out->count - 1].len > PAYLOAD_BODY_MAX)
        return fail(ERR_TOO_BIG, "line %zu: a message of more than %d KiB", line,
                    PAYLOAD_BODY_MAX >> 10);
    return OK;
}

static enum err read_rows(struct reader *r)
{
    while (r->csv.rest.len) {
        /* A line without anything on it is no row, unless there is just one column. */
        if (r->columns == 1 || !csv_skip_blank(&r->csv)) TRY(read_row(r));
    }
    return r->out->count ? OK : fail(ERR_INVALID, "the file has a header and no rows");
}

/* Puts the rows of each device together, in the order they had. */
static void group_rows(struct arena *a, struct payload_rows *out)
{
    size_t *ends = arena_zero(a, (out->device_count + 1) * sizeof *ends);
    struct payload_row *sorted = mem_new(out->count * sizeof *sorted);
    for (size_t i = 0; i < out->count; i++) ends[out->rows[i].device + 1]++;
    for (size_t i = 1; i <= out->device_count; i++) ends[i] += ends[i - 1];
    for (size_t i = 0; i < out->count; i++) sorted[ends[out->rows[i].device]++] = out->rows[i];
    free(out->rows);
    out->rows = sorted;
    out->device_ends = ends;
}

static void *moved(struct arena *a, void *from, size_t size)
{
    void *to = arena_alloc(a, size);
    if (from) memcpy(to, from, size);
    free(from);
    return to;
}

/* What was collected in growing memory goes to the arena, which frees it. */
static void settle(struct arena *a, struct payload_rows *out)
{
    out->rows = moved(a, out->rows, out->count * sizeof *out->rows);
    out->devices = moved(a, out->devices, out->device_count * sizeof *out->devices);
    out->text = arena_copy(a, buf_slice(&out->json));
    buf_free(&out->json);
}

enum err payload_rows_read(struct arena *a, const struct payload_config *config,
                           struct payload_rows *out)
{
    struct reader *r = arena_zero(a, sizeof *r);
    *out = (struct payload_rows){0};
    r->arena = a;
    r->out = out;
    csv_begin(&r->csv, config->body);
    if (config->body.len > PAYLOAD_CSV_MAX)
        return fail(ERR_TOO_BIG, "a CSV file may have %d MiB", PAYLOAD_CSV_MAX >> 20);
    enum err e = read_header(r, config);
    if (e == OK) e = read_rows(r);
    map_free(&r->devices);
    buf_free(&r->id);
    csv_fini(&r->csv);
    if (e == OK && out->device_count) group_rows(a, out);
    settle(a, out);
    return e;
}
