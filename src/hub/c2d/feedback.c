/* feedback.c - what became of messages, as records for services (hub/notice). */
#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "hub/c2d/c2d_sql.h"
#include "hub/c2d/home.h"

COUNTER(records_written, "azimuth_c2d_feedback_records_total", "Feedback records written");
COUNTER(batches_sent, "azimuth_c2d_feedback_sent_total", "Feedback messages sent to receivers");
COUNTER(batches_dropped, "azimuth_c2d_feedback_dropped_total",
        "Feedback messages that were delivered too often and are gone");
GAUGE(receivers_now, "azimuth_c2d_feedback_receivers", "Receivers of feedback now");

static_assert((int)C2D_TOKEN_LEN == (int)NOTICE_LOCK_LEN, "both are GUIDs");

static const char *const status_names[C2D_STATUSES] = {
    [C2D_SUCCESS] = "Success",
    [C2D_EXPIRED] = "Expired",
    [C2D_DELIVERY_COUNT_EXCEEDED] = "DeliveryCountExceeded",
    [C2D_REJECTED] = "Rejected",
    [C2D_PURGED] = "Purged",
};

const char *c2d_status_name(enum c2d_status s)
{
    return status_names[s];
}

/* ---- writing, at the homes */

bool feedback_wanted(enum c2d_ack ack, enum c2d_status status)
{
    return (ack & (status == C2D_SUCCESS ? ACK_POSITIVE : ACK_NEGATIVE)) != 0;
}

void feedback_add(struct store_request *u, const struct item *i, enum c2d_status status,
                  int64_t at_us)
{
    metric_inc(&records_written);
    store_add(u, &sql_c2d_feedback_insert, 1);
    store_put_int(u, "at_us", at_us);
    store_put_text(u, "device_id", queue_id(i->queue));
    store_put_text(u, "generation_id", slice_str(i->queue->generation));
    store_put_int(u, "sequence", (int64_t)i->sequence);
    store_put_int(u, "status", status);
    store_put_text(u, "message_id", item_id(i));
}

/* ---- reading, on the first core: columns as c2d_feedback_page has them */

enum { AT, DEVICE, GENERATION, SEQUENCE, STATUS, MESSAGE_ID, COLUMNS };

static bool is_good(const struct store_value *col)
{
    return col[STATUS].number >= 0 && col[STATUS].number < C2D_STATUSES;
}

static void write_record(struct buf *out, const struct store_value *col)
{
    char at[CLOCK_ISO_LEN + 1];
    const char *status = c2d_status_name((enum c2d_status)col[STATUS].number);
    clock_iso(col[AT].number, at);
    buf_put_str(out, "{\"originalMessageId\":");
    text_json_string(out, col[MESSAGE_ID].bytes);
    buf_put_str(out, ",\"deviceGenerationId\":");
    text_json_string(out, col[GENERATION].bytes);
    buf_put_str(out, ",\"deviceId\":");
    text_json_string(out, col[DEVICE].bytes);
    buf_printf(out, ",\"enqueuedTimeUtc\":\"%s\",\"statusCode\":\"%s\",\"description\":\"%s\"}", at,
               status, status); /* the C SDK reads the description */
}

const struct notice_source feedback_source = {
    .first_kind = C2D_FEEDBACK,
    .page = &sql_c2d_feedback_page,
    .remove = &sql_c2d_feedback_remove,
    .expire = &sql_c2d_feedback_expire,
    .columns = COLUMNS,
    .keys = {"at_us", "device_id", "generation_id", "sequence"},
    .batch_max = C2D_FEEDBACK_BATCH_MAX,
    .locked_max = C2D_FEEDBACK_LOCKED_MAX,
    .deliveries_max = C2D_FEEDBACK_DELIVERIES_MAX,
    .ttl_us = C2D_FEEDBACK_TTL_US,
    .lock_us = C2D_FEEDBACK_LOCK_US,
    .wait_us = C2D_FEEDBACK_WAIT_US,
    .is_good = is_good,
    .write = write_record,
    .sent = &batches_sent,
    .dropped = &batches_dropped,
    .receivers = &receivers_now,
};
