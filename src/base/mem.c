/* mem.c - allocation that does not fail. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *checked(void *ptr, size_t size)
{
    if (ptr != NULL || size == 0) return ptr;
    fprintf(stderr, "azimuth: out of memory (%zu bytes)\n", size);
    abort();
}

void *mem_new(size_t size)
{
    return checked(malloc(size), size);
}

void *mem_zero(size_t size)
{
    return checked(calloc(1, size), size);
}

void *mem_grow(void *old, size_t new_size)
{
    return checked(realloc(old, new_size), new_size);
}

void *mem_aligned(size_t multiple, size_t size)
{
    return checked(aligned_alloc(multiple, size), size);
}

void mem_large_pages(void *ptr, size_t size, size_t kept)
{
    void *copy = mem_new(kept);
    if (kept) memcpy(copy, ptr, kept);
    if (madvise(ptr, size, MADV_HUGEPAGE) == 0) madvise(ptr, size, MADV_DONTNEED);
    if (kept) memcpy(ptr, copy, kept);
    free(copy);
}

char *mem_str(const char *text)
{
    return checked(strdup(text), strlen(text) + 1);
}

void mem_wipe(void *ptr, size_t len)
{
    explicit_bzero(ptr, len);
}
