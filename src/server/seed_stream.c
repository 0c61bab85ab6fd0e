/* seed_stream.c - event hubs of a seed, their consumer groups and captures, and diagnostic settings: made one after
 * the other, since each may need the one before. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "base/yaml.h"
#include "server/seed.h"

/* ---- from the file to steps */

/* What the hub has of one name; the second would be taken for the first, and count for nothing. */
static enum err check_new(const struct seed *s, const struct yaml *at, const struct seed_step *step)
{
    static const char *const names[] = {
        [SEED_EVENT_HUB] = "event hub", [SEED_DIAGNOSTIC] = "diagnostic setting"};
    if (step->kind != SEED_EVENT_HUB && step->kind != SEED_DIAGNOSTIC) return OK;
    for (const struct seed_step *x = s->steps; x; x = x->next)
        if (x->kind == step->kind && slice_eq_nocase(x->event_hub, step->event_hub))
            return fail(ERR_INVALID, "%s:%zu: %s '%.*s' is there already on line %zu", s->path,
                        at->line, names[step->kind], SLICE_ARG(slice_head(step->event_hub, 128)),
                        x->line);
    return OK;
}

static enum err add(struct seed *s, const struct yaml *at, const struct seed_step *step)
{
    TRY(check_new(s, at, step));
    if (s->step_count++ == SEED_STEPS_MAX)
        return fail(ERR_INVALID,
                    "%s:%zu: more than %d event hubs, consumer groups, captures and settings",
                    s->path, at->line, SEED_STEPS_MAX);
    struct seed_step *copy = arena_zero(&s->arena, sizeof *copy);
    *copy = *step;
    copy->line = at->line;
    *s->steps_end = copy;
    s->steps_end = &copy->next;
    return OK;
}

static bool is_name(const struct yaml *item)
{
    return item && item->kind == YAML_TEXT && item->text.len && !yaml_is_null(item);
}

static enum err read_groups_of(struct seed *s, struct slice event_hub, const struct yaml *list)
{
    if (list->kind != YAML_LIST) return seed_bad(s, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next) {
        if (!is_name(item)) return seed_bad(s, item, "a name was expected");
        TRY(add(
            s, item,
            &(struct seed_step){.kind = SEED_GROUP, .event_hub = event_hub, .text = item->text}));
    }
    return OK;
}

static enum err read_number(const struct seed *s, const struct yaml *item, uint64_t min,
                            uint64_t max, uint64_t *out)
{
    char why[96];
    if (item->kind == YAML_TEXT && num_u64(item->text, out) == OK && *out >= min && *out <= max)
        return OK;
    snprintf(why, sizeof why, "a number from %" PRIu64 " to %" PRIu64 " was expected", min, max);
    return seed_bad(s, item, why);
}

static enum err read_setting(struct seed *s, const struct yaml *item, struct event_hub_wish *wish)
{
    uint64_t n = 0;
    if (slice_is(item->name, "name")) return OK;
    if (slice_is(item->name, "partitionCount")) {
        TRY(read_number(s, item, 1, EVENT_HUB_PARTITIONS_MAX, &n));
        wish->partitions = (unsigned)n;
    } else if (slice_is(item->name, "retentionTimeInHours")) {
        TRY(read_number(s, item, 0, EVENT_HUB_HOURS_MAX, &n));
        wish->says_age = true;
        wish->keep.age_us = (int64_t)n * EVENT_HUB_HOUR_US;
    } else if (slice_is(item->name, "retentionSizeInBytes")) {
        TRY(read_number(s, item, 0, INT64_MAX, &n));
        wish->says_bytes = true;
        wish->keep.bytes = n;
    } else if (!slice_is(item->name, "consumerGroups") && !slice_is(item->name, "capture")) {
        return seed_bad(s, item, "there is no such setting");
    }
    return OK;
}

static enum err read_capture_of(struct seed *s, struct slice event_hub, const struct yaml *section)
{
    if (section->kind != YAML_MAP) return seed_bad(s, section, "names and values were expected");
    struct seed_step step = {
        .kind = SEED_CAPTURE, .event_hub = event_hub, .text = seed_json(s, section)};
    return add(s, section, &step);
}

static enum err read_event_hub(struct seed *s, const struct yaml *item)
{
    const struct yaml *name = item->kind == YAML_MAP ? yaml_get(item, "name") : item;
    struct seed_step step = {.kind = SEED_EVENT_HUB};
    if (!is_name(name)) return seed_bad(s, item, "name is missing");
    step.event_hub = step.wish.name = name->text;
    bool is_map = item->kind == YAML_MAP;
    for (const struct yaml *m = is_map ? item->child : NULL; m; m = m->next)
        TRY(read_setting(s, m, &step.wish));
    TRY(add(s, item, &step));
    const struct yaml *groups = is_map ? yaml_get(item, "consumerGroups") : NULL;
    const struct yaml *capture = is_map ? yaml_get(item, "capture") : NULL;
    if (groups) TRY(read_groups_of(s, name->text, groups));
    return capture ? read_capture_of(s, name->text, capture) : OK;
}

enum err seed_read_event_hubs(struct seed *s, const struct yaml *list)
{
    if (list->kind != YAML_LIST) return seed_bad(s, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next)
        TRY(read_event_hub(s, item));
    return OK;
}

enum err seed_read_groups(struct seed *s, const struct yaml *list)
{
    return read_groups_of(s, SLICE_NONE, list);
}

enum err seed_read_capture(struct seed *s, const struct yaml *section)
{
    return read_capture_of(s, SLICE_NONE, section);
}

enum err seed_read_diagnostics(struct seed *s, const struct yaml *list)
{
    if (list->kind != YAML_LIST) return seed_bad(s, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next) {
        const struct yaml *name = item->kind == YAML_MAP ? yaml_get(item, "name") : NULL;
        if (!is_name(name)) return seed_bad(s, item, "name is missing");
        TRY(add(s, item,
                &(struct seed_step){
                    .kind = SEED_DIAGNOSTIC, .event_hub = name->text, .text = seed_json(s, item)}));
    }
    return OK;
}

/* ---- making them */

static void go_on(struct seed *s);

static void refuse(struct seed *s, const char *what, struct slice name, struct slice why)
{
    snprintf(s->why, sizeof s->why, "%s:%zu: %s '%.*s': %.*s", s->path, s->step->line, what,
             SLICE_ARG(slice_head(name, 128)), SLICE_ARG(why));
}

static void next(struct seed *s)
{
    s->step = s->step->next;
    go_on(s);
}

static const char *why_not(enum err e)
{
    switch (e) {
    case ERR_INVALID:
        return "its name is too long, or has something else than letters, digits, '.', '_' and "
               "'-', or "
               "does not begin and end with a letter or digit";
    case ERR_EXISTS: return "its name is taken";
    case ERR_FULL: return "there is no room for another one";
    default: return err_name(e);
    }
}

static void on_event_hub(struct event_hub_wait *w, enum err result, bool created)
{
    struct seed *s = CONTAINER_OF(w, struct seed, hub_wait);
    (void)created;
    if (result != OK) refuse(s, "event hub", s->step->event_hub, slice_str(why_not(result)));
    next(s);
}

static void on_group(struct consumer_group_wait *w, enum err result)
{
    struct seed *s = CONTAINER_OF(w, struct seed, group_wait);
    if (result != OK) refuse(s, "consumer group", s->step->text, slice_str(why_not(result)));
    next(s);
}

static void on_captured(struct capture_wait *w, const struct capture_answer *a)
{
    struct seed *s = CONTAINER_OF(w, struct seed, capture_wait);
    if (a->status != STATUS_OK) refuse(s, "capture", s->step->event_hub, a->text);
    next(s);
}

/* Without a name: the built-in one. */
static struct capture_hub captured_hub(const struct seed *s)
{
    const struct event_hub *h = event_hub_find(s->doors.event_hubs, s->step->event_hub);
    return h ? (struct capture_hub){h->stream, slice_str(h->name)}
             : (struct capture_hub){0, slice_str(s->doors.hub_name)};
}

static void on_capture_looked(struct capture_wait *w, const struct capture_answer *a)
{
    struct seed *s = CONTAINER_OF(w, struct seed, capture_wait);
    if (a->status == STATUS_OK) {
        next(s);
        return;
    }
    s->capture_wait.fn = on_captured;
    capture_put(s->doors.captures, s->doors.lane, captured_hub(s), s->step->text, &s->capture_wait);
}

static void make_event_hub(struct seed *s)
{
    if (event_hub_find(s->doors.event_hubs, s->step->event_hub)) {
        next(s);
        return;
    }
    s->hub_wait.fn = on_event_hub;
    event_hub_put(s->doors.event_hubs, &s->step->wish, &s->hub_wait);
}

static void make_group(struct seed *s)
{
    const struct event_hub *h = event_hub_find(s->doors.event_hubs, s->step->event_hub);
    s->group_wait.fn = on_group;
    consumer_group_create(s->doors.groups, h ? h->stream : 0, s->step->text, &s->group_wait);
}

static void make_capture(struct seed *s)
{
    s->capture_wait.fn = on_capture_looked;
    capture_get(s->doors.captures, s->doors.lane, captured_hub(s), &s->capture_wait);
}

static void on_setting(struct diagnostic_wait *w, const struct diagnostic_answer *a)
{
    struct seed *s = CONTAINER_OF(w, struct seed, diagnostic_wait);
    if (a->status != STATUS_OK) refuse(s, "diagnostic setting", s->step->event_hub, a->text);
    next(s);
}

static void on_setting_looked(struct diagnostic_wait *w, const struct diagnostic_answer *a)
{
    struct seed *s = CONTAINER_OF(w, struct seed, diagnostic_wait);
    if (a->status == STATUS_OK) {
        next(s);
        return;
    }
    s->diagnostic_wait.fn = on_setting;
    diagnostic_setting_put(s->doors.diagnostics, s->doors.lane, s->step->event_hub, s->step->text,
                           &s->diagnostic_wait);
}

static void make_setting(struct seed *s)
{
    s->diagnostic_wait.fn = on_setting_looked;
    diagnostic_setting_get(s->doors.diagnostics, s->doors.lane, s->step->event_hub,
                           &s->diagnostic_wait);
}

static void go_on(struct seed *s)
{
    if (s->why[0] || s->step == NULL)
        seed_plant_routing(s);
    else if (s->step->kind == SEED_EVENT_HUB)
        make_event_hub(s);
    else if (s->step->kind == SEED_GROUP)
        make_group(s);
    else if (s->step->kind == SEED_CAPTURE)
        make_capture(s);
    else
        make_setting(s);
}

void seed_plant_streams(struct seed *s)
{
    s->step = s->steps;
    for (struct seed_step *step = s->steps; step; step = step->next)
        if (step->event_hub.len == 0) step->event_hub = slice_str(s->doors.hub_name);
    go_on(s);
}
