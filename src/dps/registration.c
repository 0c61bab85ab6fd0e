/* registration.c - as a row, and as JSON. */
#include "dps/registration.h"

#include "base/text.h"
#include "dps/dps_sql.h"
#include "hub/etag.h"

/* The exact spelling matters: the SDKs for C and Java compare it. */
static const char *const statuses[REGISTRATION_STATUSES] = {"unassigned", "assigning", "assigned",
                                                            "failed", "disabled"};
static const char *const substatuses[SUBSTATUSES] = {"", "initialAssignment", "deviceDataMigrated",
                                                     "deviceDataReset",
                                                     "reprovisionedToInitialAssignment"};

const char *registration_status_name(enum registration_status s)
{
    return statuses[s];
}

/* ---- rows */

static unsigned find(const char *const *names, unsigned count, struct slice name)
{
    unsigned i = 0;
    while (i + 1 < count && !slice_is(name, names[i])) i++;
    return i;
}

bool registration_of_row(struct arena *a, const struct store_value *col, struct registration *out)
{
    if (col[0].type == STORE_NULL) return false;
    *out = (struct registration){
        .id = arena_copy(a, col[0].bytes),
        .group = arena_copy(a, col[1].bytes),
        .operation_id = arena_copy(a, col[2].bytes),
        .status = find(statuses, REGISTRATION_STATUSES, col[3].bytes),
        .substatus = find(substatuses, SUBSTATUSES, col[4].bytes),
        .hub = arena_copy(a, col[5].bytes),
        .device_id = arena_copy(a, col[6].bytes),
        .error_code = (unsigned)col[7].number,
        .error_message = arena_copy(a, col[8].bytes),
        .payload = arena_copy(a, col[9].bytes),
        .work = arena_copy(a, col[10].bytes),
        .proof = arena_copy(a, col[11].bytes),
        .etag = (uint64_t)col[12].number,
        .created_us = col[13].number,
        .updated_us = col[14].number,
    };
    return true;
}

static void put_optional(struct store_request *u, const char *name, struct slice text)
{
    if (text.len)
        store_put_text(u, name, text);
    else
        store_put_null(u, name);
}

void registration_put(struct store_request *u, struct slice id_lower, const struct registration *r)
{
    store_add(u, &sql_dps_registration_put, 1);
    store_put_text(u, "id_lower", id_lower);
    store_put_text(u, "registration_id", r->id);
    store_put_text(u, "group_lower", r->group);
    store_put_text(u, "operation_id", r->operation_id);
    store_put_text(u, "status", slice_str(statuses[r->status]));
    store_put_text(u, "substatus", slice_str(substatuses[r->substatus]));
    store_put_text(u, "hub", r->hub);
    store_put_text(u, "device_id", r->device_id);
    store_put_int(u, "error_code", r->error_code);
    store_put_text(u, "error_message", r->error_message);
    put_optional(u, "payload", r->payload);
    put_optional(u, "work", r->work);
    put_optional(u, "proof", r->proof);
    store_put_int(u, "etag", (int64_t)r->etag);
    store_put_int(u, "created_us", r->created_us);
    store_put_int(u, "updated_us", r->updated_us);
}

/* ---- JSON */

static void put_text(struct buf *out, const char *name, struct slice text)
{
    if (text.len == 0) return;
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, text);
}

/* The message may have another hub's words, whatever they are. */
static void put_failure(struct buf *out, const struct registration *r)
{
    if (r->error_code == 0) return;
    buf_printf(out, ",\"errorCode\":%u", r->error_code);
    if (r->error_message.len == 0) return;
    buf_put_str(out, ",\"errorMessage\":");
    text_json_untrusted(out, r->error_message);
}

void registration_write(struct buf *out, const struct registration *r, bool with_proof)
{
    char etag[ETAG_MAX + 1];
    buf_put_str(out, "{\"registrationId\":");
    text_json_string(out, r->id);
    text_json_time(out, "createdDateTimeUtc", r->created_us);
    put_text(out, "assignedHub", r->hub);
    put_text(out, "deviceId", r->device_id);
    buf_printf(out, ",\"status\":\"%s\"", statuses[r->status]);
    put_text(out, "substatus", slice_str(substatuses[r->substatus]));
    put_failure(out, r);
    text_json_time(out, "lastUpdatedDateTimeUtc", r->updated_us);
    etag_of_number(r->etag, etag);
    buf_printf(out, ",\"etag\":\"\\\"%s\\\"\"", etag);
    if (r->payload.len) {
        buf_put_str(out, ",\"payload\":");
        buf_put_slice(out, r->payload);
    }
    if (with_proof && r->proof.len) {
        buf_put_u8(out, ',');
        buf_put_slice(out, r->proof);
    }
    buf_put_u8(out, '}');
}

void registration_write_operation(struct buf *out, struct slice operation_id,
                                  const struct registration *r)
{
    buf_put_str(out, "{\"operationId\":");
    text_json_string(out, operation_id);
    buf_printf(out, ",\"status\":\"%s\"", statuses[r ? r->status : REGISTRATION_ASSIGNING]);
    if (r) {
        buf_put_str(out, ",\"registrationState\":");
        registration_write(out, r, true);
    }
    buf_put_u8(out, '}');
}
