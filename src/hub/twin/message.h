/* message.h - what the parts of hub/twin say to each other.  Private to hub/twin. */
#ifndef HUB_TWIN_MESSAGE_H
#define HUB_TWIN_MESSAGE_H

#include "hub/twin/twin.h"

enum twin_kind {
    TWIN_ASK = HUB_TWIN, /* to home: struct ask_msg -> TWIN_DONE */
    TWIN_DONE,           /* struct done_msg */
    TWIN_DESIRED,        /* home -> session: struct desired_msg */
    TWIN_VIEW,           /* home -> session: JSON, see view.c */
};

enum ask_verb { ASK_READ, ASK_REPORT, ASK_GET, ASK_WRITE, ASK_HISTORY };

struct ask_msg {
    enum ask_verb verb;
    enum twin_write how; /* ASK_WRITE */
    bool has_match;
    int64_t version;     /* ASK_REPORT */
    struct addr session; /* ASK_READ */
    uint32_t who_len, match_len, json_len, by_len;
    uint8_t bytes[]; /* who, If-Match, JSON, by whom */
};

struct done_msg {
    enum status status;
    int64_t version;
    uint32_t etag_len, body_len, text_len;
    uint8_t bytes[]; /* etag, JSON, text */
};

struct desired_msg {
    int64_t version;
    uint8_t json[];
};

struct ask {
    enum ask_verb verb;
    enum twin_write how;
    int64_t version;
    struct addr session;
    struct slice who, json;
    struct slice if_match; /* ptr NULL: none */
    struct slice by;       /* ASK_WRITE */
};

struct msg *twin_ask_new(const struct ask *a);
struct ask twin_ask_read(const struct msg *m);
struct msg *twin_done_new(const struct twin_answer *a);
struct twin_answer twin_done_read(const struct msg *m);
struct msg *twin_desired_new(int64_t version, struct slice json);

#endif
