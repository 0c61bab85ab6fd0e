/* missed.h - changes of desired properties that a device would miss between reading its twin and
 * asking to be told of changes.  Private to hub/twin.
 *
 * Some SDKs read first and subscribe afterwards (C, Node).  So home notes who has read and is not
 * told yet; when desired properties change meanwhile, it keeps what was read and what is there now,
 * and sends the difference as soon as the session wants to be told.
 *
 * Runs on: home's lane.
 * Limits:  one note per session; MISSED_BYTES_MAX of texts, then a note is dropped and counted: that
 *          device learns of it with the next change or read.
 */
#ifndef HUB_TWIN_MISSED_H
#define HUB_TWIN_MISSED_H

#include "base/buf.h"
#include "base/map.h"
#include "post/post.h"

enum { MISSED_BYTES_MAX = 8 << 20 };

struct missed {
    struct map notes; /* struct note by who */
    size_t bytes;
    size_t bytes_max;
};

void twin_missed_fini(struct missed *m);

/* That session has just read. */
void twin_missed_read(struct missed *m, struct slice who, struct addr session);

/* Desired properties changed, and the session is not told. */
void twin_missed_changed(struct missed *m, struct slice who, struct addr session,
                         struct slice before, struct slice now, int64_t version);

/* The session wants to be told from now on.  True: it missed something; the patch and its version. */
bool twin_missed_take(struct missed *m, struct slice who, struct addr session, struct buf *patch,
                      int64_t *version);

void twin_missed_forget(struct missed *m, struct slice who);

#endif
