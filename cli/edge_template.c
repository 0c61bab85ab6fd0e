/* edge_template.c - see edge_template.h.  Only as much of TOML is understood as tells one statement from the next. */
#include "cli/edge_template.h"

#include <string.h>

enum { PATH_KEYS = 2 }; /* what is taken out is named by two keys at most */

struct path {
    struct slice keys[PATH_KEYS];
    unsigned count;
};

struct reader {
    const char *name;
    struct slice whole, rest;
    struct path table; /* that the statements are of */
    bool in_table;
};

static enum err bad(const struct reader *r, const uint8_t *at, const char *what)
{
    size_t line = 1;
    for (const uint8_t *p = r->whole.ptr; p < at; p++) line += *p == '\n';
    return fail(ERR_INVALID, "%s:%zu: %s", r->name, line, what);
}

/* ---- where a statement ends */

static bool is_mark(const uint8_t *at, const uint8_t *end, uint8_t quote, size_t marks)
{
    if ((size_t)(end - at) < marks) return false;
    for (size_t i = 0; i < marks; i++)
        if (at[i] != quote) return false;
    return true;
}

/* Behind the string that begins at `at`; NULL: it does not end. */
static const uint8_t *behind_string(const uint8_t *at, const uint8_t *end)
{
    uint8_t quote = *at;
    size_t marks = is_mark(at, end, quote, 3) ? 3 : 1;
    for (at += marks; at < end && !is_mark(at, end, quote, marks); at++) {
        if (*at == '\n' && marks == 1) return NULL;
        if (*at == '\\' && quote == '"' && end - at > 1 && at[1] != '\n') at++;
    }
    if (at == end) return NULL;
    at += marks;
    while (marks == 3 && at < end && *at == quote) at++; /* one or two may stand before the mark */
    return at;
}

static const uint8_t *behind_comment(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
    return line ? line : end;
}

/* The next statement with its end of line; brackets and strings may go over several. */
static enum err take_statement(struct reader *r, struct slice *out)
{
    const uint8_t *at = r->rest.ptr, *end = at + r->rest.len, *begin = at;
    int depth = 0;
    while (at < end && !(*at == '\n' && depth == 0)) {
        uint8_t c = *at;
        const uint8_t *next = c == '#'                ? behind_comment(at, end)
                              : c == '"' || c == '\'' ? behind_string(at, end)
                                                      : at + 1;
        if (next == NULL) return bad(r, at, "a string has no end");
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        if (depth < 0) return bad(r, at, "a bracket was never opened");
        at = next;
    }
    if (depth > 0) return bad(r, begin, "a bracket is never closed");
    if (at < end) at++;
    *out = slice_of(begin, (size_t)(at - begin));
    r->rest = slice_from(r->rest, out->len);
    return OK;
}

/* ---- what it is of */

static bool is_bare(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool take_key(struct slice *text, struct slice *key)
{
    bool quoted = text->len && (*text->ptr == '"' || *text->ptr == '\'');
    size_t len = 0;
    if (quoted) {
        *key = slice_from(*text, 1);
        *key = slice_head(*key, slice_find(*key, *text->ptr));
        *text = slice_from(*text, key->len + 2);
        return true;
    }
    while (len < text->len && is_bare(text->ptr[len])) len++;
    *key = slice_head(*text, len);
    *text = slice_from(*text, len);
    return len > 0;
}

/* Keys with dots between them, up to the mark behind them. */
static bool take_path(struct slice text, uint8_t mark, struct path *path)
{
    struct slice key;
    do {
        text = slice_trim(text);
        if (!take_key(&text, &key)) return false;
        if (path->count < PATH_KEYS) path->keys[path->count++] = key;
        text = slice_trim(text);
        if (text.len == 0) return false;
        uint8_t next = *text.ptr;
        text = slice_from(text, 1);
        if (next == mark) return true;
        if (next != '.') return false;
    } while (true);
}

static bool is_of(const struct path *path, const char *first, const char *second)
{
    return path->count > 0 && slice_is(path->keys[0], first) &&
           (second == NULL || (path->count > 1 && slice_is(path->keys[1], second)));
}

/* What each device has of its own. */
static bool is_ours(const struct path *path)
{
    static const char *const names[] = {"hostname",          "parent_hostname",
                                        "trust_bundle_cert", "auto_reprovisioning_mode",
                                        "provisioning",      "edge_ca"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_of(path, names[i], NULL)) return true;
    return false;
}

/* `text` is trimmed and begins with a bracket. */
static bool open_table(struct reader *r, struct slice text)
{
    bool list = slice_starts(text, SLICE_LIT("[["));
    r->table = (struct path){0};
    r->in_table = true;
    return take_path(slice_from(text, list ? 2 : 1), ']', &r->table);
}

static enum err read_statement(struct reader *r, struct slice statement, struct edge_template *t,
                               struct path *path)
{
    struct slice text = slice_trim(statement);
    if (text.len && *text.ptr == '[') {
        if (!open_table(r, text)) return bad(r, text.ptr, "no name of a table");
        t->has_agent |= r->table.count == 1 && is_of(&r->table, "agent", NULL);
    }
    *path = r->table;
    if (text.len == 0 || *text.ptr == '#' || *text.ptr == '[') return OK;
    if (!take_path(text, '=', path)) return bad(r, text.ptr, "neither a key nor a table");
    if (!r->in_table && is_of(path, "agent", NULL))
        return bad(r, text.ptr, "agent is to be a table: [agent]");
    return OK;
}

enum err edge_template_read(struct arena *a, const char *name, struct slice text,
                            struct edge_template *out)
{
    struct reader r = {.name = name, .whole = text, .rest = text};
    struct edge_line **end = &out->lines;
    *out = (struct edge_template){0};
    while (r.rest.len) {
        struct slice statement;
        struct path path;
        TRY(take_statement(&r, &statement));
        TRY(read_statement(&r, statement, out, &path));
        if (is_ours(&path)) continue;
        struct edge_line *line = arena_zero(a, sizeof *line);
        *line = (struct edge_line){.text = statement,
                                   .in_table = r.in_table,
                                   .of_agent_config = is_of(&path, "agent", "config")};
        *end = line;
        end = &line->next;
    }
    return OK;
}

void edge_template_put(const struct edge_template *t, bool tables, bool with_agent_config,
                       struct buf *out)
{
    for (const struct edge_line *l = t->lines; l; l = l->next) {
        if (l->in_table != tables || (l->of_agent_config && !with_agent_config)) continue;
        buf_put_slice(out, l->text);
        if (!slice_ends(l->text, SLICE_LIT("\n"))) buf_put_u8(out, '\n');
    }
}
