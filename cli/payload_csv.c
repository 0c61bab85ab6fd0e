/* payload_csv.c - the cells of a CSV file one by one: RFC 4180, lines ending with LF or CRLF. */
#include "cli/payload_parts.h"

/* What stands between quotes, with two quotes for one; `csv->rest` begins behind the first. */
static enum err quoted(struct payload_csv *csv, struct slice *text)
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
        for (size_t i = 0; i < end; i++) csv->line += piece.ptr[i] == '\n';
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

static struct slice bare(struct payload_csv *csv)
{
    size_t end = 0;
    while (end < csv->rest.len && csv->rest.ptr[end] != ',' && csv->rest.ptr[end] != '\n') end++;
    struct slice text = slice_head(csv->rest, end);
    csv->rest = slice_from(csv->rest, end);
    if (csv->rest.len && csv->rest.ptr[0] == '\n' && text.len && text.ptr[text.len - 1] == '\r')
        text.len--;
    return text;
}

/* What must follow a cell: a comma, the end of the line or of the file. */
static enum err take_end(struct payload_csv *csv, struct payload_cell *cell)
{
    size_t line = csv->line;
    if (slice_starts(csv->rest, SLICE_LIT("\r\n"))) csv->rest = slice_from(csv->rest, 1);
    cell->last = csv->rest.len == 0 || csv->rest.ptr[0] == '\n';
    if (!cell->last && csv->rest.ptr[0] != ',')
        return fail(ERR_INVALID, "line %zu: text behind a closing quote", line);
    csv->open = !cell->last;
    csv->line += csv->rest.len && cell->last;
    csv->rest = slice_from(csv->rest, 1);
    return OK;
}

enum err payload_csv_next(struct payload_csv *csv, struct payload_cell *cell)
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
