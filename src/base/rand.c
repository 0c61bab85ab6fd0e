/* rand.c - the replaceable source of randomness. */
#include "base/rand.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
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
static atomic_uint uses; /* of rand_use(): what was drawn before is no more of this source */

enum { GUID_BYTES = 16, GUIDS_DRAWN = 16 };

/* A thread draws bytes for several at a time, since the way to the kernel costs more than they do. */
static _Thread_local struct {
    uint8_t bytes[GUID_BYTES * GUIDS_DRAWN];
    size_t left;
    unsigned of;
} drawn;

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
    atomic_fetch_add(&uses, 1);
}

static void draw(uint8_t out[GUID_BYTES])
{
    unsigned now = atomic_load_explicit(&uses, memory_order_relaxed);
    if (drawn.left == 0 || drawn.of != now) {
        rand_bytes(drawn.bytes, sizeof drawn.bytes);
        drawn.left = sizeof drawn.bytes;
        drawn.of = now;
    }
    drawn.left -= GUID_BYTES;
    memcpy(out, drawn.bytes + drawn.left, GUID_BYTES);
    memset(drawn.bytes + drawn.left, 0,
           GUID_BYTES); /* a code that somebody is sent may be made of it */
}

void rand_guid(char out[RAND_GUID_LEN + 1])
{
    uint8_t b[GUID_BYTES];
    draw(b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    text_guid(b, out);
}
