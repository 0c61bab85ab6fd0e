/* whole_hub.h - a whole hub (server/rig.h) for a target, and what its services, devices and browsers ask of it over HTTP.
 *
 * Each input has a hub of its own, so that it replays by itself: a disk is made once per process, with the identities
 * d1, d1/m1 and d2, the edge devices top and mid, which is below it, and a user, maria; each input begins with a copy of
 * it, at the same time and with the same random numbers.
 *
 * Runs on: the target's thread.
 * Life:    whole_begin(), .., whole_end(), per input.
 */
#ifndef FUZZ_WHOLE_HUB_H
#define FUZZ_WHOLE_HUB_H

#include "http_work.h"
#include "server/rig.h"

#define WHOLE_KEY      "0123456789abcdef" /* of each identity */
#define WHOLE_KEY_TEXT "MDEyMzQ1Njc4OWFiY2RlZg=="
#define WHOLE_PASSWORD "right password" /* of maria */

enum { WHOLE_SECOND_US = 1000000 };

extern struct rig whole;

void whole_begin(void);

/* With all connections gone it still serves. */
void whole_end(void);

/* Where requests go to: Azure's API, the server's own socket, the console's listener. */
enum whole_place { WHOLE_API, WHOLE_SOCKET, WHOLE_CONSOLE };

/* A connection over HTTP, from "192.0.2.1:4000". */
struct rig_conn *whole_dial(enum whole_place place);

/* A token of an identity's own, good for an hour. */
void whole_own_token(struct slice who, struct buf *out);

/* Requests from now on go there, over another connection. */
void whole_go(enum whole_place place);

/* A request as http_work.h has it, in which
 *   - "<name>" is what the last answer had that had a header or a text in its JSON of that name, if any had;
 *   - a line "As: service" is Authorization with a token of that policy; with the id of an identity, of its own;
 *     "As: session" is that of an administrator at the console, "As: cookie" the same without the proof that it is he;
 *   - a "+" before all has its body sent in chunks.
 * Time passes until it is answered.  `see` is called for each answer; NULL: nobody looks. */
void whole_ask(struct slice request, void (*see)(const struct work_answer *a));

#endif
