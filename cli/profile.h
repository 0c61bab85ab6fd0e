/* profile.h - hubs that a user has written down once: ~/.config/azimuth/config.yaml.
 *
 *     connection-string: HostName=...      # the profile without a name
 *     ca: /home/me/hub/ca.pem
 *     profile: lab                         # which one is meant when nobody says
 *     profiles:
 *       lab: {connection-string: ..., ca: ..., admin-url: https://lab.example:8443}
 *
 * Runs on: the main thread.
 * Errors:  ERR_INVALID with "file:line: reason"; ERR_NOT_FOUND when a profile that was named is not
 *          there.
 */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "cli/command.h"

struct profile {
    const char *path;                               /* of the file */
    const char *connection_string, *ca, *admin_url; /* NULL: not in it */
};

/* `name` NULL: that of AZIMUTH_PROFILE, else of `profile:`, else the one without a name.  OK and no
 * connection string: nobody has written one down. */
enum err profile_find(struct cli *c, const char *name, struct profile *out) MUST_USE;

/* ---- the whole file, for who changes it (profile_book.c) */

enum { PROFILE_NAME_MAX = 64 };

/* {"connection-string":..,"profile":..,"profiles":{NAME:{"connection-string":..}}}; empty where there is no file. */
enum err profile_book_read(struct cli *c, const char *path, struct json **out) MUST_USE;

/* In place of the file, which nobody but its owner can read; comments are lost. */
enum err profile_book_write(const char *path, const struct json *book) MUST_USE;

/* ~/.config/azimuth/config.yaml, in the arena; NULL: nobody's home is known. */
const char *profile_path(struct cli *c);

#endif
