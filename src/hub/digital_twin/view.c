/* view.c - the digital twin that a twin shows.
 *
 *   reported                          desired             digital twin
 *   "a": 1                            -                   "a": 1
 *   "w": {"value": 1, "ac": 200,      "w": 2              "w": 1, and in $metadata its desiredValue 2,
 *         "av": 3, "ad": "ok"}                              desiredVersion, ackVersion 3, ackCode 200, ..
 *   -                                 "w": 2              "w": 2, likewise without what it answered
 *   "c": {"__t": "c", ..}             "c": {"__t": "c"..} "c": {.., "$metadata": {..}}
 */
#include "hub/digital_twin/document.h"

/* One place in both sections, with what their $metadata say of it; NULL where there is nothing. */
struct sides {
    const struct json *reported, *desired, *reported_metadata, *desired_metadata;
};

bool document_is_component(const struct json *value)
{
    return slice_is(json_str(value, "__t"), "c");
}

struct json *document_copy(struct arena *a, const struct json *value)
{
    struct json *out = json_new(a, value->type), **end = &out->child;
    out->truth = value->truth;
    out->text = value->text;
    for (const struct json *child = value->child; child; child = child->next) {
        *end = document_copy(a, child);
        (*end)->key = child->key;
        end = &(*end)->next;
    }
    return out;
}

static void set(struct arena *a, struct json *object, const char *key, const struct json *value)
{
    if (value) json_set(a, object, slice_str(key), document_copy(a, value));
}

static const struct json *get(const struct json *object, struct slice key)
{
    if (object == NULL || object->type != JSON_OBJECT) return NULL;
    for (const struct json *child = object->child; child; child = child->next)
        if (slice_eq(child->key, key)) return child;
    return NULL;
}

/* What a device answers to a desired property: its value, and how it went. */
static bool is_acknowledgement(const struct json *reported)
{
    return json_get(reported, "value") && json_get(reported, "ac") && json_get(reported, "av");
}

static struct json *metadata_of(struct arena *a, const struct sides *s)
{
    struct json *out = json_new(a, JSON_OBJECT);
    if (s->desired) {
        set(a, out, "desiredValue", s->desired);
        set(a, out, "desiredVersion", json_get(s->desired_metadata, "$lastUpdatedVersion"));
    }
    if (is_acknowledgement(s->reported)) {
        set(a, out, "ackVersion", json_get(s->reported, "av"));
        set(a, out, "ackCode", json_get(s->reported, "ac"));
        set(a, out, "ackDescription", json_get(s->reported, "ad"));
    }
    set(a, out, "lastUpdateTime",
        json_get(s->reported ? s->reported_metadata : s->desired_metadata, "$lastUpdated"));
    return out;
}

static void put_property(struct arena *a, struct json *out, struct json *metadata, struct slice key,
                         const struct sides *s)
{
    const struct json *value = s->reported ? s->reported : s->desired;
    if (is_acknowledgement(s->reported)) value = json_get(s->reported, "value");
    json_set(a, out, key, document_copy(a, value));
    json_set(a, metadata, key, metadata_of(a, s));
}

static void put_members(struct arena *a, struct json *out, const struct sides *s,
                        struct json *model);

static void put_member(struct arena *a, struct json *out, struct json *metadata, struct slice key,
                       const struct sides *parent, bool in_component)
{
    struct sides s = {get(parent->reported, key), get(parent->desired, key),
                      get(parent->reported_metadata, key), get(parent->desired_metadata, key)};
    bool component = document_is_component(s.reported) || document_is_component(s.desired);
    bool own = (key.len && key.ptr[0] == '$') || (in_component && slice_is(key, "__t"));
    if (own) return;
    if (component && !in_component) {
        struct json *member = json_new(a, JSON_OBJECT);
        put_members(a, member, &s, NULL);
        json_set(a, out, key, member);
    } else {
        put_property(a, out, metadata, key, &s);
    }
}

/* The members of the device (`model` there) or of a component: what it reported, then what is only
 * desired. */
static void put_members(struct arena *a, struct json *out, const struct sides *s,
                        struct json *model)
{
    struct json *metadata = json_new(a, JSON_OBJECT);
    bool in_component = model == NULL;
    json_set(a, out, SLICE_LIT("$metadata"), metadata);
    if (model) json_set(a, metadata, SLICE_LIT("$model"), model);
    if (s->reported && s->reported->type == JSON_OBJECT)
        for (const struct json *child = s->reported->child; child; child = child->next)
            put_member(a, out, metadata, child->key, s, in_component);
    if (s->desired && s->desired->type == JSON_OBJECT)
        for (const struct json *child = s->desired->child; child; child = child->next)
            if (get(s->reported, child->key) == NULL)
                put_member(a, out, metadata, child->key, s, in_component);
}

struct json *document_view(struct arena *a, const struct json *twin)
{
    const struct json *properties = json_get(twin, "properties");
    struct sides s = {.reported = json_get(properties, "reported"),
                      .desired = json_get(properties, "desired")};
    struct json *out = json_new(a, JSON_OBJECT);
    s.reported_metadata = json_get(s.reported, "$metadata");
    s.desired_metadata = json_get(s.desired, "$metadata");
    json_set(a, out, SLICE_LIT("$dtId"), json_new_string(a, json_str(twin, "deviceId")));
    put_members(a, out, &s, json_new_string(a, json_str(twin, "modelId")));
    return out;
}
