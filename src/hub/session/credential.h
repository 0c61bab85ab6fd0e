/* credential.h - does what was shown open a session of that identity?  Private to hub/session. */
#ifndef HUB_SESSION_CREDENTIAL_H
#define HUB_SESSION_CREDENTIAL_H

#include "hub/registry/registry.h"
#include "hub/session/message.h"

/* Fills what `answer` says of the credential. */
enum session_cause credential_check(const struct hub *hub, const struct session_open_msg *open,
                                    const struct identity *id, struct session_opened *answer);

#endif
