/* item.h - one configuration: read, kept, written.  Private to hub/configuration. */
#ifndef HUB_CONFIGURATION_ITEM_H
#define HUB_CONFIGURATION_ITEM_H

#include "base/json.h"
#include "base/list.h"
#include "hub/configuration/configuration.h"
#include "hub/query/query.h"
#include "store/store.h"

enum content_kind { CONTENT_DEVICE, CONTENT_MODULE, CONTENT_EDGE };

/* One level is left for a list of configurations. */
enum { ITEM_LEVELS_MAX = JSON_DEPTH_MAX - 1 };

enum { SYSTEM_METRICS = 2, ITEM_METRICS_MAX = CONFIGURATION_METRICS_MAX + SYSTEM_METRICS };

/* A query whose rows are counted. */
struct item_metric {
    struct slice name, query;
    int64_t value;
    bool known;
    bool system; /* of the hub's making: reportedSuccessfulCount, reportedFailedCount */
};

struct item {
    struct list node; /* in configurations.items: the one that counts least first */
    unsigned users;
    struct arena arena;
    struct slice id, body; /* body: the configuration as it is kept, JSON */
    struct json *doc;      /* the same, read */
    enum content_kind kind;
    struct json *content; /* settings, short paths first; of CONTENT_EDGE: by module */
    bool base;            /* of CONTENT_EDGE: it says all of $edgeAgent; else it is layered */
    struct query *query;  /* whom it means; NULL: nobody */
    struct slice target;  /* its text */
    int64_t priority, created_us, updated_us, etag;
    struct item_metric metrics[ITEM_METRICS_MAX];
    unsigned metric_count;
    int64_t measured_us;   /* mono; 0: never */
    struct list measuring; /* in measure.queue (measure.c) */
};

/* What a PUT says.  `old`: what is there, or NULL; its content stays.  STATUS_OK, or why not with a
 * fail_text(). */
enum status conf_item_read(struct slice id, struct slice json, const struct item *old,
                           int64_t wall_us, struct item **out);

/* A content alone, as applyConfigurationContent gets it; likewise. */
enum status conf_item_read_content(struct slice json, struct item **out);

/* A row of configuration_page. */
enum err conf_item_load(const struct store_value *col, struct item **out) MUST_USE;

struct item *conf_item_keep(struct item *it); /* conf_item_free() once more */
void conf_item_free(struct item *it);         /* NULL is fine */

void conf_item_put_write(struct store_request *u, const struct item *it, const struct item *old);

/* show.c: as services see it; counts of twins. */
struct item_counts {
    int64_t targeted, applied;
};
void conf_item_write(struct buf *out, const struct item *it, const struct item_counts *counts);

/* Its metrics begin with those of the hub's making. */
void conf_item_add_system_metrics(struct item *it);

/* content.c: finds the content and checks it. */
enum err conf_item_content(struct item *it, const struct json *content) MUST_USE;

/* What is wrong with a condition; OK: nothing.  `text` empty: it means nobody, *out is NULL. */
enum err conf_item_target(struct arena *a, struct slice text, enum content_kind kind,
                          struct query **out) MUST_USE;

#endif
