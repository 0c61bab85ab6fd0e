/* credential.h - does what was shown open a session of that identity?  Private to hub/session. */
#ifndef HUB_SESSION_CREDENTIAL_H
#define HUB_SESSION_CREDENTIAL_H

#include "hub/registry/registry.h"
#include "hub/session/message.h"

struct credential_judge {
    const struct hub *hub;
    const struct x509_cas *cas; /* of the hub */
};

/* Fills what `answer` says of the credential. */
enum session_cause credential_check(const struct credential_judge *judge,
                                    const struct session_open_msg *open, const struct identity *id,
                                    struct session_opened *answer);

#endif
