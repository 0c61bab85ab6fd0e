/* load.h - a load on a server in a closed loop: a warm-up, a measurement, and what the server spent on it.
 *
 * Runs on: one thread, that of lines.h.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "lines.h"

/* What all threads of that process have run, in nanoseconds. */
uint64_t server_cpu_ns(const char *pid);

/* So many more are done, of which the first was begun then.  Counts while load_run() measures. */
void load_done(int64_t began_us, unsigned count);

/* Turns of lines.h: a second that does not count, then so many; prints one line of JSON with rate, cost,
 * and times from beginning to end. */
void load_run(const char *pid, unsigned seconds);

/* The same until that many are done, from now on, or until SIGTERM. */
void load_run_until(const char *pid, uint64_t count);

#endif
