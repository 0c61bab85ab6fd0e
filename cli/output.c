/* output.c - the formats.  A table is a list of objects seen through its columns. */
#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"
#include "cli/query.h"

enum { GAP = 2 };

enum err output_init(struct output *o, struct arena *a, const char *format, const char *query)
{
    static const struct {
        const char *name;
        enum output_format format;
    } formats[] = {
        {"table", OUTPUT_TABLE}, {"json", OUTPUT_JSON},  {"jsonl", OUTPUT_JSONL},
        {"tsv", OUTPUT_TSV},     {"yaml", OUTPUT_YAML},  {"none", OUTPUT_NONE},
        {"jsonc", OUTPUT_JSON},  {"yamlc", OUTPUT_YAML}, /* az's, in colours */
    };
    enum output_format unsaid = isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_JSON;
    *o = (struct output){.format = unsaid};
    if (query) TRY(query_parse(a, query, &o->query));
    if (format == NULL) return OK;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(format, formats[i].name) != 0) continue;
        o->format = formats[i].format;
        return OK;
    }
    return fail(ERR_INVALID, "-o %s: the formats are table, json, jsonl, tsv, yaml and none",
                format);
}

/* ---- JSON */

static void indent(struct buf *out, unsigned level)
{
    buf_put_u8(out, '\n');
    for (unsigned i = 0; i < level; i++) buf_put_str(out, "  ");
}

void output_pretty(struct buf *out, const struct json *v, unsigned level)
{
    bool object = v->type == JSON_OBJECT;
    if (v->child == NULL) { /* scalars, {} and [] */
        json_write(out, v);
        return;
    }
    buf_put_u8(out, object ? '{' : '[');
    for (const struct json *j = v->child; j; j = j->next) {
        indent(out, level + 1);
        if (object) {
            text_json_string(out, j->key);
            buf_put_str(out, ": ");
        }
        output_pretty(out, j, level + 1);
        if (j->next) buf_put_u8(out, ',');
    }
    indent(out, level);
    buf_put_u8(out, object ? '}' : ']');
}

static void write_jsonl(struct buf *out, const struct json *v)
{
    const struct json *one = v->type == JSON_ARRAY ? v->child : v;
    for (; one; one = v->type == JSON_ARRAY ? one->next : NULL) {
        json_write(out, one);
        buf_put_u8(out, '\n');
    }
}

/* ---- YAML */

/* Plain where no reader could take it for anything but that string. */
static void yaml_string(struct buf *out, struct slice text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "~"};
    bool plain = text.len > 0 && !strchr("-?:,[]{}#&*!|>'\"%@` 0123456789.+=<", text.ptr[0]) &&
                 text.ptr[text.len - 1] != ' ' && text.ptr[text.len - 1] != ':';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        plain = plain && !slice_is_nocase(text, words[i]);
    for (size_t i = 0; i < text.len; i++)
        plain = plain && text.ptr[i] >= ' ' && text.ptr[i] != '#' && text.ptr[i] != 0x7f &&
                !(text.ptr[i] == 0xc2 && i + 1 < text.len && text.ptr[i + 1] < 0xa0) && /* C1 */
                !(text.ptr[i] == ':' && i + 1 < text.len && text.ptr[i + 1] == ' ');
    if (plain)
        buf_put_slice(out, text);
    else
        text_json_string(out, text);
}

static void write_yaml(struct buf *out, const struct json *v, unsigned level, bool fresh)
{
    if (v->child == NULL) {
        if (v->type == JSON_STRING)
            yaml_string(out, v->text);
        else
            json_write(out, v);
        return;
    }
    for (const struct json *j = v->child; j; j = j->next) {
        if (!fresh) indent(out, level);
        fresh = false;
        if (v->type == JSON_OBJECT) {
            yaml_string(out, j->key);
            buf_put_str(out, j->child ? ":" : ": ");
            write_yaml(out, j, level + 1, false);
        } else {
            buf_put_str(out, "- ");
            write_yaml(out, j, level + 1, true);
        }
    }
}

/* ---- tab separated: one line per element, one column per member */

static void write_cell(struct buf *out, const struct json *v)
{
    struct buf text = {0};
    if (v->type == JSON_STRING)
        buf_put_slice(&text, v->text);
    else if (v->type != JSON_NULL)
        json_write(&text, v);
    text_shown(out, buf_slice(&text));
    buf_free(&text);
}

static void write_tsv(struct buf *out, const struct json *v)
{
    const struct json *row = v->type == JSON_ARRAY ? v->child : v;
    for (; row; row = v->type == JSON_ARRAY ? row->next : NULL) {
        if (row->type != JSON_OBJECT && row->type != JSON_ARRAY) write_cell(out, row);
        for (const struct json *cell = row->child; cell; cell = cell->next) {
            write_cell(out, cell);
            if (cell->next) buf_put_u8(out, '\t');
        }
        buf_put_u8(out, '\n');
    }
}

/* ---- table */

struct column {
    struct slice title;
    struct query *query; /* NULL: the member named like the title */
};

struct table {
    struct arena *arena;
    struct column columns[OUTPUT_COLUMNS_MAX];
    size_t count;
};

static enum err columns_named(struct table *t, const char *text)
{
    struct slice rest = slice_str(text), word;
    while (slice_split(&rest, ' ', &word) && t->count < OUTPUT_COLUMNS_MAX) {
        struct slice title;
        slice_split(&word, '=', &title);
        struct slice expression = word.ptr ? word : title;
        struct column *c = &t->columns[t->count++];
        c->title = title;
        TRY(query_parse(t->arena, (const char *)arena_copy(t->arena, expression).ptr, &c->query));
    }
    return OK;
}

/* Those members of the first row that fit into a cell. */
static void columns_of(struct table *t, const struct json *row)
{
    for (const struct json *j = row->child; j && t->count < OUTPUT_COLUMNS_MAX; j = j->next)
        if (j->type != JSON_OBJECT && j->type != JSON_ARRAY) t->columns[t->count++].title = j->key;
}

static struct slice shown_title(const struct table *t, size_t column)
{
    struct buf text = {0};
    text_shown(&text, t->columns[column].title);
    struct slice title = arena_copy(t->arena, buf_slice(&text));
    buf_free(&text);
    return title;
}

static enum err cell_text(struct table *t, const struct column *c, const struct json *row,
                          struct slice *out)
{
    struct json *v = NULL;
    struct buf text = {0};
    if (c->query) TRY(query_run(t->arena, c->query, row, &v));
    for (struct json *j = row->child; c->query == NULL && j; j = j->next)
        if (slice_eq(j->key, c->title)) v = j;
    if (v) write_cell(&text, v);
    *out = arena_copy(t->arena, buf_slice(&text));
    buf_free(&text);
    return OK;
}

/* Characters, not bytes. */
static size_t width(struct slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) n += (text.ptr[i] & 0xc0) != 0x80;
    return n;
}

static void put_padded(struct buf *out, struct slice text, size_t wide, bool last)
{
    buf_put_slice(out, text);
    for (size_t n = width(text); !last && n < wide + GAP; n++) buf_put_u8(out, ' ');
}

static void put_lines(struct buf *out, const struct table *t, const struct slice *cells,
                      size_t rows)
{
    size_t wide[OUTPUT_COLUMNS_MAX] = {0};
    for (size_t c = 0; c < t->count; c++) {
        wide[c] = width(shown_title(t, c));
        for (size_t r = 0; r < rows; r++) wide[c] = MAX(wide[c], width(cells[r * t->count + c]));
    }
    for (size_t c = 0; c < t->count; c++)
        put_padded(out, shown_title(t, c), wide[c], c + 1 == t->count);
    buf_put_u8(out, '\n');
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < t->count; c++)
            put_padded(out, cells[r * t->count + c], wide[c], c + 1 == t->count);
        buf_put_u8(out, '\n');
    }
}

static enum err write_table(struct buf *out, struct arena *a, const struct json *v,
                            const char *columns)
{
    const struct json *first = v->type == JSON_ARRAY ? v->child : v;
    if (first == NULL) return OK;
    if (first->type != JSON_OBJECT) {
        write_tsv(out, v);
        return OK;
    }
    struct table t = {.arena = a};
    if (columns)
        TRY(columns_named(&t, columns));
    else
        columns_of(&t, first);
    size_t rows = 0, at = 0;
    for (const struct json *r = first; r; r = v == first ? NULL : r->next) rows++;
    struct slice *cells = arena_zero(a, (rows * t.count + 1) * sizeof *cells);
    for (const struct json *r = first; r; r = v == first ? NULL : r->next)
        for (size_t c = 0; c < t.count; c++) TRY(cell_text(&t, &t.columns[c], r, &cells[at++]));
    put_lines(out, &t, cells, rows);
    return OK;
}

/* ---- the whole */

/* These three are JSON, or quote as JSON does. */
static void write_quoting(struct buf *out, enum output_format format, const struct json *value)
{
    struct buf text = {0};
    switch (format) {
    case OUTPUT_JSONL: write_jsonl(&text, value); break;
    case OUTPUT_YAML: write_yaml(&text, value, 0, true); break;
    default: output_pretty(&text, value, 0); break;
    }
    if (format != OUTPUT_JSONL) buf_put_u8(&text, '\n');
    text_json_shown(out, buf_slice(&text));
    buf_free(&text);
}

enum err output_write(struct buf *out, const struct output *o, struct arena *a,
                      const struct json *value, const char *columns)
{
    struct json *chosen;
    if (o->query) {
        TRY(query_run(a, o->query, value, &chosen));
        value = chosen;
        columns = NULL;
    }
    switch (o->format) {
    case OUTPUT_TABLE: return write_table(out, a, value, columns);
    case OUTPUT_TSV: write_tsv(out, value); return OK;
    case OUTPUT_NONE: return OK;
    default: write_quoting(out, o->format, value); return OK;
    }
}

void output_put_line(struct buf *out, struct buf *line)
{
    text_shown(out, buf_slice(line));
    buf_put_u8(out, '\n');
    buf_free(line);
}

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

static bool says(const char *variable, const char *word)
{
    const char *value = getenv(variable);
    return value && strcmp(value, word) == 0;
}

/* Source: no-color.org; bixense.com/clicolors. */
bool output_has_colours(void)
{
    return isatty(STDOUT_FILENO) && !is_set("NO_COLOR") && !says("CLICOLOR", "0") &&
           !says("TERM", "dumb");
}

enum err output_text(struct slice text)
{
    while (text.len) {
        ssize_t n = write(STDOUT_FILENO, text.ptr, text.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("the output cannot be written");
        text = slice_from(text, (size_t)n);
    }
    return OK;
}

enum err output_value(const struct output *o, struct arena *a, const struct json *value,
                      const char *columns)
{
    struct buf text = {0};
    enum err e = output_write(&text, o, a, value, columns);
    if (e == OK) e = output_text(buf_slice(&text));
    buf_free(&text);
    return e;
}
