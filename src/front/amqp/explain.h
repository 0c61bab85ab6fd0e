/* explain.h - what was refused or cut off, for hub/refusal.  Private to front/amqp. */
#ifndef FRONT_AMQP_EXPLAIN_H
#define FRONT_AMQP_EXPLAIN_H

#include "front/amqp/peer.h"
#include "hub/refusal/refusal.h"

void explain_token(const struct peer *p, struct slice token, enum auth_cause cause);
void explain_throttled(const struct peer *p, struct slice who);
void explain_expired(const struct peer *p, struct slice who);
void explain_close(const struct peer *p, struct slice who, enum session_cause cause);

/* The connection is gone: whoever was connected by it has not said goodbye. */
void explain_end(const struct peer *p, enum err why);

#endif
