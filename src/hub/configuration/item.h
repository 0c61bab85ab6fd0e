/* item.h - one configuration: read, kept, written.  Private to hub/configuration. */
#ifndef HUB_CONFIGURATION_ITEM_H
#define HUB_CONFIGURATION_ITEM_H

#include "base/json.h"
#include "base/list.h"
#include "hub/configuration/configuration.h"
#include "hub/query/query.h"
#include "store/store.h"

enum content_kind { CONTENT_DEVICE, CONTENT_MODULE };

struct item {
    struct list node; /* in configurations.items: the one that counts least first */
    struct arena arena;
    struct slice id, body; /* body: the configuration as it is kept, JSON */
    struct json *doc;      /* the same, read */
    enum content_kind kind;
    const struct json *content; /* deviceContent or moduleContent */
    struct query *query;        /* whom it means; NULL: nobody */
    struct slice target;        /* its text */
    int64_t priority, created_us, updated_us, etag;
};

/* What a PUT says.  `old`: what is there, or NULL; its content stays.  STATUS_OK, or why not with a
 * fail_text(). */
enum status conf_item_read(struct slice id, struct slice json, const struct item *old,
                           int64_t wall_us, struct item **out);

/* A row of configuration_page. */
enum err conf_item_load(const struct store_value *col, struct item **out) MUST_USE;
void conf_item_free(struct item *it);

void conf_item_put_write(struct store_request *u, const struct item *it, const struct item *old);

/* As services see it; counts of twins. */
struct item_counts {
    int64_t targeted, applied;
};
void conf_item_write(struct buf *out, const struct item *it, const struct item_counts *counts);

/* What is wrong with a condition; OK: nothing.  `text` empty: it means nobody, *out is NULL. */
enum err conf_item_target(struct arena *a, struct slice text, enum content_kind kind,
                          struct query **out) MUST_USE;

#endif
