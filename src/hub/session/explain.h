/* explain.h - what home saw when it refused a session, for hub/refusal.  Private to hub/session. */
#ifndef HUB_SESSION_EXPLAIN_H
#define HUB_SESSION_EXPLAIN_H

#include "hub/registry/registry.h"
#include "hub/session/message.h"

struct explain {
    const struct hub *hub;
    struct lane *home;
    const struct session_open_msg *open;
    const struct identity *id; /* NULL: it is not at hand, or there is none */
    const struct session_opened *answer;
};

void explain_refusal(const struct explain *x);

void explain_connected(const struct hub *hub, struct lane *home,
                       const struct session_open_msg *open);

/* Who it is, as one text that is kept while it is connected; mem_new'd. */
char *explain_caller(const struct session_open_msg *open);
void explain_takeover(const struct hub *hub, struct lane *home,
                      const struct session_open_msg *newer, const char *older);

#endif
