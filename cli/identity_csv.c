/* identity_csv.c - see identity_csv.h. */
#include "cli/identity_csv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/csv.h"
#include "cli/file.h"

enum { KEY_MIN = 16, KEY_MAX = 64 /* bytes; IoT Hub */ };

/* ---- columns */

enum column_kind {
    ID,
    STATUS,
    STATUS_REASON,
    EDGE,
    PRIMARY_KEY,
    SECONDARY_KEY,
    PRIMARY_THUMBPRINT,
    SECONDARY_THUMBPRINT,
    IMPORT_MODE,
    PLAIN, /* so many kinds are one text of a device */
    TAG,
    DESIRED,
    SHOWN,
};

static const struct {
    const char *name; /* small, without blanks and underscores */
    enum column_kind kind;
} names[] = {
    {"deviceid", ID},
    {"id", ID},
    {"status", STATUS},
    {"statusreason", STATUS_REASON},
    {"edge", EDGE},
    {"iotedge", EDGE},
    {"primarykey", PRIMARY_KEY},
    {"secondarykey", SECONDARY_KEY},
    {"primarythumbprint", PRIMARY_THUMBPRINT},
    {"secondarythumbprint", SECONDARY_THUMBPRINT},
    {"importmode", IMPORT_MODE},
    {"connectionstate", SHOWN},
    {"lastactivitytime", SHOWN},
    {"authenticationtype", SHOWN},
    {"connectionstateupdatedtime", SHOWN},
    {"statusupdatedtime", SHOWN},
    {"version", SHOWN},
    {"etag", SHOWN},
    {"modelid", SHOWN},
    {"cloudtodevicemessagecount", SHOWN},
};

struct column {
    enum column_kind kind;
    struct slice path; /* TAG, DESIRED: "a.b" */
};

struct reader {
    struct arena *arena;
    const char *path;
    struct csv csv;
    struct column columns[IDENTITY_CSV_COLUMNS_MAX];
    size_t column_count;
    struct map ids; /* to the lines they are on */
    struct identity_csv *out;
    size_t room;  /* of out->at */
    size_t wrong; /* lines */
};

static void tell(struct reader *r, size_t line, const char *why)
{
    if (r->wrong++ >= IDENTITY_CSV_TOLD) return;
    buf_printf(&r->out->told, "%s:%zu: ", r->path, line);
    text_shown(&r->out->told, slice_str(why));
    buf_put_u8(&r->out->told, '\n');
}

/* A line of which one thing is wrong. */
struct mistake {
    char why[160];
};

PRINTF(2, 3) static bool bad(struct mistake *m, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(m->why, sizeof m->why, fmt, args);
    va_end(args);
    return false;
}

static bool below(struct slice name, const char *prefix, struct slice *path)
{
    struct slice begin = slice_str(prefix);
    if (!slice_starts_nocase(name, begin)) return false;
    *path = slice_from(name, begin.len);
    return true;
}

static bool is_path(struct slice path)
{
    struct slice part;
    if (path.len == 0 || path.ptr[path.len - 1] == '.') return false;
    while (slice_split(&path, '.', &part))
        if (part.len == 0) return false;
    return true;
}

static bool read_column(struct slice name, struct column *out)
{
    struct buf plain = {0};
    *out = (struct column){.kind = TAG};
    if (below(name, "tags.", &out->path)) return is_path(out->path);
    out->kind = DESIRED;
    if (below(name, "properties.desired.", &out->path) || below(name, "desired.", &out->path))
        return is_path(out->path);
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] != ' ' && name.ptr[i] != '_') buf_put_u8(&plain, name.ptr[i]);
    bool known = slice_starts_nocase(name, SLICE_LIT("properties.reported"));
    out->kind = SHOWN;
    for (size_t i = 0; i < sizeof names / sizeof *names && !known; i++) {
        known = slice_is_nocase(buf_slice(&plain), names[i].name);
        out->kind = names[i].kind;
    }
    buf_free(&plain);
    return known;
}

static bool has_column(const struct reader *r, const struct column *c)
{
    for (size_t i = 0; i < r->column_count; i++)
        if (r->columns[i].kind == c->kind && slice_eq(r->columns[i].path, c->path) &&
            c->kind != SHOWN)
            return true;
    return false;
}

static bool add_column(struct reader *r, struct slice name, struct mistake *m)
{
    struct column c;
    struct slice shown = slice_head(name, 64);
    if (r->column_count == IDENTITY_CSV_COLUMNS_MAX)
        return bad(m, "more than %d columns", IDENTITY_CSV_COLUMNS_MAX);
    if (!read_column(name, &c))
        return bad(m, "nothing is known of a column '%.*s'; deviceId, status, tags.X are columns",
                   SLICE_ARG(shown));
    c.path = arena_copy(r->arena, c.path);
    if (has_column(r, &c)) return bad(m, "two columns mean '%.*s'", SLICE_ARG(shown));
    r->columns[r->column_count++] = c;
    return true;
}

static enum err read_names(struct reader *r)
{
    struct csv_cell cell = {.last = false};
    struct mistake m;
    while (!cell.last) {
        if (csv_next(&r->csv, &cell) != OK) return fail(ERR_INVALID, "%s is empty", r->path);
        if (!add_column(r, slice_trim(cell.text), &m)) tell(r, 1, m.why);
    }
    if (r->wrong == 0 && !has_column(r, &(struct column){.kind = ID}))
        tell(r, 1, "the first line names the columns, and none of them is deviceId");
    return OK;
}

/* ---- one device */

static bool is_id(struct slice id)
{
    static const char others[] = "-:.+%_#*?!(),=@;$'";
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr(others, c) == NULL)) return false;
    }
    return id.len > 0 && id.len <= IDENTITY_CSV_ID_MAX;
}

static bool is_key(struct slice key)
{
    struct buf bytes = BUF_SECRET;
    bool good = text_unbase64(&bytes, key) == OK && buf_size(&bytes) >= KEY_MIN &&
                buf_size(&bytes) <= KEY_MAX;
    buf_wipe(&bytes);
    return good;
}

static bool read_thumbprint(struct arena *a, struct slice text, struct slice *out)
{
    struct buf hex = {0}, bytes = {0};
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != ':') buf_put_u8(&hex, text.ptr[i]);
    bool good = text_unhex(&bytes, buf_slice(&hex)) == OK &&
                (buf_size(&bytes) == 20 || buf_size(&bytes) == 32);
    *out = arena_copy(a, buf_slice(&hex));
    buf_free(&hex);
    buf_free(&bytes);
    return good;
}

static void set(struct arena *a, struct json *object, const char *name, struct slice text)
{
    if (text.len) json_set(a, object, slice_str(name), json_new_string(a, text));
}

static struct json *set_object(struct arena *a, struct json *in, const char *name)
{
    return json_set(a, in, slice_str(name), json_new(a, JSON_OBJECT));
}

static bool put_keys(struct arena *a, const struct slice *v, struct json *device, struct mistake *m)
{
    if (v[PRIMARY_KEY].len == 0 || v[SECONDARY_KEY].len == 0)
        return bad(m, "a primaryKey and a secondaryKey belong together");
    if (!is_key(v[PRIMARY_KEY]) || !is_key(v[SECONDARY_KEY]))
        return bad(m, "a key is %d to %d bytes in base64", KEY_MIN, KEY_MAX);
    struct json *authentication = set_object(a, device, "authentication");
    set(a, authentication, "type", SLICE_LIT("sas"));
    struct json *keys = set_object(a, authentication, "symmetricKey");
    set(a, keys, "primaryKey", v[PRIMARY_KEY]);
    set(a, keys, "secondaryKey", v[SECONDARY_KEY]);
    return true;
}

static bool put_thumbprints(struct arena *a, const struct slice *v, struct json *device,
                            struct mistake *m)
{
    struct slice primary = SLICE_NONE, secondary = SLICE_NONE;
    bool good =
        v[PRIMARY_THUMBPRINT].len == 0 || read_thumbprint(a, v[PRIMARY_THUMBPRINT], &primary);
    good = good && (v[SECONDARY_THUMBPRINT].len == 0 ||
                    read_thumbprint(a, v[SECONDARY_THUMBPRINT], &secondary));
    if (!good) return bad(m, "a thumbprint is 40 or 64 hexadecimal digits");
    struct json *authentication = set_object(a, device, "authentication");
    set(a, authentication, "type", SLICE_LIT("selfSigned"));
    struct json *x509 = set_object(a, authentication, "x509Thumbprint");
    set(a, x509, "primaryThumbprint", primary);
    set(a, x509, "secondaryThumbprint", secondary);
    return true;
}

/* Without a proof it has keys of the hub's making. */
static bool put_proof(struct arena *a, const struct slice *v, struct json *device,
                      struct mistake *m)
{
    bool by_key = v[PRIMARY_KEY].len || v[SECONDARY_KEY].len;
    bool by_thumbprint = v[PRIMARY_THUMBPRINT].len || v[SECONDARY_THUMBPRINT].len;
    if (by_key && by_thumbprint) return bad(m, "it has keys and thumbprints: one or the other");
    if (by_thumbprint) return put_thumbprints(a, v, device, m);
    return by_key ? put_keys(a, v, device, m) : true;
}

static bool put_edge(struct arena *a, struct slice text, struct json *device, struct mistake *m)
{
    bool yes = slice_is_nocase(text, "true") || slice_is_nocase(text, "yes") || slice_is(text, "1");
    bool no = slice_is_nocase(text, "false") || slice_is_nocase(text, "no") || slice_is(text, "0");
    if (!yes && !no && text.len) return bad(m, "edge is true or false");
    if (text.len == 0) return true;
    struct json *truth = json_new(a, JSON_BOOL);
    truth->truth = yes;
    json_set(a, set_object(a, device, "capabilities"), SLICE_LIT("iotEdge"), truth);
    return true;
}

static bool put_plain(struct reader *r, struct arena *a, const struct slice *v, size_t line,
                      struct json *device, struct mistake *m)
{
    if (v[ID].len == 0) return bad(m, "there is no deviceId");
    if (!is_id(v[ID]))
        return bad(m, "'%.*s' is no device id: 1 to %d letters, digits and -:.+%%_#*?!(),=@;$'",
                   SLICE_ARG(slice_head(v[ID], 32)), IDENTITY_CSV_ID_MAX);
    size_t *first = arena_alloc(r->arena, sizeof *first);
    *first = line;
    const size_t *same = map_get(&r->ids, v[ID]);
    if (same) return bad(m, "the same device as in line %zu", *same);
    map_put(&r->ids, arena_copy(r->arena, v[ID]), first);
    if (v[STATUS].len && !slice_is_nocase(v[STATUS], "enabled") &&
        !slice_is_nocase(v[STATUS], "disabled"))
        return bad(m, "status is enabled or disabled, not '%.*s'",
                   SLICE_ARG(slice_head(v[STATUS], 32)));
    set(a, device, "id", v[ID]);
    set(a, device, "status", v[STATUS]);
    set(a, device, "statusReason", v[STATUS_REASON]);
    set(a, device, "importMode", v[IMPORT_MODE]);
    return put_edge(a, v[EDGE], device, m) && put_proof(a, v, device, m);
}

/* What looks like a number, true, false or JSON is that; quotes make no difference, since spreadsheets set them
 * as they like.  An apostrophe keeps a text from being a formula there (console/src/fleet/file.js). */
static struct json *value_of(struct arena *a, struct slice text)
{
    struct json *value;
    bool formula = text.len > 1 && text.ptr[0] == '\'' && strchr("=+-@", text.ptr[1]);
    bool json = json_is_number(text) || slice_is(text, "true") || slice_is(text, "false") ||
                text.ptr[0] == '[' || text.ptr[0] == '{';
    if (json && json_parse(a, text, &value) == OK) return value;
    return json_new_string(a, formula ? slice_from(text, 1) : text);
}

static bool put_value(struct arena *a, struct json *section, struct slice path, struct slice text,
                      struct mistake *m)
{
    struct json *at = section;
    struct slice whole = path, part;
    slice_split(&path, '.', &part);
    while (path.ptr) {
        struct json *inner = json_find(at, part);
        if (inner == NULL) inner = json_set(a, at, part, json_new(a, JSON_OBJECT));
        if (inner->type != JSON_OBJECT || !slice_split(&path, '.', &part)) break;
        at = inner;
    }
    struct json *there = json_find(at, part);
    if (there) return bad(m, "'%.*s' is below a value", SLICE_ARG(slice_head(whole, 64)));
    json_set(a, at, part, value_of(a, text));
    return true;
}

/* ---- rows */

struct row {
    struct slice plain[PLAIN];
    struct json *device, *tags, *desired;
};

static bool take_cell(struct arena *a, const struct column *c, struct slice text, struct row *row,
                      struct mistake *m)
{
    if (c->kind < PLAIN) row->plain[c->kind] = arena_copy(a, text);
    if (text.len == 0 || c->kind < PLAIN || c->kind == SHOWN) return true;
    return put_value(a, c->kind == TAG ? row->tags : row->desired, c->path, arena_copy(a, text), m);
}

static void keep(struct reader *r, size_t line, const struct json *device)
{
    struct identity_csv *out = r->out;
    if (out->count == r->room) {
        size_t *more = arena_alloc(r->arena, MAX(2 * r->room, (size_t)256) * sizeof *more);
        if (out->count) memcpy(more, out->at, out->count * sizeof *more);
        r->room = MAX(2 * r->room, (size_t)256);
        out->at = more;
    }
    out->at[out->count++] = line;
    json_write(&out->lines, device);
    buf_put_u8(&out->lines, '\n');
}

static void put_twin(struct arena *a, struct row *row)
{
    if (row->tags->child) json_set(a, row->device, SLICE_LIT("tags"), row->tags);
    if (row->desired->child)
        json_set(a, set_object(a, row->device, "properties"), SLICE_LIT("desired"), row->desired);
}

/* Every cell is read, also behind a mistake: the next line begins where it begins. */
static enum err read_row(struct reader *r, struct arena *a)
{
    struct csv_cell cell = {.last = false};
    struct mistake m;
    size_t column = 0, line = r->csv.line;
    bool good = true;
    struct row row = {.device = json_new(a, JSON_OBJECT),
                      .tags = json_new(a, JSON_OBJECT),
                      .desired = json_new(a, JSON_OBJECT)};
    for (; !cell.last; column++) {
        TRY(csv_next(&r->csv, &cell));
        if (good && column < r->column_count)
            good = take_cell(a, &r->columns[column], slice_trim(cell.text), &row, &m);
    }
    if (good && column != r->column_count)
        good = bad(&m, "it has %zu cells, the first line %zu", column, r->column_count);
    good = good && put_plain(r, a, row.plain, line, row.device, &m);
    if (!good) {
        tell(r, line, m.why);
        return OK;
    }
    put_twin(a, &row);
    keep(r, line, row.device);
    return OK;
}

static enum err read_rows(struct reader *r)
{
    struct arena row = {0};
    enum err e = OK;
    while (e == OK && r->csv.rest.len) {
        if (csv_skip_blank(&r->csv)) continue;
        e = read_row(r, &row);
        arena_wipe(&row);
    }
    return e;
}

/* ---- the file */

static size_t line_of(struct slice text, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++) line += text.ptr[i] == '\n';
    return line;
}

enum err identity_csv_check_wide(const char *path, struct slice begin)
{
    bool marked =
        slice_starts(begin, SLICE_LIT("\xff\xfe")) || slice_starts(begin, SLICE_LIT("\xfe\xff"));
    if (!marked && slice_find(begin, '\0') == begin.len) return OK;
    return fail(ERR_INVALID, "%s: it is in UTF-16, or no text at all: save it as UTF-8", path);
}

static enum err check_encoding(const char *path, struct slice text)
{
    TRY(identity_csv_check_wide(path, text));
    if (text_is_utf8(text)) return OK;
    struct slice rest = text, line = SLICE_NONE;
    while (slice_split(&rest, '\n', &line) && text_is_utf8(line)) continue;
    return fail(ERR_INVALID,
                "%s:%zu: it is not in UTF-8: save it as that (in Excel: \"CSV UTF-8\")", path,
                line_of(text, (size_t)(line.ptr - text.ptr)));
}

static enum err judge(const struct reader *r)
{
    if (r->wrong == 0 && r->out->count == 0)
        return fail(ERR_INVALID, "%s: there are no devices below its first line", r->path);
    if (r->wrong == 0) return OK;
    return fail(ERR_INVALID, "%zu line%s of %s cannot be: nothing was imported", r->wrong,
                r->wrong == 1 ? "" : "s", r->path);
}

enum err identity_csv_read(struct arena *a, const char *path, struct slice text,
                           struct identity_csv *out)
{
    struct reader *r = arena_zero(a, sizeof *r);
    *out = (struct identity_csv){.lines = BUF_SECRET};
    *r = (struct reader){.arena = a, .path = path, .out = out};
    TRY(check_encoding(path, text));
    csv_begin(&r->csv, text);
    csv_guess_separator(&r->csv);
    enum err e = read_names(r);
    if (e == OK && r->wrong == 0) {
        e = read_rows(r);
        if (e != OK) e = file_blame(ERR_INVALID, path);
    }
    if (e == OK) e = judge(r);
    map_free(&r->ids);
    csv_fini(&r->csv);
    return e;
}

void identity_csv_free(struct identity_csv *csv)
{
    buf_wipe(&csv->lines);
    buf_free(&csv->told);
    *csv = (struct identity_csv){0};
}
