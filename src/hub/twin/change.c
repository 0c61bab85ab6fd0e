/* change.c - from what was sent to the next twin: read, checked, merged, measured. */
#include <inttypes.h>

#include "hub/twin/document.h"

static const struct section_rules rules_tags = {"tags", false, TWIN_TAGS_MAX};
static const struct section_rules rules_desired = {"desired", false, TWIN_PROPERTIES_MAX};
static const struct section_rules rules_reported = {"reported", true, TWIN_PROPERTIES_MAX};

/* ---- reading */

static enum err read_twin(const struct json *doc, struct twin_change *out)
{
    const struct json *properties = json_given(doc, "properties");
    if (doc->type != JSON_OBJECT) return fail(ERR_INVALID, "a twin is a JSON object");
    if (properties && properties->type != JSON_OBJECT)
        return fail(ERR_INVALID, "properties is not an object");
    out->tags = json_given(doc, "tags");
    out->desired = json_given(properties, "desired");
    out->reported = json_given(properties, "reported");
    return OK;
}

/* What is exported has $metadata and $version, which are not the device's to say. */
static const struct json *without_dollars(struct arena *a, const struct json *section)
{
    if (section == NULL || section->type != JSON_OBJECT) return section;
    struct json *copy = json_new(a, JSON_OBJECT), **end = &copy->child;
    for (const struct json *j = section->child; j; j = j->next) {
        if (slice_starts(j->key, SLICE_LIT("$"))) continue;
        *end = arena_alloc(a, sizeof **end);
        **end = *j;
        end = &(*end)->next;
    }
    *end = NULL;
    return copy;
}

static enum err read_sections(struct arena *a, enum twin_write how, const struct json *doc,
                              struct twin_change *out)
{
    switch (how) {
    case TWIN_MERGE_DESIRED:
    case TWIN_REPLACE_DESIRED: out->desired = doc; return OK;
    case TWIN_REPLACE_TAGS: out->tags = doc; return OK;
    case TWIN_MERGE:
    case TWIN_REPLACE:
    case TWIN_CONFIGURE:
    case TWIN_IMPORT: break;
    }
    TRY(read_twin(doc, out));
    if (how == TWIN_CONFIGURE) {
        out->tags = NULL;
        out->configurations = json_given(doc, "configurations");
    }
    out->reported = how == TWIN_IMPORT ? without_dollars(a, out->reported) : NULL;
    if (how != TWIN_REPLACE) return OK;
    if (out->tags == NULL) out->tags = json_new(a, JSON_OBJECT);
    if (out->desired == NULL) out->desired = json_new(a, JSON_OBJECT);
    return OK;
}

enum err twin_change_read(struct arena *a, enum twin_write how, const struct json *doc,
                          struct twin_change *out)
{
    bool merges = how == TWIN_MERGE || how == TWIN_MERGE_DESIRED || how == TWIN_CONFIGURE;
    *out = (struct twin_change){.replace_tags = !merges,
                                .replace_desired = !merges,
                                .replace_reported = !merges,
                                .no_null = !merges && how != TWIN_IMPORT};
    return read_sections(a, how, doc, out);
}

/* ---- applying */

static struct slice to_arena(struct arena *a, struct buf *b)
{
    struct slice copy = arena_copy(a, buf_slice(b));
    buf_free(b);
    return copy;
}

struct applied {
    struct arena *arena;
    const struct section_rules *rules;
    struct section_stamp now;
    bool replace, no_null;
};

static enum err measure(const struct section_rules *rules, const struct section *tree,
                        size_t text_len)
{
    size_t count = section_count(tree);
    if (count > rules->count_max)
        return fail(ERR_INVALID, "%s would have %zu bytes, at most %u are allowed", rules->name,
                    count, rules->count_max);
    if (text_len > SECTION_TEXT_MAX)
        return fail(ERR_INVALID, "%s would have %zu bytes of JSON, at most %d are allowed",
                    rules->name, text_len, SECTION_TEXT_MAX);
    return OK;
}

/* `stamps` NULL: the section has none. */
static enum err apply(const struct applied *how, const struct json *patch, struct slice *json,
                      struct slice *stamps)
{
    struct section *tree;
    struct buf text = {0}, times = {0};
    TRY(section_check(patch, how->rules, how->no_null));
    if (how->replace)
        tree = section_new(how->arena, how->now);
    else
        TRY(section_read(how->arena, *json, stamps ? *stamps : SLICE_NONE, &tree));
    section_merge(how->arena, tree, patch, how->now);
    section_write(&text, tree);
    *json = to_arena(how->arena, &text);
    if (stamps) {
        section_write_stamps(&times, tree);
        *stamps = to_arena(how->arena, &times);
    }
    return measure(how->rules, tree, json->len);
}

static enum err apply_service(struct arena *a, const struct twin_change *change, int64_t wall_us,
                              struct twin *next)
{
    struct applied how = {.arena = a,
                          .rules = &rules_tags,
                          .replace = change->replace_tags,
                          .no_null = change->no_null};
    if (change->tags) TRY(apply(&how, change->tags, &next->tags, NULL));
    if (change->desired) {
        next->desired_version++;
        how = (struct applied){a,
                               &rules_desired,
                               {wall_us, next->desired_version},
                               change->replace_desired,
                               change->no_null};
        TRY(apply(&how, change->desired, &next->desired, &next->desired_stamps));
    }
    if (change->tags || change->desired) next->etag++;
    return OK;
}

static void apply_configurations(struct arena *a, const struct json *configurations,
                                 struct twin *next)
{
    struct buf text = {0};
    if (configurations->child) json_write(&text, configurations);
    next->configurations = to_arena(a, &text);
}

enum err twin_change_apply(struct arena *a, const struct twin *old,
                           const struct twin_change *change, int64_t wall_us, struct twin *next)
{
    *next = *old;
    next->stored = true;
    next->version++;
    TRY(apply_service(a, change, wall_us, next));
    if (change->configurations) apply_configurations(a, change->configurations, next);
    if (change->reported == NULL) return OK;
    next->reported_version++;
    struct applied how = {a, &rules_reported, {wall_us, 0}, change->replace_reported, false};
    return apply(&how, change->reported, &next->reported, &next->reported_stamps);
}

void twin_change_put_desired(struct buf *out, const struct twin_change *change,
                             const struct twin *next)
{
    bool any;
    buf_put_u8(out, '{');
    if (change->replace_desired) {
        any = next->desired.len > 2;
        buf_put_slice(out, slice_of(next->desired.ptr + 1, next->desired.len - 2));
    } else {
        any = section_write_patch(out, change->desired);
    }
    buf_printf(out, "%s\"$version\":%" PRId64 "}", any ? "," : "", next->desired_version);
}
