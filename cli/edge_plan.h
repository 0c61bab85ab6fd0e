/* edge_plan.h - edge devices that are to be made, one below the other, as the options or a file have them.
 *
 * Runs on: the main thread.
 * Life:    everything lies in the arena of struct cli.
 * Limits:  EDGE_DEVICES_MAX devices, EDGE_FILE_MAX bytes of a file.
 */
#ifndef CLI_EDGE_PLAN_H
#define CLI_EDGE_PLAN_H

#include "cli/edge_papers.h"
#include "cli/edge_template.h"
#include "cli/target.h"

enum { EDGE_DEVICES_MAX = 1000, EDGE_FILE_MAX = 1 << 20 };

/* Whence a device's container engine gets the image of its agent; empty: as the runtime has it. */
struct edge_agent {
    struct slice image, server, user, password;
};

struct edge {
    struct slice id, parent; /* parent empty: none */
    struct slice scope;      /* of a parent that is on the hub already */
    struct slice hostname;   /* empty: asked for where it is installed */
    struct edge_agent agent;
    const struct json *content;
    struct json *made;
    struct edge *next;
};

struct edge_plan {
    struct cli *cli;
    struct target target;
    struct edge *edges, **end;
    unsigned count;
    const char *folder;  /* what each device is given goes there; NULL: nothing is made */
    bool by_certificate; /* how devices log in */
    const char *root_cert, *root_key; /* files; NULL: a root is made */
    struct slice image;               /* of agents that have none of their own */
    const char *template_path;        /* NULL: none */
    struct edge_template template;    /* with `folder` */
    struct edge_root *root;           /* with `folder` */
};

/* NULL: it is none of these. */
struct edge *edge_find(const struct edge_plan *p, struct slice id);

/* A copy of it at the end.  ERR_INVALID: it has no id, is there already, or is one too many. */
enum err edge_add(struct edge_plan *p, const struct edge *edge) MUST_USE;

/* What runs on a device: the `content` of the manifest in that file, or all of it; `path` may be JSON, too. */
enum err edge_manifest(struct edge_plan *p, const char *path, const struct json **out) MUST_USE;

/* All that the options or --config-file say; nothing is below itself. */
enum err edge_read(struct edge_plan *p) MUST_USE;

/* Devices in the order of who is below whom, a line each, as `tree` draws folders. */
void edge_draw(const struct edge_plan *p, struct buf *out);

/* "symmetricKey" and "x509Certificate" of a file, or az's words of --device-auth. */
enum err edge_method(struct edge_plan *p, struct slice name) MUST_USE;

/* ---- edge_bundle.c: with `folder` a folder for each device and the same packed, for the edge runtime there */

/* Loads or makes the root, loads the template, and looks at what is there; nothing is written.  ERR_EXISTS: something is in the way. */
enum err edge_bundle_check(struct edge_plan *p) MUST_USE;

/* Makes `folder`; the root goes there with its key, if it was made. */
enum err edge_bundle_open(const struct edge_plan *p) MUST_USE;

/* `edge` is on the hub. */
enum err edge_bundle_write(const struct edge_plan *p, const struct edge *edge,
                           const struct edge_papers *papers) MUST_USE;

/* ---- edge_file.c */

/* What az takes: edgeDevices, with children, how they log in, the root.  What counts for nothing here is told of on
 * stderr.  The command's options come before it. */
enum err edge_read_file(struct edge_plan *p, const char *file) MUST_USE;

#endif
