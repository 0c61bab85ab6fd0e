/* address.c - reading link addresses. */
#include "front/amqp/address.h"

#include <stdio.h>

#include "base/num.h"
#include "base/text.h"

/* Without scheme, authority and slashes at the ends. */
static struct slice path_of(struct slice text)
{
    static const struct slice schemes[] = {{(const uint8_t *)"amqps://", 8},
                                           {(const uint8_t *)"amqp://", 7},
                                           {(const uint8_t *)"sb://", 5}};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (slice_starts_nocase(text, schemes[i])) {
            text = slice_from(text, schemes[i].len);
            text = slice_from(text, slice_find(text, '/'));
            break;
        }
    while (text.len && text.ptr[0] == '/') text = slice_from(text, 1);
    while (text.len && text.ptr[text.len - 1] == '/') text.len--;
    return text;
}

static bool next_is(struct slice *rest, const char *word)
{
    struct slice copy = *rest, segment;
    if (!slice_split(&copy, '/', &segment) || !slice_eq_nocase(segment, slice_str(word)))
        return false;
    *rest = copy;
    return true;
}

/* {hub} or messages/events at the front. */
static bool skip_stream(const struct hub *hub, const struct event_hubs *hubs, struct slice *rest,
                        struct address *out)
{
    struct slice copy = *rest, name = SLICE_NONE;
    out->iot_name = next_is(&copy, "messages") && next_is(&copy, "events");
    if (out->iot_name) *rest = copy;
    if (out->iot_name || next_is(rest, hub->name)) return true;
    copy = *rest;
    if (hubs == NULL || !slice_split(&copy, '/', &name)) return false;
    const struct event_hub *h = event_hub_find(hubs, name);
    if (h == NULL) return false;
    out->stream = h->stream;
    *rest = copy;
    return true;
}

static bool parse_number(struct slice text, struct address *out)
{
    uint64_t n;
    out->no_partition =
        num_u64(text, &n) != OK || n > UINT16_MAX || (text.len > 1 && text.ptr[0] == '0');
    if (!out->no_partition) out->partition = (unsigned)n;
    return !out->no_partition;
}

/* Partitions/{n} and nothing behind it. */
static bool parse_send_partition(struct slice rest, struct address *out)
{
    struct slice number;
    return next_is(&rest, "Partitions") && slice_split(&rest, '/', &number) && rest.ptr == NULL &&
           parse_number(number, out);
}

static bool parse_publisher(struct slice rest)
{
    struct slice name;
    return next_is(&rest, "Publishers") && slice_split(&rest, '/', &name) && name.len &&
           rest.ptr == NULL;
}

/* ConsumerGroups/{group}/Partitions/{n} and nothing behind it. */
static bool parse_partition(struct slice rest, struct address *out)
{
    struct slice group, number;
    if (!next_is(&rest, "ConsumerGroups") || !slice_split(&rest, '/', &group) ||
        !next_is(&rest, "Partitions") || !slice_split(&rest, '/', &number) || rest.ptr)
        return false;
    if (group.len == 0 || group.len > CONSUMER_GROUP_NAME_MAX || !parse_number(number, out))
        return false;
    snprintf(out->group, sizeof out->group, "%.*s", SLICE_ARG(group));
    return true;
}

/* A '%' that no two hex digits follow is one. */
static struct slice decode_id(struct slice text, uint8_t room[HUB_ID_LEN_MAX])
{
    size_t len;
    if (text.len > (size_t)3 * HUB_ID_LEN_MAX) return SLICE_NONE;
    uint8_t decoded[3 * HUB_ID_LEN_MAX];
    if (text_unpercent_to(decoded, text, &len) != OK) return text;
    if (len > HUB_ID_LEN_MAX) return SLICE_NONE;
    memcpy(room, decoded, len);
    return slice_of(room, len);
}

static bool put_who(char out[HUB_WHO_LEN_MAX + 1], struct slice device_id, struct slice module_id)
{
    struct buf who = {0};
    if (!hub_id_valid(device_id) || (module_id.ptr && !hub_id_valid(module_id))) return false;
    hub_put_who(&who, device_id, module_id);
    snprintf(out, HUB_WHO_LEN_MAX + 1, "%.*s", SLICE_ARG(buf_slice(&who)));
    buf_free(&who);
    return true;
}

/* devices/{d}[/modules/{m}] at the front. */
static bool skip_identity(struct slice *rest, struct address *out)
{
    uint8_t room[2][HUB_ID_LEN_MAX];
    struct slice device_id, module_id = SLICE_NONE;
    if (!next_is(rest, "devices") || !slice_split(rest, '/', &device_id)) return false;
    bool of_module = next_is(rest, "modules");
    if (of_module && !slice_split(rest, '/', &module_id)) return false;
    struct slice raw_device = device_id, raw_module = module_id;
    device_id = decode_id(device_id, room[0]);
    if (of_module) {
        module_id = decode_id(module_id, room[1]);
        if (!hub_id_valid(module_id)) return false;
    }
    if (!put_who(out->who, device_id, module_id)) return false;
    bool other = put_who(out->raw, raw_device, raw_module) && strcmp(out->raw, out->who) != 0;
    if (!other) out->raw[0] = '\0';
    return true;
}

static enum address_kind device_kind(struct slice rest)
{
    static const struct {
        const char *words;
        enum address_kind kind;
    } rows[] = {
        {"messages/events", ADDRESS_DEVICE_EVENTS},
        {"messages/devicebound", ADDRESS_DEVICE_BOUND},
        {"methods/devicebound", ADDRESS_DEVICE_METHODS},
        {"twin", ADDRESS_DEVICE_TWIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (slice_eq_nocase(rest, slice_str(rows[i].words))) return rows[i].kind;
    return ADDRESS_UNKNOWN;
}

/* {id scope}/registrations/{id} and nothing behind it. */
static bool parse_registration(const struct hub *hub, struct slice rest, struct address *out)
{
    struct slice id;
    if (!next_is(&rest, hub->id_scope) || !next_is(&rest, "registrations") ||
        !slice_split(&rest, '/', &id) || rest.ptr || id.len == 0 || id.len > HUB_ID_LEN_MAX)
        return false;
    snprintf(out->who, sizeof out->who, "%.*s", SLICE_ARG(id));
    return true;
}

static bool is_words(struct slice rest, const char *const *words)
{
    for (; *words; words++)
        if (!next_is(&rest, *words)) return false;
    return rest.ptr == NULL;
}

/* Addresses that are nothing but fixed words. */
static enum address_kind fixed_kind(struct slice rest)
{
    static const char *const devicebound[] = {"messages", "devicebound", NULL};
    static const char *const feedback[] = {"messages", "servicebound", "feedback", NULL};
    static const char *const files[] = {"messages", "servicebound", "filenotifications", NULL};
    static const char *const uploads[] = {"messages", "servicebound", "fileuploadnotifications",
                                          NULL}; /* as one page of Azure's has it */
    if (slice_eq_nocase(rest, SLICE_LIT("$cbs"))) return ADDRESS_CBS;
    if (slice_eq_nocase(rest, SLICE_LIT("$management"))) return ADDRESS_MANAGEMENT;
    if (is_words(rest, devicebound)) return ADDRESS_SERVICE_SEND;
    if (is_words(rest, files) || is_words(rest, uploads)) return ADDRESS_SERVICE_FILES;
    return is_words(rest, feedback) ? ADDRESS_SERVICE_FEEDBACK : ADDRESS_UNKNOWN;
}

void address_parse(const struct hub *hub, const struct event_hubs *hubs, struct slice text,
                   struct address *out)
{
    struct slice rest = path_of(text);
    *out = (struct address){.kind = fixed_kind(rest),
                            .absolute = slice_starts_nocase(text, SLICE_LIT("amqp"))};
    if (out->kind != ADDRESS_UNKNOWN || slice_find(rest, '\0') < rest.len) return;
    if (parse_registration(hub, rest, out)) {
        out->kind = ADDRESS_REGISTRATION;
    } else if (skip_identity(&rest, out)) {
        out->kind = device_kind(rest);
    } else if (skip_stream(hub, hubs, &rest, out)) {
        if (rest.ptr == NULL)
            out->kind = ADDRESS_STREAM;
        else if (slice_eq_nocase(rest, SLICE_LIT("$management")))
            out->kind = ADDRESS_MANAGEMENT;
        else if (parse_partition(rest, out))
            out->kind = ADDRESS_PARTITION;
        else if (parse_send_partition(rest, out))
            out->kind = ADDRESS_SEND_PARTITION;
        else if (parse_publisher(rest))
            out->kind = ADDRESS_PUBLISHER;
    }
}

static const char *hub_name(const struct hub *hub, const struct event_hubs *hubs,
                            const struct address *a, bool iot_name)
{
    if (a->stream == 0) return iot_name ? "messages/events" : hub->name;
    const struct event_hub *h = event_hub_of_stream(hubs, a->stream);
    return h ? h->name : "";
}

void address_path(const struct hub *hub, const struct event_hubs *hubs, const struct address *a,
                  bool iot_name, struct buf *out)
{
    static const char *const of_services[] = {
        [ADDRESS_SERVICE_SEND] = "messages/devicebound",
        [ADDRESS_SERVICE_FEEDBACK] = "messages/servicebound/feedback",
        [ADDRESS_SERVICE_FILES] = "messages/servicebound/filenotifications",
    };
    if (a->kind >= ADDRESS_SERVICE_SEND && a->kind <= ADDRESS_SERVICE_FILES) {
        buf_put_str(out, of_services[a->kind]);
        return;
    }
    buf_put_str(out, hub_name(hub, hubs, a, iot_name));
    if (a->kind == ADDRESS_MANAGEMENT) buf_put_str(out, "/$management");
    if (a->kind == ADDRESS_SEND_PARTITION) buf_printf(out, "/Partitions/%u", a->partition);
    if (a->kind == ADDRESS_PUBLISHER) buf_put_str(out, "/Publishers");
    if (a->kind == ADDRESS_PARTITION)
        buf_printf(out, "/ConsumerGroups/%s/Partitions/%u", a->group, a->partition);
}
