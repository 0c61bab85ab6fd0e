/* walk.h - reads a segment frame by frame and checks each. */
#ifndef LOG_OWN_WALK_H
#define LOG_OWN_WALK_H

#include "log/own/mark.h"
#include "log/own/window.h"

/* Life: walk_begin(); walk_next() until it does not say OK; walk_end(). */
struct walk {
    struct window window;
    uint64_t at, end; /* next frame, end of the file's frames */
    struct mark mark; /* of the next frame */
};

void walk_begin(struct walk *w, struct io_file *file, uint64_t at, uint64_t end, struct mark mark);

/* The record is borrowed until the next call.  ERR_NOT_FOUND: the end; ERR_CORRUPT: what is there is
 * not a whole record that may come next. */
enum err walk_next(struct walk *w, struct record *out) MUST_USE;

void walk_end(struct walk *w);

#endif
