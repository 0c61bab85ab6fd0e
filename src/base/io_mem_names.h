/* io_mem_names.h - which file a name means, now and after a crash; private to io_mem.c.
 *
 * Every name that ever was has one entry with two nodes.  A creation, renaming or removal changes
 * what it means now and stands in a list of unsynced steps until its directory is synced.  A crash
 * lets a step survive only together with all earlier ones in its directories, as journalling file
 * systems do.  Paths are relative to the root, which always exists; "" is the root.
 */
#ifndef BASE_IO_MEM_NAMES_H
#define BASE_IO_MEM_NAMES_H

#include "base/buf.h"
#include "base/io_mem_node.h"
#include "base/map.h"

struct mem_step;

struct mem_names {
    struct map names;
    struct mem_step *steps; /* oldest first */
    size_t step_count, step_cap;
};

void mem_names_free(struct mem_names *n);

struct mem_node *mem_names_get(const struct mem_names *n, const char *path); /* NULL: none */
bool mem_names_has_dir(const struct mem_names *n, struct slice dir);
struct slice mem_names_dir_of(const char *path); /* "" for names in the root */
bool mem_names_has_entries(const struct mem_names *n, const char *dir);
void mem_names_list(const struct mem_names *n, struct slice dir,
                    struct buf *out); /* each with NUL */

/* Unsynced: `path` means `node` (NULL: nothing); `from` is renamed to `to`. */
void mem_names_put(struct mem_names *n, const char *path, struct mem_node *node);
void mem_names_move(struct mem_names *n, const char *from, const char *to);

void mem_names_sync(struct mem_names *n, struct slice dir);

/* Names mean what their dice say of the unsynced, and so do the bytes of each file. */
void mem_names_crash(struct mem_names *n, uint64_t *dice);

/* Bytes of all files that have a name, now or after a crash. */
uint64_t mem_names_bytes(const struct mem_names *n);

#endif
