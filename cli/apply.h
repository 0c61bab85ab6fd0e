/* apply.h - a hub made what a file says, over its API: the file of `serve --seed`.
 *
 * Each thing of the file is compared with what the hub has; what is missing is made, what differs is changed, what the
 * file does not name stays.  `routing` is one document, and replaced as a whole; so is an enrollment's attestation,
 * but for keys.  A second run changes nothing.  Devices and enrollments are looked at before one is changed.
 *
 * Runs on: the main thread.
 * Life:    everything lies in the arena of struct cli.
 * Limits:  APPLY_FILE_MAX bytes, APPLY_DEVICES_MAX devices, APPLY_ENROLLMENTS_MAX enrollments,
 *          APPLY_ENROLLMENT_GROUPS_MAX groups, APPLY_CONFIGURATIONS_MAX configurations.
 * Errors:  begin with "FILE:LINE: ".  What was changed before them is changed, and shown.
 */
#ifndef CLI_APPLY_H
#define CLI_APPLY_H

#include "base/yaml.h"
#include "cli/target.h"

enum { APPLY_FILE_MAX = 8 << 20, APPLY_DEVICES_MAX = 10000 }; /* those of a seed */

enum {
    APPLY_ENROLLMENTS_MAX = 10000,
    APPLY_ENROLLMENT_GROUPS_MAX = 1000, /* DPS_GROUPS_MAX */
    APPLY_CONFIGURATIONS_MAX = 100,     /* CONFIGURATIONS_MAX */
};

struct apply {
    struct cli *cli;
    struct target target;
    const char *path;
    bool dry;             /* nothing is changed */
    bool diff;            /* what cannot be changed is a row like any other */
    struct json *changes; /* [{"change":"added","what":"device","name":..,"member":..}] */
    unsigned count;       /* of those */
};

/* ---- apply_devices.c, apply_enrollments.c, apply_configurations.c, apply_streams.c: sections of the file */

enum err apply_check_devices(struct apply *a, const struct yaml *list) MUST_USE; /* asks nobody */
enum err apply_devices(struct apply *a, const struct yaml *list) MUST_USE;       /* after it */
enum err apply_check_enrollments(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_enrollments(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_check_enrollment_groups(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_enrollment_groups(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_check_configurations(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_configurations(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_event_hubs(struct apply *a, const struct yaml *list) MUST_USE;
enum err apply_groups(struct apply *a, const struct yaml *list) MUST_USE; /* of the built-in one */
enum err apply_capture(struct apply *a, const struct yaml *section) MUST_USE;
enum err apply_diagnostics(struct apply *a, const struct yaml *list) MUST_USE;

/* ---- apply_list.c: sections that list things by an id */

struct apply_kind {
    const char *id;                     /* the member */
    const char *row, *what, *of, *many; /* "device", "device", "a device", "devices" */
    const char *path;                   /* of one, before its id; for its `apply` */
    unsigned max;
    const char *const *members; /* "a.b", and "c.*" for whatever is below c; NULL ends them */
    enum err (*check)(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                      struct slice id);
    enum err (*apply)(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                      struct slice id);
};

/* ERR_INVALID for the first that has no name, is there twice, has a member that is none or fails its `check`, and
 * beyond `max`; nobody is asked. */
enum err apply_list_check(struct apply *a, const struct apply_kind *k,
                          const struct yaml *list) MUST_USE;

/* What has passed the check, one after the other, with progress. */
enum err apply_list(struct apply *a, const struct apply_kind *k, const struct yaml *list) MUST_USE;

/* ---- apply_twin.c: the twin of a device in the file */

enum err apply_twin_check(const struct apply *a, const struct yaml *item) MUST_USE;

/* {"tags":{..},"properties":{"desired":{..}}}, or NULL when it names none. */
enum err apply_twin_of(struct apply *a, const struct yaml *item, struct json **out) MUST_USE;

/* Appends the first that differs, "tags.site", to `where`; nothing: none does. */
enum err apply_twin_compare(struct apply *a, struct slice id, const struct json *want,
                            struct buf *where) MUST_USE;
enum err apply_twin_put(struct apply *a, struct slice id, const struct json *want) MUST_USE;

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

/* As JSON; names, keys and the like are texts whatever they look like.  apply_value(): nothing is. */
enum err apply_json(struct apply *a, const struct yaml *item, struct json **out) MUST_USE;
enum err apply_value(struct apply *a, const struct yaml *item, struct json **out) MUST_USE;

/* A name: the item itself, or its member of that name. */
enum err apply_name(const struct apply *a, const struct yaml *item, const char *member,
                    struct slice *out) MUST_USE;

/* GET, PUT of `body`, or `call` with it (NULL: none), whose answer does not matter. */
enum err apply_get(struct apply *a, const char *path, struct json **out) MUST_USE;
enum err apply_put(struct apply *a, const char *path, const char *what,
                   const struct json *body) MUST_USE;
struct http_call;
enum err apply_send(struct apply *a, const struct http_call *call, const char *what,
                    const struct json *body) MUST_USE;

#endif
