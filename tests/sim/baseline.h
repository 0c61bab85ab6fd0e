/* baseline.h - does the hub give back what it took for those who are gone?
 *
 * Several times the same: devices are made, come, do what they do, leave and are deleted; then nothing happens
 * for a while.  After each time is counted what is still held: blocks of memory, entries of maps, slots
 * of lanes, timers, each by its owner.  An owner may hold more the first times (pools, buffers); whoever had more
 * after every time is watched for longer, and then it is a leak.
 */
#ifndef SIM_BASELINE_H
#define SIM_BASELINE_H

#include "hub.h"

/* On a hub that is alive and has no devices; `crowd`: so many devices send, or 0: a few. */
void baseline_check(struct sim_hub *hub, unsigned crowd);

#endif
