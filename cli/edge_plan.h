/* edge_plan.h - edge devices that are to be made, one below the other, as the options or a file have them.
 *
 * Runs on: the main thread.
 * Life:    everything lies in the arena of struct cli.
 * Limits:  EDGE_DEVICES_MAX devices, EDGE_FILE_MAX bytes of a file.
 */
#ifndef CLI_EDGE_PLAN_H
#define CLI_EDGE_PLAN_H

#include "cli/target.h"

enum { EDGE_DEVICES_MAX = 1000, EDGE_FILE_MAX = 1 << 20 };

struct edge {
    struct slice id, parent; /* parent empty: none */
    struct slice scope;      /* of a parent that is on the hub already */
    const struct json *content;
    struct json *made;
    struct edge *next;
};

struct edge_plan {
    struct cli *cli;
    struct target target;
    struct edge *edges, **end;
    unsigned count;
};

/* NULL: it is none of these. */
struct edge *edge_find(const struct edge_plan *p, struct slice id);

/* A copy of it at the end.  ERR_INVALID: it has no id, is there already, or is one too many. */
enum err edge_add(struct edge_plan *p, const struct edge *edge) MUST_USE;

/* What runs on a device: the `content` of the manifest in that file, or all of it. */
enum err edge_manifest(struct edge_plan *p, const char *path, const struct json **out) MUST_USE;

/* All that --device or --config-file says; nothing is below itself. */
enum err edge_read(struct edge_plan *p) MUST_USE;

/* ---- edge_file.c */

/* What az takes: edgeDevices, with children.  What counts for nothing here is told of on stderr.  ERR_UNSUPPORTED:
 * devices with certificates. */
enum err edge_read_file(struct edge_plan *p, const char *file) MUST_USE;

#endif
