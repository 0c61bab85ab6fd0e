/* home.h - configurations on the first core, and the looks at twins.  Private to hub/configuration.
 *
 *   a twin or an identity changed ──▶ queue ──▶ twin read ──▶ fit ──the same──▶ done
 *   a configuration changed, a start ──▶ sweep ──▶ ▲            └──▶ rows put ──▶ twin written
 *                                         (edge: those of modules, too) ──▶ rows removed ──▶ done
 *
 * A row is put before the twin is written and removed after it: who stops in between finds the twin
 * again by its condition or by its row, and makes it right.
 */
#ifndef HUB_CONFIGURATION_HOME_H
#define HUB_CONFIGURATION_HOME_H

#include "base/map.h"
#include "hub/configuration/fit.h"
#include "hub/registry/registry.h"
#include "hub/twin/twin.h"
#include "post/timer.h"

enum configuration_kind {
    CONFIGURATION_ASK = HUB_CONFIGURATION, /* to the first core: struct ask_msg -> _DONE */
    CONFIGURATION_DONE,                    /* struct done_msg */
    CONFIGURATION_ACTIVE,                  /* to every core: bool, somebody wants to know */
    CONFIGURATION_CHANGED,                 /* to the first core: who */
};

enum ask_verb { ASK_PUT, ASK_DELETE, ASK_GET, ASK_LIST, ASK_TEST, ASK_APPLY };

struct ask_msg {
    enum ask_verb verb;
    bool has_match;
    uint32_t id_len, match_len, json_len;
    uint8_t bytes[];
};

struct done_msg {
    enum status status;
    uint32_t etag_len, body_len, text_len;
    uint8_t bytes[];
};

/* A verb under way. */
struct op {
    struct list node;
    struct configurations *configurations;
    struct msg *m;
    enum ask_verb verb;
    struct slice id, if_match, json; /* of `m` */
    struct item *next;               /* with the store */
    struct apply *apply;             /* of ASK_APPLY, while it is under way */
    struct store_wait wait;
};

enum { SWEEP_PAGE = 500 };
#define LOOK_AGAIN_US 1000000ll

/* All twins that a configuration means or meant, page by page. */
struct sweep {
    struct list waiting; /* struct sweep_of */
    bool rows_done;      /* of the first */
    struct buf device_id, module_id, after;
    struct store_wait store_wait;
    struct query_wait query_wait;
    bool asks_store, asks_query;
};

enum {
    MEASURE_FRESH_US = 1000000,  /* who asks for one configuration gets no older results */
    MEASURE_EVERY_US = 60000000, /* who asks for all does */
};

/* The results of metrics: one query after the other. */
struct measure {
    struct list queue; /* struct item; the first is under way */
    unsigned at;       /* of its metrics */
    int64_t sum;
    struct buf after;
    bool asks;
    struct query_wait wait;
    struct timer timer;
};

struct configurations {
    const struct hub *hub;
    struct lane *lane;
    struct registry *registry;
    struct twins *twins;
    struct queries *queries;
    bool active; /* this core tells of changes */
    struct twin_listener twin_listener;
    struct registry_listener registry_listener;

    /* on the first core: */
    struct list items;               /* struct item, the one that counts least first */
    unsigned item_count, edge_count; /* edge_count: deployments among them */
    struct list ops;                 /* all under way */
    unsigned op_count;
    struct list changes;    /* puts and deletes, one after the other */
    struct op *change;      /* with the store */
    struct list unmeasured; /* struct op, which wait for results */
    struct measure measure;
    struct sweep sweep;
    struct map looks; /* struct look by who: waiting or under way */
    struct list queue;
    unsigned queued, looking;
    bool overflow; /* a change found no room: sweep all */
    struct timer again_timer;
};

/* verb.c */
void conf_verb_join(struct configurations *c);
void conf_verb_leave(struct configurations *c);
void conf_verb_measured(struct configurations *c, struct slice id);
void conf_op_done(struct op *op, const struct configuration_answer *a);
void conf_op_refuse(struct op *op, enum status s, struct slice text);

/* apply.c */
void conf_apply_start(struct op *op);
void conf_apply_free(struct apply *a); /* NULL is fine */

/* measure.c */
void conf_measure_join(struct configurations *c);
void conf_measure_start(struct configurations *c); /* now, and every so often */
void conf_measure_leave(struct configurations *c);
bool conf_measure_is_fresh(const struct item *it);
void conf_measure(struct configurations *c, struct item *it);
void conf_measure_forget(struct configurations *c, struct item *it);

/* look.c */
void conf_look_join(struct configurations *c);
void conf_look_leave(struct configurations *c);
void conf_look_at(struct configurations *c, struct slice who);
void conf_look_at_row(struct configurations *c, struct slice who, struct slice id);
void conf_look_step(struct configurations *c);

/* sweep.c */
void conf_sweep_join(struct configurations *c);
void conf_sweep_leave(struct configurations *c);
void conf_sweep_start(struct configurations *c, struct slice id);
void conf_sweep_add(struct configurations *c, struct slice id); /* without a step */
void conf_sweep_all(struct configurations *c);
void conf_sweep_soon(struct configurations *c, int64_t us); /* all, after that time */
void conf_sweep_step(struct configurations *c);

/* configuration.c */
struct item *conf_items_find(const struct configurations *c, struct slice id);
void conf_items_add(struct configurations *c, struct item *it);
void conf_items_remove(struct configurations *c, struct item *it); /* frees it */

#endif
