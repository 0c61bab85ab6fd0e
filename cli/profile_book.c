/* profile_book.c - the file of profiles as a document: read whole, changed, written anew. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/yaml.h"
#include "cli/file.h"
#include "cli/profile.h"

/* ---- read */

static bool is_setting(struct slice name)
{
    return slice_is(name, "connection-string") || slice_is(name, "ca") ||
           slice_is(name, "admin-url");
}

/* What is not known would be lost when it is written. */
static enum err read_map(struct cli *c, const char *path, const struct yaml *map, unsigned depth,
                         struct json *out)
{
    if (map->kind != YAML_MAP) return yaml_bad(path, map, "names and values were expected");
    for (const struct yaml *item = map->child; item; item = item->next) {
        bool list = depth == 0 && slice_is(item->name, "profiles");
        bool known = depth == 1 || is_setting(item->name) ||
                     (depth == 0 && (list || slice_is(item->name, "profile")));
        if (!known) return yaml_bad(path, item, "there is no such setting");
        if (list || depth == 1) {
            struct json *inner =
                json_set(&c->arena, out, item->name, json_new(&c->arena, JSON_OBJECT));
            TRY(read_map(c, path, item, depth + 1, inner));
        } else if (item->kind == YAML_TEXT) {
            json_set(&c->arena, out, item->name, json_new_string(&c->arena, item->text));
        } else {
            return yaml_bad(path, item, "a plain value was expected");
        }
    }
    return OK;
}

enum err profile_book_read(struct cli *c, const char *path, struct json **out)
{
    struct yaml *top;
    *out = json_new(&c->arena, JSON_OBJECT);
    enum err e = yaml_read(&c->arena, path, YAML_FILE_MAX, &top);
    return e == ERR_NOT_FOUND ? OK : e != OK ? e : read_map(c, path, top, 0, *out);
}

/* ---- written */

/* A JSON string, but for what YAML takes for an end of a line, or for no character. */
static void put_text(struct buf *out, struct slice text)
{
    static const struct {
        struct slice utf8;
        const char *escape;
    } strange[] = {{SLICE_LIT("\u2028"), "\\u2028"},
                   {SLICE_LIT("\u2029"), "\\u2029"},
                   {SLICE_LIT("\ufeff"), "\\ufeff"},
                   {SLICE_LIT("\ufffe"), "\\ufffe"},
                   {SLICE_LIT("\uffff"), "\\uffff"}};
    enum { STRANGE = sizeof strange / sizeof *strange };
    struct buf json = BUF_SECRET, escaped = BUF_SECRET;
    text_json_string(&json, text);
    for (struct slice rest = buf_slice(&json); rest.len;) {
        size_t i = 0;
        while (i < STRANGE && !slice_starts(rest, strange[i].utf8)) i++;
        buf_put_slice(&escaped, i < STRANGE ? slice_str(strange[i].escape) : slice_head(rest, 1));
        rest = slice_from(rest, i < STRANGE ? strange[i].utf8.len : 1);
    }
    text_json_shown(out, buf_slice(&escaped));
    buf_wipe(&json);
    buf_wipe(&escaped);
}

static void put_map(struct buf *out, const struct json *map, int indent)
{
    for (const struct json *j = map->child; j; j = j->next) {
        buf_printf(out, "%*s", indent, "");
        if (is_setting(j->key) || indent == 0)
            buf_put_slice(out, j->key);
        else
            put_text(out, j->key);
        buf_put_u8(out, ':');
        if (j->type == JSON_OBJECT) {
            buf_put_str(out, j->child ? "\n" : " {}\n");
            put_map(out, j, indent + 2);
        } else {
            buf_put_u8(out, ' ');
            put_text(out, j->text);
            buf_put_u8(out, '\n');
        }
    }
}

static enum err make_folders(const char *path)
{
    struct buf part = {0};
    enum err e = OK;
    for (const char *at = path; e == OK && (at = strchr(at + 1, '/')) != NULL;) {
        buf_clear(&part);
        buf_put(&part, path, (size_t)(at - path));
        if (mkdir(buf_cstr(&part), 0700) != 0 && errno != EEXIST)
            e = fail_errno("cannot make %s", buf_cstr(&part));
    }
    buf_free(&part);
    return e;
}

static enum err write_file(const char *path, const struct json *book)
{
    struct file_new file;
    struct buf text = BUF_SECRET;
    TRY(file_begin(path, &file));
    put_map(&text, book, 0);
    bool wrote = fputs(buf_cstr(&text), file.out) >= 0;
    buf_wipe(&text);
    return file_finish(path, &file, wrote ? OK : fail_errno("%s cannot be written", path));
}

/* A symbolic link stays one: what it leads to is written anew. */
enum err profile_book_write(const char *path, const struct json *book)
{
    TRY(make_folders(path));
    char *whole = realpath(path, NULL); /* NULL: it is not there yet */
    enum err e = write_file(whole ? whole : path, book);
    free(whole);
    return e;
}
