/* setting.c - a setting and its JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/text.h"
#include "hub/diagnostic/home.h"

/* ---- read */

static enum err read_log(const struct json *entry, unsigned *categories)
{
    struct slice name = json_str(entry, "category"), group = json_str(entry, "categoryGroup");
    const struct json *enabled = json_get(entry, "enabled");
    enum diagnostic_category c = diagnostic_category_of(name);
    bool all = slice_is_nocase(group, "allLogs");
    if (!all && c == DIAGNOSTIC_CATEGORIES)
        return fail(ERR_INVALID,
                    "'%.*s' is no category here; those are listed by monitor diagnostic-settings "
                    "categories list",
                    SLICE_ARG(slice_head(group.len ? group : name, 64)));
    if (enabled && enabled->type != JSON_BOOL) return fail(ERR_INVALID, "enabled is true or false");
    if (enabled && !enabled->truth) return OK;
    *categories |= all ? DIAGNOSTIC_ALL : 1u << c;
    return OK;
}

static enum err read_logs(const struct json *logs, unsigned *categories)
{
    if (logs == NULL || logs->type != JSON_ARRAY)
        return fail(ERR_INVALID, "logs is a list of {\"category\",\"enabled\"}");
    for (const struct json *j = logs->child; j; j = j->next) TRY(read_log(j, categories));
    if (*categories) return OK;
    return fail(ERR_INVALID, "logs enables no category");
}

static enum err read_file(struct setting *s, const struct json *file)
{
    const struct json *size = json_given(file, "sizeInBytes");
    int64_t bytes = DIAGNOSTIC_FILE_DEFAULT;
    if (file == NULL) return OK;
    if (file->type != JSON_OBJECT) return fail(ERR_INVALID, "file is {\"sizeInBytes\"}");
    if (s->home->cfg.ephemeral)
        return fail(ERR_INVALID, "a server whose state is in memory (--ephemeral) keeps no files");
    bool fits = size == NULL || (json_i64(size, &bytes) == OK && bytes >= DIAGNOSTIC_FILE_MIN &&
                                 bytes <= DIAGNOSTIC_FILE_MAX);
    if (!fits)
        return fail(ERR_INVALID, "sizeInBytes is a number from %d to %d", DIAGNOSTIC_FILE_MIN,
                    DIAGNOSTIC_FILE_MAX);
    s->to_file = true;
    s->log.size_max = (uint64_t)bytes;
    snprintf(s->log.path, sizeof s->log.path, DIAGNOSTIC_FOLDER "/%s.jsonl", s->name);
    return OK;
}

static enum err read_event_hub(struct setting *s, struct slice name)
{
    if (name.len == 0) return OK;
    if (!hub_entity_valid(name, EVENT_HUB_NAME_MAX))
        return fail(ERR_INVALID, "eventHubName is no name of an event hub");
    snprintf(s->event_hub, sizeof s->event_hub, "%.*s", SLICE_ARG(name));
    s->to_events = true;
    return OK;
}

/* What would be lost without a word is refused. */
static enum err refuse_others(const struct json *properties)
{
    static const char *const known[] = {"eventHubName", "file", "logs"};
    for (const struct json *j = properties->child; j; j = j->next) {
        bool found = j->type == JSON_NULL || (j->type == JSON_ARRAY && j->child == NULL);
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || slice_is(j->key, known[i]);
        if (!found)
            return fail(ERR_INVALID, "'%.*s' has no meaning here",
                        SLICE_ARG(slice_head(j->key, 64)));
    }
    return OK;
}

static enum err read_all(struct setting *s, const struct json *doc)
{
    const struct json *properties = json_get(doc, "properties");
    if (properties == NULL || properties->type != JSON_OBJECT)
        return fail(ERR_INVALID, "properties are missing");
    TRY(refuse_others(properties));
    TRY(read_event_hub(s, json_str(properties, "eventHubName")));
    TRY(read_file(s, json_given(properties, "file")));
    if (!s->to_file && !s->to_events)
        return fail(ERR_INVALID, "eventHubName or file says where the records go");
    return read_logs(json_get(properties, "logs"), &s->categories);
}

struct setting *setting_parse(struct diagnostics *d, struct slice name, const struct json *doc)
{
    if (!hub_entity_valid(name, DIAGNOSTIC_NAME_MAX)) {
        (void)fail(ERR_INVALID, "a setting's name has 1 to %d letters, digits, '.', '-' and '_'",
                   DIAGNOSTIC_NAME_MAX);
        return NULL;
    }
    struct setting *s = NEW(struct setting);
    s->home = d;
    snprintf(s->name, sizeof s->name, "%.*s", SLICE_ARG(name));
    if (read_all(s, doc) == OK) {
        s->slot = slot_new(d->cfg.lane, s);
        return s;
    }
    free(s);
    return NULL;
}

void setting_free(struct setting *s)
{
    if (s == NULL) return;
    log_file_flush(&s->log, &s->home->cfg);
    log_file_close(&s->log);
    slot_free(s->home->cfg.lane, s->slot);
    buf_free(&s->events);
    free(s);
}

/* ---- written */

static void put_logs(struct buf *out, unsigned categories)
{
    buf_put_str(out, "\"logs\":[");
    for (unsigned c = 0; c < DIAGNOSTIC_CATEGORIES; c++)
        buf_printf(out, "%s{\"category\":\"%s\",\"enabled\":%s}", c ? "," : "",
                   diagnostic_category_name(c), categories >> c & 1 ? "true" : "false");
    buf_put_u8(out, ']');
}

void setting_write(struct buf *out, const struct setting *s)
{
    buf_put_str(out, "{\"name\":");
    text_json_string(out, slice_str(s->name));
    buf_put_str(out, ",\"properties\":{\"eventHubName\":");
    if (s->to_events)
        text_json_string(out, slice_str(s->event_hub));
    else
        buf_put_str(out, "null");
    if (s->to_file)
        buf_printf(out, ",\"file\":{\"sizeInBytes\":%llu},", (unsigned long long)s->log.size_max);
    else
        buf_put_str(out, ",\"file\":null,");
    put_logs(out, s->categories);
    buf_put_str(out, "}}");
}
