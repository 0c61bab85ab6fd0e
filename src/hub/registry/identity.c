/* identity.c - copies, rows, JSON. */
#include "hub/registry/identity.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/etag.h"

enum { SLICES = 14 };

/* Every slice of an identity, so that nothing is forgotten in a copy. */
static void list_slices(struct identity *id, struct slice *out[SLICES])
{
    struct slice *all[SLICES] = {&id->device_id,      &id->generation,     &id->keys[0],
                                 &id->keys[1],        &id->key_texts[0],   &id->key_texts[1],
                                 &id->thumbprints[0], &id->thumbprints[1], &id->status_reason,
                                 &id->device_scope,   &id->parent_scope,   &id->module_id,
                                 &id->managed_by,     &id->model_id};
    memcpy(out, all, sizeof all);
}

size_t identity_bytes(const struct identity *id)
{
    struct identity copy = *id;
    struct slice *slices[SLICES];
    size_t bytes = sizeof *id;
    list_slices(&copy, slices);
    for (int i = 0; i < SLICES; i++) bytes += slices[i]->len;
    return bytes;
}

struct identity *identity_copy(const struct identity *id)
{
    struct identity *copy = mem_new(identity_bytes(id));
    struct slice *slices[SLICES];
    uint8_t *at = (uint8_t *)(copy + 1);
    *copy = *id;
    list_slices(copy, slices);
    for (int i = 0; i < SLICES; i++) {
        if (slices[i]->ptr == NULL) continue;
        memcpy(at, slices[i]->ptr, slices[i]->len);
        slices[i]->ptr = at;
        at += slices[i]->len;
    }
    return copy;
}

void identity_free(struct identity *id)
{
    if (id == NULL) return;
    const size_t bytes = identity_bytes(id);
    mem_wipe(id, bytes);
    free(id);
}

bool identity_same_keys(const struct identity *before, const struct identity *after)
{
    bool same = before->auth == after->auth;
    for (int i = 0; i < 2; i++)
        same = same && slice_eq(before->keys[i], after->keys[i]) &&
               slice_eq_nocase(before->thumbprints[i], after->thumbprints[i]);
    return same;
}

bool identity_same_shown(const struct identity *before, const struct identity *after)
{
    return before->iot_edge == after->iot_edge &&
           slice_eq(before->status_reason, after->status_reason) &&
           slice_eq(before->device_scope, after->device_scope) &&
           slice_eq(before->parent_scope, after->parent_scope);
}

static const char *const auth_names[] = {
    [IDENTITY_SAS] = "sas",
    [IDENTITY_SELF_SIGNED] = "selfSigned",
    [IDENTITY_CERTIFICATE_AUTHORITY] = "certificateAuthority",
    [IDENTITY_NONE] = "none",
};

const char *identity_auth_name(enum identity_auth auth)
{
    return auth_names[auth];
}

/* ---- rows */

static enum err decode_keys(struct arena *a, struct identity *id)
{
    for (int i = 0; i < 2; i++) {
        struct buf bytes = BUF_SECRET;
        enum err err = text_unbase64(&bytes, id->key_texts[i]);
        if (err == OK) id->keys[i] = arena_copy(a, buf_slice(&bytes));
        buf_wipe(&bytes);
        if (err != OK) return fail(ERR_CORRUPT, "the store has a key that is not base64");
    }
    return OK;
}

static enum err auth_of_name(struct slice name, enum identity_auth *out)
{
    for (unsigned i = 0; i < sizeof auth_names / sizeof *auth_names; i++)
        if (slice_is(name, auth_names[i])) {
            *out = (enum identity_auth)i;
            return OK;
        }
    return fail(ERR_CORRUPT, "the store has no authentication type '%.*s'", SLICE_ARG(name));
}

enum err identity_of_row(struct arena *a, const struct store_value *col, struct identity *out)
{
    *out = (struct identity){
        .device_id = col[0].bytes,
        .generation = col[1].bytes,
        .etag = (uint64_t)col[2].number,
        .enabled = col[3].number,
        .iot_edge = col[4].number,
        .key_texts = {col[6].bytes, col[7].bytes},
        .thumbprints = {col[8].bytes, col[9].bytes},
        .status_reason = col[10].bytes,
        .device_scope = col[11].bytes,
        .parent_scope = col[12].bytes,
        .status_updated_us = col[13].number,
        .module_id = col[14].bytes,
        .managed_by = col[15].bytes,
        .subscriptions = (uint32_t)col[16].number,
        .model_id = col[17].bytes,
        .messages = (unsigned)col[18].number,
    };
    TRY(auth_of_name(col[5].bytes, &out->auth));
    return decode_keys(a, out);
}

/* What is not there is NULL in the row. */
static void put_optional(struct store_request *r, const char *param, struct slice text)
{
    if (text.ptr)
        store_put_text(r, param, text);
    else
        store_put_null(r, param);
}

void identity_put_params(struct store_request *r, const struct identity *id)
{
    store_put_text(r, "device_id", id->device_id);
    store_put_text(r, "module_id", id->module_id);
    store_put_text(r, "generation_id", id->generation);
    store_put_int(r, "etag", (int64_t)id->etag);
    store_put_int(r, "enabled", id->enabled);
    store_put_int(r, "iot_edge", id->iot_edge);
    store_put_text(r, "auth_type", slice_str(auth_names[id->auth]));
    put_optional(r, "primary_key", id->key_texts[0]);
    put_optional(r, "secondary_key", id->key_texts[1]);
    put_optional(r, "primary_thumbprint", id->thumbprints[0]);
    put_optional(r, "secondary_thumbprint", id->thumbprints[1]);
    put_optional(r, "status_reason", id->status_reason);
    put_optional(r, "device_scope", id->device_scope);
    put_optional(r, "parent_scope", id->parent_scope);
    store_put_int(r, "status_updated_us", id->status_updated_us);
    put_optional(r, "managed_by", id->managed_by);
}

void identity_put_model(struct store_request *r, const struct identity *id)
{
    put_optional(r, "model_id", id->model_id);
}

/* ---- JSON */

static void write_string(struct buf *out, const char *key, struct slice text)
{
    buf_printf(out, "\"%s\":", key);
    if (text.ptr)
        text_json_string(out, text);
    else
        buf_put_str(out, "null");
}

/* "Never" is the first instant of .NET's calendar. */
static void write_time(struct buf *out, const char *key, int64_t wall_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    presence_time_text(wall_us, iso);
    buf_printf(out, ",\"%s\":\"%s\"", key, iso);
}

static void write_thumbprints(struct buf *out, const struct identity *id)
{
    buf_put_str(out, "\"x509Thumbprint\":{");
    write_string(out, "primaryThumbprint", id->thumbprints[0]);
    buf_put_u8(out, ',');
    write_string(out, "secondaryThumbprint", id->thumbprints[1]);
    buf_put_u8(out, '}');
}

static void write_authentication(struct buf *out, const struct identity *id)
{
    buf_put_str(out, ",\"authentication\":{\"symmetricKey\":{");
    write_string(out, "primaryKey", id->key_texts[0]);
    buf_put_u8(out, ',');
    write_string(out, "secondaryKey", id->key_texts[1]);
    buf_put_str(out, "},");
    write_thumbprints(out, id);
    buf_printf(out, ",\"type\":\"%s\"}", auth_names[id->auth]);
}

static void write_scopes(struct buf *out, const struct identity *id)
{
    if (id->device_scope.len) {
        buf_put_u8(out, ',');
        write_string(out, "deviceScope", id->device_scope);
    }
    if (id->parent_scope.len == 0) return;
    buf_put_str(out, ",\"parentScopes\":[");
    text_json_string(out, id->parent_scope);
    buf_put_u8(out, ']');
}

static void write_ids(struct buf *out, const struct identity *id)
{
    write_string(out, "deviceId", id->device_id);
    buf_put_u8(out, ',');
    if (id->module_id.len == 0) return;
    write_string(out, "moduleId", id->module_id);
    buf_put_u8(out, ',');
    write_string(out, "managedBy", id->managed_by);
    buf_put_u8(out, ',');
}

/* A module has no status of its own. */
static void write_status(struct buf *out, const struct identity *id)
{
    if (id->module_id.len) return;
    buf_printf(out, ",\"status\":\"%s\",", id->enabled ? "enabled" : "disabled");
    write_string(out, "statusReason", id->status_reason);
    write_time(out, "statusUpdatedTime", id->status_updated_us);
}

static void write_edge(struct buf *out, const struct identity *id)
{
    if (id->module_id.len) return;
    buf_printf(out, ",\"capabilities\":{\"iotEdge\":%s}", id->iot_edge ? "true" : "false");
    write_scopes(out, id);
}

void identity_write(struct buf *out, const struct identity *id, const struct presence *p)
{
    char etag[ETAG_MAX + 1];
    etag_of_number(id->etag, etag);
    buf_put_u8(out, '{');
    write_ids(out, id);
    write_string(out, "generationId", id->generation);
    buf_printf(out, ",\"etag\":\"%s\",\"connectionState\":\"%s\"", etag,
               p->connected ? "Connected" : "Disconnected");
    write_status(out, id);
    write_time(out, "connectionStateUpdatedTime", p->changed_us);
    write_time(out, "lastActivityTime", p->active_us);
    buf_printf(out, ",\"cloudToDeviceMessageCount\":%u", id->messages);
    write_authentication(out, id);
    write_edge(out, id);
    buf_put_u8(out, '}');
}

void identity_write_keys(struct buf *out, const struct identity *id)
{
    buf_put_u8(out, '{');
    write_string(out, "id", id->device_id);
    buf_put_u8(out, ',');
    write_string(out, "moduleId", id->module_id.len ? id->module_id : SLICE_NONE);
    buf_put_u8(out, ',');
    write_string(out, "primaryKey", id->key_texts[0]);
    buf_put_u8(out, ',');
    write_string(out, "secondaryKey", id->key_texts[1]);
    buf_put_u8(out, '}');
}

/* Without its keys where it says who it is, but not how it proves that. */
static void write_bulk_authentication(struct buf *out, const struct identity *id, bool with_keys)
{
    struct identity shown = *id;
    if (!with_keys) shown.key_texts[0] = shown.key_texts[1] = SLICE_NONE;
    write_authentication(out, &shown);
}

void identity_write_bulk(struct buf *out, const struct identity *id, bool with_keys,
                         struct slice twin)
{
    char etag[ETAG_MAX + 1];
    etag_of_number(id->etag, etag);
    buf_put_u8(out, '{');
    write_string(out, "id", id->device_id);
    if (id->module_id.len) {
        buf_put_u8(out, ',');
        write_string(out, "moduleId", id->module_id);
        buf_put_u8(out, ',');
        write_string(out, "managedBy", id->managed_by);
    }
    buf_printf(out, ",\"eTag\":\"%s\",\"status\":\"%s\",", etag,
               id->enabled ? "enabled" : "disabled");
    write_string(out, "statusReason", id->status_reason);
    write_bulk_authentication(out, id, with_keys);
    if (twin.len) buf_put_u8(out, ',');
    buf_put_slice(out, twin);
    write_edge(out, id);
    buf_put_u8(out, '}');
}

void identity_write_twin_members(struct buf *out, const struct identity *id,
                                 const struct presence *p)
{
    char etag[ETAG_MAX + 1];
    etag_of_number(id->etag, etag);
    write_string(out, "deviceId", id->device_id);
    if (id->module_id.len) {
        buf_put_u8(out, ',');
        write_string(out, "moduleId", id->module_id);
    }
    buf_printf(out, ",\"deviceEtag\":\"%s\",\"status\":\"%s\",", etag,
               id->enabled ? "enabled" : "disabled");
    write_string(out, "statusReason", id->status_reason);
    write_time(out, "statusUpdateTime", id->status_updated_us);
    buf_printf(out, ",\"connectionState\":\"%s\"", p->connected ? "Connected" : "Disconnected");
    write_time(out, "lastActivityTime", p->active_us);
    buf_printf(out, ",\"cloudToDeviceMessageCount\":%u,\"authenticationType\":\"%s\",",
               id->messages, auth_names[id->auth]);
    write_thumbprints(out, id);
    buf_put_str(out, ",\"modelId\":");
    text_json_string(out, id->model_id);
    buf_printf(out, ",\"capabilities\":{\"iotEdge\":%s}", id->iot_edge ? "true" : "false");
    write_scopes(out, id);
}
