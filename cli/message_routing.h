/* message_routing.h - the hub's routing document on this side: fetched, changed, sent back if nobody
 * else changed it meanwhile.
 *
 * Runs on: the main thread.
 */
#ifndef CLI_MESSAGE_ROUTING_H
#define CLI_MESSAGE_ROUTING_H

#include "cli/http.h"

struct message_routing {
    struct target target;
    struct json *document; /* routes, endpoints, enrichments, fallbackRoute */
    const char *etag;
};

enum err message_routing_fetch(struct cli *c, struct message_routing *m) MUST_USE;

/* Sends it back; `what` names the change for errors ("route 'r1'").  m->document is the hub's answer. */
enum err message_routing_send(struct cli *c, struct message_routing *m, const char *what) MUST_USE;

/* A list of the document ("routes"), made if it is not there. */
struct json *message_routing_list(struct cli *c, struct message_routing *m, const char *name);

/* The item whose `key` is that, in any case; NULL: there is none. */
struct json *message_routing_find(const struct json *list, const char *key, struct slice value);

/* Sets members from options that were given. */
void message_routing_text(struct cli *c, struct json *item, const char *option, const char *member);
/* "a b,c": names with spaces or commas between them, as a list. */
void message_routing_names(struct cli *c, struct json *item, const char *option,
                           const char *member);

#endif
