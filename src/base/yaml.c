/* yaml.c - see yaml.h.  On libyaml's events, because they carry the line of every value: libcyaml
 * knows it only while it objects itself, and our callers' objections need it too. */
#include "base/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <yaml.h>

struct reader {
    yaml_parser_t yaml;
    yaml_event_t event;
    struct arena *arena;
    const char *path;
    unsigned depth;
};

static enum err bad(const struct reader *r, const char *what)
{
    return fail(ERR_INVALID, "%s:%zu: %s", r->path, r->event.start_mark.line + 1, what);
}

/* The next event; the previous one is gone. */
static enum err next(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->yaml, &r->event)) return OK;
    return fail(ERR_INVALID, "%s:%zu: %s", r->path, r->yaml.problem_mark.line + 1,
                r->yaml.problem ? r->yaml.problem : "not YAML");
}

static struct slice scalar(const struct reader *r)
{
    return slice_of(r->event.data.scalar.value, r->event.data.scalar.length);
}

static struct yaml *new_item(struct reader *r)
{
    struct yaml *item = arena_zero(r->arena, sizeof *item);
    item->line = r->event.start_mark.line + 1;
    return item;
}

static enum err read_item(struct reader *r, struct yaml *item);

/* The event is the name of a member of `map`. */
static enum err read_name(struct reader *r, const struct yaml *map, struct slice *out)
{
    if (r->event.type != YAML_SCALAR_EVENT || r->event.data.scalar.anchor)
        return bad(r, "the name of an option was expected");
    if (scalar(r).len > YAML_NAME_MAX) return bad(r, "the name is too long");
    for (const struct yaml *item = map->child; item; item = item->next)
        if (slice_eq(item->name, scalar(r)))
            return fail(ERR_INVALID, "%s:%zu: %.*s: there already on line %zu", r->path,
                        r->event.start_mark.line + 1, SLICE_ARG(scalar(r)), item->line);
    *out = arena_copy(r->arena, scalar(r));
    return OK;
}

/* What is in a map or a list, up to its end. */
static enum err read_items(struct reader *r, struct yaml *parent)
{
    bool map = parent->kind == YAML_MAP;
    struct yaml **end = &parent->child;
    if (++r->depth > YAML_DEPTH_MAX) return bad(r, "too many levels");
    for (;; end = &(*end)->next) {
        struct slice name = SLICE_NONE;
        TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT || r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (map) {
            TRY(read_name(r, parent, &name));
            TRY(next(r));
        }
        struct yaml *item = *end = new_item(r);
        item->name = name;
        TRY(read_item(r, item));
    }
    r->depth--;
    return OK;
}

/* The item that begins with the event. */
static enum err read_item(struct reader *r, struct yaml *item)
{
    static const char *const plain = "anchors, aliases and tags are not read here";
    const yaml_event_t *e = &r->event;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        if (e->data.scalar.anchor || e->data.scalar.tag) return bad(r, plain);
        item->kind = YAML_TEXT;
        item->text = arena_copy(r->arena, scalar(r));
        item->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return OK;
    case YAML_MAPPING_START_EVENT:
        if (e->data.mapping_start.anchor || e->data.mapping_start.tag) return bad(r, plain);
        item->kind = YAML_MAP;
        return read_items(r, item);
    case YAML_SEQUENCE_START_EVENT:
        if (e->data.sequence_start.anchor || e->data.sequence_start.tag) return bad(r, plain);
        item->kind = YAML_LIST;
        return read_items(r, item);
    default: return bad(r, plain);
    }
}

static enum err read_document(struct reader *r, struct yaml **out)
{
    struct yaml *top = *out = new_item(r);
    top->kind = YAML_MAP;
    TRY(next(r)); /* stream start */
    TRY(next(r));
    if (r->event.type == YAML_STREAM_END_EVENT) return OK;
    TRY(next(r));
    top->line = r->event.start_mark.line + 1;
    TRY(read_item(r, top));
    TRY(next(r)); /* document end */
    TRY(next(r));
    return r->event.type == YAML_STREAM_END_EVENT ? OK : bad(r, "there is a second document");
}

/* `file` NULL: of `text`. */
static enum err read_input(struct arena *a, const char *path, FILE *file, struct slice text,
                           struct yaml **out)
{
    struct reader r = {.path = path, .arena = a};
    yaml_parser_initialize(&r.yaml);
    if (file)
        yaml_parser_set_input_file(&r.yaml, file);
    else
        yaml_parser_set_input_string(&r.yaml, text.len ? text.ptr : (const uint8_t *)"", text.len);
    enum err e = read_document(&r, out);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.yaml);
    return e;
}

enum err yaml_parse(struct arena *a, const char *name, struct slice text, struct yaml **out)
{
    return read_input(a, name, NULL, text, out);
}

enum err yaml_read(struct arena *a, const char *path, size_t max, struct yaml **out)
{
    struct stat st;
    FILE *file = fopen(path, "rbe");
    if (file == NULL && (errno == ENOENT || errno == ENOTDIR))
        return fail(ERR_NOT_FOUND, "%s: there is no such file", path);
    if (file == NULL) return fail_errno("%s", path);
    enum err e;
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)max)
        e = fail(ERR_INVALID, "%s: not a file of at most %zu bytes", path, max);
    else
        e = read_input(a, path, file, SLICE_NONE, out);
    fclose(file);
    return e;
}

const struct yaml *yaml_get(const struct yaml *map, const char *name)
{
    for (const struct yaml *item = map ? map->child : NULL; item; item = item->next)
        if (slice_is(item->name, name)) return item;
    return NULL;
}

/* ---- a flat mapping */

static enum err give(const char *path, const struct yaml *item, struct slice name, yaml_value_fn fn,
                     void *ctx)
{
    if (item->kind != YAML_TEXT)
        return fail(ERR_INVALID, "%s:%zu: %.*s: a value or a list of values was expected", path,
                    item->line, SLICE_ARG(name));
    return fn(ctx, name, item->text, item->line);
}

static enum err give_all(const char *path, const struct yaml *top, yaml_value_fn fn, void *ctx)
{
    if (top->kind != YAML_MAP)
        return fail(ERR_INVALID, "%s:%zu: the file is not a mapping of options to values", path,
                    top->line);
    for (const struct yaml *item = top->child; item; item = item->next) {
        if (item->kind != YAML_LIST) {
            TRY(give(path, item, item->name, fn, ctx));
            continue;
        }
        for (const struct yaml *value = item->child; value; value = value->next)
            TRY(give(path, value, item->name, fn, ctx));
    }
    return OK;
}

enum err yaml_read_map(const char *path, yaml_value_fn fn, void *ctx)
{
    struct arena arena = {0};
    struct yaml *top = NULL;
    enum err e = yaml_read(&arena, path, YAML_FILE_MAX, &top);
    if (e == OK) e = give_all(path, top, fn, ctx);
    arena_free(&arena);
    return e;
}

enum err yaml_bad(const char *path, const struct yaml *at, const char *what)
{
    return fail(ERR_INVALID, "%s:%zu: %.*s%s%s", path, at->line, SLICE_ARG(at->name),
                at->name.len ? ": " : "", what);
}
