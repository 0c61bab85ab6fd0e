/* message.h - what receivers and the first core say to each other.  Private to hub/notice. */
#ifndef HUB_NOTICE_MESSAGE_H
#define HUB_NOTICE_MESSAGE_H

#include "hub/notice/notice.h"

/* Behind the source's first kind. */
enum notice_kind {
    NOTICE_NEWS, /* to the first core: there are new records */
    NOTICE_OPEN, /* to the first core, from a receiver's slot; so are the next four */
    NOTICE_CLOSE,
    NOTICE_CREDIT,  /* uint32_t */
    NOTICE_SETTLE,  /* struct notice_settle_msg */
    NOTICE_TAKE,    /* from a visitor's slot */
    NOTICE_BATCH,   /* to a receiver: struct notice_batch_msg, JSON */
    NOTICE_SETTLED, /* to a receiver: struct notice_settled_msg */
    NOTICE_NOTHING, /* to a visitor: enum status */
};
static_assert(NOTICE_NOTHING + 1 == NOTICE_KINDS, "as many as the sources leave room for");

struct notice_settle_msg {
    enum notice_outcome outcome;
    uint8_t lock[NOTICE_LOCK_LEN];
};

struct notice_settled_msg {
    enum status status;
    uint8_t lock[NOTICE_LOCK_LEN];
};

struct notice_batch_msg {
    uint8_t lock[NOTICE_LOCK_LEN];
    int64_t enqueued_us;
    uint8_t json[];
};

struct notice_desk;

struct notices {
    const struct hub *hub;
    struct lane *lane;
    const struct notice_source *source;
    struct notice_desk *desk; /* on the first core */
};

/* desk.c */
struct notice_desk *notice_desk_new(struct notices *n);
void notice_desk_free(struct notice_desk *d);

#endif
