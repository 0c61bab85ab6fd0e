/* health.h - what the answer to GET /readyz says of a server.
 *
 * Runs on: the main thread. */
#ifndef CLI_HEALTH_H
#define CLI_HEALTH_H

#include "cli/http.h"

/* ERR_IO with the server's reason unless it acknowledges what is sent now. */
enum err health_of(const struct target *t, const struct http_answer *a) MUST_USE;

#endif
