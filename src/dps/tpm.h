/* tpm.h - devices that prove who they are with a TPM.  Private to dps.
 *
 * A device is told a key that only its TPM can open, signs a token with it in the TPM, and registers; with
 * the result comes another key, that of its identity at the hub:
 *
 *   register, or SASL ──▶ key of this hour, wrapped ──▶ activate, sign ──▶ register with the token
 *                                                       activate ◀── key of the hub, wrapped
 *
 * The first key is derived from a secret of the core, the registration id and the endorsement key: nothing
 * is kept for who only asks.  A token that is signed with the key of this hour or the one before is good. */
#ifndef DPS_TPM_H
#define DPS_TPM_H

#include "auth/sas.h"
#include "dps/attest.h"

#define DPS_TPM_HOUR_US (3600 * 1000000ll)

/* Is the call's device one that proves with a TPM, and has it shown keys?  The enrollment is loaded. */
bool tpm_is_shown(struct call *c);

/* Appends the wrapped key; DPS_OK, DPS_UNAUTHORIZED, DPS_BAD_STORAGE_ROOT_KEY with a text. */
unsigned tpm_challenge(struct call *c, struct buf *blob);

/* A token of a device whose enrollment wants a TPM.  Who registers gets new keys for the hub. */
unsigned tpm_attest(struct call *c, const struct sas *t, struct attested *out);

/* A public key as documents have it, base64 of TPM2B_PUBLIC: ERR_INVALID with a text. */
enum err tpm_check_text(struct slice base64) MUST_USE;

#endif
