/* store_work.h - what a server asks of the store's engine, a byte of an input for each call, and what it was promised.
 *
 *   store_work(e, calls, &promised);            units, transactions, queries, checkpoints, snapshots
 *   ... the power fails, another engine opens what is left ...
 *   store_work_check(e, &promised);
 */
#ifndef FUZZ_STORE_WORK_H
#define FUZZ_STORE_WORK_H

#include "store/engine.h"

enum { STORE_WORK_MAX = 31 }; /* calls: units have a bit each */

struct store_promise {
    uint32_t kept;    /* units whose transaction was committed */
    uint32_t refused; /* ... that did not happen; of the rest nobody knows */
};

/* `good`: the database has a device 'd' and none of ours, and does what it says; else nothing is promised. */
void store_work(struct engine *e, struct slice calls, bool good, struct store_promise *out);

void store_work_check(struct engine *e, const struct store_promise *p);

/* A page of identities, as a start and a list read them. */
void store_work_read(struct engine *e);

#endif
