/* courier.h - carries requests with libcurl, on a thread that runs the lane "out".
 *
 * Life: courier_new() and its carrier for out_new(); courier_start() when the lanes start, courier_stop()
 *       when they stop; courier_free() after out_free(). */
#ifndef OUT_COURIER_H
#define OUT_COURIER_H

#include "out/carrier.h"

struct courier;

/* `ca_path`: a PEM file with the CAs that are trusted; NULL: the system's. */
struct courier *courier_new(const char *ca_path);
void courier_free(struct courier *c);

const struct out_carrier *courier_carrier(const struct courier *c);

void courier_start(struct courier *c, struct lane *lane);
void courier_stop(struct courier *c);

/* What the thread does again and again, without the wait: true, a request ended. */
bool courier_turn(struct courier *c, struct lane *lane, int64_t *due_us);

#endif
