/* io_mem_node.h - one file in memory: what is synced, and every later write; private to io_mem.c.
 *
 * Synced bytes lie in chunks (an absent chunk is zeros, so preallocating costs nothing).  Unsynced
 * writes are kept in order beside them and laid over what is read; a sync applies them, a crash
 * applies what its dice say, a failed sync drops them.
 */
#ifndef BASE_IO_MEM_NODE_H
#define BASE_IO_MEM_NODE_H

#include "base/slice.h"

struct mem_write {
    uint64_t offset; /* of a resize: the new size */
    size_t len;
    uint8_t *bytes; /* NULL: a resize */
};

struct mem_node {
    unsigned refs;
    bool is_dir;
    uint64_t size; /* as readers see it */
    uint64_t synced_size;
    uint8_t **chunks;
    size_t chunk_count;
    struct mem_write *writes; /* unsynced, oldest first */
    size_t write_count, write_cap;
};

struct mem_node *mem_node_new(bool is_dir); /* one reference */
void mem_node_ref(struct mem_node *n);
void mem_node_drop(struct mem_node *n); /* NULL is fine */

size_t mem_node_read(const struct mem_node *n, uint64_t offset, uint8_t *out, size_t len);

/* The first `len` bytes of the parts together. */
void mem_node_write(struct mem_node *n, uint64_t offset, const struct slice *parts, size_t len);
void mem_node_resize(struct mem_node *n, uint64_t size);

void mem_node_sync(struct mem_node *n);
void mem_node_forget(struct mem_node *n); /* the unsynced is gone */

/* Of each unsynced write all, none or a part survives; *dice 0: none of any. */
void mem_node_crash(struct mem_node *n, uint64_t *dice);

/* The next number of a generator whose state is *dice. */
uint64_t mem_roll(uint64_t *dice);

#endif
