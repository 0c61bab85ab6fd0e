/* edge_template.h - a config.toml of somebody's own, on which those of edge devices are based: what is written for each device
 * (edge_bundle.c) is taken out, and the rest stays as it is, comments too.
 *
 *   hostname, parent_hostname, trust_bundle_cert, auto_reprovisioning_mode, [provisioning], [edge_ca]    taken out
 *   [agent.config]                                               taken out for a device that has an image of its own
 *
 * Runs on: the main thread.
 * Life:    the lines lie in the arena that is given, and borrow from the text.
 * Source:  TOML 1.0; --device-config-template of az iot edge devices create.
 */
#ifndef CLI_EDGE_TEMPLATE_H
#define CLI_EDGE_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* A statement with its end of line: a key with its value, the head of a table, a comment. */
struct edge_line {
    struct slice text;
    bool in_table, of_agent_config;
    struct edge_line *next;
};

struct edge_template {
    struct edge_line *lines;
    bool has_agent; /* a head [agent] */
};

/* ERR_INVALID: that is no TOML; the text has the line.  `name` is what the file is called. */
enum err edge_template_read(struct arena *a, const char *name, struct slice text,
                            struct edge_template *out) MUST_USE;

/* Appends what stays: of the keys before the first table, or of the tables. */
void edge_template_put(const struct edge_template *t, bool tables, bool with_agent_config,
                       struct buf *out);

#endif
