/* record.c - a record: the envelope, and `properties`, which is JSON in a string. */
#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/partition.h"
#include "base/text.h"
#include "hub/diagnostic/home.h"
#include "log/log.h"

#define DROPPED(variable, labels)                                                                  \
    METRIC(variable, METRIC_COUNTER, "azimuth_diagnostic_dropped_total", labels,                   \
           "Records of resource logs that found no room or could not be written")
DROPPED(dropped_queue, "where=\"queue\"")
DROPPED(dropped_file, "where=\"file\"")
DROPPED(dropped_events, "where=\"eventHub\"")

#define WROTE(variable, labels)                                                                    \
    METRIC(variable, METRIC_COUNTER, "azimuth_diagnostic_records_total", labels,                   \
           "Records of resource logs that were written, by where to")
WROTE(wrote_file, "to=\"file\"")
WROTE(wrote_events, "to=\"eventHub\"")

void diagnostic_lost(enum diagnostic_loss where, unsigned records)
{
    static struct metric *const by[LOSSES] = {[LOST_IN_QUEUE] = &dropped_queue,
                                              [LOST_IN_FILE] = &dropped_file,
                                              [LOST_IN_EVENTS] = &dropped_events};
    metric_add(by[where], records);
}

void diagnostic_wrote(bool to_file, unsigned records)
{
    metric_add(to_file ? &wrote_file : &wrote_events, records);
}

/* ---- properties */

static void put_name(struct buf *b, const char *name)
{
    buf_printf(b, "%s\"%s\":", buf_size(b) ? "," : "", name);
}

void diagnostic_put_text(struct buf *properties, const char *name, struct slice text)
{
    put_name(properties, name);
    if (text.ptr)
        text_json_untrusted(properties, text_first_part(text, DIAGNOSTIC_TEXT_MAX));
    else
        buf_put_str(properties, "null");
}

void diagnostic_put_number(struct buf *properties, const char *name, int64_t number)
{
    put_name(properties, name);
    buf_printf(properties, "%lld", (long long)number);
}

void diagnostic_put_digits(struct buf *properties, const char *name, int64_t number)
{
    put_name(properties, name);
    buf_printf(properties, "\"%lld\"", (long long)number);
}

void diagnostic_put_http(struct buf *properties, unsigned http)
{
    if (http)
        diagnostic_put_digits(properties, "statusCode", http);
    else
        diagnostic_put_text(properties, "statusCode", SLICE_NONE);
}

void diagnostic_put_who(struct buf *properties, struct slice who)
{
    diagnostic_put_text(properties, "deviceId", hub_device_of(who));
    if (hub_module_of(who).len) diagnostic_put_text(properties, "moduleId", hub_module_of(who));
}

void diagnostic_put_auth(struct buf *properties, const char *name, const char *scope,
                         bool certified)
{
    struct buf auth = {0};
    buf_printf(&auth,
               "{\"scope\":\"%s\",\"type\":\"%s\",\"issuer\":\"iothub\","
               "\"acceptingIpFilterRule\":null}",
               scope, certified ? "x509Certificate" : "sas");
    diagnostic_put_text(properties, name, buf_slice(&auth));
    buf_free(&auth);
}

/* How large they were may not be readable, and they were not enqueued. */
void diagnostic_put_ingress(struct buf *properties, const struct hub *hub, struct slice who,
                            const char *protocol, unsigned messages)
{
    char now[CLOCK_ISO_LEN + 1];
    unsigned partitions = hub->log ? log_partitions(hub->log, 0) : 1;
    clock_iso(clock_wall_us(), now);
    diagnostic_put_who(properties, who);
    diagnostic_put_text(properties, "protocol", slice_str(protocol));
    diagnostic_put_text(properties, "batching", slice_str(messages > 1 ? "1" : "0"));
    diagnostic_put_number(properties, "messages", messages);
    diagnostic_put_text(properties, "messageSizeInBytes", SLICE_NONE);
    diagnostic_put_text(properties, "EventProcessedUtcTime", slice_str(now));
    diagnostic_put_text(properties, "EventEnqueuedUtcTime", SLICE_NONE);
    diagnostic_put_digits(properties, "partitionId", key_partition(hub_device_of(who), partitions));
}

static void mask_peer(struct buf *masked, struct slice peer)
{
    struct slice host = slice_head(peer, slice_rfind(peer, ':'));
    if (slice_starts(host, SLICE_LIT("["))) host = slice_from(host, 1);
    size_t dot = slice_rfind(host, '.');
    if (dot == host.len) dot = slice_rfind(host, ':');
    if (dot < host.len) buf_printf(masked, "%.*sXXX", SLICE_ARG(slice_head(host, dot + 1)));
}

void diagnostic_put_peer(struct buf *properties, struct slice peer)
{
    struct buf masked = {0};
    mask_peer(&masked, peer);
    diagnostic_put_text(properties, "maskedIpAddress", slice_str(buf_cstr(&masked)));
    buf_free(&masked);
}

/* ---- the envelope */

static bool is_of_dps(const struct diagnostic *d)
{
    return d->category >= DIAGNOSTIC_DEVICE_OPERATIONS;
}

/* As Azure's, for readers that cut it at its slashes. */
static void put_resource_id(struct buf *out, const struct hub *hub, bool dps)
{
    buf_printf(out,
               ",\"resourceId\":\"/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000000"
               "/RESOURCEGROUPS/AZIMUTH/PROVIDERS/MICROSOFT.DEVICES/%s/",
               dps ? "PROVISIONINGSERVICES" : "IOTHUBS");
    for (const char *c = hub->name; *c; c++)
        buf_put_u8(out, *c >= 'a' && *c <= 'z' ? (uint8_t)(*c - 'a' + 'A') : (uint8_t)*c);
    buf_put_u8(out, '"');
}

static void put_end(struct buf *out, const struct diagnostic *d)
{
    buf_put_str(out, "\",\"resultDescription\":");
    text_json_untrusted(out, text_first_part(d->description, DIAGNOSTIC_TEXT_MAX));
    if (d->duration_us)
        buf_printf(out, ",\"durationMs\":\"%lld\"", (long long)(d->duration_us / 1000));
}

static void put_result(struct buf *out, const struct diagnostic *d)
{
    bool failed = d->number && !d->informs;
    buf_printf(out, ",\"level\":\"%s\",\"resultType\":\"", failed ? "Error" : "Information");
    if (d->number) buf_printf(out, "%u", d->number);
    put_end(out, d);
}

/* "2021-10-01" is October2021. */
static void put_version(struct buf *out, struct slice version)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    uint64_t year, month;
    bool date = version.len >= 10 && num_u64(slice_head(version, 4), &year) == OK &&
                num_u64(slice_head(slice_from(version, 5), 2), &month) == OK && month >= 1 &&
                month <= 12;
    if (date) buf_printf(out, ",\"operationVersion\":\"%s%u\"", months[month - 1], (unsigned)year);
}

/* Its records have a word for how it ended, and the number behind it. */
static void put_result_of_dps(struct buf *out, const struct diagnostic *d)
{
    unsigned http = d->number < 1000 ? d->number : d->number / 1000;
    bool failed = http >= 400;
    struct buf masked = {0};
    mask_peer(&masked, d->peer);
    if (buf_size(&masked)) {
        buf_put_str(out, ",\"callerIpAddress\":");
        text_json_untrusted(out, buf_slice(&masked));
    }
    buf_free(&masked);
    put_version(out, d->version);
    buf_printf(out, ",\"level\":\"%s\",\"resultType\":\"%s\",\"resultSignature\":\"",
               failed ? "Error" : "Information",
               !failed      ? "Success"
               : http < 500 ? "ClientError"
                            : "Failure");
    if (failed) buf_printf(out, "%u", http);
    put_end(out, d);
}

static void put_properties(struct buf *out, const struct buf *members)
{
    struct buf json = {0};
    buf_put_u8(&json, '{');
    if (members) buf_put_slice(&json, buf_slice(members));
    buf_put_u8(&json, '}');
    buf_put_str(out, ",\"properties\":");
    text_json_string(out, buf_slice(&json));
    buf_free(&json);
}

static void put_record(struct buf *out, const struct hub *hub, const struct diagnostic *d)
{
    char time[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us(), time);
    buf_printf(out, "{\"time\":\"%s\"", time);
    put_resource_id(out, hub, is_of_dps(d));
    buf_printf(out, ",\"operationName\":\"%s\",\"category\":\"%s\"", d->operation,
               diagnostic_category_name(d->category));
    if (is_of_dps(d))
        put_result_of_dps(out, d);
    else
        put_result(out, d);
    put_properties(out, d->properties);
    buf_put_str(out, ",\"location\":\"local\"}");
}

void diagnostic_set_status(struct diagnostic *d, enum status s)
{
    d->number = status_number(s);
    d->description = s == STATUS_OK ? SLICE_NONE : slice_str(status_name(s));
}

/* ---- to the lane */

bool diagnostic_wanted(const struct hub *hub, enum diagnostic_category c)
{
    const struct diagnostics *d = hub->diagnostics;
    return d && (atomic_load_explicit(&d->wanted, memory_order_relaxed) & 1u << c);
}

bool diagnostic_is_due(const struct hub *hub, enum diagnostic_rare which)
{
    _Atomic int64_t *last = &hub->diagnostics->rare_us[which];
    int64_t before = atomic_load_explicit(last, memory_order_relaxed), now_us = clock_mono_us();
    if (before && now_us - before < DIAGNOSTIC_RARE_US) return false;
    return atomic_compare_exchange_strong(last, &before, now_us);
}

void diagnostic_note(const struct hub *hub, struct lane *lane, const struct diagnostic *d)
{
    struct diagnostics *home = hub->diagnostics;
    struct buf body = {0};
    const struct note_msg head = {.category = d->category};
    if (!diagnostic_wanted(hub, d->category)) return;
    msg_buf_begin(&body);
    buf_put(&body, &head, sizeof head);
    put_record(&body, hub, d);
    struct msg *m = msg_buf_end(&body, DIAGNOSTIC_NOTE);
    if (atomic_fetch_add(&home->queued, m->len) + m->len > DIAGNOSTIC_QUEUE_MAX) {
        atomic_fetch_sub(&home->queued, m->len);
        diagnostic_lost(LOST_IN_QUEUE, 1);
        msg_free(m);
        return;
    }
    post(lane, lane_addr(lane), lane_addr(home->cfg.lane), m);
}
