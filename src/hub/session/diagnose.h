/* diagnose.h - connections as resource logs have them.  Private to hub/session, at home. */
#ifndef HUB_SESSION_DIAGNOSE_H
#define HUB_SESSION_DIAGNOSE_H

#include "hub/session/message.h"

/* A session was let in.  What its end will say of it, or NULL: nobody wants to know; the caller frees it. */
char *diagnose_connected(const struct hub *hub, struct lane *home,
                         const struct session_open_msg *open, const struct session_opened *answer);

/* By what it has proved who it is, a member authenticationType, if somebody wants the logs of its twin; freed by the
 * caller.  NULL: nobody does. */
char *diagnose_auth(const struct hub *hub, const struct session_open_msg *open,
                    const struct session_opened *answer);

/* What it says that it is, if somebody wants the logs of its twin and methods; freed by the caller.  NULL: nobody does. */
char *diagnose_sdk(const struct hub *hub, const struct session_open_msg *open);

/* It has ended.  `told` is what diagnose_connected() gave; `why` SESSION_GRANTED: home did not close it, and the
 * journal of refusals may know why; it began at `since_us`, wall time. */
void diagnose_disconnected(const struct hub *hub, struct lane *home, struct slice who,
                           const char *told, enum session_cause why, int64_t since_us);

#endif
