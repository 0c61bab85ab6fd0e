/* file.h - a file that takes the place of another when it is complete: until then what was there is there.
 *
 * Of a process's own choosing, by any path; what the server keeps goes through io.h.
 *
 * Runs on: any thread that may block.
 * Life:    from file_begin() to file_finish(), which frees it whatever came of it.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdio.h>

#include "base/err.h"

struct file_new {
    FILE *out;
    char *part;
};

/* Beside `path`.  Nobody but its owner can read it: there may be keys in it. */
enum err file_begin(const char *path, struct file_new *f) MUST_USE;

/* `e`: how the writing went; if that is an error it is returned, and nothing has changed.  Not synced. */
enum err file_finish(const char *path, struct file_new *f, enum err e) MUST_USE;

#endif
