/* explain.h - why a device is not provisioned, for hub/refusal.  Private to dps. */
#ifndef DPS_EXPLAIN_H
#define DPS_EXPLAIN_H

#include "dps/operation.h"

/* attest() said no; fail_text() says why.  Comes back with what the device is told. */
const char *explain_attestation(struct call *c, unsigned code);

/* It proved who it is, and is disabled. */
void explain_disabled(const struct operation *o);
void explain_failed(const struct operation *o, unsigned code, struct slice text);

#endif
