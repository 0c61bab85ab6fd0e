/* file.h - small files named on the command line. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include "cli/command.h"

/* The whole file (at most 16 MiB) in the arena, a NUL behind it. */
enum err file_load(struct cli *c, const char *path, struct slice *out) MUST_USE;

#endif
