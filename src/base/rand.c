/* rand.c - the replaceable source of randomness. */
#include "base/rand.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/text.h"

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
    text_guid(b, out);
}
