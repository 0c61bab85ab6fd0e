/* serve.h - `azimuth serve`: from the configuration to a hub that runs until it is told to stop.
 *
 * Runs on: the main thread.
 */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "server/config.h"
#include "server/ports.h"
#include "server/seed.h"

struct server;

/* Everything up to the point where clients are accepted; the ready line is on stdout.
 * `seed`: what is made before, if it is absent; NULL: nothing.
 * `dev`: standard ports that cannot be had are replaced by free ones. */
enum err server_start(const struct config *cfg, struct seed *seed, bool dev,
                      struct server **out) MUST_USE;

const char *server_data(const struct server *s); /* its directory */
/* Where the console is, for people; empty: there is none.  Under dev with a token that signs in once. */
const char *server_console(const struct server *s);

const struct ports *server_ports(const struct server *s);

/* Reads the configuration again, as at the start. */
typedef enum err (*server_load_fn)(void *ctx, struct config *out);

/* Until SIGTERM or SIGINT (a second one exits at once); SIGHUP reloads configuration and
 * certificates.  What cannot change while it runs is named in the log and stays as it is. */
void server_run(struct server *s, server_load_fn load, void *ctx);

/* Drains, stops and frees.  ERR_IO: the log or the store had failed, and what came since was refused. */
enum err server_stop(struct server *s) MUST_USE;

#endif
