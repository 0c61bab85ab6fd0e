/* provider.h - the two documents of a sign-in provider: its metadata and its keys.
 *
 * They are fetched when they are needed, and kept.  What is wrong with them the log says, and the call is
 * answered.  Private to front/console.
 *
 * Runs on: the console's lane.
 * Source:  OpenID Connect Discovery 1.0, sections 3 and 4.
 */
#ifndef FRONT_CONSOLE_PROVIDER_H
#define FRONT_CONSOLE_PROVIDER_H

#include "front/console/asking.h"

/* `next` goes on when the metadata is there, now or later. */
void provider_ask(struct asking *q);

/* Of the metadata, which is there. */
struct slice provider_endpoint(const struct oidc *o, const char *name);

/* Are there keys that are younger than that? */
bool provider_has_keys(const struct oidc *o, int64_t for_us, int64_t now_us);

/* Fetches them anew; then `next` goes on. */
void provider_ask_keys(struct asking *q, void (*next)(struct asking *q));

void provider_forget(struct oidc *o);

#endif
