/* window.c - read ahead in one buffer. */
#include "log/own/window.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

enum { WINDOW_BYTES = 256 << 10 };

static bool holds(const struct window *w, uint64_t offset, size_t need)
{
    return offset >= w->start && offset + need <= w->start + w->len;
}

enum err window_at(struct window *w, uint64_t offset, size_t need, struct slice *out)
{
    if (!holds(w, offset, need)) {
        size_t want = MAX(need, (size_t)WINDOW_BYTES);
        if (want > w->cap) {
            w->bytes = mem_grow(w->bytes, want);
            w->cap = want;
        }
        w->start = offset;
        w->len = 0;
        TRY(io_read_at(w->file, offset, w->bytes, want, &w->len));
    }
    size_t from = (size_t)(offset - w->start);
    *out = slice_of(w->bytes + from, w->len - from);
    return OK;
}

void window_free(struct window *w)
{
    free(w->bytes);
    w->bytes = NULL;
    w->len = w->cap = 0;
}
