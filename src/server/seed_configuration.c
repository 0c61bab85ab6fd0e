/* seed_configuration.c - configurations and deployments of the file, in the words of the service API. */
#include <stdio.h>

#include "base/yaml.h"
#include "server/seed.h"
#include "server/seed_fields.h"

static const struct seed_field metrics[] = {{"queries", SEED_TEXTS, NULL}, {0}};
static const struct seed_field fields[] = {{"id", SEED_TEXT, NULL},
                                           {"targetCondition", SEED_TEXT, NULL},
                                           {"priority", SEED_FREE, NULL},
                                           {"labels", SEED_TEXTS, NULL},
                                           {"content", SEED_FREE, NULL},
                                           {"metrics", SEED_OBJECT, metrics},
                                           {"schemaVersion", SEED_TEXT, NULL},
                                           {0}};

/* ---- the file as documents */

static enum err read_one(struct seed *s, const struct yaml *item, struct seed_configuration *c)
{
    struct buf json = {0};
    const struct yaml *id = item->kind == YAML_MAP ? yaml_get(item, "id") : NULL;
    if (id == NULL || id->kind != YAML_TEXT || id->text.len == 0 || yaml_is_null(id))
        return seed_bad(s, item, "id is missing");
    *c = (struct seed_configuration){.seed = s, .id = id->text, .line = item->line};
    enum err e = seed_put_object(s, &json, item, fields);
    c->json = arena_copy(&s->arena, buf_slice(&json));
    buf_free(&json);
    return e;
}

static enum err read_all(struct seed *s, const struct yaml *list, struct map *ids)
{
    struct seed_configuration **end = &s->configurations;
    unsigned count = 0;
    for (const struct yaml *item = list->child; item; item = item->next) {
        if (count++ == CONFIGURATIONS_MAX)
            return fail(ERR_INVALID, "%s:%zu: more than %d configurations", s->path, item->line,
                        CONFIGURATIONS_MAX);
        struct seed_configuration *c = arena_zero(&s->arena, sizeof *c);
        TRY(read_one(s, item, c));
        const struct seed_configuration *same = map_put(ids, c->id, c);
        if (same)
            return fail(ERR_INVALID, "%s:%zu: configuration '%.*s' is there already on line %zu",
                        s->path, c->line, SLICE_ARG(slice_head(c->id, CONFIGURATION_ID_MAX)),
                        same->line);
        *end = c;
        end = &c->next;
    }
    return OK;
}

enum err seed_read_configurations(struct seed *s, const struct yaml *list)
{
    struct map ids = {0};
    if (list->kind != YAML_LIST) return seed_bad(s, list, "a list was expected");
    enum err e = read_all(s, list, &ids);
    map_free(&ids);
    return e;
}

/* ---- making them */

static void on_answer(struct configuration_wait *w, const struct configuration_answer *a)
{
    struct seed_configuration *c = CONTAINER_OF(w, struct seed_configuration, wait);
    struct seed *s = c->seed;
    bool there = a->status == STATUS_OK || a->status == STATUS_CONFIGURATION_ALREADY_EXISTS;
    if (!there)
        snprintf(s->why, sizeof s->why, "%s:%zu: configuration '%.*s': %.*s", s->path, c->line,
                 SLICE_ARG(slice_head(c->id, CONFIGURATION_ID_MAX)),
                 SLICE_ARG(a->text.len ? a->text : slice_str(status_name(a->status))));
    seed_plant_configurations(s);
}

/* One after the other: there are few. */
void seed_plant_configurations(struct seed *s)
{
    struct seed_configuration *c = s->why[0] ? NULL : s->configurations;
    if (c == NULL) {
        seed_plant_streams(s);
        return;
    }
    s->configurations = c->next;
    c->wait.fn = on_answer;
    configuration_put(s->doors.configurations, c->id, SLICE_NONE, c->json, &c->wait);
}
