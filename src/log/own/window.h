/* window.h - walks through a file front to back with few reads.
 *
 * Life: zero it and set `file`; window_free() at the end.  Slices are borrowed until the next call.
 */
#ifndef LOG_OWN_WINDOW_H
#define LOG_OWN_WINDOW_H

#include "base/io.h"

struct window {
    struct io_file *file;
    uint64_t start; /* file offset of the bytes held */
    uint8_t *bytes;
    size_t len, cap;
};

/* At least `need` bytes from `offset` on, fewer only at the end of the file. */
enum err window_at(struct window *w, uint64_t offset, size_t need, struct slice *out) MUST_USE;

void window_free(struct window *w);

#endif
