/* named.h - things of /admin/v1 that are made, shown, removed and listed by their names.
 *
 * Runs on: the main thread.
 * Errors:  those of http_json(), about "THING 'NAME'".
 */
#ifndef CLI_NAMED_H
#define CLI_NAMED_H

#include "cli/http.h"

struct named {
    const char *what, *list; /* "event hub", "list of event hubs" */
    const char *path;        /* "/admin/v1/event-hubs" */
    const char *columns;     /* of a table; NULL: all members */
};

/* Asks about that of --name; `body` ptr NULL: none. */
enum err named_ask(struct cli *c, const struct named *n, const char *method, struct slice body,
                   struct json **answer) MUST_USE;

/* The same, and prints what there is of an answer. */
enum err named_show(struct cli *c, const struct named *n, const char *method,
                    struct slice body) MUST_USE;

enum err named_delete(struct cli *c, const struct named *n) MUST_USE;
enum err named_list(struct cli *c, const struct named *n) MUST_USE;

#endif
