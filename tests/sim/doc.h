/* doc.h - small JSON documents as sections of twins have them: a few keys with numbers or with objects
 * of numbers, and the mark "n", which says which change was the last.
 *
 * Merged here by rules of our own, so that the hub's merging has something to be compared with.
 */
#ifndef SIM_DOC_H
#define SIM_DOC_H

#include "base/json.h"

enum { DOC_KEYS = 4, DOC_SUBS = 2 };

enum doc_kind { DOC_ABSENT, DOC_NULL, DOC_NUMBER, DOC_OBJECT };

struct doc_leaf {
    enum doc_kind kind;
    int64_t number;
};

struct doc_node {
    struct doc_leaf leaf;
    struct doc_leaf sub[DOC_SUBS]; /* of an object */
};

struct doc {
    int64_t mark; /* 0: none */
    struct doc_node key[DOC_KEYS];
};

/* A change with that mark. */
struct doc doc_random(int64_t mark);

/* null takes away, objects merge, all else replaces. */
struct doc doc_merge(const struct doc *base, const struct doc *change);
struct doc doc_whole(const struct doc *change); /* the same, merged into nothing */

bool doc_eq(const struct doc *a, const struct doc *b);
void doc_put(struct buf *out, const struct doc *d);

/* Members that begin with '$' are let be; false: it has what no change of ours has. */
bool doc_read(const struct json *section, struct doc *out);

#endif
