/* rand.c - the replaceable source of randomness. */
#include "base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void from_kernel(void *out, size_t len)
{
    uint8_t *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n <= 0) abort();
        p += n;
        len -= (size_t)n;
    }
}

static rand_source source = from_kernel;

void rand_bytes(void *out, size_t len)
{
    source(out, len);
}

uint64_t rand_u64(void)
{
    uint64_t v;
    source(&v, sizeof v);
    return v;
}

void rand_use(rand_source other)
{
    source = other ? other : from_kernel;
}

void rand_guid(char out[RAND_GUID_LEN + 1])
{
    uint8_t b[16];
    rand_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, RAND_GUID_LEN + 1,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}
