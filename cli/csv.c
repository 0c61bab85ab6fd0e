/* csv.c - see csv.h. */
#include "cli/csv.h"

/* What the first line ends with; old spreadsheets of Macs write CR alone. */
static uint8_t end_of_lines(struct slice text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        quoted ^= text.ptr[i] == '"';
        if (quoted || (text.ptr[i] != '\n' && text.ptr[i] != '\r')) continue;
        bool alone = text.ptr[i] == '\r' && !slice_starts(slice_from(text, i + 1), SLICE_LIT("\n"));
        return alone ? '\r' : '\n';
    }
    return '\n';
}

void csv_begin(struct csv *csv, struct slice text)
{
    static const struct slice mark = {(const uint8_t *)"\xef\xbb\xbf", 3};
    *csv = (struct csv){.rest = text, .line = 1, .separator = ',', .line_end = end_of_lines(text)};
    if (slice_starts(text, mark)) csv->rest = slice_from(text, mark.len);
}

void csv_fini(struct csv *csv)
{
    buf_free(&csv->scratch);
}

void csv_guess_separator(struct csv *csv)
{
    static const uint8_t separators[] = {',', ';', '\t'};
    size_t counts[256] = {0};
    bool quoted = false;
    for (size_t i = 0; i < csv->rest.len && (quoted || csv->rest.ptr[i] != csv->line_end); i++) {
        quoted ^= csv->rest.ptr[i] == '"';
        if (!quoted) counts[csv->rest.ptr[i]]++;
    }
    for (size_t i = 0; i < sizeof separators; i++)
        if (counts[separators[i]] > counts[csv->separator]) csv->separator = separators[i];
}

bool csv_skip_blank(struct csv *csv)
{
    bool both = csv->line_end == '\n' && slice_starts(csv->rest, SLICE_LIT("\r"));
    size_t ends = both ? 2 : 1;
    if (csv->rest.len < ends || csv->rest.ptr[ends - 1] != csv->line_end) return false;
    csv->rest = slice_from(csv->rest, ends);
    csv->line++;
    return true;
}

/* What stands between quotes, with two quotes for one; `csv->rest` begins behind the first. */
static enum err quoted(struct csv *csv, struct slice *text)
{
    size_t first = csv->line;
    bool doubled = false;
    buf_clear(&csv->scratch);
    for (;;) {
        size_t end = slice_find(csv->rest, '"');
        if (end == csv->rest.len)
            return fail(ERR_INVALID, "line %zu: a quote is opened and never closed", first);
        assert(csv->rest.ptr);
        struct slice piece = slice_head(csv->rest, end);
        for (size_t i = 0; i < end; i++) csv->line += piece.ptr[i] == csv->line_end;
        csv->rest = slice_from(csv->rest, end + 1);
        bool again = csv->rest.len && csv->rest.ptr[0] == '"';
        if (again || doubled) buf_put_slice(&csv->scratch, piece);
        *text = doubled ? buf_slice(&csv->scratch) : piece;
        if (!again) return OK;
        doubled = true;
        buf_put_u8(&csv->scratch, '"');
        csv->rest = slice_from(csv->rest, 1);
    }
}

static struct slice bare(struct csv *csv)
{
    size_t end = 0;
    while (end < csv->rest.len && csv->rest.ptr[end] != csv->separator &&
           csv->rest.ptr[end] != csv->line_end)
        end++;
    struct slice text = slice_head(csv->rest, end);
    csv->rest = slice_from(csv->rest, end);
    if (csv->rest.len && csv->rest.ptr[0] == '\n' && text.len && text.ptr[text.len - 1] == '\r')
        text.len--;
    return text;
}

/* What must follow a cell: a separator, the end of the line or of the file. */
static enum err take_end(struct csv *csv, struct csv_cell *cell)
{
    size_t line = csv->line;
    if (slice_starts(csv->rest, SLICE_LIT("\r\n"))) csv->rest = slice_from(csv->rest, 1);
    cell->last = csv->rest.len == 0 || csv->rest.ptr[0] == csv->line_end;
    if (!cell->last && csv->rest.ptr[0] != csv->separator)
        return fail(ERR_INVALID, "line %zu: text behind a closing quote", line);
    csv->open = !cell->last;
    csv->line += csv->rest.len && cell->last;
    csv->rest = slice_from(csv->rest, 1);
    return OK;
}

enum err csv_next(struct csv *csv, struct csv_cell *cell)
{
    if (csv->rest.len == 0 && !csv->open) return ERR_NOT_FOUND;
    cell->quoted = csv->rest.len && csv->rest.ptr[0] == '"';
    if (cell->quoted) {
        csv->rest = slice_from(csv->rest, 1);
        TRY(quoted(csv, &cell->text));
    } else {
        cell->text = bare(csv);
    }
    return take_end(csv, cell);
}
