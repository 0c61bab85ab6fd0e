/* files.h - the built web application, as the build put it into the program (console/build.py).
 * Private to front/console. */
#ifndef FRONT_CONSOLE_FILES_H
#define FRONT_CONSOLE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console_file {
    const char *path; /* below /console/: "index.html" */
    const char *type;
    const char *etag; /* quoted */
    bool hashed;      /* its name changes with its content */
    size_t size;      /* of the file itself */
    size_t gzip_size;
    const uint8_t *gzip;
};

extern const struct console_file console_files[];
extern const size_t console_file_count;

#endif
