/* telemetry.c - size check, stamps, and the record in AMQP sections. */
#include "hub/telemetry/telemetry.h"

#include "base/amqp.h"
#include "base/limit.h"
#include "base/partition.h"
#include "hub/talker/talker.h"
#include "hub/telemetry/reception.h"
#include "hub/telemetry/route.h"

COUNTER(messages, "azimuth_d2c_telemetry_ingress_total", "Messages from devices taken in");
COUNTER(message_bytes, "azimuth_d2c_telemetry_ingress_bytes_total",
        "Bytes of messages from devices taken in");
LIMIT_REACHED(too_many_properties, "telemetry-properties")
COUNTER(too_big, "azimuth_d2c_telemetry_too_big_total",
        "Messages from devices refused because of their size");

void telemetry_init(struct telemetry *t, const struct hub *hub, struct log_writer *writer,
                    struct routing *routing)
{
    *t = (struct telemetry){.hub = hub,
                            .writer = writer,
                            .routing = routing,
                            .talkers = hub->talkers ? talkers_of(hub->talkers, writer->core) : NULL,
                            .partitions = log_partitions(hub->log, 0)};
}

/* ---- stamps */

bool telemetry_is_stamp(struct slice name)
{
    return slice_starts_nocase(name, SLICE_LIT("iothub-connection-"));
}

/* Returns where the text lies in the annotations, which may move until all are there. */
static size_t stamp(struct telemetry_sender *s, const char *key, struct slice value)
{
    amqp_put_sym(&s->pairs, key);
    amqp_put_string(&s->pairs, value);
    s->pair_count++;
    return s->pairs.len - value.len;
}

void telemetry_sender_init(struct telemetry_sender *s, const struct telemetry *t, struct slice who,
                           struct slice generation_id, const char *auth_scope,
                           const char *auth_type, struct slice model_id)
{
    struct buf method = {0};
    *s = (struct telemetry_sender){.partition = key_partition(hub_device_of(who), t->partitions)};
    buf_printf(&method,
               "{\"scope\":\"%s\",\"type\":\"%s\",\"issuer\":\"iothub\","
               "\"acceptingIpFilterRule\":null}",
               auth_scope, auth_type);
    size_t device = stamp(s, "iothub-connection-device-id", hub_device_of(who)), module = 0;
    size_t model = 0;
    if (hub_module_of(who).len)
        module = stamp(s, "iothub-connection-module-id", hub_module_of(who));
    stamp(s, "iothub-connection-auth-method", buf_slice(&method));
    stamp(s, "iothub-connection-auth-generation-id", generation_id);
    stamp(s, "iothub-message-source", SLICE_LIT("Telemetry"));
    if (model_id.len) model = stamp(s, "dt-dataschema", model_id);
    s->device_id = slice_of(s->pairs.ptr + device, hub_device_of(who).len);
    if (module) s->module_id = slice_of(s->pairs.ptr + module, hub_module_of(who).len);
    if (model) s->model_id = slice_of(s->pairs.ptr + model, model_id.len);
    buf_free(&method);
}

void telemetry_sender_fini(struct telemetry_sender *s)
{
    buf_free(&s->pairs);
}

static unsigned put_pairs(struct buf *b, const struct telemetry_sender *s, const struct envelope *m,
                          int64_t wall_us)
{
    unsigned count = s->pair_count;
    buf_put_slice(b, buf_slice(&s->pairs));
    amqp_put_sym(b, "iothub-enqueuedtime");
    amqp_put_timestamp(b, wall_us / 1000);
    count++;
    if (m->subject.len) {
        amqp_put_sym(b, "dt-subject");
        amqp_put_string(b, m->subject);
        count++;
    }
    if (m->interface_id.len) {
        amqp_put_sym(b, "iothub-interface-id");
        amqp_put_string(b, m->interface_id);
        count++;
    }
    return count;
}

/* ---- sections */

/* Fields up to the last one present, in the order of AMQP 1.0 section 3.2.4. */
static void put_properties(struct buf *b, const struct envelope *m)
{
    bool any = m->message_id.ptr || m->user_id.ptr || m->to.ptr || m->correlation_id.ptr ||
               m->content_type.ptr || m->content_encoding.ptr || m->expiry_ms;
    if (!any) return;
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_given_string(b, m->message_id);
    amqp_put_given_binary(b, m->user_id);
    amqp_put_given_string(b, m->to);
    amqp_put_null(b); /* subject */
    amqp_put_null(b); /* reply-to */
    amqp_put_given_string(b, m->correlation_id);
    amqp_put_given_symbol(b, m->content_type);
    amqp_put_given_symbol(b, m->content_encoding);
    if (m->expiry_ms)
        amqp_put_timestamp(b, m->expiry_ms);
    else
        amqp_put_null(b);
    amqp_close(b, list, 9);
}

static void put_application_properties(struct buf *b, const struct envelope *m)
{
    if (m->property_count == 0) return;
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    for (size_t i = 0; i < m->property_count; i++) {
        amqp_put_string(b, m->properties[i].name);
        amqp_put_given_string(b, m->properties[i].value);
    }
    amqp_close(b, map, (uint32_t)(2 * m->property_count));
}

/* ---- submitting */

size_t telemetry_size(const struct envelope *m)
{
    size_t size = m->body.len + m->message_id.len + m->correlation_id.len + m->user_id.len +
                  m->to.len + m->content_type.len + m->content_encoding.len + m->subject.len +
                  m->interface_id.len;
    for (size_t i = 0; i < m->property_count; i++)
        size += m->properties[i].name.len + m->properties[i].value.len;
    return size;
}

enum err telemetry_check(const struct envelope *message)
{
    size_t size = telemetry_size(message);
    if (size <= TELEMETRY_SIZE_MAX && message->property_count <= TELEMETRY_PROPERTIES_MAX)
        return OK;
    metric_inc(&too_big);
    return fail(ERR_TOO_BIG, "message of %zu bytes and %zu properties; the limits are %d and %d",
                size, message->property_count, TELEMETRY_SIZE_MAX, TELEMETRY_PROPERTIES_MAX);
}

enum err telemetry_too_many_properties(void)
{
    metric_inc(&too_many_properties);
    return fail(ERR_TOO_BIG, "more than %d properties", TELEMETRY_PROPERTIES_MAX);
}

enum err telemetry_submit(struct telemetry *t, const struct telemetry_sender *sender,
                          const struct envelope *message, int64_t wall_us, log_done_fn done,
                          struct addr who, uint64_t cookie)
{
    struct routing_choice choice = {.destinations = RECORD_TO_STREAM};
    TRY(telemetry_check(message));
    if (routing_decides(t->routing, RECORD_TELEMETRY))
        telemetry_route(t, sender, message, wall_us, &choice);
    struct buf *b =
        log_begin(t->writer, 0, sender->partition, RECORD_TELEMETRY, choice.destinations);
    log_pairs_done(t->writer, put_pairs(b, sender, message, wall_us));
    put_properties(b, message);
    put_application_properties(b, message);
    amqp_put_data(b, message->body);
    if (choice.extra.len) {
        log_sections_done(t->writer);
        buf_put_slice(b, choice.extra);
    }
    log_end(t->writer, done, who, cookie);
    metric_inc(&messages);
    reception_stored(sender->transport, message);
    size_t size = telemetry_size(message);
    metric_add(&message_bytes, (int64_t)size);
    talker_count(t->talkers, sender->device_id, size, wall_us);
    return OK;
}
