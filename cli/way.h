/* way.h - where the event hub of a target is, and a token for it.
 *
 * Runs on: the main thread.
 * Life:    what it sets lies in the arena of struct cli.
 */
#ifndef CLI_WAY_H
#define CLI_WAY_H

#include "cli/events.h"
#include "cli/target.h"

enum { WAY_REDIRECTS_MAX = 2 }; /* an IoT hub sends us to its event hub, which may have moved */

/* Fills in host, entity, audience, token and login.  `entity` NULL: that of the connection string, or the
 * built-in one.  The caller drops to->tls. */
enum err way_choose(struct target *t, const char *entity, struct events_config *cfg,
                    struct line_to *to) MUST_USE;

/* A fresh token for the same; `sent_on`: after way_follow(). */
enum err way_sign(struct target *t, bool sent_on, struct events_config *cfg) MUST_USE;

/* Where EVENTS_REDIRECTED says.  Counts in *redirects; ERR_PROTOCOL for one more than WAY_REDIRECTS_MAX. */
enum err way_follow(struct target *t, const struct events_event *ev, unsigned *redirects,
                    struct events_config *cfg, struct line_to *to) MUST_USE;

#endif
