/* row.h - an identity and its twin as the store has them, as one document.  Private to hub/query.
 *
 * What a condition does not name is not read: a section becomes a tree when a path leads into it.
 */
#ifndef HUB_QUERY_ROW_H
#define HUB_QUERY_ROW_H

#include "hub/query/eval.h"
#include "hub/registry/rows.h"
#include "hub/twin/document.h"
#include "hub/twin/index.h"

struct row {
    struct identity identity;
    struct twin twin;
    struct presence presence;
    struct slice value; /* where the row stands in its range, see plan.h */
};

/* Of a query's row; borrows from it and from the arena. */
enum err row_read(struct arena *a, const struct store_value *col, struct row *out) MUST_USE;

/* All of it in the arena. */
struct row *row_copy(struct arena *a, const struct row *row);

struct slice row_who(struct arena *a, const struct row *row);

struct doc_row {
    struct doc doc;
    const struct row *row;
    struct json *tags, *desired, *reported, *members, *whole, *expected; /* NULL: not read yet */
};

void doc_row_init(struct doc_row *d, struct arena *a, const struct row *row);

/* As services see it. */
enum err row_put_twin(struct buf *out, const struct row *row) MUST_USE;

/* Does it matter to the expression who is connected? */
bool row_needs_presence(const struct expr *e);

/* Can the condition be true for who is connected so, whatever else is there?  Tried before the row is read.
 * `simple`: see simple.h. */
bool row_may_pass(struct arena *a, const struct expr *simple, const struct presence *p);

/* Is there a part of it that can be tried so? */
bool row_can_be_tried(const struct expr *simple);

#endif
