/* identity_csv_fuzz.c - cli/identity_csv.h: any file is refused with a reason, or becomes lines of an import job, each
 * of another device; and it is the same file with all cells in quotes and other separators between them.
 *
 * Input: a byte that says which separator the other one has, and the file.
 */
#include "base/json.h"
#include "base/map.h"
#include "base/text.h"
#include "cli/csv.h"
#include "cli/identity_csv.h"
#include "fuzz.h"

#define PATH "d.csv"

static struct arena arena;

/* ---- what is accepted */

static void check_keys(const struct json *authentication)
{
    static const char *const keys[] = {"primaryKey", "secondaryKey"};
    const struct json *sas = json_get(authentication, "symmetricKey");
    const struct json *x509 = json_get(authentication, "x509Thumbprint");
    assert(!sas != !x509);
    for (int i = 0; i < 2 && sas; i++) assert(json_str(sas, keys[i]).len);
    assert(sas || x509->child);
}

static void check_device(const struct json *device, struct map *ids)
{
    struct slice id = json_str(device, "id");
    assert(id.len > 0 && id.len <= IDENTITY_CSV_ID_MAX && text_is_utf8(id));
    assert(map_get(ids, id) == NULL);
    map_put(ids, id, &arena);
    if (json_get(device, "authentication")) check_keys(json_get(device, "authentication"));
    const struct json *tags = json_get(device, "tags");
    assert(tags == NULL || (tags->type == JSON_OBJECT && tags->child));
}

/* What lies deep in a cell lies deeper in its line: the hub refuses that. */
static void check_line(struct slice line, struct map *ids)
{
    struct json *device;
    enum err e = json_parse(&arena, line, &device);
    assert(e == OK || e == ERR_TOO_BIG);
    if (e == OK) check_device(device, ids);
}

static void check_lines(const struct identity_csv *csv, size_t most)
{
    struct map ids = {0};
    struct slice lines = buf_slice(&csv->lines), line;
    size_t count = 0;
    for (; slice_split(&lines, '\n', &line) && line.len; count++) {
        assert(count < csv->count);
        assert(csv->at[count] > (count ? csv->at[count - 1] : 1) && csv->at[count] <= most);
        check_line(line, &ids);
    }
    assert(count > 0 && count == csv->count && csv->told.len == 0);
    map_free(&ids);
}

/* ---- what is refused */

/* A terminal shows it: lines of text, each with its place. */
static void check_told(const struct identity_csv *csv)
{
    struct slice told = buf_slice(&csv->told), line;
    size_t count = 0;
    assert(*fail_text());
    for (; slice_split(&told, '\n', &line) && line.len; count++) {
        struct buf shown = {0};
        assert(slice_starts(line, SLICE_LIT(PATH ":")));
        text_shown(&shown, line);
        assert(slice_eq(buf_slice(&shown), line));
        buf_free(&shown);
    }
    assert(count <= IDENTITY_CSV_TOLD);
}

/* ---- the same in other words */

static void put_cell(struct buf *out, struct slice text)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') buf_put_u8(out, '"');
        buf_put_u8(out, text.ptr[i]);
    }
    buf_put_u8(out, '"');
}

/* False: it is no table.  Where the first line has one cell nobody can tell which separator there is: commas. */
static bool put_in_quotes(struct slice text, char separator, struct buf *out)
{
    struct csv csv;
    struct csv_cell cell = {.last = false};
    char between[] = ",";
    size_t lines = 0;
    enum err e;
    csv_begin(&csv, text);
    csv_guess_separator(&csv);
    while ((e = csv_next(&csv, &cell)) == OK) {
        put_cell(out, cell.text);
        if (lines == 0 && !cell.last) between[0] = separator;
        buf_put_str(out, cell.last ? "\r\n" : between);
        lines += cell.last;
        while (cell.last && csv_skip_blank(&csv)) continue;
    }
    csv_fini(&csv);
    return e == ERR_NOT_FOUND && out->len;
}

static void check_quoted(struct slice text, char separator, enum err wanted,
                         const struct identity_csv *csv)
{
    struct buf quoted = {0}, why = {0};
    struct identity_csv again;
    buf_put_str(&why, wanted == OK ? "" : fail_text());
    if (put_in_quotes(text, separator, &quoted)) {
        enum err e = identity_csv_read(&arena, PATH, buf_slice(&quoted), &again);
        assert(e == wanted);
        assert(e == OK || strcmp(fail_text(), buf_cstr(&why)) == 0);
        assert(slice_eq(buf_slice(&again.lines), buf_slice(&csv->lines)));
        identity_csv_free(&again);
    }
    buf_free(&quoted);
    buf_free(&why);
}

void fuzz_one(struct slice input)
{
    static const char separators[] = {',', ';', '\t'};
    struct identity_csv csv;
    struct slice text = slice_from(input, 1);
    char separator = separators[input.len ? input.ptr[0] % sizeof separators : 0];
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++) most += text.ptr[i] == '\n';
    enum err e = identity_csv_read(&arena, PATH, text, &csv);
    assert(e == OK || e == ERR_INVALID);
    if (e == OK)
        check_lines(&csv, most);
    else
        check_told(&csv);
    if (text_is_utf8(text) && slice_find(text, '\0') == text.len)
        check_quoted(text, separator, e, &csv);
    identity_csv_free(&csv);
    arena_free(&arena);
}
