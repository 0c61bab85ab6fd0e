/* file.h - files named on the command line. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include "base/file.h"
#include "base/yaml.h"
#include "cli/command.h"

enum { FILE_MAX = 16 << 20 }; /* of what is no data: certificates, profiles */

/* The whole file in the arena, a NUL behind it; also of a pipe, to its end, and "-" is standard input.
 * ERR_TOO_BIG when it has more than `max` bytes. */
enum err file_load_max(struct cli *c, const char *path, size_t max, struct slice *out) MUST_USE;

static inline enum err file_load(struct cli *c, const char *path, struct slice *out)
{
    return file_load_max(c, path, FILE_MAX, out);
}

/* What to call it in errors: "-" is standard input. */
const char *file_name(const char *path);

/* Likewise, and read as YAML. */
enum err file_yaml(struct cli *c, const char *path, size_t max, struct yaml **out) MUST_USE;

/* An option that is JSON, or the name of a file with some; NULL: it was not given. */
enum err file_json_option(struct cli *c, const char *option, struct json **out) MUST_USE;

/* The last failure again, as one that was met in that place: "FILE: line 3: ..." */
enum err file_blame(enum err e, const char *place) MUST_USE;

#endif
