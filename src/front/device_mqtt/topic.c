/* topic.c - which topic or filter is which. */
#include "front/device_mqtt/topic.h"

#include <stdio.h>

#include "base/text.h"
#include "hub/hub.h"
#include "hub/session/session.h"

static bool cut(struct slice *s, struct slice prefix)
{
    if (!slice_starts(*s, prefix)) return false;
    *s = slice_from(*s, prefix.len);
    return true;
}

static const char wildcards[] = "+#";

void topic_put_id(struct buf *out, struct slice id)
{
    text_percent_with(out, id, wildcards);
}

/* The next level, if it is that id in any percent-encoding. */
static bool cut_encoded(struct slice *s, struct slice id)
{
    uint8_t plain[3 * HUB_ID_LEN_MAX];
    struct slice level = slice_head(*s, slice_find(*s, '/'));
    size_t len;
    if (level.len > sizeof plain || text_unpercent_to(plain, level, &len) != OK) return false;
    if (!slice_eq(slice_of(plain, len), id)) return false;
    *s = slice_from(*s, level.len);
    return true;
}

static bool cut_id(struct slice *s, struct slice id)
{
    return slice_has(id, wildcards) ? cut_encoded(s, id) : cut(s, id);
}

/* devices/{d} or devices/{d}/modules/{m}; `any_device`: also devices/+ (azure-sdk-for-c). */
static bool cut_identity(struct slice *s, struct slice who, bool any_device)
{
    struct slice module_id = hub_module_of(who);
    if (!cut(s, SLICE_LIT("devices/"))) return false;
    if (!cut_id(s, hub_device_of(who)) && !(any_device && cut(s, SLICE_LIT("+")))) return false;
    return module_id.len == 0 || (cut(s, SLICE_LIT("/modules/")) && cut_id(s, module_id));
}

/* ---- published */

/* ?$rid={rid}[&$version={version}], in any order. */
static void read_query(struct slice query, struct topic *t)
{
    struct slice item, name;
    if (!cut(&query, SLICE_LIT("?"))) return;
    while (slice_split(&query, '&', &item)) {
        slice_split(&item, '=', &name);
        if (slice_is(name, "$rid")) t->rid = item;
        if (slice_is(name, "$version")) t->version = item;
    }
}

static bool read_events(struct slice text, struct slice who, struct topic *t)
{
    if (!cut_identity(&text, who, false) || !cut(&text, SLICE_LIT("/messages/events")))
        return false;
    if (text.len && text.ptr[0] != '/') return false;
    t->kind = TOPIC_EVENTS;
    t->bag = slice_from(text, 1);
    return true;
}

static void read_method_response(struct slice text, struct topic *t)
{
    if (!slice_split(&text, '/', &t->status)) return;
    t->kind = TOPIC_METHOD_RESPONSE;
    read_query(text, t);
}

struct topic topic_parse(struct slice text, struct slice who)
{
    struct topic t = {0};
    if (read_events(text, who, &t)) return t;
    if (cut(&text, SLICE_LIT("$iothub/twin/GET/"))) {
        t.kind = TOPIC_TWIN_GET;
        read_query(text, &t);
    } else if (cut(&text, SLICE_LIT("$iothub/twin/PATCH/properties/reported/"))) {
        t.kind = TOPIC_TWIN_REPORTED;
        read_query(text, &t);
    } else if (cut(&text, SLICE_LIT("$iothub/methods/res/"))) {
        read_method_response(text, &t);
    }
    return t;
}

/* ---- subscribed to */

uint32_t topic_filter(struct slice filter, struct slice who)
{
    static const struct {
        const char *text;
        uint32_t feature;
    } fixed[] = {
        {"$iothub/methods/POST/#", SESSION_METHODS},
        {"$iothub/twin/res/#", SESSION_TWIN_RESPONSES},
        {"$iothub/twin/PATCH/properties/desired/#", SESSION_DESIRED},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (slice_is(filter, fixed[i].text)) return fixed[i].feature;
    if (!cut_identity(&filter, who, true)) return 0;
    if (slice_is(filter, "/messages/devicebound/#")) return SESSION_C2D;
    if (hub_module_of(who).len == 0) return 0;
    return slice_is(filter, "/inputs/#") || slice_is(filter, "/#") ? SESSION_INPUTS : 0;
}

static void own_events(struct slice who, char *out, size_t size)
{
    struct slice module_id = hub_module_of(who);
    struct buf topic = {0};
    buf_put_str(&topic, "devices/");
    topic_put_id(&topic, hub_device_of(who));
    if (module_id.len) buf_put_str(&topic, "/modules/");
    topic_put_id(&topic, module_id);
    snprintf(out, size, "%s/messages/events/", buf_cstr(&topic));
    buf_free(&topic);
}

void topic_nearest(struct slice text, struct slice who, char *out, size_t size)
{
    if (slice_starts(text, SLICE_LIT("$iothub/twin")))
        snprintf(out, size,
                 "$iothub/twin/GET/?$rid=N or $iothub/twin/PATCH/properties/reported/?$rid=N");
    else if (slice_starts(text, SLICE_LIT("$iothub/methods")))
        snprintf(out, size, "$iothub/methods/res/STATUS/?$rid=N");
    else
        own_events(who, out, size);
}
