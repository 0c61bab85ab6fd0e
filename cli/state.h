/* state.h - the configurations of a hub's state: cmd_state.c has the rest. */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include <stdio.h>

#include "cli/target.h"

/* As a member's value: {"admConfigurations":{ID:{..}},"edgeDeployments":{ID:{..}}}. */
enum err state_write_configurations(struct cli *c, struct target *t, FILE *file,
                                    unsigned long *count) MUST_USE;

/* What one of them is refused for is told on stderr and counted. */
enum err state_add_configurations(struct cli *c, struct target *t, const struct json *state,
                                  unsigned long *count, unsigned *failed) MUST_USE;

enum err state_delete_configurations(struct cli *c, struct target *t) MUST_USE;

#endif
