/* paths.h - names that conditions look for, gathered into a trie, and the slots for what is found.
 *
 *   $body.a.b   $body.a.c[0]          root ─a─┬─b  slot 0
 *                                             └─c ─[0]  slot 1
 *
 * A table's paths are fixed once it is compiled and shared by cores; each core has slots of its own.  A slot
 * is filled for one message only: it carries the number (`stamp`) of the reading that filled it.
 * Names are compared without regard to the case of ASCII letters.  Private to route.
 */
#ifndef ROUTE_PATHS_H
#define ROUTE_PATHS_H

#include "lang/expr.h"

#define PATH_NONE UINT32_MAX

enum { PATH_ROOT = 0 };

struct path_node {
    uint32_t slot; /* PATH_NONE: only on the way to others */
    uint32_t child, sibling;
    bool places;    /* there are children at places */
    uint64_t names; /* its children's: see paths_may_name() */
};

struct path_edge {
    struct slice name; /* ptr NULL: the place `index` */
    uint64_t tail;     /* the name's last bytes, as it was written */
    uint32_t index, hash, parent;
    uint32_t child; /* 0: free */
};

struct paths {
    struct path_node *nodes;
    struct path_edge *edges; /* open addressing */
    uint32_t node_count, node_cap, edge_cap, slot_count;
};

/* The slot of a path; names are copied into `a`. */
uint32_t paths_add(struct paths *p, struct arena *a, const struct step *path);
void paths_free(struct paths *p);

/* A bit for a name's length and its first letter, in any case. */
static inline uint64_t paths_name_bit(struct slice name)
{
    size_t first = name.len ? name.ptr[0] | 0x20u : 0;
    return (uint64_t)1 << ((name.len * 5 + first) & 63);
}

/* Has a child a name that looks like it?  What most members' names are told by, for they are not wanted. */
static inline bool paths_may_name(const struct path_node *parent, struct slice name)
{
    return parent->names & paths_name_bit(name);
}

/* The child of that name or at that place, or PATH_NONE. */
uint32_t paths_name(const struct paths *p, uint32_t parent, struct slice name);
uint32_t paths_place(const struct paths *p, uint32_t parent, uint32_t index);

struct path_slot {
    struct value value;
    uint32_t filled; /* the reading that did it */
};

struct slots {
    struct path_slot *slots;
    uint32_t *seen; /* by node: the reading that met it */
    uint32_t slot_cap, node_cap, stamp;
};

/* A new reading: nothing is filled. */
void slots_begin(struct slots *s, const struct paths *p);
void slots_free(struct slots *s);

/* The slot is filled: by what the caller puts there. */
static inline struct value *slots_open(struct slots *s, uint32_t slot)
{
    s->slots[slot].filled = s->stamp;
    return &s->slots[slot].value;
}

/* NULL: undefined. */
static inline const struct value *slots_get(const struct slots *s, uint32_t slot)
{
    const struct path_slot *found = &s->slots[slot];
    return found->filled == s->stamp ? &found->value : NULL;
}

/* A node is met: what an earlier member of that name had is forgotten. */
void slots_meet(struct slots *s, const struct paths *p, uint32_t node);

#endif
