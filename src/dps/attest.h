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
