/* eval.h - an expression's value for one document.  Private to hub/query. */
#ifndef HUB_QUERY_EVAL_H
#define HUB_QUERY_EVAL_H

#include "hub/query/tree.h"

/* A twin, whole or as its parts come from the store. */
struct doc {
    struct arena *arena; /* for what comes and goes */

    /* Where the path leads; NULL: nowhere. */
    const struct json *(*find)(struct doc *d, const struct step *path);
};

struct doc_whole {
    struct doc doc;
    const struct json *twin;
};

void doc_whole_init(struct doc_whole *d, struct arena *a, const struct json *twin);

/* The rest of a path, from there. */
const struct json *doc_walk(const struct json *from, const struct step *path);

struct value eval(struct doc *d, const struct expr *e);

/* Is the condition true?  NULL: there is none. */
bool eval_condition(struct doc *d, const struct expr *where);

#endif
