/* webhook_answer.c - see webhook_answer.h. */
#include "dps/webhook_answer.h"

#include "base/json.h"
#include "dps/enrollment.h"

static struct slice among(const struct slice *hubs, unsigned count, struct slice hub)
{
    for (unsigned i = 0; i < count; i++)
        if (slice_eq_nocase(hubs[i], hub)) return hubs[i];
    return SLICE_NONE;
}

static struct slice text_of(struct arena *a, const struct json *value)
{
    struct buf text = {0};
    if (value == NULL || value->type == JSON_NULL) return SLICE_NONE;
    json_write(&text, value);
    struct slice copy = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return copy;
}

static bool is_twin(const struct json *answer, const struct json **twin)
{
    const struct json *tags, *properties, *desired;
    return member_object(answer, "initialTwin", twin) == OK &&
           member_object(*twin, "tags", &tags) == OK &&
           member_object(*twin, "properties", &properties) == OK &&
           member_object(properties, "desired", &desired) == OK;
}

static unsigned no(unsigned code, const char *why)
{
    fail(ERR_INVALID, "%s", why);
    return code;
}

unsigned webhook_answer_read(struct arena *a, struct slice text, const struct slice *hubs,
                             unsigned count, struct webhook_answer *out)
{
    struct json *answer;
    const struct json *twin;
    struct slice hub;
    *out = (struct webhook_answer){0};
    if (json_parse(a, text, &answer) != OK || answer->type != JSON_OBJECT)
        return no(DPS_ALLOCATION_FAILED, "the webhook's answer is no JSON object");
    if (member_text(answer, "iotHubHostName", &hub) != OK || !is_twin(answer, &twin))
        return DPS_ALLOCATION_FAILED;
    if (hub.len == 0) return no(DPS_ALLOCATION_NO_HUB, "the webhook names no iotHubHostName");
    out->hub = among(hubs, count, hub);
    if (out->hub.len == 0)
        return no(DPS_ALLOCATION_FAILED, "the webhook names a hub that is not in linkedHubs");
    out->twin = text_of(a, twin);
    out->payload = text_of(a, json_get(answer, "payload"));
    return DPS_OK;
}
