/* csr_fuzz.c - auth/x509_issuer.h: any request is refused, or becomes a certificate that holds together. */
#include <stdlib.h>

#include "auth/x509.h"
#include "auth/x509_issuer.h"
#include "base/buf.h"
#include "fuzz.h"

#define NAME SLICE_LIT("device-1")

/* A CA for this target and nothing else. */
static const char ca[] = "-----BEGIN CERTIFICATE-----\n"
                         "MIIBezCCASGgAwIBAgIUUObL+0+CimMr4GM23KHT2punBCowCgYIKoZIzj0EAwIw\n"
                         "EjEQMA4GA1UEAwwHZnV6eiBDQTAgFw0yNjExMjYwOTUxNDdaGA8yMTI2MTEwMjA5\n"
                         "NTE0N1owEjEQMA4GA1UEAwwHZnV6eiBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"
                         "A0IABHGeq4ievkFtXfrWVMCm87UUwvSZvoALWp7Dkv/VEZgxCnS5EOZkDy78GK+V\n"
                         "RL3AJxVPRyUPn8FfQ9fGGzcUnhqjUzBRMB0GA1UdDgQWBBTDLy29weSpkYrCSpBs\n"
                         "9StVk7zsZTAfBgNVHSMEGDAWgBTDLy29weSpkYrCSpBs9StVk7zsZTAPBgNVHRMB\n"
                         "Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIFKfZFBfIgP+p/0z0ZDwdLY4bBls\n"
                         "3a5ovAi1aXLmrNipAiEAhFHftQfII/ESRE2uYrFOfxzm9USM7PMeaaZl6U/zhsM=\n"
                         "-----END CERTIFICATE-----\n";
static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKUpp+2HuJFV0dNJ7\n"
                          "g4R7jJeF0KCei4F7qWPlbVtKIW+hRANCAARxnquInr5BbV361lTApvO1FML0mb6A\n"
                          "C1qew5L/1RGYMQp0uRDmZA8u/BivlUS9wCcVT0clD5/BX0PXxhs3FJ4a\n"
                          "-----END PRIVATE KEY-----\n";

static const struct x509_issuer *issuer(void)
{
    static struct x509_issuer *one;
    if (one == NULL) assert(x509_issuer_new(slice_str(ca), slice_str(key), &one) == OK);
    return one;
}

void fuzz_one(struct slice input)
{
    struct buf der = {0};
    struct x509_facts *f;
    enum err e = x509_issue(issuer(), input, NAME, 0, INT64_C(4102444800000000), &der);
    assert(e == OK || e == ERR_INVALID);
    assert(x509_csr_check(input, NAME) == e);
    assert(x509_csr_check(input, SLICE_LIT("device-2")) == ERR_INVALID || e != OK);
    if (e == OK) {
        unsigned depth = 1;
        assert(x509_facts_new(buf_slice(&der), &f) == OK);
        assert(x509_by_anchor(f, x509_issuer_der(issuer()), NAME, INT64_C(1893456000000000),
                              &depth) == AUTH_OK);
        assert(depth == 0);
        free(f);
    }
    buf_free(&der);
}
