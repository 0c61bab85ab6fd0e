/* fleet_roster.h - who the devices of a run are, and which hub they go to.
 *
 * Runs on: the main thread.
 * Life:    everything lies in the arena of struct cli.
 * Errors:  ERR_INVALID names the line of a file or the part of a connection string.
 */
#ifndef CLI_FLEET_ROSTER_H
#define CLI_FLEET_ROSTER_H

#include "cli/fleet.h"
#include "cli/target.h"

struct fleet_roster {
    struct fleet_identity *items;
    size_t count;
};

/* The device of the login, which must be a device's. */
enum err fleet_roster_login(struct target *t, struct fleet_roster *out) MUST_USE;

/* That one, with a key of its own in base64, or none. */
enum err fleet_roster_one(struct target *t, const struct fleet_identity *id, struct slice key,
                          struct fleet_roster *out) MUST_USE;

/* Those devices, or that module of each, by the key of the login's policy. */
enum err fleet_roster_policy(struct target *t, const struct slice *ids, size_t count,
                             struct slice module, struct fleet_roster *out) MUST_USE;

/* A CSV file with a column `connectionString`, or with `deviceId` and `primaryKey`; also finds the
 * hub, which in the first case is that of the connection strings. */
enum err fleet_roster_file(struct cli *c, const char *path, struct target *t,
                           struct fleet_roster *out) MUST_USE;

/* The same from the text of such a file, without asking for the hub: a host that is not known stays
 * empty.  `connection_string` is the first one, with a NUL behind it. */
enum err fleet_roster_read(struct arena *a, struct slice text, struct fleet_roster *out,
                           struct slice *connection_string) MUST_USE;

#endif
