/* apply.h - a hub made what a file says, over its API: the file of `serve --seed`.
 *
 * Each thing of the file is compared with what the hub has; what is missing is made, what differs is changed, what the
 * file does not name stays.  `routing` is one document, and replaced as a whole.  A second run changes nothing.
 *
 * Runs on: the main thread.
 * Life:    everything lies in the arena of struct cli.
 * Limits:  APPLY_FILE_MAX bytes, APPLY_DEVICES_MAX devices.
 * Errors:  begin with "FILE:LINE: ".  What was changed before them is changed, and shown.
 */
#ifndef CLI_APPLY_H
#define CLI_APPLY_H

#include "base/yaml.h"
#include "cli/target.h"

enum { APPLY_FILE_MAX = 8 << 20, APPLY_DEVICES_MAX = 10000 }; /* those of a seed */

struct apply {
    struct cli *cli;
    struct target target;
    const char *path;
    bool dry;             /* nothing is changed */
    bool diff;            /* what cannot be changed is a row like any other */
    struct json *changes; /* [{"change":"added","what":"device","name":..,"member":..}] */
    unsigned count;       /* of those */
};

/* ---- apply_devices.c, apply_streams.c: sections of the file */

enum err apply_devices(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_event_hubs(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_groups(struct apply *a, const struct yaml *list) MUST_USE; /* of the built-in one */
enum err apply_capture(struct apply *a, const struct yaml *section) MUST_USE;
enum err apply_diagnostics(struct apply *a, const struct yaml *list) MUST_USE;

/* ---- apply_compare.c */

/* Has `have` all that `want` says?  A null in `want` says nothing.  Else the first member that differs is appended to
 * `where`: "authentication.type". */
bool apply_covers(const struct json *have, const struct json *want, struct buf *where);

/* A word that differs from what the hub has only in upper and lower case is written as there. */
void apply_word(const struct json *have, struct json *want, const char *member);

/* Puts a copy of that member in; what is below it is shared. */
void apply_set(struct arena *a, struct json *object, const struct json *member);

/* Puts all that `want` says into `have`. */
void apply_merge(struct arena *a, struct json *have, const struct json *want);

/* ---- for those, in cmd_apply.c */

/* A row, of what has been changed or, in a dry run, would be. */
void apply_note(struct apply *a, const char *change, const char *what, struct slice name,
                struct slice member);

/* ERR_INVALID with the line. */
enum err apply_bad(const struct apply *a, const struct yaml *at, const char *what) MUST_USE;

/* The last failure, with the line. */
enum err apply_blame(const struct apply *a, const struct yaml *at, enum err e) MUST_USE;

enum err apply_json(struct apply *a, const struct yaml *item, struct json **out) MUST_USE;

/* A name: the item itself, or its member of that name. */
enum err apply_name(const struct apply *a, const struct yaml *item, const char *member,
                    struct slice *out) MUST_USE;

/* GET, or PUT of `body`. */
enum err apply_get(struct apply *a, const char *path, struct json **out) MUST_USE;
enum err apply_put(struct apply *a, const char *path, const char *what,
                   const struct json *body) MUST_USE;

#endif
