/* section.c - the tree: from texts, merged, to texts. */
#include "hub/twin/section.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"

enum { LINEAR_MAX = 16 }; /* objects with more members are searched through a map */

/* ---- reading */

static enum err corrupt(void)
{
    return fail(ERR_CORRUPT, "the store has a twin whose stamps do not fit");
}

static enum err read_stamp(const struct json *stamps, struct section_stamp *out)
{
    const struct json *us = stamps->child, *version = us ? us->next : NULL;
    if (stamps->type != JSON_ARRAY || version == NULL) return corrupt();
    if (json_i64(us, &out->wall_us) != OK || json_i64(version, &out->version) != OK)
        return corrupt();
    return OK;
}

/* `stamps` NULL: all zero. */
static enum err read_node(struct arena *a, const struct json *value, const struct json *stamps,
                          struct section *out)
{
    out->key = value->key;
    if (stamps) TRY(read_stamp(stamps, &out->stamp));
    if (value->type != JSON_OBJECT) {
        out->value = value;
        return OK;
    }
    const struct json *list = stamps ? stamps->child->next->next : NULL;
    const struct json *stamp = list ? list->child : NULL;
    struct section **tail = &out->child;
    for (const struct json *j = value->child; j; j = j->next) {
        if (stamps && stamp == NULL) return corrupt();
        struct section *node = arena_zero(a, sizeof *node);
        TRY(read_node(a, j, stamp, node));
        *tail = node;
        tail = &node->next;
        if (stamp) stamp = stamp->next;
    }
    return stamp ? corrupt() : OK;
}

enum err section_read(struct arena *a, struct slice json, struct slice stamps, struct section **out)
{
    struct json *value, *times = NULL;
    if (json_parse(a, json, &value) != OK || value->type != JSON_OBJECT)
        return fail(ERR_CORRUPT, "the store has a twin that is no JSON object");
    if (stamps.len && json_parse(a, stamps, &times) != OK) return corrupt();
    *out = arena_zero(a, sizeof **out);
    return read_node(a, value, times, *out);
}

struct section *section_new(struct arena *a, struct section_stamp now)
{
    struct section *s = arena_zero(a, sizeof *s);
    s->stamp = now;
    return s;
}

/* ---- merging */

/* The members of an object that is being merged into. */
struct members {
    struct section **tail;
    size_t count;
    struct map by_key; /* in use once there are more than LINEAR_MAX */
};

static void index_member(struct members *m, struct section *object, struct section *member)
{
    m->tail = &member->next;
    m->count++;
    if (m->count == LINEAR_MAX + 1)
        for (struct section *s = object->child; s; s = s->next) map_put(&m->by_key, s->key, s);
    else if (m->count > LINEAR_MAX)
        map_put(&m->by_key, member->key, member);
}

static void members_open(struct members *m, struct section *object)
{
    *m = (struct members){.tail = &object->child};
    size_t count = 0;
    for (struct section *s = object->child; s; s = s->next) {
        m->tail = &s->next;
        count++;
    }
    m->count = count;
    if (count <= LINEAR_MAX) return;
    for (struct section *s = object->child; s; s = s->next) map_put(&m->by_key, s->key, s);
}

static struct section *find_member(const struct members *m, struct section *object,
                                   struct slice key)
{
    if (m->count > LINEAR_MAX) return map_get(&m->by_key, key);
    struct section *s = object->child;
    while (s && !slice_eq(s->key, key)) s = s->next;
    return s;
}

static struct section *add_member(struct arena *a, struct members *m, struct section *object,
                                  struct slice key)
{
    struct section *s = arena_zero(a, sizeof *s);
    s->key = key;
    *m->tail = s;
    index_member(m, object, s);
    return s;
}

static void sweep(struct section *object)
{
    struct section **at = &object->child;
    while (*at)
        if ((*at)->gone)
            *at = (*at)->next;
        else
            at = &(*at)->next;
}

static void merge_members(struct arena *a, struct section *object, const struct json *patch,
                          struct section_stamp now);

static void set(struct arena *a, struct section *node, const struct json *j,
                struct section_stamp now)
{
    node->stamp = now;
    if (j->type != JSON_OBJECT || node->value) node->child = NULL;
    node->value = j->type == JSON_OBJECT ? NULL : j;
    if (j->type == JSON_OBJECT) merge_members(a, node, j, now);
}

static bool is_system(const struct json *j)
{
    return j->key.len && j->key.ptr[0] == '$';
}

static void merge_members(struct arena *a, struct section *object, const struct json *patch,
                          struct section_stamp now)
{
    struct members m;
    members_open(&m, object);
    for (const struct json *j = patch->child; j; j = j->next) {
        if (is_system(j)) continue;
        struct section *node = find_member(&m, object, j->key);
        if (j->type == JSON_NULL) {
            if (node) node->gone = true;
            continue;
        }
        if (node == NULL) node = add_member(a, &m, object, j->key);
        set(a, node, j, now);
    }
    map_free(&m.by_key);
    sweep(object);
}

void section_merge(struct arena *a, struct section *section, const struct json *patch,
                   struct section_stamp now)
{
    section->stamp = now;
    merge_members(a, section, patch, now);
}

/* ---- writing */

void section_write(struct buf *out, const struct section *section)
{
    if (section->value) {
        json_write(out, section->value);
        return;
    }
    buf_put_u8(out, '{');
    for (const struct section *s = section->child; s; s = s->next) {
        text_json_string(out, s->key);
        buf_put_u8(out, ':');
        section_write(out, s);
        if (s->next) buf_put_u8(out, ',');
    }
    buf_put_u8(out, '}');
}

void section_write_stamps(struct buf *out, const struct section *section)
{
    buf_printf(out, "[%" PRId64 ",%" PRId64, section->stamp.wall_us, section->stamp.version);
    if (section->child) buf_put_str(out, ",[");
    for (const struct section *s = section->child; s; s = s->next) {
        section_write_stamps(out, s);
        buf_put_u8(out, s->next ? ',' : ']');
    }
    buf_put_u8(out, ']');
}

void section_write_metadata(struct buf *out, const struct section *section)
{
    char iso[CLOCK_ISO_LEN + 1] = "0001-01-01T00:00:00Z";
    if (section->stamp.wall_us) clock_iso(section->stamp.wall_us, iso);
    buf_printf(out, "{\"$lastUpdated\":\"%s\"", iso);
    if (section->stamp.version)
        buf_printf(out, ",\"$lastUpdatedVersion\":%" PRId64, section->stamp.version);
    for (const struct section *s = section->child; s; s = s->next) {
        buf_put_u8(out, ',');
        text_json_string(out, s->key);
        buf_put_u8(out, ':');
        section_write_metadata(out, s);
    }
    buf_put_u8(out, '}');
}

bool section_write_patch(struct buf *out, const struct json *patch)
{
    bool any = false;
    for (const struct json *j = patch->child; j; j = j->next) {
        if (is_system(j)) continue;
        if (any) buf_put_u8(out, ',');
        any = true;
        text_json_string(out, j->key);
        buf_put_u8(out, ':');
        json_write(out, j);
    }
    return any;
}

/* ---- difference */

static bool same_text(const struct json *a, const struct json *b)
{
    struct buf left = {0}, right = {0};
    json_write(&left, a);
    json_write(&right, b);
    bool same = slice_eq(buf_slice(&left), buf_slice(&right));
    buf_free(&left);
    buf_free(&right);
    return same;
}

static struct json *copy_of(struct arena *a, const struct json *j)
{
    struct json *copy = arena_alloc(a, sizeof *copy);
    *copy = *j;
    copy->next = NULL;
    return copy;
}

static void index_object(struct map *m, const struct json *object)
{
    for (struct json *j = object->child; j; j = j->next) map_put(m, j->key, j);
}

/* NULL: both are the same. */
static struct json *diff_value(struct arena *a, const struct json *from, const struct json *to)
{
    if (from->type == JSON_OBJECT && to->type == JSON_OBJECT) return section_diff(a, from, to);
    return same_text(from, to) ? NULL : copy_of(a, to);
}

/* What is gone is null, what changed or came is there; an object that replaces a scalar is itself. */
static struct json *diff_members(struct arena *a, const struct json *from, const struct map *before,
                                 const struct json *to, const struct map *after)
{
    struct json *patch = json_new(a, JSON_OBJECT), **tail = &patch->child;
    for (const struct json *j = from->child; j; j = j->next) {
        const struct json *now = map_get(after, j->key);
        struct json *change = now ? diff_value(a, j, now) : json_new(a, JSON_NULL);
        if (change == NULL) continue;
        change->key = j->key;
        *tail = change;
        tail = &change->next;
    }
    for (const struct json *j = to->child; j; j = j->next) {
        if (map_get(before, j->key)) continue;
        *tail = copy_of(a, j);
        tail = &(*tail)->next;
    }
    return patch->child ? patch : NULL;
}

struct json *section_diff(struct arena *a, const struct json *from, const struct json *to)
{
    struct map before = {0}, after = {0};
    index_object(&before, from);
    index_object(&after, to);
    struct json *patch = diff_members(a, from, &before, to, &after);
    map_free(&before);
    map_free(&after);
    return patch;
}
