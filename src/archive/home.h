/* home.h - all archives of a lane, and one of them from inside.  Private to archive/. */
#ifndef ARCHIVE_HOME_H
#define ARCHIVE_HOME_H

#include "archive/part.h"

struct archives {
    struct archives_config cfg;
    struct cursors *cursors;
    struct list all;
};

/*   STOPPED ──start──▶ LOADING ─rows missing─▶ SEEKING ─▶ STORING ─▶ LOADING ...
 *      ▲                  │ all rows                                              any failure: later again
 *      └──── stop ──── RUNNING */
enum archive_state {
    ARCHIVE_STOPPED,
    ARCHIVE_LOADING,
    ARCHIVE_SEEKING,
    ARCHIVE_STORING,
    ARCHIVE_RUNNING
};

struct archive {
    struct list node; /* in archives.all */
    struct archives *as;
    struct archive_config cfg; /* owner and label are the next two */
    char owner[ARCHIVE_OWNER_MAX + 1], label[ARCHIVE_LABEL_MAX + 1];
    struct archive_settings settings;
    enum archive_state state;
    void (*started)(void *ctx, enum err e);
    struct store_wait wait;
    bool waiting;
    struct archive_seek seek;
    struct timer again;
    unsigned tries;

    struct part *parts; /* while it runs */
    unsigned part_count;

    void (*settled)(void *ctx); /* NULL: it does not settle */
    struct timer settling;
    int64_t settle_until_us;
};

static inline int64_t archive_seconds_us(const struct archives *as, uint32_t seconds)
{
    return seconds * (as->cfg.second_us ? as->cfg.second_us : INT64_C(1000000));
}

/* ---- archive.c */

void archive_settle_look(struct archive *a); /* a part may be settled now */

/* Is another part of this lane making a file of that name in the same place? */
bool archive_is_made(const struct part *p, const char *name);

#endif
