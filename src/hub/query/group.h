/* group.h - aggregates, over everything or by groups.  Private to hub/query. */
#ifndef HUB_QUERY_GROUP_H
#define HUB_QUERY_GROUP_H

#include "base/map.h"
#include "hub/query/eval.h"

struct group;

struct groups {
    struct arena arena; /* of the groups and what they hold */
    struct map by_key;  /* struct group; the key is the JSON of what they have in common */
    struct group *first, **end;
};

/* One more row.  ERR_FULL: more than QUERY_GROUPS_MAX groups. */
enum err groups_add(struct groups *g, const struct query *q, struct doc *d) MUST_USE;

/* The JSON objects of the groups from `from` on, at most `max`, with commas between them; how many there
 * are.  Without GROUP BY there is one, also of no rows. */
unsigned groups_write(struct groups *g, const struct query *q, uint64_t from, unsigned max,
                      struct buf *out);
unsigned groups_count(const struct groups *g);

void groups_free(struct groups *g);

#endif
