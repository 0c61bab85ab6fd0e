/* config_file.h - the YAML file: a mapping of names to scalars or lists of them.  Private to config.
 */
#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include "base/err.h"
#include "base/slice.h"

/* Called for each value in order; `line` counts from 1.  An error ends the reading. */
typedef enum err (*config_file_fn)(void *ctx, struct slice key, struct slice value, size_t line);

/* ERR_NOT_FOUND when there is no such file; ERR_INVALID with file and line for what is not YAML of
 * this form; else what `fn` returned. */
enum err config_file_read(const char *path, config_file_fn fn, void *ctx) MUST_USE;

#endif
