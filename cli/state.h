/* state.h - a hub's state in one file, in parts: cmd_state.c writes it, cmd_state_import.c reads it.
 *
 * Runs on: the main thread.
 * Limits:  IDENTITY_BULK_MAX identities, or 700 KiB, in one call.
 */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include <stdio.h>

#include "cli/target.h"

/* What of the hub is meant. */
struct aspects {
    bool devices, configurations, arm;
    bool all; /* because nobody said what */
};

#define STATE_ASPECTS                                                                              \
    {                                                                                              \
        "aspects", "NAMES", "what of the hub: devices, configurations, arm [all there are]"        \
    }

enum err state_aspects(const struct cli *c, struct aspects *out) MUST_USE;

struct state_counts {
    unsigned long devices, modules, configurations;
    unsigned long endpoints, routes, enrichments, groups, certificates;
    unsigned long left_out; /* of `arm`: told on stderr, each with the reason */
};

enum err state_print_counts(struct cli *c, const struct aspects *aspects,
                            const struct state_counts *counts) MUST_USE;
void state_show(struct cli *c, const char *step, unsigned long count, bool last); /* progress */

enum err state_write(struct cli *c, struct target *t, const struct aspects *aspects, FILE *file,
                     struct state_counts *counts) MUST_USE;

/* Pages of device twins; `next` is freed by who reads them. */
struct state_pages {
    struct target *t;
    struct buf next;
    bool begun;
};

/* NULL: there are no more. */
enum err state_next_page(struct state_pages *p, struct json **out) MUST_USE;

/* ---- state_bulk.c: what is refused is told on stderr and counted */

struct state_bulk {
    struct target *t;
    struct buf json; /* BUF_SECRET, and wiped by who has it */
    unsigned count, failed;
};

/* An identity and its twin; `mode` NULL: createOrUpdate. */
enum err state_bulk_add(struct state_bulk *b, struct slice id, struct slice module,
                        const struct json *identity, const struct json *twin,
                        const char *mode) MUST_USE;

/* A line of a job, which is a JSON object; without a mode it is createOrUpdate. */
enum err state_bulk_add_line(struct state_bulk *b, struct slice line, bool has_mode) MUST_USE;
enum err state_bulk_send(struct state_bulk *b) MUST_USE; /* the rest */

/* All of the hub. */
enum err state_delete_devices(struct target *t) MUST_USE;

/* ---- state_configurations.c */

/* As a member's value: {"admConfigurations":{ID:{..}},"edgeDeployments":{ID:{..}}}. */
enum err state_write_configurations(struct cli *c, struct target *t, FILE *file,
                                    unsigned long *count) MUST_USE;

/* What one of them is refused for is told on stderr and counted. */
enum err state_add_configurations(struct cli *c, struct target *t, const struct json *state,
                                  unsigned long *count, unsigned *failed) MUST_USE;

enum err state_delete_configurations(struct cli *c, struct target *t) MUST_USE;

/* ---- state_arm.c: endpoints, routes, enrichments, consumer groups and certificates */

/* As a template has them: {"resources":[..]}.  Secrets of endpoints are masked. */
enum err state_arm(struct cli *c, struct target *t, struct buf *out) MUST_USE;

/* Each is made or brought up to date; what the hub refuses, or has no meaning for, is told on stderr and counted as
 * left out.  `dry`: only told and counted. */
enum err state_add_arm(struct cli *c, struct target *t, const struct json *arm, bool dry,
                       struct state_counts *counts) MUST_USE;

#endif
