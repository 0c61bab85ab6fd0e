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
    const char *path;
    yaml_value_fn fn;
    void *ctx;
    char name[YAML_NAME_MAX + 1];
};

static size_t line(const struct reader *r)
{
    return r->event.start_mark.line + 1;
}

static enum err bad(const struct reader *r, const char *what)
{
    return fail(ERR_INVALID, "%s:%zu: %s", r->path, line(r), what);
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

static enum err give(struct reader *r)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail(ERR_INVALID, "%s:%zu: %s: a value or a list of values was expected", r->path,
                    line(r), r->name);
    return r->fn(r->ctx, slice_str(r->name), scalar(r), line(r));
}

static enum err read_value(struct reader *r)
{
    TRY(next(r));
    if (r->event.type != YAML_SEQUENCE_START_EVENT) return give(r);
    for (;;) {
        TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return OK;
        TRY(give(r));
    }
}

static enum err read_mapping(struct reader *r)
{
    for (;;) {
        TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return OK;
        if (r->event.type != YAML_SCALAR_EVENT) return bad(r, "the name of an option was expected");
        snprintf(r->name, sizeof r->name, "%.*s", SLICE_ARG(scalar(r)));
        TRY(read_value(r));
    }
}

static enum err read_document(struct reader *r)
{
    TRY(next(r)); /* stream start */
    TRY(next(r));
    if (r->event.type == YAML_STREAM_END_EVENT) return OK;
    TRY(next(r));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return bad(r, "the file is not a mapping of options to values");
    TRY(read_mapping(r));
    TRY(next(r)); /* document end */
    TRY(next(r));
    return r->event.type == YAML_STREAM_END_EVENT ? OK : bad(r, "there is a second document");
}

enum err yaml_read_map(const char *path, yaml_value_fn fn, void *ctx)
{
    struct stat st;
    FILE *file = fopen(path, "rbe");
    if (file == NULL && (errno == ENOENT || errno == ENOTDIR))
        return fail(ERR_NOT_FOUND, "%s: there is no such file", path);
    if (file == NULL) return fail_errno("%s", path);
    struct reader r = {.path = path, .fn = fn, .ctx = ctx};
    enum err e = OK;
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > YAML_FILE_MAX)
        e = fail(ERR_INVALID, "%s: not a file of at most %d bytes", path, YAML_FILE_MAX);
    if (e == OK) {
        yaml_parser_initialize(&r.yaml);
        yaml_parser_set_input_file(&r.yaml, file);
        e = read_document(&r);
        yaml_event_delete(&r.event);
        yaml_parser_delete(&r.yaml);
    }
    fclose(file);
    return e;
}
