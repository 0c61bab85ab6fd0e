/* csv.h - the cells of a CSV file one by one: RFC 4180, lines that end with LF, CRLF or CR, all as the first.
 *
 *     csv_begin(&csv, text);
 *     while (csv.rest.len && csv_next(&csv, &cell) == OK) ...
 *
 * Runs on: any thread.
 * Life:    csv_begin() .. csv_fini(); the text outlives the reader.
 * Errors:  name the line.
 */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include "base/buf.h"

/* One cell; `text` is borrowed from the file or, if it had doubled quotes, lies in `scratch` of the
 * reader until the next cell. */
struct csv_cell {
    struct slice text;
    bool quoted, last; /* last of its line */
};

struct csv {
    struct slice rest;
    size_t line;                 /* of the next cell, from 1 */
    uint8_t separator, line_end; /* the second: '\n', a CR before it or not, or '\r' */
    bool open; /* behind a separator: there is a cell even at the end of the file */
    struct buf scratch;
};

/* Behind a byte order mark; cells have commas between them. */
void csv_begin(struct csv *csv, struct slice text);
void csv_fini(struct csv *csv);

/* Instead of commas what the first line has most of: commas, semicolons or tabs.  At the beginning. */
void csv_guess_separator(struct csv *csv);

/* ERR_NOT_FOUND at the end of the file; ERR_INVALID names the line. */
enum err csv_next(struct csv *csv, struct csv_cell *cell) MUST_USE;

/* Passes a line without anything on it; false: the next line is none. */
bool csv_skip_blank(struct csv *csv);

#endif
