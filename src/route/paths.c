/* paths.c - the trie, one hash table for all of its edges, and the slots. */
#include "route/paths.h"

#include <stdlib.h>

#include "base/mem.h"

enum { NODES_MIN = 16, EDGES_MIN = 32 };

/* ---- hashes: the bit that differs between cases is set in every byte */

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static uint64_t eight(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint32_t four(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The last 8 bytes, or all of fewer, some of them twice. */
static inline uint64_t tail_of(struct slice name)
{
    const uint8_t *from = name.ptr, *end = from + name.len;
    if (name.len >= 8) return eight(end - 8);
    if (name.len >= 4) return (uint64_t)four(from) << 32 | four(end - 4);
    if (name.len == 0) return 0;
    return (uint64_t)from[0] << 16 | (uint64_t)from[name.len / 2] << 8 | end[-1];
}

static inline uint32_t hash_name(uint32_t parent, struct slice name, uint64_t tail)
{
    const uint64_t cases = 0x2020202020202020u;
    uint64_t h = mix(parent, name.len);
    for (size_t at = 0; at + 8 < name.len; at += 8) h = mix(h, eight(name.ptr + at) | cases);
    return (uint32_t)(mix(h, tail | cases) >> 16);
}

static uint32_t hash_place(uint32_t parent, uint32_t index)
{
    return (uint32_t)(mix(mix(parent, UINT64_MAX), index) >> 16);
}

/* ---- edges */

/* An edge as it is looked for. */
static inline struct path_edge to_name(uint32_t parent, struct slice name)
{
    uint64_t tail = tail_of(name);
    if (name.ptr == NULL) name = slice_of("", 0);
    return (struct path_edge){
        .name = name, .tail = tail, .parent = parent, .hash = hash_name(parent, name, tail)};
}

static inline struct path_edge to_place(uint32_t parent, uint32_t index)
{
    return (struct path_edge){.index = index, .parent = parent, .hash = hash_place(parent, index)};
}

/* Short names that are written alike are told without a call. */
static inline bool is_same(const struct path_edge *a, const struct path_edge *b)
{
    if (a->hash != b->hash || a->parent != b->parent) return false;
    if (a->name.ptr == NULL || b->name.ptr == NULL)
        return a->name.ptr == b->name.ptr && a->index == b->index;
    if (a->name.len <= sizeof a->tail && a->name.len == b->name.len && a->tail == b->tail)
        return true;
    return slice_eq_nocase(a->name, b->name);
}

/* The edge, or the free one where it would be. */
static inline struct path_edge *find(const struct paths *p, const struct path_edge *wanted)
{
    for (uint32_t i = wanted->hash;; i++) {
        struct path_edge *e = &p->edges[i & (p->edge_cap - 1)];
        if (e->child == 0 || is_same(e, wanted)) return e;
    }
}

static inline uint32_t lookup(const struct paths *p, const struct path_edge *wanted)
{
    const struct path_edge *e = find(p, wanted);
    return e->child ? e->child : PATH_NONE;
}

uint32_t paths_name(const struct paths *p, uint32_t parent, struct slice name)
{
    struct path_edge wanted = to_name(parent, name);
    return lookup(p, &wanted);
}

uint32_t paths_place(const struct paths *p, uint32_t parent, uint32_t index)
{
    struct path_edge wanted = to_place(parent, index);
    return lookup(p, &wanted);
}

/* ---- growing */

static void grow_edges(struct paths *p)
{
    struct path_edge *old = p->edges;
    uint32_t cap = p->edge_cap;
    p->edge_cap = cap ? cap * 2 : EDGES_MIN;
    p->edges = mem_zero(p->edge_cap * sizeof *p->edges);
    for (uint32_t i = 0; i < cap; i++)
        if (old[i].child) *find(p, &old[i]) = old[i];
    free(old);
}

static uint32_t add_node(struct paths *p, uint32_t parent)
{
    if (p->node_count == p->node_cap) {
        p->node_cap = p->node_cap ? p->node_cap * 2 : NODES_MIN;
        p->nodes = mem_grow(p->nodes, p->node_cap * sizeof *p->nodes);
    }
    uint32_t at = p->node_count++;
    p->nodes[at] = (struct path_node){.slot = PATH_NONE};
    if (at == PATH_ROOT) return at;
    p->nodes[at].sibling = p->nodes[parent].child;
    p->nodes[parent].child = at;
    return at;
}

static uint32_t add_child(struct paths *p, struct arena *a, uint32_t parent,
                          const struct step *step)
{
    struct path_edge edge =
        step->name.ptr ? to_name(parent, step->name) : to_place(parent, step->index);
    uint32_t found = lookup(p, &edge);
    if (found != PATH_NONE) return found;
    if (step->name.ptr) {
        edge.name = arena_copy(a, step->name);
        p->nodes[parent].names |= paths_name_bit(step->name);
    } else {
        p->nodes[parent].places = true;
    }
    edge.child = add_node(p, parent);
    if (p->node_count * 2 > p->edge_cap) grow_edges(p);
    *find(p, &edge) = edge;
    return edge.child;
}

uint32_t paths_add(struct paths *p, struct arena *a, const struct step *path)
{
    uint32_t at = PATH_ROOT;
    if (p->node_count == 0) {
        add_node(p, PATH_NONE);
        grow_edges(p);
    }
    for (; path; path = path->next) at = add_child(p, a, at, path);
    if (p->nodes[at].slot == PATH_NONE) p->nodes[at].slot = p->slot_count++;
    return p->nodes[at].slot;
}

void paths_free(struct paths *p)
{
    free(p->nodes);
    free(p->edges);
    *p = (struct paths){0};
}

/* ---- slots */

static void make_room(struct slots *s, const struct paths *p)
{
    if (p->slot_count > s->slot_cap) {
        s->slots = mem_grow(s->slots, p->slot_count * sizeof *s->slots);
        memset(s->slots + s->slot_cap, 0, (p->slot_count - s->slot_cap) * sizeof *s->slots);
        s->slot_cap = p->slot_count;
    }
    if (p->node_count > s->node_cap) {
        s->seen = mem_grow(s->seen, p->node_count * sizeof *s->seen);
        memset(s->seen + s->node_cap, 0, (p->node_count - s->node_cap) * sizeof *s->seen);
        s->node_cap = p->node_count;
    }
}

/* Stamps of other tables' readings are smaller; once in 2^32 all are taken back. */
void slots_begin(struct slots *s, const struct paths *p)
{
    make_room(s, p);
    if (++s->stamp != 0) return;
    if (s->slot_cap) memset(s->slots, 0, s->slot_cap * sizeof *s->slots);
    if (s->node_cap) memset(s->seen, 0, s->node_cap * sizeof *s->seen);
    s->stamp = 1;
}

void slots_free(struct slots *s)
{
    free(s->slots);
    free(s->seen);
    *s = (struct slots){0};
}

static void forget(struct slots *s, const struct paths *p, uint32_t node)
{
    if (s->seen[node] != s->stamp) return;
    s->seen[node] = 0;
    if (p->nodes[node].slot != PATH_NONE) s->slots[p->nodes[node].slot].filled = 0;
    for (uint32_t at = p->nodes[node].child; at; at = p->nodes[at].sibling) forget(s, p, at);
}

void slots_meet(struct slots *s, const struct paths *p, uint32_t node)
{
    forget(s, p, node);
    s->seen[node] = s->stamp;
}
