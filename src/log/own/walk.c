/* walk.c - frame by frame through a window. */
#include "log/own/walk.h"

void walk_begin(struct walk *w, struct io_file *file, uint64_t at, uint64_t end, struct mark mark)
{
    *w = (struct walk){.window.file = file, .at = at, .end = end, .mark = mark};
}

static enum err bad_frame(const struct walk *w)
{
    return fail(ERR_CORRUPT, "no whole record %llu at byte %llu",
                (unsigned long long)w->mark.ordinal, (unsigned long long)w->at);
}

enum err walk_next(struct walk *w, struct record *out)
{
    struct slice bytes;
    if (w->at >= w->end) return ERR_NOT_FOUND;
    TRY(window_at(&w->window, w->at, RECORD_HEAD, &bytes));
    if (bytes.len < RECORD_HEAD) return bad_frame(w);
    uint32_t size;
    memcpy(&size, bytes.ptr, sizeof size);
    if (size > RECORD_MAX || size > w->end - w->at) return bad_frame(w);
    TRY(window_at(&w->window, w->at, size, &bytes));
    if (record_parse(bytes, out) != OK || !record_check(out->frame) || !mark_takes(&w->mark, out))
        return bad_frame(w);
    mark_pass(&w->mark, out);
    w->at += out->frame.len;
    return OK;
}

void walk_end(struct walk *w)
{
    window_free(&w->window);
}
