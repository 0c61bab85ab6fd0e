/* item.c - one configuration: read, kept, written. */
#include "hub/configuration/item.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/configuration/configuration_sql.h"
#include "hub/etag.h"

/* ---- whom it means */

enum err conf_item_target(struct arena *a, struct slice text, enum content_kind kind,
                          struct query **out)
{
    *out = NULL;
    if (slice_trim(text).len == 0) return OK;
    TRY(query_target(a, text, out));
    bool modules = query_source(*out) == QUERY_MODULES;
    if (query_source(*out) == QUERY_JOBS || modules != (kind == CONTENT_MODULE))
        return fail(ERR_INVALID, "%s",
                    kind == CONTENT_MODULE ? "moduleContent is for FROM devices.modules WHERE ..."
                                           : "this content is for devices");
    return OK;
}

/* ---- reading */

static bool id_valid(struct slice id)
{
    static const char others[] = "-+%_*!'";
    if (id.len == 0 || id.len > CONFIGURATION_ID_MAX) return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    memchr(others, c, sizeof others - 1);
        if (!fine) return false;
    }
    return true;
}

static enum err read_priority(struct item *it)
{
    const struct json *j = json_given(it->doc, "priority");
    if (j == NULL) return OK;
    if (j->type != JSON_NUMBER || json_i64(j, &it->priority) != OK || it->priority < 0 ||
        it->priority > INT32_MAX)
        return fail(ERR_INVALID, "priority is a whole number from 0");
    return OK;
}

static enum err add_metric(struct item *it, const struct json *metric, unsigned *count)
{
    struct query *q;
    if (metric->type != JSON_STRING || query_read(&it->arena, metric->text, &q) != OK)
        return fail(ERR_INVALID, "metric '%.*s' is no query", SLICE_ARG(metric->key));
    if (++*count > CONFIGURATION_METRICS_MAX)
        return fail(ERR_INVALID, "a configuration has at most %d metrics",
                    CONFIGURATION_METRICS_MAX);
    it->metrics[it->metric_count++] =
        (struct item_metric){.name = metric->key, .query = metric->text};
    return OK;
}

static enum err read_metrics(struct item *it)
{
    const struct json *metrics = json_given(it->doc, "metrics");
    const struct json *queries = json_given(metrics, "queries");
    unsigned count = 0;
    it->metric_count = 0;
    if ((metrics && metrics->type != JSON_OBJECT) || (queries && queries->type != JSON_OBJECT))
        return fail(ERR_INVALID, "metrics.queries must be an object");
    conf_item_add_system_metrics(it);
    for (const struct json *m = queries ? queries->child : NULL; m; m = m->next)
        TRY(add_metric(it, m, &count));
    return OK;
}

static enum err check_labels(const struct item *it)
{
    const struct json *labels = json_given(it->doc, "labels");
    unsigned count = 0;
    if (labels && labels->type != JSON_OBJECT) return fail(ERR_INVALID, "labels must be an object");
    for (const struct json *m = labels ? labels->child : NULL; m; m = m->next) {
        if (m->type != JSON_STRING)
            return fail(ERR_INVALID, "label '%.*s' must be a string", SLICE_ARG(m->key));
        if (++count > CONFIGURATION_LABELS_MAX)
            return fail(ERR_INVALID, "a configuration has at most %d labels",
                        CONFIGURATION_LABELS_MAX);
    }
    return OK;
}

static enum err read_target(struct item *it)
{
    const struct json *j = json_given(it->doc, "targetCondition");
    if (j && j->type != JSON_STRING) return fail(ERR_INVALID, "targetCondition must be a string");
    it->target = j ? j->text : SLICE_LIT("");
    return conf_item_target(&it->arena, it->target, it->kind, &it->query);
}

static enum status read_doc(struct item *it)
{
    if (it->doc->type != JSON_OBJECT) {
        (void)!fail(ERR_INVALID, "a configuration is a JSON object");
        return STATUS_ARGUMENT_INVALID;
    }
    if (conf_item_content(it, json_given(it->doc, "content")) != OK)
        return STATUS_INVALID_CONFIGURATION_CONTENT;
    if (read_target(it) != OK) return STATUS_INVALID_TARGET_CONDITION;
    if (read_metrics(it) != OK) return STATUS_INVALID_METRICS_QUERY;
    if (check_labels(it) != OK) return STATUS_ARGUMENT_INVALID;
    return read_priority(it) == OK ? STATUS_OK : STATUS_ARGUMENT_INVALID;
}

static struct item *item_new(void)
{
    struct item *it = NEW(struct item);
    list_init(&it->node);
    list_init(&it->measuring);
    it->users = 1;
    return it;
}

struct item *conf_item_keep(struct item *it)
{
    it->users++;
    return it;
}

void conf_item_free(struct item *it)
{
    if (it == NULL || --it->users > 0) return;
    list_remove(&it->node);
    list_remove(&it->measuring);
    arena_free(&it->arena);
    free(it);
}

/* What is kept: the members that are the caller's, with the content of `old`, which stays. */
static void keep(struct item *it, const struct item *old)
{
    static const char *const names[] = {"schemaVersion", "labels", "targetCondition", "priority",
                                        "metrics"};
    struct buf text = {0};
    buf_put_str(&text, "{\"content\":");
    json_write(&text, json_get(old ? old->doc : it->doc, "content"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct json *j = json_get(it->doc, names[i]);
        if (j == NULL) continue;
        buf_printf(&text, ",\"%s\":", names[i]);
        json_write(&text, j);
    }
    buf_put_u8(&text, '}');
    it->body = arena_copy(&it->arena, buf_slice(&text));
    buf_free(&text);
}

static enum err read_json(struct item *it, struct slice json)
{
    return json_parse_within(&it->arena, json, ITEM_LEVELS_MAX, "a configuration", &it->doc);
}

enum status conf_item_read(struct slice id, struct slice json, const struct item *old,
                           int64_t wall_us, struct item **out)
{
    struct item *it = *out = item_new();
    it->id = arena_copy(&it->arena, id);
    it->created_us = old ? old->created_us : wall_us;
    it->updated_us = wall_us;
    it->etag = old ? old->etag + 1 : 1;
    if (!id_valid(id)) {
        (void)!fail(ERR_INVALID,
                    "a configuration's id has 1 to %d of the characters a-z 0-9 - + %% _ * ! '",
                    CONFIGURATION_ID_MAX);
        return STATUS_ARGUMENT_INVALID;
    }
    if (read_json(it, json) != OK) return STATUS_DESERIALIZATION_ERROR;
    enum status s = read_doc(it);
    if (s != STATUS_OK) return s;
    keep(it, old);
    if (json_parse(&it->arena, it->body, &it->doc) != OK) return STATUS_SERVER_ERROR;
    return read_doc(it);
}

enum status conf_item_read_content(struct slice json, struct item **out)
{
    struct item *it = *out = item_new();
    if (json_parse(&it->arena, json, &it->doc) != OK) return STATUS_DESERIALIZATION_ERROR;
    return conf_item_content(it, it->doc) == OK ? STATUS_OK : STATUS_INVALID_CONFIGURATION_CONTENT;
}

enum err conf_item_load(const struct store_value *col, struct item **out)
{
    struct item *it = *out = item_new();
    it->id = arena_copy(&it->arena, col[0].bytes);
    it->body = arena_copy(&it->arena, col[1].bytes);
    it->etag = col[2].number;
    it->created_us = col[3].number;
    it->updated_us = col[4].number;
    TRY(json_parse(&it->arena, it->body, &it->doc));
    return read_doc(it) == STATUS_OK ? OK : ERR_CORRUPT;
}

void conf_item_put_write(struct store_request *u, const struct item *it, const struct item *old)
{
    store_add(u, old ? &sql_configuration_update : &sql_configuration_insert, 1);
    store_put_text(u, "id", it->id);
    store_put_text(u, "body", it->body);
    store_put_int(u, "etag", it->etag);
    store_put_int(u, "updated_us", it->updated_us);
    if (old == NULL) store_put_int(u, "created_us", it->created_us);
}
