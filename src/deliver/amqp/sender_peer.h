/* sender_peer.h - the connection of a sender.  Private to sender*.c. */
#ifndef DELIVER_AMQP_SENDER_PEER_H
#define DELIVER_AMQP_SENDER_PEER_H

#include "base/rand.h"
#include "deliver/amqp/sender.h"
#include "proto/amqp/amqp.h"

enum amqp_sender_step { AMQP_SENDER_LOGIN, AMQP_SENDER_TOKEN, AMQP_SENDER_ATTACH, AMQP_SENDER_UP };

struct amqp_sender_peer {
    struct amqp_sender *sender; /* NULL: it is over, only the connection has not gone yet */
    struct conn *conn;          /* NULL: gone */
    struct amqp engine;
    struct amqp_config config;
    char container[RAND_GUID_LEN + 1];
    char host[DIAL_HOST_MAX + 1];
    struct timer timer;
    enum amqp_sender_step step;
    int64_t due_us;   /* the peer's answer must have come by then */
    int64_t renew_us; /* the token; INT64_MAX: there is none */
    bool cbs;         /* it wants one */
    bool asked;       /* it has been put, and no answer come */
    bool ended;       /* the engine has */
    uint64_t requests;
    struct amqp_session *session;
    struct amqp_link *link, *cbs_out, *cbs_in;
};

/* Over, for that reason: the owner is told. */
void amqp_sender_fail(struct amqp_sender_peer *p, const struct deliver_result *r);
void amqp_sender_fail_text(struct amqp_sender_peer *p, enum deliver_outcome outcome,
                           const char *fmt, ...) PRINTF(3, 4);
void amqp_sender_fail_error(struct amqp_sender_peer *p, const struct amqp_error *error,
                            const char *what);

void amqp_sender_attach(struct amqp_sender_peer *p); /* what the login was for */

/* ---- sender_login.c */

void amqp_sender_greet(struct amqp_sender_peer *p, const struct amqp_value *mechanisms);
void amqp_sender_begun(struct amqp_sender_peer *p);     /* there is a session */
void amqp_sender_put_token(struct amqp_sender_peer *p); /* as soon as it can be */
void amqp_sender_token_answered(struct amqp_sender_peer *p, const struct amqp_delivery *d);

#endif
