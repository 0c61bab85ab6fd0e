/* message.h - what a session's two sides say to each other.  Private to hub/session. */
#ifndef HUB_SESSION_MESSAGE_H
#define HUB_SESSION_MESSAGE_H

#include "hub/session/session.h"

enum session_kind {
    SESSION_OPEN = HUB_SESSION, /* desk -> home: struct session_open_msg */
    SESSION_OPENED,             /* home -> desk: struct session_opened */
    SESSION_CLOSE,              /* home -> desk: enum session_cause */
    SESSION_ENDED,              /* desk -> home: device id; the session's address is msg.from */
    SESSION_ACTIVE,             /* desk -> home: device id */
};

struct session_open_msg {
    enum session_protocol protocol;
    uint32_t id_len, token_len;
    uint8_t bytes[]; /* device id, then token */
};

#endif
