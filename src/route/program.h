/* program.h - conditions compiled: expressions as nodes that refer to earlier nodes.
 *
 *   a = '1' AND $body.x > 2        0 PATH a       1 CONST '1'   2 TEST a = '1'
 *   NOT $body.x > 2                3 PATH x       4 CONST 2     5 TEST x > 2        6 AND 2 5     7 NOT 5
 *
 * What is written twice, in one condition or in two, is one node (here 5), and what it is for a message is
 * kept for the second who asks.  Once compiled a program is immutable and shared by cores.
 * Private to route.
 */
#ifndef ROUTE_PROGRAM_H
#define ROUTE_PROGRAM_H

#include "route/paths.h"
#include "route/route.h"

enum op {
    OP_TEST, /* what `slot` has is compared with `constant` by `detail` */
    OP_NOT,
    OP_AND,
    OP_OR,
    OP_COMPARE,      /* `detail`: enum compare */
    OP_COMPARE_TIME, /* the same of texts that are instants, if both are */
    OP_IN,           /* the first in the others */
    OP_NOT_IN,
    OP_LAST_TRUTH = OP_NOT_IN, /* up to here true, false or undefined */
    OP_CONST,                  /* `constant` */
    OP_SYSTEM,                 /* `detail`: enum route_system; else the property of `slot` */
    OP_PATH,                   /* what `slot` has */
    OP_NEGATE,
    OP_MATH, /* `detail`: the sign */
    OP_ARRAY,
    OP_CALL, /* of `function` */
};

/* Where a path leads; each has slots of its own. */
enum place { IN_PROPERTIES, IN_BODY, IN_TWIN, PLACES };

enum { LOOKS_AT_BODY = 1, LOOKS_AT_TWIN = 2 };

struct node {
    uint8_t op, detail;
    uint8_t looks;
    uint8_t place; /* of `slot` */
    bool shared;   /* written twice: worth keeping */
    uint32_t arg_count;
    uint32_t args; /* the first in program.args */
    uint32_t slot;
    union {
        const struct value *constant;
        const struct function *function;
    };
};

struct program {
    struct arena arena; /* constants and names */
    struct node *nodes;
    uint32_t *args;
    uint32_t *index; /* nodes + 1 by what they are; while it is compiled */
    uint32_t node_count, node_cap, arg_count, arg_cap, index_cap;
    struct paths paths[PLACES];
};

/* Adds a condition; *root is its node. */
enum err program_add(struct program *p, struct slice text, uint32_t *root,
                     struct route_mistake *mistake) MUST_USE;

/* No more is added. */
void program_finish(struct program *p);
void program_free(struct program *p);

/* ---- parse.c: a condition as a tree */

/* The first step of a path says what it is in: "$body", "$twin", or else the name of a property. */
enum err route_parse(struct arena *a, struct slice text, struct expr **out,
                     struct route_mistake *mistake) MUST_USE;

/* The path behind $twin of an enrichment's value; ERR_INVALID: it is none. */
enum err route_parse_twin_path(struct arena *a, struct slice text, struct step **out) MUST_USE;

#endif
