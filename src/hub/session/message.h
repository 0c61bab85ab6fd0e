/* message.h - what a session's two sides say to each other.  Private to hub/session. */
#ifndef HUB_SESSION_MESSAGE_H
#define HUB_SESSION_MESSAGE_H

#include "hub/session/session.h"

enum session_kind {
    SESSION_OPEN = HUB_SESSION, /* desk -> home: struct session_open_msg */
    SESSION_OPENED,             /* home -> desk: struct session_opened, who */
    SESSION_RENEW,              /* desk -> home: struct session_open_msg */
    SESSION_RENEWED,            /* home -> desk: struct session_opened, who */
    SESSION_CLOSE,              /* home -> desk: enum session_cause */
    SESSION_ENDED,              /* desk -> home: who; the session's address is msg.from */
    SESSION_ACTIVE,             /* desk -> home: who */
    SESSION_SUBSCRIBE,          /* desk -> home: struct session_subscribe_msg; msg.call: cookie */
    SESSION_SUBSCRIBED,         /* home -> desk: struct session_subscribed_msg */
    SESSION_SHOW,               /* anybody -> home: who */
    SESSION_SHOWN,              /* home -> who asked */
    SESSION_DOUBTED, /* home -> every home: an edge device that may not speak for others now */
};

struct session_open_msg {
    enum hub_protocol protocol;
    uint32_t features;
    bool clean, websocket;
    uint32_t who_len, token_len, model_id_len, chain_len, certificate_len, peer_len, sdk_len;
    /* certificate (struct x509_facts), who, token, model id, chain, peer, sdk */
    _Alignas(struct x509_facts) uint8_t bytes[];
};

static inline const struct x509_facts *open_certificate(const struct session_open_msg *o)
{
    return o->certificate_len ? (const void *)o->bytes : NULL;
}

static inline struct slice open_who(const struct session_open_msg *o)
{
    return slice_of(o->bytes + o->certificate_len, o->who_len);
}

static inline struct slice open_token(const struct session_open_msg *o)
{
    return slice_of(o->bytes + o->certificate_len + o->who_len, o->token_len);
}

static inline struct slice open_model_id(const struct session_open_msg *o)
{
    return slice_of(o->bytes + o->certificate_len + o->who_len + o->token_len, o->model_id_len);
}

static inline struct slice open_chain(const struct session_open_msg *o)
{
    return slice_of(open_model_id(o).ptr + o->model_id_len, o->chain_len);
}

static inline struct slice open_peer(const struct session_open_msg *o)
{
    return slice_of(open_chain(o).ptr + o->chain_len, o->peer_len);
}

static inline struct slice open_sdk(const struct session_open_msg *o)
{
    return slice_of(open_peer(o).ptr + o->peer_len, o->sdk_len);
}

struct session_subscribe_msg {
    uint32_t set, clear;
    uint8_t who[];
};

struct session_subscribed_msg {
    uint32_t features;
    enum err err;
};

#endif
