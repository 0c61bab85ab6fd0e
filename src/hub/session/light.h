/* light.h - sessions of HTTPS: any number beside each other, and nobody is connected by them.
 * Private to hub/session; on the home core.
 *
 * One for each identity on each connection.  Home keeps their addresses only to close them when the
 * identity is disabled, deleted or gets other keys.
 */
#ifndef HUB_SESSION_LIGHT_H
#define HUB_SESSION_LIGHT_H

#include "hub/session/session.h"

struct lights {
    struct lane *lane;
    struct map by_who; /* struct light_set */
};

void lights_init(struct lights *l, struct lane *lane);
void lights_fini(struct lights *l);

/* Beyond SESSION_LIGHTS_MAX of an identity the oldest is closed. */
void lights_add(struct lights *l, struct slice who, struct addr session);

void lights_remove(struct lights *l, struct slice who, struct addr session); /* absent: harmless */
void lights_close(struct lights *l, struct slice who, enum session_cause cause);

/* Tells a session's core that it is over. */
void session_post_close(struct lane *lane, struct addr session, enum session_cause cause);

#endif
