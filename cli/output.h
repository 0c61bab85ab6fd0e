/* output.h - what a verb prints: values as a table, JSON, lines of JSON, tab separated or YAML.
 *
 * Data goes to stdout and nothing else does.  The field names are those of the wire.
 * Runs on: the main thread.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/json.h"

struct query;

enum { OUTPUT_COLUMNS_MAX = 16 }; /* of a table; the rest is left out */

/* OUTPUT_NONE: what is done counts, and its status. */
enum output_format {
    OUTPUT_TABLE,
    OUTPUT_JSON,
    OUTPUT_JSONL,
    OUTPUT_TSV,
    OUTPUT_YAML,
    OUTPUT_NONE
};

struct output {
    enum output_format format;
    struct query *query; /* NULL: everything */
};

/* `format` NULL: a table on a terminal, else JSON.  ERR_INVALID names what is wrong. */
enum err output_init(struct output *o, struct arena *a, const char *format,
                     const char *query) MUST_USE;

/* Prints one value: an object, or a list of them.  `columns` is what a table shows, as
 * "title=expression" or just an expression, separated by spaces; NULL: all members. */
enum err output_value(const struct output *o, struct arena *a, const struct json *value,
                      const char *columns) MUST_USE;

/* The same into a buffer, for tests. */
enum err output_write(struct buf *out, const struct output *o, struct arena *a,
                      const struct json *value, const char *columns) MUST_USE;

/* Is stdout a terminal that shows colours, and did nobody say NO_COLOR, or CLICOLOR=0? */
bool output_has_colours(void);

/* Writes to stdout; ERR_IO when nobody reads it any more. */
enum err output_text(struct slice text) MUST_USE;

/* Appends a line that has words of others in it, without what a terminal would obey, and its end; frees
 * `line`. */
void output_put_line(struct buf *out, struct buf *line);

/* Pretty-printed, two spaces a level, no line end. */
void output_pretty(struct buf *out, const struct json *value, unsigned level);

#endif
