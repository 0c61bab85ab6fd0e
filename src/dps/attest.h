/* attest.h - is the device who it says, and which enrollment speaks for it?  Private to dps. */
#ifndef DPS_ATTEST_H
#define DPS_ATTEST_H

#include "dps/call.h"

struct attested {
    struct enrollment enrollment;
    struct slice group;    /* its id in lower case; empty: an individual enrollment */
    struct slice identity; /* JSON: "authentication" of the hub's identity */
    struct slice proof;    /* JSON members for the registration's result */
    bool issued;           /* `identity` is a certificate of ours (issue.h) */
    struct slice model_id; /* the Plug and Play model that it says it is; empty: none */
    struct slice
        storage_root_key; /* base64: of a TPM, for its enrollment; empty: nothing to note */
};

/* DPS_OK; DPS_UNAUTHORIZED, DPS_NO_ENROLLMENT with a text for administrators.  The call is loaded; what
 * comes out lies in its arena. */
unsigned attest(struct call *c, struct attested *out);

/* What was written for a call, which has it from then on. */
struct slice attest_keep(struct call *c, struct buf *text);

/* The hub's identity gets these keys. */
void attest_note_keys(struct call *c, const struct auth_key keys[2], struct attested *out);

/* DPS_UNAUTHORIZED, and says why. */
unsigned attest_deny(const struct call *c, const char *why);

#endif
