/* diagnose.h - attestations of devices as resource logs and metrics have them.  Private to dps. */
#ifndef DPS_DIAGNOSE_H
#define DPS_DIAGNOSE_H

#include "dps/call.h"

/* AttestationAttempt of the category DeviceOperations, and the metric AttestationAttempts: each that registers, and who is turned away before that.  `code`
 * DPS_OK: it is who it says; `text`: why not. */
void dps_diagnose_attestation(const struct call *c, unsigned code, const char *text);

#endif
