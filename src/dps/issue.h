/* issue.h - a certificate for a device that asks for one when it registers.  Private to dps.
 *
 * `csr` of what it says is a request (PKCS#10, base64 of DER) for its registration id; its enrollment has a
 * credentialPolicyName.  The identity at the hub then is the thumbprint of what was issued, and that of the one
 * before, so that a device renews while it is connected.
 * Source: DPS REST API, 2025-07-01-preview: csr, credentialPolicyName, issuedCertificateChain. */
#ifndef DPS_ISSUE_H
#define DPS_ISSUE_H

#include "dps/attest.h"

#define DPS_CREDENTIAL_POLICY "default"         /* the only one: the server's own CA */
#define DPS_ISSUED_FROM_US    (300 * 1000000ll) /* before now: clocks differ */

/* Does nothing if there is no csr, or the enrollment is disabled.  DPS_OK; DPS_BAD_ARGUMENT with a text. */
unsigned issue_certificate(struct call *c, const struct json *doc, struct attested *who);

/* Of a registration that goes on after an interruption: what was issued then counts. */
void issue_take_up(struct call *c, struct attested *who);

/* Adds the identity's certificate of now to its credential, as the second. */
void issue_keep_last(struct arena *a, const struct json *identity, struct json *credential);

#endif
