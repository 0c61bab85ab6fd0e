/* endpoint_members.h - members of an endpoint of routing, from the options of the verb at hand. */
#ifndef CLI_ENDPOINT_MEMBERS_H
#define CLI_ENDPOINT_MEMBERS_H

#include "cli/cmd.h"

/* `list` is the kind's in routing.endpoints.  Options that were not given change nothing. */
enum err endpoint_members_set(struct cli *c, const char *list, struct json *endpoint) MUST_USE;

#endif
