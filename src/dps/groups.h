/* groups.h - one core's copy of the group enrollments.  Private to dps.
 *
 * The first core writes groups to the store, then sends each core the row; the change is answered when
 * all have it. */
#ifndef DPS_GROUPS_H
#define DPS_GROUPS_H

#include "base/map.h"
#include "dps/enrollment.h"

struct group {
    struct enrollment enrollment;
    struct slice id_lower;
    unsigned operations; /* under way on this core */
    struct arena arena;  /* both, and the document */
    struct slice document;
};

struct groups {
    struct map by_id; /* struct group by id in lower case */
};

struct store;

enum err groups_load(struct groups *g, const struct store *s) MUST_USE; /* at start */
void groups_fini(struct groups *g);

struct group *groups_find(const struct groups *g, struct slice id_lower);

/* A row for the others, or that there is none any more (document empty). */
struct group_row {
    struct slice id_lower, document;
    uint64_t etag;
    int64_t created_us, updated_us;
};

void groups_apply(struct groups *g, const struct group_row *row);

struct msg *group_msg_new(unsigned kind, const struct group_row *row);
struct group_row group_msg_read(const struct msg *m);

/* The enrollment of a group, once more, into an arena of its own. */
void group_copy(struct arena *a, const struct group *g, struct enrollment *out);

#endif
