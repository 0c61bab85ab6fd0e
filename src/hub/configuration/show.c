/* show.c - one configuration as services see it. */
#include "base/text.h"
#include "hub/configuration/item.h"
#include "hub/etag.h"

static void put_member(struct buf *out, const char *name, const struct json *value)
{
    buf_printf(out, ",\"%s\":", name);
    if (value)
        json_write(out, value);
    else
        buf_put_str(out, "null");
}

static void put_named(struct buf *out, const char *name, const struct buf *text)
{
    buf_printf(out, "\"%s\":", name);
    text_json_string(out, buf_size(text) ? buf_slice(text) : SLICE_LIT(""));
}

/* ---- metrics */

static void put_target_query(struct buf *out, const struct item *it)
{
    const char *from = it->kind == CONTENT_MODULE ? "devices.modules" : "devices";
    struct slice target = slice_trim(it->target);
    if (it->query == NULL) return;
    if (it->kind == CONTENT_EDGE) {
        buf_put_str(out, "select deviceId from devices where capabilities.iotEdge = true");
        if (!slice_is(target, "*")) buf_printf(out, " and (%.*s)", SLICE_ARG(target));
    } else if (slice_is(target, "*")) {
        buf_printf(out, "select deviceId from %s", from);
    } else if (slice_starts_nocase(target, SLICE_LIT("from "))) {
        buf_printf(out, "select deviceId %.*s", SLICE_ARG(target));
    } else {
        buf_printf(out, "select deviceId from %s where %.*s", from, SLICE_ARG(target));
    }
}

static void put_applied_query(struct buf *out, const struct item *it)
{
    const char *from = it->kind == CONTENT_DEVICE   ? "devices where"
                       : it->kind == CONTENT_MODULE ? "devices.modules where"
                                                    : "devices.modules where moduleId = "
                                                      "'$edgeAgent' and";
    buf_printf(out, "select deviceId from %s configurations.[[%.*s]].status = 'Applied'", from,
               SLICE_ARG(it->id));
}

static void add_system_metric(struct item *it, const char *name, const char *compares)
{
    struct buf text = {0};
    put_applied_query(&text, it);
    buf_printf(&text,
               " and properties.desired.$version = properties.reported.lastDesiredVersion and "
               "properties.reported.lastDesiredStatus.code %s 200",
               compares);
    it->metrics[it->metric_count++] = (struct item_metric){
        .name = slice_str(name), .query = arena_copy(&it->arena, buf_slice(&text)), .system = true};
    buf_free(&text);
}

void conf_item_add_system_metrics(struct item *it)
{
    if (it->kind != CONTENT_EDGE) return;
    add_system_metric(it, "reportedSuccessfulCount", "=");
    add_system_metric(it, "reportedFailedCount", "!=");
}

static void put_results(struct buf *out, const struct item *it, bool system, bool first)
{
    for (unsigned i = 0; i < it->metric_count; i++) {
        const struct item_metric *m = &it->metrics[i];
        if (m->system != system || !m->known) continue;
        if (!first) buf_put_u8(out, ',');
        first = false;
        text_json_string(out, m->name);
        buf_printf(out, ":%lld", (long long)m->value);
    }
}

static void put_queries(struct buf *out, const struct item *it, bool system, bool first)
{
    for (unsigned i = 0; i < it->metric_count; i++) {
        const struct item_metric *m = &it->metrics[i];
        if (m->system != system) continue;
        if (!first) buf_put_u8(out, ',');
        first = false;
        text_json_string(out, m->name);
        buf_put_u8(out, ':');
        text_json_string(out, m->query);
    }
}

static void put_system_metrics(struct buf *out, const struct item *it,
                               const struct item_counts *counts)
{
    struct buf target = {0}, applied = {0};
    put_target_query(&target, it);
    put_applied_query(&applied, it);
    buf_printf(out, ",\"systemMetrics\":{\"results\":{\"targetedCount\":%lld,\"appliedCount\":%lld",
               (long long)counts->targeted, (long long)counts->applied);
    put_results(out, it, true, false);
    buf_put_str(out, "},\"queries\":{");
    put_named(out, "targetedCount", &target);
    buf_put_u8(out, ',');
    put_named(out, "appliedCount", &applied);
    put_queries(out, it, true, false);
    buf_put_str(out, "}}");
    buf_free(&target);
    buf_free(&applied);
}

static void put_metrics(struct buf *out, const struct item *it)
{
    buf_put_str(out, ",\"metrics\":{\"results\":{");
    put_results(out, it, false, true);
    buf_put_str(out, "},\"queries\":{");
    put_queries(out, it, false, true);
    buf_put_str(out, "}}");
}

void conf_item_write(struct buf *out, const struct item *it, const struct item_counts *counts)
{
    char etag[ETAG_MAX + 1];
    etag_of_number((uint64_t)it->etag, etag);
    buf_put_str(out, "{\"id\":");
    text_json_string(out, it->id);
    put_member(out, "schemaVersion", json_get(it->doc, "schemaVersion"));
    put_member(out, "labels", json_get(it->doc, "labels"));
    put_member(out, "content", json_get(it->doc, "content"));
    buf_put_str(out, ",\"targetCondition\":");
    text_json_string(out, it->target);
    text_json_time(out, "createdTimeUtc", it->created_us);
    text_json_time(out, "lastUpdatedTimeUtc", it->updated_us);
    buf_printf(out, ",\"priority\":%lld", (long long)it->priority);
    put_system_metrics(out, it, counts);
    put_metrics(out, it);
    buf_printf(out, ",\"etag\":\"%s\"}", etag);
}
