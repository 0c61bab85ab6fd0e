/* quota.h - the daily quota's state.  Private to hub/throttle. */
#ifndef HUB_THROTTLE_QUOTA_H
#define HUB_THROTTLE_QUOTA_H

#include <stdatomic.h>

#include "hub/throttle/throttle.h"
#include "post/timer.h"
#include "store/store.h"

struct quota {
    _Atomic uint64_t taken;    /* day << QUOTA_DAY_SHIFT | messages */
    _Atomic uint64_t said_day; /* on which the log was told last that it is used up */
    struct quota_config config;

    /* keeper.c */
    struct store *store; /* NULL: it is not kept */
    struct lane *lane;
    struct timer timer;
    struct store_wait wait;
    bool asks;
    uint64_t kept, keeping; /* as `taken`: what is on disk, what is on its way there */
};

enum { QUOTA_DAY_SHIFT = 44 };
#define QUOTA_MESSAGES_MASK (((uint64_t)1 << QUOTA_DAY_SHIFT) - 1)

void quota_show(const struct quota *q); /* on the metrics; always on the same lane */

#endif
