/* enrollment.c - the document: what it may say, and how it is written.
 *
 * What is not known is ignored, what is known has its type; a PUT replaces, so what is left out gets
 * its default. */
#include "dps/issue.h"

#include "base/clock.h"
#include "base/text.h"
#include "hub/etag.h"
#include "store/store.h"

static const char *const allocations[ALLOCATIONS] = {NULL, "hashed", "geoLatency", "static",
                                                     "custom"};

/* ---- ids */

bool dps_id_valid(struct slice id)
{
    static const char legal[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";
    if (id.len == 0 || id.len > DPS_ID_MAX) return false;
    for (size_t i = 0; i < id.len; i++)
        if (memchr(legal, id.ptr[i], sizeof legal - 1) == NULL) return false;
    return memchr("._:", id.ptr[id.len - 1], 3) == NULL;
}

struct slice dps_id_lower(struct arena *a, struct slice id)
{
    struct slice lower = arena_copy(a, id);
    uint8_t *text = (uint8_t *)(uintptr_t)lower.ptr;
    for (size_t i = 0; i < lower.len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z') text[i] |= 0x20;
    return lower;
}

/* ---- reading */

static enum err read_id(const struct json *doc, struct enrollment *out, unsigned *code)
{
    struct slice id;
    *code = out->kind == DPS_GROUP ? DPS_BAD_GROUP_ID : DPS_BAD_REGISTRATION_ID;
    TRY(member_text(doc, out->kind == DPS_GROUP ? "enrollmentGroupId" : "registrationId", &id));
    if (!dps_id_valid(id))
        return fail(ERR_INVALID,
                    "an id has 1 to %d letters, digits, '-', '.', '_' and ':', and ends with a "
                    "letter, a digit or '-'",
                    DPS_ID_MAX);
    *code = DPS_BAD_ARGUMENT;
    out->id = id;
    return OK;
}

static enum err read_device_id(const struct json *doc, struct enrollment *out)
{
    TRY(member_text(doc, "deviceId", &out->device_id));
    if (out->device_id.len == 0) return OK;
    if (out->kind == DPS_GROUP) return fail(ERR_INVALID, "a group has no deviceId");
    return hub_id_valid(out->device_id)
               ? OK
               : fail(ERR_INVALID, "deviceId has a character that ids cannot have, or too many");
}

static enum err read_status(const struct json *doc, struct enrollment *out)
{
    struct slice status;
    TRY(member_text(doc, "provisioningStatus", &status));
    out->disabled = slice_is_nocase(status, "disabled");
    if (status.ptr == NULL || out->disabled || slice_is_nocase(status, "enabled")) return OK;
    return fail(ERR_INVALID, "provisioningStatus is enabled or disabled");
}

static enum err read_capabilities(const struct json *doc, struct enrollment *out)
{
    const struct json *capabilities;
    TRY(member_object(doc, "capabilities", &capabilities));
    out->has_capabilities = capabilities != NULL;
    return member_bool(capabilities, "iotEdge", false, &out->iot_edge);
}

static enum err read_reprovisioning(const struct json *doc, struct enrollment *out)
{
    const struct json *policy;
    TRY(member_object(doc, "reprovisionPolicy", &policy));
    out->has_reprovisioning = policy != NULL;
    TRY(member_bool(policy, "updateHubAssignment", true, &out->updates_hub));
    return member_bool(policy, "migrateDeviceData", true, &out->migrates);
}

static enum err read_webhook(const struct json *doc, struct enrollment *out)
{
    const struct json *custom;
    TRY(member_object(doc, "customAllocationDefinition", &custom));
    TRY(member_text(custom, "webhookUrl", &out->webhook_url));
    TRY(member_text(custom, "apiVersion", &out->webhook_version));
    if (out->allocation != ALLOCATION_CUSTOM && custom == NULL) return OK;
    bool http = slice_starts_nocase(out->webhook_url, SLICE_LIT("https://")) ||
                slice_starts_nocase(out->webhook_url, SLICE_LIT("http://"));
    if (!http || out->webhook_url.len > DPS_URL_MAX || out->webhook_version.len == 0)
        return fail(ERR_INVALID,
                    "customAllocationDefinition needs a webhookUrl (http or https, up "
                    "to %d bytes) and an apiVersion",
                    DPS_URL_MAX);
    return OK;
}

static enum err read_hubs(const struct json *doc, struct enrollment *out)
{
    const struct json *hubs = json_get(doc, "iotHubs");
    TRY(member_text(doc, "iotHubHostName", &out->hub));
    if (hubs == NULL || hubs->type == JSON_NULL) return OK;
    if (hubs->type != JSON_ARRAY) return fail(ERR_INVALID, "iotHubs must be an array");
    for (const struct json *hub = hubs->child; hub; hub = hub->next) {
        if (hub->type != JSON_STRING || hub->text.len > HUB_HOST_LEN_MAX || hub->text.len == 0)
            return fail(ERR_INVALID, "iotHubs must be host names");
        if (out->hub_count == DPS_HUBS_MAX)
            return fail(ERR_INVALID, "iotHubs has more than %d", DPS_HUBS_MAX);
        out->hubs[out->hub_count++] = hub->text;
    }
    return OK;
}

static enum err read_allocation(const struct json *doc, struct enrollment *out)
{
    struct slice policy;
    TRY(member_text(doc, "allocationPolicy", &policy));
    if (policy.len) {
        enum allocation a = ALLOCATION_HASHED;
        while (a < ALLOCATIONS && !slice_eq_nocase(policy, slice_str(allocations[a]))) a++;
        if (a == ALLOCATIONS)
            return fail(ERR_INVALID, "allocationPolicy is hashed, geoLatency, static or custom");
        out->allocation = a;
    }
    TRY(read_hubs(doc, out));
    if (out->allocation == ALLOCATION_STATIC && out->hub_count > 1)
        return fail(ERR_INVALID, "allocationPolicy static wants one hub in iotHubs");
    return read_webhook(doc, out);
}

static struct slice text_of(struct arena *a, const struct json *value)
{
    struct buf text = {0};
    if (value == NULL) return SLICE_NONE;
    json_write(&text, value);
    struct slice copy = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return copy;
}

static enum err check_twin(const struct json *twin)
{
    const struct json *tags, *properties, *desired;
    TRY(member_object(twin, "tags", &tags));
    TRY(member_object(twin, "properties", &properties));
    return member_object(properties, "desired", &desired);
}

/* An extension: what a device begins with that says which model it is. */
static enum err read_model_twins(struct arena *a, const struct json *doc, struct enrollment *out)
{
    const struct json *twins;
    TRY(member_object(doc, "modelTwins", &twins));
    for (const struct json *twin = twins ? twins->child : NULL; twin; twin = twin->next) {
        if (twin->type != JSON_OBJECT || twin->key.len == 0)
            return fail(ERR_INVALID, "modelTwins has initial twins by model id");
        TRY(check_twin(twin));
    }
    out->model_twins = text_of(a, twins);
    return OK;
}

static enum err read_twin(struct arena *a, const struct json *doc, struct enrollment *out)
{
    const struct json *twin, *optional;
    TRY(member_object(doc, "initialTwin", &twin));
    TRY(check_twin(twin));
    TRY(read_model_twins(a, doc, out));
    TRY(member_object(doc, "optionalDeviceInformation", &optional));
    out->initial_twin = text_of(a, twin);
    out->optional_information = text_of(a, optional);
    TRY(member_text(doc, "credentialPolicyName", &out->credential_policy));
    if (out->credential_policy.len == 0 || slice_is(out->credential_policy, DPS_CREDENTIAL_POLICY))
        return OK;
    return fail(ERR_INVALID,
                "credentialPolicyName: the only policy is '" DPS_CREDENTIAL_POLICY "'");
}

enum err enrollment_read(struct arena *a, enum dps_kind kind, const struct json *doc,
                         const struct enrollment *old, struct enrollment *out, unsigned *code)
{
    const struct json *attestation;
    *out = (struct enrollment){.kind = kind};
    *code = DPS_BAD_ARGUMENT;
    if (doc->type != JSON_OBJECT) return fail(ERR_INVALID, "an enrollment is a JSON object");
    TRY(read_id(doc, out, code));
    TRY(member_object(doc, "attestation", &attestation));
    if (attestation == NULL) return fail(ERR_INVALID, "an enrollment needs an attestation");
    TRY(attestation_read(a, attestation, old, out, code));
    *code = DPS_BAD_ARGUMENT;
    TRY(read_device_id(doc, out));
    TRY(read_status(doc, out));
    TRY(read_capabilities(doc, out));
    TRY(read_reprovisioning(doc, out));
    TRY(read_allocation(doc, out));
    return read_twin(a, doc, out);
}

enum err enrollment_of_row(struct arena *a, enum dps_kind kind, const struct store_value *col,
                           struct enrollment *out)
{
    struct json *doc;
    unsigned unused;
    enum err e = json_parse(a, col[0].bytes, &doc);
    if (e == OK) e = enrollment_read(a, kind, doc, NULL, out, &unused);
    out->etag = (uint64_t)col[1].number;
    out->created_us = col[2].number;
    out->updated_us = col[3].number;
    if (e != OK) return fail(ERR_CORRUPT, "a stored enrollment cannot be read");
    out->levels = json_levels(doc);
    return OK;
}

/* ---- writing */

static void put_text(struct buf *out, const char *name, struct slice text)
{
    if (text.len == 0) return;
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, text);
}

static void put_json(struct buf *out, const char *name, struct slice json)
{
    if (json.len == 0) return;
    buf_printf(out, ",\"%s\":", name);
    buf_put_slice(out, json);
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void put_hubs(struct buf *out, const struct enrollment *e)
{
    if (e->hub_count == 0) return;
    buf_put_str(out, ",\"iotHubs\":[");
    for (unsigned i = 0; i < e->hub_count; i++) {
        if (i) buf_put_u8(out, ',');
        text_json_string(out, e->hubs[i]);
    }
    buf_put_u8(out, ']');
}

static void put_webhook(struct buf *out, const struct enrollment *e, enum enrollment_view view)
{
    if (e->webhook_url.len == 0) return;
    struct buf url = {0};
    if (view == ENROLLMENT_WEBHOOK)
        text_mask_query(&url, e->webhook_url);
    else
        buf_put_slice(&url, e->webhook_url);
    buf_put_str(out, ",\"customAllocationDefinition\":{\"webhookUrl\":");
    text_json_string(out, buf_slice(&url));
    put_text(out, "apiVersion", e->webhook_version);
    buf_put_u8(out, '}');
    buf_free(&url);
}

static void put_dates(struct buf *out, const struct enrollment *e)
{
    char etag[ETAG_MAX + 1], created[CLOCK_ISO_LEN + 1], updated[CLOCK_ISO_LEN + 1];
    etag_of_number(e->etag, etag);
    clock_iso(e->created_us, created);
    clock_iso(e->updated_us, updated);
    buf_printf(out,
               ",\"etag\":\"\\\"%s\\\"\",\"createdDateTimeUtc\":\"%s\","
               "\"lastUpdatedDateTimeUtc\":\"%s\"",
               etag, created, updated);
}

void enrollment_write(struct buf *out, const struct enrollment *e, enum enrollment_view view,
                      struct slice registration)
{
    buf_printf(out, "{\"%s\":", e->kind == DPS_GROUP ? "enrollmentGroupId" : "registrationId");
    text_json_string(out, e->id);
    put_text(out, "deviceId", e->device_id);
    put_json(out, "registrationState", registration);
    put_json(out, "optionalDeviceInformation", e->optional_information);
    buf_put_str(out, ",\"attestation\":");
    attestation_write(out, e, view);
    if (e->has_capabilities)
        buf_printf(out, ",\"capabilities\":{\"iotEdge\":%s}", truth(e->iot_edge));
    put_text(out, "iotHubHostName", e->hub);
    put_json(out, "initialTwin", e->initial_twin);
    put_json(out, "modelTwins", e->model_twins);
    buf_printf(out, ",\"provisioningStatus\":\"%s\"", e->disabled ? "disabled" : "enabled");
    if (e->has_reprovisioning)
        buf_printf(out,
                   ",\"reprovisionPolicy\":{\"updateHubAssignment\":%s,\"migrateDeviceData\":%s}",
                   truth(e->updates_hub), truth(e->migrates));
    if (e->allocation) buf_printf(out, ",\"allocationPolicy\":\"%s\"", allocations[e->allocation]);
    put_hubs(out, e);
    put_webhook(out, e, view);
    put_text(out, "credentialPolicyName", e->credential_policy);
    if (view != ENROLLMENT_STORED) put_dates(out, e);
    buf_put_u8(out, '}');
}
