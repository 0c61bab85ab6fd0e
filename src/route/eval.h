/* eval.h - what conditions are for one message.  Private to route. */
#ifndef ROUTE_EVAL_H
#define ROUTE_EVAL_H

#include "route/program.h"
#include "route/scan.h"

struct route_matcher {
    const struct program *program;
    const struct route_message *message;
    struct slots properties, body, twin;
    bool has_properties, has_body, has_twin; /* of this message they are read */
    struct scan body_scan, twin_scan;
    struct value *kept; /* what shared nodes are */
    uint32_t *kept_at;  /* ... for the message of this number */
    uint32_t kept_cap, stamp;
    struct arena arena; /* what functions make */
    size_t arena_size;
    size_t work; /* bytes that functions have gone through; no more are in the arena */
};

/* A new message: nothing of it is read. */
void route_eval_begin(struct route_matcher *x, const struct program *p,
                      const struct route_message *m);

enum route_truth route_eval(struct route_matcher *x, uint32_t root);

/* What the message's twin has in that slot, or NULL. */
const struct value *route_eval_twin(struct route_matcher *x, uint32_t slot);

void route_eval_free(struct route_matcher *x); /* what it has grown */

#endif
