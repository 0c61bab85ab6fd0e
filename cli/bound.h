/* bound.h - messages to a device over HTTPS, taken and settled as a device would.
 *
 * Runs on: the main thread; each call is a request.
 * Source:  IoT Hub device API: GET .../messages/deviceBound, DELETE, POST .../abandon, DELETE ...?reject.
 */
#ifndef CLI_BOUND_H
#define CLI_BOUND_H

#include "cli/http.h"

enum { BOUND_LOCK_S = 60, BOUND_LOCK_S_MIN = 5, BOUND_LOCK_S_MAX = 300 };

struct bound_way {
    const char *name, *method, *tail;
};

enum { BOUND_WAYS = 3 };
extern const struct bound_way bound_ways[BOUND_WAYS]; /* complete, abandon, reject */

const struct bound_way *bound_way_of(const char *name); /* NULL: there is none */

/* Who asks for whose messages. */
struct bound {
    struct target *target;
    struct slice device;
    const char *token; /* as of struct http_call */
};

/* Whatever the hub answered: 200 with a message, 204 without. */
enum err bound_take(const struct bound *b, int lock_s, struct http_answer *out) MUST_USE;

/* The message's lock, which settles it. */
struct slice bound_lock(const struct http_answer *a);

/* ERR_PRECONDITION: it is nobody's any more. */
enum err bound_settle(const struct bound *b, struct slice lock,
                      const struct bound_way *way) MUST_USE;

/* The error for an answer from 300 on. */
enum err bound_refusal(const struct bound *b, const struct http_answer *a) MUST_USE;

#endif
