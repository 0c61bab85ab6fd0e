/* console.h - the console's own part of the server: pages, sign-in, the live link.
 *
 * Pages are a web application (console/) whose built files lie in the program.  Who signs in gets a
 * session; with it the console's listener serves Azure's API for services and /admin/v1 as far as
 * the session's rights reach (struct rest_guard).
 *
 * Runs on: the first core, which has the console's listener.
 * Life:    console_new() after the core's fronts, console_free() before them, when its connections
 *          are gone.
 * Limits:  those of session.h and live.h.
 */
#ifndef FRONT_CONSOLE_CONSOLE_H
#define FRONT_CONSOLE_CONSOLE_H

#include "front/rest/rest.h"

struct console;

struct console *console_new(const struct rest_config *config, struct lane *lane,
                            struct rest_service *rest);
void console_free(struct console *c); /* NULL is fine */

/* A link that signs its first user in as administrator; before the lanes run, or on the core. */
void console_put_link(struct console *c, struct buf *out);

#endif
