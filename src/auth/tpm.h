/* tpm.h - a key that only one TPM can open: what device provisioning sends to a device with one.
 *
 * A TPM shows two public keys: the endorsement key (EK), which is its identity, and the storage root
 * key (SRK).  A key is wrapped for both, so that the TPM in which both of them live imports it, and
 * nothing else can:
 *
 *   inner key (AES) ──MakeCredential──▶ credential, secret        only EK opens it, beside that SRK
 *   the key ──inner key──▶ ──seed──▶ duplicate, seed under SRK    TPM2_Import() below SRK
 *
 * The blob is those one after the other: TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET, TPM2B_PRIVATE,
 * TPM2B_ENCRYPTED_SECRET, TPM2B_PUBLIC of the key (HMAC with SHA-256), TPM2B_DATA (empty).
 *
 * Runs on: any thread.
 * Limits:  TPM_PUBLIC_MAX bytes of a public key; RSA of 2048 to TPM_RSA_BITS_MAX bits, names by
 *          SHA-256, AES in CFB mode: ERR_INVALID with a text.
 * Source:  TPM 2.0 Library, part 1: "Protected storage" (23.3 Duplication), "Credential protection"
 *          (24), KDFa (11.4.10.2), names (16); part 2: the structures.  The order of the blob: what the
 *          unmodified azure-iot-security-tpm takes apart in activateIdentityKey().
 */
#ifndef AUTH_TPM_H
#define AUTH_TPM_H

#include "base/buf.h"

enum {
    TPM_PUBLIC_MAX = 1024,
    TPM_RSA_BITS_MAX = 4096,
    TPM_NAME_LEN = 2 + 32, /* the algorithm and a digest */
    TPM_KEY_LEN = 32,
};

/* Slices are borrowed from what was read. */
struct tpm_public {
    struct slice modulus;
    uint32_t exponent;
    unsigned symmetric_bits; /* of the cipher that protects what is below it */
    uint8_t name[TPM_NAME_LEN];
};

/* TPM2B_PUBLIC of a key that lives in one TPM and protects others.  ERR_INVALID with a text. */
enum err tpm_public_read(struct slice tpm2b, struct tpm_public *out) MUST_USE;

/* How long the TPM2B at the head of the bytes is with its size; 0: they end before it does. */
size_t tpm_sized_len(struct slice bytes);

/* Appends the blob of a key.  ERR_INVALID: no key of RSA has that modulus. */
enum err tpm_protect(const struct tpm_public *ek, const struct tpm_public *srk,
                     const uint8_t key[TPM_KEY_LEN], struct buf *out) MUST_USE;

#endif
