/* message.h - what the cores say to each other about queues.  Private to hub/c2d. */
#ifndef HUB_C2D_MESSAGE_H
#define HUB_C2D_MESSAGE_H

#include "hub/c2d/c2d.h"

enum c2d_kind {
    C2D_SEND = HUB_C2D, /* -> home: struct c2d_send_msg -> C2D_DONE */
    C2D_RECEIVE,        /* -> home: struct c2d_ask_msg -> C2D_DONE */
    C2D_SETTLE,         /* -> home: struct c2d_ask_msg -> C2D_DONE */
    C2D_PURGE,          /* -> home: struct c2d_ask_msg -> C2D_DONE */
    C2D_DROP,           /* -> home: struct c2d_ask_msg -> C2D_DONE */
    C2D_LIST,           /* -> home: struct c2d_ask_msg -> C2D_PAGE; C2D_DONE: why not */
    C2D_EXPIRE,         /* -> home: struct c2d_ask_msg: a message has expired */
    C2D_DONE,           /* home -> who waits: struct c2d_done_msg */
    C2D_PAGE,           /* home -> who waits: struct c2d_page_msg */
    C2D_DELIVER,        /* home -> session: struct c2d_delivery */
    C2D_RECALL,         /* home -> session: uint64_t, the sequence */

    C2D_FEEDBACK, /* and what follows: NOTICE_KINDS of hub/notice */
};

enum c2d_ack { ACK_NONE = 0, ACK_POSITIVE = 1, ACK_NEGATIVE = 2, ACK_FULL = 3 };

/* Kept in the store: never renumber.  The names are those of feedback records. */
enum c2d_status {
    C2D_SUCCESS,
    C2D_EXPIRED,
    C2D_DELIVERY_COUNT_EXCEEDED,
    C2D_REJECTED,
    C2D_PURGED,
    C2D_STATUSES
};

struct c2d_send_msg {
    int64_t expires_us; /* wall time; 0: C2D_TTL_US after it was accepted */
    uint32_t ack;       /* enum c2d_ack */
    uint32_t who_len, id_len;
    uint8_t bytes[]; /* who, message id, sections */
};

struct c2d_ask_msg {
    int64_t lock_us;          /* C2D_RECEIVE */
    enum c2d_outcome outcome; /* C2D_SETTLE; so is the next */
    uint8_t lock[C2D_TOKEN_LEN];
    uint64_t sequence; /* C2D_DROP: which; C2D_LIST: those after it */
    uint32_t top;      /* C2D_LIST */
    uint8_t who[];
};

/* A message on its way to a device. */
struct c2d_delivery {
    uint8_t lock[C2D_TOKEN_LEN];
    uint64_t sequence;
    int64_t enqueued_us, expires_us;
    uint32_t delivery_count, sections_len;
    uint8_t sections[];
};

struct c2d_done_msg {
    enum status status;
    uint32_t count;
    uint32_t text_len; /* with its NUL; 0: none */
    bool has_message;
    struct c2d_delivery message; /* and its sections, then the text */
};

struct c2d_page_row {
    uint64_t sequence;
    int64_t enqueued_us, expires_us;
    uint32_t delivery_count, sections_len;
    bool invisible;
};

struct c2d_page_msg {
    uint64_t last; /* the sequence that the page came to */
    uint32_t count;
    bool more;
    struct c2d_page_row rows[C2D_PAGE_MAX];
    uint8_t sections[]; /* of one after the other */
};

#endif
