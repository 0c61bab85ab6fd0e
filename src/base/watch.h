/* watch.h - how far a long copy is, told to another thread, which may stop it.
 *
 * Runs on: one thread writes `done` and `all`, any reads them; any sets `stop`.
 */
#ifndef BASE_WATCH_H
#define BASE_WATCH_H

#include <stdatomic.h>
#include <stdint.h>

struct watch {
    _Atomic uint64_t done, all; /* bytes */
    atomic_bool stop;           /* what is under way ends with ERR_CLOSED */
};

#endif
