/* notice.c - records that a file was uploaded, for services (hub/notice). */
#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "hub/upload/internal.h"
#include "hub/upload/upload_sql.h"

COUNTER(sent, "azimuth_upload_notices_sent_total", "Notifications of uploaded files sent");
COUNTER(dropped, "azimuth_upload_notices_dropped_total",
        "Notifications of uploaded files that were delivered too often and are gone");
GAUGE(receivers, "azimuth_upload_notice_receivers", "Receivers of file notifications now");

/* The path is encoded as Azure's blobUri is, slashes kept. */
static void put_uri(struct buf *out, const struct upload_wait *w)
{
    struct slice rest = buf_slice(&w->blob_name), segment;
    buf_printf(out, "https://%s/%s", w->host, w->uploads->cfg->container);
    while (slice_split(&rest, '/', &segment)) {
        buf_put_u8(out, '/');
        text_percent(out, segment);
    }
}

void upload_add_notice(struct store_request *unit, const struct upload_wait *w)
{
    struct buf uri = {0};
    put_uri(&uri, w);
    store_add(unit, &sql_upload_notice_insert, 1);
    store_put_int(unit, "at_us", clock_wall_us());
    store_put_text(unit, "correlation_id", slice_str(w->correlation_id));
    store_put_text(unit, "device_id", slice_str(w->device_id));
    store_put_text(unit, "blob_name", buf_slice(&w->blob_name));
    store_put_text(unit, "blob_uri", buf_slice(&uri));
    store_put_int(unit, "size", (int64_t)w->size);
    store_put_int(unit, "modified_us", w->modified_us);
    buf_free(&uri);
}

/* Columns of upload_notice_page. */
enum { AT, CORRELATION_ID, DEVICE, BLOB_NAME, BLOB_URI, SIZE, MODIFIED, COLUMNS };

static bool is_good(const struct store_value *col)
{
    return col[SIZE].number >= 0;
}

static void put_text(struct buf *out, const char *key, struct slice value)
{
    buf_printf(out, "%s\"%s\":", out->ptr[out->len - 1] == '{' ? "" : ",", key);
    text_json_string(out, value);
}

/* lastUpdatedTime has an offset and no fraction, as a blob's has: Java's SDK parses no other (ParserUtility,
 * "yyyy-MM-dd'T'HH:mm:ssXXX") and gives the notification back for ever. */
static void write_record(struct buf *out, const struct store_value *col)
{
    char at[CLOCK_ISO_LEN + 1], modified[CLOCK_ISO_LEN + 1];
    clock_iso(col[AT].number, at);
    clock_iso(col[MODIFIED].number, modified);
    buf_put_u8(out, '{');
    put_text(out, "deviceId", col[DEVICE].bytes);
    put_text(out, "blobUri", col[BLOB_URI].bytes);
    put_text(out, "blobName", col[BLOB_NAME].bytes);
    buf_printf(out, ",\"lastUpdatedTime\":\"%.19s+00:00\"", modified);
    buf_printf(out, ",\"blobSizeInBytes\":%lld,\"enqueuedTimeUtc\":\"%s\"}",
               (long long)col[SIZE].number, at);
}

const struct notice_source upload_source = {
    .first_kind = HUB_UPLOAD,
    .page = &sql_upload_notice_page,
    .remove = &sql_upload_notice_remove,
    .expire = &sql_upload_notice_expire,
    .columns = COLUMNS,
    .keys = {"at_us", "correlation_id"},
    .batch_max = 1,
    .locked_max = UPLOAD_NOTICES_LOCKED_MAX,
    .deliveries_max = UPLOAD_NOTICE_DELIVERIES_MAX,
    .ttl_us = UPLOAD_NOTICE_TTL_US,
    .lock_us = UPLOAD_NOTICE_LOCK_US,
    .is_good = is_good,
    .write = write_record,
    .sent = &sent,
    .dropped = &dropped,
    .receivers = &receivers,
};
