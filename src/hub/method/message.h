/* message.h - what the three parts of a call say to each other.  Private to hub/method. */
#ifndef HUB_METHOD_MESSAGE_H
#define HUB_METHOD_MESSAGE_H

#include "base/map.h"
#include "hub/method/method.h"
#include "hub/registry/registry.h"

enum method_kind {
    METHOD_CALL = HUB_METHOD, /* caller -> home: struct method_call_msg */
    METHOD_SEND,              /* home -> session: the same message, still from the caller */
    METHOD_DONE,              /* -> caller: struct method_done_msg */
    METHOD_SDK, /* home -> caller, before METHOD_SEND: what the device says that it is */
};

/* How a call ended. */
enum method_end {
    METHOD_ANSWERED,
    METHOD_NO_DEVICE,
    METHOD_NOT_CONNECTED,
    METHOD_NOT_SUBSCRIBED,
    METHOD_CONNECTION_LOST, /* after it was sent */
    METHOD_NO_ANSWER,
    METHOD_BAD_ANSWER,
    METHOD_BUSY,
    METHOD_STORE_SILENT,
    METHOD_ENDS
};

struct method_call_msg {
    uint32_t response_s, connect_s;
    uint32_t who_len, name_len;
    uint8_t bytes[]; /* who, name, payload */
};

struct method_done_msg {
    enum method_end end;
    int32_t device_status;
    uint8_t payload[];
};

struct methods {
    const struct hub *hub;
    struct lane *lane;
    unsigned calling; /* calls of this core that are under way */

    /* at home */
    struct registry *registry;
    struct session_home *sessions;
    struct session_listener listener;
    struct map lines;    /* struct line by who */
    struct list lookups; /* struct lookup */
    size_t waiting_bytes;

    uint64_t next_rid; /* pending calls */
};

struct slice method_msg_who(const struct msg *m);
struct slice method_msg_name(const struct msg *m);
struct slice method_msg_payload(const struct msg *m);

/* Ends a call; `caller` is the sender of METHOD_CALL. */
void method_done(struct methods *m, struct addr caller, enum method_end end, int32_t device_status,
                 struct slice payload);

/* A little less than `s` seconds. */
int64_t method_wait_us(unsigned s);

/* tell.c: what was asked, and how it ended, for who watches. */
void method_tell_asked(struct method_call *c, const struct method_ask *ask);
void method_tell_ended(const struct method_call *c, const struct method_result *r);

/* The handlers of one file each. */
void home_join(struct methods *m);
void home_leave(struct methods *m);
void pending_join(struct methods *m);

#endif
