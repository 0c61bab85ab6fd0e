/* yaml_fuzz.c - base/yaml.h: a tree that is read can be written, as YAML and as JSON; a file reads as its text
 * does; a refusal tells the line. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"
#include "fuzz.h"

static struct arena arena;

/* A refusal says "f:LINE: why". */
static void check_refusal(enum err e, const char *name)
{
    size_t line;
    struct slice text = slice_str(fail_text());
    assert(e == ERR_INVALID && slice_starts(text, slice_str(name)));
    assert(sscanf(fail_text() + strlen(name), ":%zu: ", &line) == 1 && line >= 1);
}

/* Of text in UTF-8: the next character. */
static uint32_t next_rune(struct slice *s)
{
    uint8_t first = s->ptr[0];
    unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t rune = more ? first & (0x3fu >> more) : first;
    for (unsigned i = 1; i <= more; i++) rune = rune << 6 | (s->ptr[i] & 0x3f);
    *s = slice_from(*s, 1 + more);
    return rune;
}

static void put_quoted(struct buf *out, struct slice text)
{
    assert(text_is_utf8(text));
    buf_put_u8(out, '"');
    while (text.len) {
        uint32_t rune = next_rune(&text);
        if (rune > 0x7e)
            buf_printf(out, "\\U%08x", rune);
        else if (rune < ' ' || rune == '"' || rune == '\\')
            buf_printf(out, "\\x%02x", rune);
        else
            buf_put_u8(out, (uint8_t)rune);
    }
    buf_put_u8(out, '"');
}

static void put(struct buf *out, const struct yaml *item)
{
    if (item->kind == YAML_TEXT) {
        put_quoted(out, item->text);
        return;
    }
    bool map = item->kind == YAML_MAP;
    buf_put_u8(out, map ? '{' : '[');
    for (const struct yaml *child = item->child; child; child = child->next) {
        if (map) {
            put_quoted(out, child->name);
            buf_put_str(out, ": ");
        }
        put(out, child);
        if (child->next) buf_put_str(out, ", ");
    }
    buf_put_u8(out, map ? '}' : ']');
}

static void check_equal(const struct yaml *a, const struct yaml *b)
{
    assert(a->kind == b->kind && slice_eq(a->name, b->name) && slice_eq(a->text, b->text));
    const struct yaml *x = a->child, *y = b->child;
    for (; x && y; x = x->next, y = y->next) check_equal(x, y);
    assert(x == NULL && y == NULL);
}

/* What is nothing, a number or a truth is so in JSON unless it is quoted; lists and maps are as long. */
static void check_json(const struct yaml *item, const struct json *value)
{
    static const enum json_type types[] = {[YAML_MAP] = JSON_OBJECT, [YAML_LIST] = JSON_ARRAY};
    if (item->kind == YAML_TEXT) {
        assert((value->type == JSON_NULL) == yaml_is_null(item));
        assert(value->type == JSON_STRING || !item->quoted);
        assert(value->type != JSON_STRING || slice_eq(value->text, item->text));
        return;
    }
    assert(value->type == types[item->kind]);
    const struct json *j = value->child;
    for (const struct yaml *x = item->child; x; x = x->next, j = j->next) {
        assert(j && (item->kind == YAML_LIST || slice_eq(j->key, x->name)));
        check_json(x, j);
    }
    assert(j == NULL);
}

static void check_written(const struct yaml *top)
{
    static const char *const no_texts[] = {NULL};
    struct buf out = {0};
    struct yaml *again;
    struct json *value;
    put(&out, top);
    enum err e = yaml_parse(&arena, "again", buf_slice(&out), &again);
    assert(e == OK);
    check_equal(top, again);
    buf_clear(&out);
    yaml_put_json(&out, top, no_texts);
    e = json_parse(&arena, buf_slice(&out), &value);
    assert(e == OK);
    check_json(top, value);
    buf_free(&out);
}

static void check_members(const struct yaml *item)
{
    for (const struct yaml *child = item->child; child; child = child->next) {
        struct slice name = child->name;
        assert(child->line >= item->line && (!child->next || child->next->line >= child->line));
        assert(name.len <= YAML_NAME_MAX);
        if (item->kind == YAML_MAP && slice_find(name, '\0') == name.len)
            assert(yaml_get(item, (const char *)name.ptr) == child);
        check_members(child);
    }
}

static enum err count(void *ctx, struct slice name, struct slice value, size_t line)
{
    (void)name, (void)value;
    assert(line >= 1);
    ++*(size_t *)ctx;
    return OK;
}

static bool is_flat(const struct yaml *top, size_t *values)
{
    *values = 0;
    if (top->kind != YAML_MAP) return false;
    for (const struct yaml *item = top->child; item; item = item->next) {
        if (item->kind == YAML_MAP) return false;
        if (item->kind == YAML_TEXT) ++*values;
        for (const struct yaml *x = item->child; x; x = x->next, ++*values)
            if (x->kind != YAML_TEXT) return false;
    }
    return true;
}

/* `top` NULL: the text was refused. */
static void check_file(struct slice text, const struct yaml *top)
{
    static int file = -1;
    char path[32];
    size_t values = 0, counted = 0;
    if (file < 0) file = memfd_create("yaml", MFD_CLOEXEC);
    assert(file >= 0 && ftruncate(file, 0) == 0);
    assert(pwrite(file, text.ptr, text.len, 0) == (ssize_t)text.len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    enum err e = yaml_read_map(path, count, &counted);
    if (top && is_flat(top, &values))
        assert(e == OK && counted == values);
    else
        check_refusal(e, path);
}

void fuzz_one(struct slice input)
{
    struct yaml *top = NULL;
    enum err e = yaml_parse(&arena, "f", input, &top);
    if (e == OK) {
        check_members(top);
        check_written(top);
    } else {
        check_refusal(e, "f");
    }
    check_file(input, e == OK ? top : NULL);
    arena_free(&arena);
}
