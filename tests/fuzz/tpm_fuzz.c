/* tpm_fuzz.c - auth/tpm.h: any public key of a TPM is refused, or a key can be wrapped for it. */
#include "auth/tpm.h"
#include "fuzz.h"

void fuzz_one(struct slice input)
{
    struct tpm_public p;
    struct buf blob = {0};
    const uint8_t key[TPM_KEY_LEN] = {1};
    size_t first = tpm_sized_len(input);
    assert(first <= input.len);
    if (tpm_public_read(input, &p) != OK) return;
    assert(first == input.len && p.modulus.len * 8 <= TPM_RSA_BITS_MAX);
    enum err e = tpm_protect(&p, &p, key, &blob);
    assert(e == OK || e == ERR_INVALID);
    buf_free(&blob);
}
