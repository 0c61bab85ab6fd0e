/* twin_fuzz.c - hub/twin: patches after one another, one per line, from a device and from a service.
 * What the rules let pass makes a twin whose texts read back the same and keep the limits. */
#include <stdlib.h>

#include "fuzz.h"
#include "hub/twin/document.h"

static struct slice text_of(struct arena *a, const struct section *s)
{
    struct buf text = {0};
    section_write(&text, s);
    struct slice copy = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return copy;
}

static void check_section(struct arena *a, struct slice json, struct slice stamps, size_t max)
{
    struct section *s;
    struct buf again = {0};
    enum err e = section_read(a, json, stamps, &s);
    assert(e == OK);
    assert(section_count(s) <= max && json.len <= SECTION_TEXT_MAX);
    assert(slice_eq(text_of(a, s), json));
    section_write_stamps(&again, s);
    assert(stamps.len == 0 || slice_eq(buf_slice(&again), stamps));
    buf_free(&again);
}

/* The difference of two sections makes one into the other. */
static void check_diff(struct arena *a, struct slice before, struct slice after)
{
    struct json *from, *to, *merged;
    struct section *s;
    enum err e = json_parse(a, before, &from);
    if (e == OK) e = json_parse(a, after, &to);
    if (e == OK) e = section_read(a, before, SLICE_NONE, &s);
    assert(e == OK);
    const struct json *patch = section_diff(a, from, to);
    if (patch) section_merge(a, s, patch, (struct section_stamp){1, 1});
    e = json_parse(a, text_of(a, s), &merged);
    assert(e == OK);
    assert(section_diff(a, merged, to) == NULL);
}

static void check_twin(struct arena *a, const struct twin *old, const struct twin *t)
{
    struct buf out = {0};
    struct json *j;
    check_section(a, t->tags, SLICE_NONE, TWIN_TAGS_MAX);
    check_section(a, t->desired, t->desired_stamps, TWIN_PROPERTIES_MAX);
    check_section(a, t->reported, t->reported_stamps, TWIN_PROPERTIES_MAX);
    check_diff(a, old->desired, t->desired);
    twin_put_for_device(&out, t);
    enum err e = json_parse(a, buf_slice(&out), &j);
    assert(e == OK);
    buf_clear(&out);
    e = twin_put_for_service(&out, t, SLICE_LIT("\"deviceId\":\"d\""));
    assert(e == OK);
    e = json_parse(a, buf_slice(&out), &j);
    assert(e == OK);
    buf_free(&out);
}

/* What a device is told of its desired properties. */
static void check_told(struct arena *a, const struct twin_change *change, const struct twin *next)
{
    struct buf out = {0};
    struct json *j;
    int64_t version;
    if (change->desired == NULL) return;
    twin_change_put_desired(&out, change, next);
    enum err e = json_parse(a, buf_slice(&out), &j);
    if (e == OK) e = json_i64(json_get(j, "$version"), &version);
    assert(e == OK && version == next->desired_version);
    buf_free(&out);
}

static void apply(struct arena *a, struct slice line, struct twin *twin)
{
    struct json *doc;
    struct twin next;
    struct twin_change change = {0};
    enum twin_write how = TWIN_MERGE;
    if (line.len == 0) return;
    unsigned kind = line.ptr[0] % (TWIN_IMPORT + 2);
    if (json_parse(a, slice_from(line, 1), &doc) != OK) return;
    if (kind <= TWIN_IMPORT) how = (enum twin_write)kind;
    if (kind > TWIN_IMPORT)
        change.reported = doc;
    else if (twin_change_read(a, how, doc, &change) != OK)
        return;
    if (twin_change_apply(a, twin, &change, 1, &next) != OK) return;
    assert(next.version == twin->version + 1);
    check_twin(a, twin, &next);
    check_told(a, &change, &next);
    *twin = next;
}

void fuzz_one(struct slice input)
{
    struct arena a = {0};
    struct twin twin;
    struct slice line;
    twin_fresh(&a, SLICE_LIT("638000000000000001"), &twin);
    while (slice_split(&input, '\n', &line)) apply(&a, line, &twin);
    arena_free(&a);
}
