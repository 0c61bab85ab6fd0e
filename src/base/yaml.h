/* yaml.h - the YAML that people write for us: mappings and lists of plain text, with line numbers.
 *
 * What a scalar means is its reader's business: nothing is guessed from how it looks.  Anchors,
 * aliases, tags and a second document are refused, so that what is read is what was written.
 *
 * Runs on: any thread; reads the file itself, at start-up, before there is an io.
 * Life:    a tree lies in the caller's arena.
 * Limits:  the caller's number of bytes, YAML_DEPTH_MAX levels, YAML_NAME_MAX bytes of a name.
 * Errors:  ERR_NOT_FOUND when there is no such file; ERR_INVALID with "path:line: reason" for what is
 *          not YAML of this form; ERR_IO.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { YAML_FILE_MAX = 1 << 20 /* of configurations */, YAML_NAME_MAX = 127, YAML_DEPTH_MAX = 16 };

enum yaml_kind { YAML_TEXT, YAML_MAP, YAML_LIST };

struct yaml {
    enum yaml_kind kind;
    bool quoted;        /* YAML_TEXT: "null" is a word where it is quoted, else nothing */
    size_t line;        /* counts from 1 */
    struct slice name;  /* in a map; no two are the same */
    struct slice text;  /* YAML_TEXT */
    struct yaml *child; /* YAML_MAP, YAML_LIST: the first */
    struct yaml *next;  /* sibling */
};

/* The whole file; an empty one is an empty map. */
enum err yaml_read(struct arena *a, const char *path, size_t max, struct yaml **out) MUST_USE;

/* Likewise, of a text that is there; `name` stands for the path in errors. */
enum err yaml_parse(struct arena *a, const char *name, struct slice text,
                    struct yaml **out) MUST_USE;

/* The item of that name in a map, or NULL. */
const struct yaml *yaml_get(const struct yaml *map, const char *name);

/* A value that is nothing: null, ~ or left out, and not quoted. */
bool yaml_is_null(const struct yaml *item);

/* As JSON.  What looks like a number, true or false is one unless it is quoted, or is the value of one of `texts`
 * (NULL ends them): a condition may be the word true. */
void yaml_put_json(struct buf *out, const struct yaml *item, const char *const *texts);

/* Called for each value in order; an error ends the reading. */
typedef enum err (*yaml_value_fn)(void *ctx, struct slice name, struct slice value, size_t line);

/* A file that is a mapping of names to scalars or lists of scalars: our configuration. */
enum err yaml_read_map(const char *path, yaml_value_fn fn, void *ctx) MUST_USE;

/* ERR_INVALID, "PATH:LINE: NAME: WHAT": something that the reader cannot take. */
enum err yaml_bad(const char *path, const struct yaml *at, const char *what) MUST_USE;

#endif
