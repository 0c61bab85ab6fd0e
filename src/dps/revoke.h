/* revoke.h - a line is cut off: its group is disabled, and, if so wished, its devices at their hubs.
 * Private to dps.
 *
 *   revoke ─▶ [disable the group on every core] ─▶ a page of its registrations ─▶ each: identity disabled ─▶ ...
 *     └─ dry run: pages are counted, nothing is changed
 *
 * Whoever registers through the group once every core knows ends as disabled.  What was on its way before is in
 * the pages; a device whose identity is not there yet is looked for again when the pages are through. */
#ifndef DPS_REVOKE_H
#define DPS_REVOKE_H

#include "dps/call.h"

void revoke_verb(struct call *c);
void revoke_drop(struct call *c); /* when the call ends */

#endif
