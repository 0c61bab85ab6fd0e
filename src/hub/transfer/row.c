/* row.c - a job as a row and as JSON.  The containers' addresses are not shown: they open them. */
#include "hub/transfer/row.h"

#include "base/json.h"
#include "base/text.h"
#include "hub/transfer/transfer_sql.h"

static const char *const status_names[TRANSFER_STATUSES] = {
    [TRANSFER_ENQUEUED] = "enqueued",   [TRANSFER_RUNNING] = "running",
    [TRANSFER_COMPLETED] = "completed", [TRANSFER_FAILED] = "failed",
    [TRANSFER_CANCELLED] = "cancelled",
};

/* ---- requests */

/* SLICE_LIT("") when it is left out. */
static enum err read_string(struct arena *a, const struct json *doc, const char *name, size_t max,
                            struct slice *out)
{
    const struct json *j = json_get_nocase(doc, name);
    *out = SLICE_LIT("");
    if (j == NULL || j->type == JSON_NULL) return OK;
    if (j->type != JSON_STRING || slice_find(j->text, '\0') < j->text.len)
        return fail(ERR_INVALID, "%s must be a string", name);
    if (j->text.len > max) return fail(ERR_INVALID, "%s has more than %zu bytes", name, max);
    if (j->text.len) *out = arena_copy(a, j->text);
    return OK;
}

static enum err read_bool(const struct json *doc, const char *name, bool *out)
{
    const struct json *j = json_get_nocase(doc, name);
    *out = j && j->type == JSON_BOOL && j->truth;
    if (j == NULL || j->type == JSON_NULL || j->type == JSON_BOOL) return OK;
    return fail(ERR_INVALID, "%s must be true or false", name);
}

static enum err read_type(const struct json *doc, struct transfer_row *out)
{
    struct slice type =
        json_get_nocase(doc, "type") ? json_get_nocase(doc, "type")->text : SLICE_NONE;
    if (slice_is_nocase(type, "export"))
        out->type = TRANSFER_EXPORT;
    else if (slice_is_nocase(type, "import"))
        out->type = TRANSFER_IMPORT;
    else
        return fail(ERR_INVALID, "type is import or export");
    return OK;
}

static enum err read_blob(struct arena *a, const struct json *doc, const char *name,
                          const char *otherwise, struct slice *out)
{
    TRY(read_string(a, doc, name, 1024, out));
    if (out->len == 0) *out = slice_str(otherwise);
    return OK;
}

static enum err check_containers(struct arena *a, const struct json *doc,
                                 const struct transfer_row *row)
{
    struct slice kind;
    TRY(read_string(a, doc, "storageAuthenticationType", 64, &kind));
    if (slice_is_nocase(kind, "identityBased"))
        return fail(ERR_INVALID, "this hub has no managed identity: containers are opened with a "
                                 "shared access signature in their URI (keyBased)");
    if (row->output_uri.len == 0) return fail(ERR_INVALID, "outputBlobContainerUri is missing");
    if (row->type == TRANSFER_IMPORT && row->input_uri.len == 0)
        return fail(ERR_INVALID, "inputBlobContainerUri is missing");
    return OK;
}

enum err transfer_row_of_request(struct arena *a, struct slice json, struct transfer_row *out)
{
    struct json *doc;
    *out = (struct transfer_row){.reason = SLICE_LIT("")};
    TRY(json_parse(a, json, &doc));
    if (doc->type != JSON_OBJECT) return fail(ERR_INVALID, "a job is a JSON object");
    TRY(read_type(doc, out));
    TRY(read_string(a, doc, "inputBlobContainerUri", TRANSFER_URI_MAX, &out->input_uri));
    TRY(read_string(a, doc, "outputBlobContainerUri", TRANSFER_URI_MAX, &out->output_uri));
    TRY(read_blob(a, doc, "inputBlobName", "devices.txt", &out->input_blob));
    TRY(read_blob(a, doc, "outputBlobName",
                  out->type == TRANSFER_EXPORT ? "devices.txt" : "importErrors.log",
                  &out->output_blob));
    TRY(read_blob(a, doc, "configurationsBlobName", "configurations.txt",
                  &out->configurations_blob));
    TRY(read_bool(doc, "excludeKeysInExport", &out->exclude_keys));
    TRY(read_bool(doc, "includeConfigurations", &out->configurations));
    return check_containers(a, doc, out);
}

/* ---- the store */

struct transfer_row transfer_row_copy(struct arena *a, const struct transfer_row *row)
{
    struct transfer_row copy = *row;
    struct slice *const slices[] = {&copy.id,         &copy.input_uri,   &copy.input_blob,
                                    &copy.output_uri, &copy.output_blob, &copy.configurations_blob,
                                    &copy.reason};
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        *slices[i] = slices[i]->len ? arena_copy(a, *slices[i]) : SLICE_LIT("");
    return copy;
}

void transfer_row_read(const struct store_value *col, struct transfer_row *out)
{
    *out = (struct transfer_row){.id = col[0].bytes,
                                 .type = (enum transfer_type)col[1].number,
                                 .status = (enum transfer_status)col[2].number,
                                 .created_us = col[3].number,
                                 .start_us = col[4].number,
                                 .end_us = col[5].number,
                                 .progress = col[6].number,
                                 .lines = col[7].number,
                                 .failed = col[8].number,
                                 .exclude_keys = col[9].number != 0,
                                 .configurations = col[10].number != 0,
                                 .input_uri = col[11].bytes,
                                 .input_blob = col[12].bytes,
                                 .output_uri = col[13].bytes,
                                 .output_blob = col[14].bytes,
                                 .configurations_blob = col[15].bytes,
                                 .reason = col[16].bytes};
}

static void put_state(struct store_request *u, const struct transfer_row *row)
{
    store_put_text(u, "job_id", row->id);
    store_put_int(u, "status", row->status);
    store_put_int(u, "start_us", row->start_us);
    store_put_int(u, "end_us", row->end_us);
    store_put_int(u, "progress", row->progress);
    store_put_int(u, "lines", row->lines);
    store_put_int(u, "failed", row->failed);
    store_put_text(u, "input_uri", row->input_uri);
    store_put_text(u, "output_uri", row->output_uri);
    store_put_text(u, "reason", row->reason);
}

void transfer_row_put_insert(struct store_request *u, const struct transfer_row *row)
{
    store_add(u, &sql_transfer_insert, 1);
    put_state(u, row);
    store_put_int(u, "type", row->type);
    store_put_int(u, "created_us", row->created_us);
    store_put_int(u, "exclude_keys", row->exclude_keys);
    store_put_int(u, "configurations", row->configurations);
    store_put_text(u, "input_blob", row->input_blob);
    store_put_text(u, "output_blob", row->output_blob);
    store_put_text(u, "configurations_blob", row->configurations_blob);
}

void transfer_row_put_update(struct store_request *u, const struct transfer_row *row)
{
    store_add(u, &sql_transfer_update, 1);
    put_state(u, row);
}

/* ---- JSON */

static void put_text_member(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text.len)
        text_json_string(out, text);
    else
        buf_put_str(out, "null");
}

static void put_time(struct buf *out, const char *name, int64_t wall_us)
{
    if (wall_us) text_json_time(out, name, wall_us);
}

void transfer_row_write(struct buf *out, const struct transfer_row *row)
{
    bool import = row->type == TRANSFER_IMPORT;
    buf_put_str(out, "{\"jobId\":");
    text_json_string(out, row->id);
    put_time(out, "startTimeUtc", row->start_us);
    put_time(out, "endTimeUtc", row->end_us);
    buf_printf(out, ",\"type\":\"%s\",\"status\":\"%s\",\"progress\":%lld",
               import ? "import" : "export", status_names[row->status], (long long)row->progress);
    if (import) put_text_member(out, "inputBlobName", row->input_blob);
    put_text_member(out, "outputBlobName", row->output_blob);
    buf_printf(out,
               ",\"excludeKeysInExport\":%s,\"storageAuthenticationType\":\"keyBased\","
               "\"includeConfigurations\":%s",
               row->exclude_keys ? "true" : "false", row->configurations ? "true" : "false");
    if (row->configurations)
        put_text_member(out, "configurationsBlobName", row->configurations_blob);
    put_text_member(out, "failureReason", row->reason);
    buf_put_u8(out, '}');
}
