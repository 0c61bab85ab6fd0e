/* whole_service.h - a service that asks a whole hub (whole_hub.h) for several things at once, over the server's own socket.
 *
 * Runs on: the target's thread.
 * Limits:  WHOLE_CALLS_MAX that are not answered; more are not asked.
 */
#ifndef FUZZ_WHOLE_SERVICE_H
#define FUZZ_WHOLE_SERVICE_H

#include "whole_hub.h"

enum { WHOLE_CALLS_MAX = 16 };

/* "VERB path|body"; it matches any ETag. */
void whole_service_ask(struct slice line);

/* Looks for answers: each is whole, and the only one to its request; nobody hangs up without one. */
void whole_service_collect(void);

bool whole_service_waits(void); /* for an answer */

#endif
