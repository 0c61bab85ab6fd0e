/* yaml.h - a YAML file that is a mapping of names to scalars or lists of scalars: our configuration.
 *
 * Runs on: any thread; reads the file itself, at start-up, before there is an io.
 * Limits:  YAML_FILE_MAX bytes.
 * Errors:  ERR_NOT_FOUND when there is no such file; ERR_INVALID with "path:line: reason" for what is
 *          not YAML of this form; ERR_IO.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/err.h"
#include "base/slice.h"

enum { YAML_FILE_MAX = 1 << 20, YAML_NAME_MAX = 127 };

/* Called for each value in order; `line` counts from 1.  An error ends the reading. */
typedef enum err (*yaml_value_fn)(void *ctx, struct slice name, struct slice value, size_t line);

enum err yaml_read_map(const char *path, yaml_value_fn fn, void *ctx) MUST_USE;

#endif
