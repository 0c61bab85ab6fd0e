/* blob.h - immutable, reference-counted bytes: the only data that two threads may look at.
 *
 * Life: blob_new() gives one reference; the maker fills `bytes` before anyone else sees it and never
 * touches it again.  blob_ref()/blob_drop() from any thread.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdatomic.h>

#include "base/slice.h"

struct blob {
    atomic_uint refs;
    uint32_t len;
    uint8_t bytes[];
};

struct blob *blob_new(size_t len); /* len < 4 GiB; bytes not cleared */
struct blob *blob_copy(struct slice s);
struct blob *blob_ref(struct blob *b);
void blob_drop(struct blob *b); /* NULL is fine */

/* Nobody but the caller, who has a reference, looks at it, or will: it may be filled anew. */
static inline bool blob_is_alone(const struct blob *b)
{
    return atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
}

static inline struct slice blob_slice(const struct blob *b)
{
    return (struct slice){b->bytes, b->len};
}

#endif
