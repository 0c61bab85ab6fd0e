/* blob.c - shared immutable bytes. */
#include "base/blob.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

struct blob *blob_new(size_t len)
{
    assert(len <= UINT32_MAX);
    struct blob *b = mem_new(sizeof *b + len);
    atomic_init(&b->refs, 1);
    b->len = (uint32_t)len;
    return b;
}

struct blob *blob_copy(struct slice s)
{
    struct blob *b = blob_new(s.len);
    if (s.len) memcpy(b->bytes, s.ptr, s.len);
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void blob_drop(struct blob *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) free(b);
}
