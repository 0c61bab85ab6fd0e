/* verdict.h - what a provider's token says of somebody, and whether he is let in.
 *
 * Runs on: the console's lane.
 * Source:  OpenID Connect Core 1.0, section 3.1.3.7.
 */
#ifndef FRONT_CONSOLE_VERDICT_H
#define FRONT_CONSOLE_VERDICT_H

#include "front/console/asking.h"

/* Of the token that the asking has; the call is answered, now or later. */
void verdict(struct asking *q);

#endif
