/* row.c - a job as a row and as JSON. */
#include "hub/job/row.h"

#include "base/text.h"
#include "hub/job/job_sql.h"

/* ---- the store */

void job_row_read(const struct store_value *col, struct job_row *out)
{
    *out = (struct job_row){.id = col[0].bytes,
                            .type = (enum job_type)col[1].number,
                            .status = (enum job_status)col[2].number,
                            .condition = col[3].bytes,
                            .work = col[4].bytes,
                            .max_s = col[5].number,
                            .created_us = col[6].number,
                            .start_us = col[7].number,
                            .end_us = col[8].number,
                            .reason = col[9].bytes,
                            .found = col[10].number,
                            .succeeded = col[11].number,
                            .failed = col[12].number,
                            .canceled = col[13].number,
                            .place = col[14].bytes,
                            .found_all = col[15].number != 0};
}

static void put_text(struct store_request *u, const char *param, struct slice text)
{
    store_put_text(u, param, text.ptr ? text : SLICE_LIT(""));
}

void job_row_put_insert(struct store_request *u, const struct job_row *row)
{
    store_add(u, &sql_job_insert, 1);
    put_text(u, "job_id", row->id);
    store_put_int(u, "type", row->type);
    store_put_int(u, "status", row->status);
    put_text(u, "condition", row->condition);
    put_text(u, "work", row->work);
    store_put_int(u, "max_s", row->max_s);
    store_put_int(u, "created_us", row->created_us);
    store_put_int(u, "start_us", row->start_us);
}

void job_row_put_update(struct store_request *u, const struct job_row *row)
{
    store_add(u, &sql_job_update, 1);
    put_text(u, "job_id", row->id);
    store_put_int(u, "status", row->status);
    store_put_int(u, "start_us", row->start_us);
    store_put_int(u, "end_us", row->end_us);
    put_text(u, "reason", row->reason);
    put_text(u, "place", row->place);
    store_put_int(u, "found_all", row->found_all);
    store_put_int(u, "found", row->found);
    store_put_int(u, "succeeded", row->succeeded);
    store_put_int(u, "failed", row->failed);
    store_put_int(u, "canceled", row->canceled);
}

/* ---- JSON */

static void put_text_member(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, text);
}

static void put_time(struct buf *out, const char *name, int64_t wall_us)
{
    if (wall_us) text_json_time(out, name, wall_us);
}

static void put_statistics(struct buf *out, const struct job_row *row)
{
    int64_t running = row->found - row->succeeded - row->failed - row->canceled;
    buf_printf(out,
               ",\"deviceJobStatistics\":{\"deviceCount\":%lld,\"failedCount\":%lld,"
               "\"succeededCount\":%lld,\"runningCount\":%lld,\"pendingCount\":0}",
               (long long)row->found, (long long)row->failed, (long long)row->succeeded,
               (long long)(row->end_us ? 0 : running));
}

void job_row_write(struct buf *out, const struct job_row *row)
{
    buf_put_str(out, "{\"jobId\":");
    text_json_string(out, row->id);
    buf_printf(out, ",\"type\":\"%s\",\"status\":\"%s\"", job_type_name(row->type),
               job_status_name(row->status));
    put_text_member(out, "queryCondition", row->condition);
    put_time(out, "createdTime", row->created_us);
    put_time(out, "startTime", row->start_us);
    put_time(out, "endTime", row->end_us);
    if (row->max_s) buf_printf(out, ",\"maxExecutionTimeInSeconds\":%lld", (long long)row->max_s);
    buf_printf(out, ",\"%s\":", row->type == JOB_METHOD ? "cloudToDeviceMethod" : "updateTwin");
    buf_put_slice(out, row->work);
    if (row->reason.len) put_text_member(out, "failureReason", row->reason);
    put_statistics(out, row);
    buf_put_u8(out, '}');
}
