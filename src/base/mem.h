/* mem.h - small allocations that abort the process instead of failing.
 *
 * A server that cannot get a few kilobytes can no longer answer anybody; a clean abort with a core
 * file beats a thousand untested error paths.  What may be large and refused (caches, files) calls
 * malloc itself and returns ERR_NOMEM.
 *
 * Runs on: any thread.
 * Owns:    what mem_* returns is the caller's, who gives it to free().  Sizes are bytes.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_new(size_t size);  /* not cleared */
void *mem_zero(size_t size); /* cleared */
void *mem_grow(void *old, size_t new_size);
char *mem_str(const char *text); /* copy of a C string */

/* Begins at a multiple, as its size is one; free() takes it. */
void *mem_aligned(size_t multiple, size_t size);

/* MEM_LARGE bytes, or a multiple, that begin at a multiple and are used all the time: gives their pages back and asks for
 * large ones, which cost the kernel less when it writes them to a disk.  The first `kept` bytes stay. */
enum { MEM_LARGE = 2 << 20 };
void mem_large_pages(void *ptr, size_t size, size_t kept);

/* Asks the processor for the first MEM_FETCH_MAX of `len` bytes that are used soon: read, or written over. */
enum { MEM_LINE = 64, MEM_FETCH_MAX = 1024 };
static inline void mem_fetch(const void *ptr, size_t len, bool to_write)
{
    const char *at = ptr, *end = at + (len < MEM_FETCH_MAX ? len : MEM_FETCH_MAX);
    for (; at < end; at += MEM_LINE) {
        if (to_write)
            __builtin_prefetch(at, 1);
        else
            __builtin_prefetch(at, 0);
    }
}

/* Overwrites `len` bytes in a way the compiler keeps: for keys and tokens. */
void mem_wipe(void *ptr, size_t len);

#define NEW(type) ((type *)mem_zero(sizeof(type)))

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
