/* hub.c - names and ids. */
#include "hub/hub.h"

#include <stdio.h>

/* Without a trailing dot and without :port (but [::1] and ::1 keep their colons). */
static struct slice bare_host(struct slice host)
{
    size_t colon = slice_rfind(host, ':');
    bool bracketed = host.len && host.ptr[0] == '[';
    bool one_colon = colon < host.len && slice_find(host, ':') == colon;
    if (bracketed) {
        size_t end = slice_find(host, ']');
        if (end < host.len) host = slice_from(slice_head(host, end), 1);
    } else if (one_colon) {
        host = slice_head(host, colon);
    }
    if (host.len && host.ptr[host.len - 1] == '.') host.len--;
    return host;
}

bool hub_is_host(const struct hub *hub, struct slice host)
{
    host = bare_host(host);
    for (unsigned i = 0; i < hub->host_count; i++)
        if (slice_eq_nocase(host, slice_str(hub->hosts[i]))) return true;
    return false;
}

static bool alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

enum err hub_add_host(struct hub *hub, struct slice host)
{
    host = bare_host(host);
    if (host.len == 0 || host.len > HUB_HOST_LEN_MAX)
        return fail(ERR_INVALID, "host name '%.*s' must have 1 to %d characters", SLICE_ARG(host),
                    HUB_HOST_LEN_MAX);
    for (size_t i = 0; i < host.len; i++)
        if (!alphanumeric(host.ptr[i]) && !memchr("-._:", host.ptr[i], 4))
            return fail(ERR_INVALID, "host name '%.*s' has a character that names cannot have",
                        SLICE_ARG(host));
    if (hub_is_host(hub, host)) return OK;
    if (hub->host_count == HUB_HOSTS_MAX)
        return fail(ERR_FULL, "more than %d host names", HUB_HOSTS_MAX);
    snprintf(hub->hosts[hub->host_count++], HUB_HOST_LEN_MAX + 1, "%.*s", SLICE_ARG(host));
    return OK;
}

bool hub_id_valid(struct slice id)
{
    static const char others[] = "-:.+%_#*?!(),=@;$'";
    if (id.len == 0 || id.len > HUB_ID_LEN_MAX) return false;
    for (size_t i = 0; i < id.len; i++)
        if (!alphanumeric(id.ptr[i]) && !memchr(others, id.ptr[i], sizeof others - 1)) return false;
    return true;
}

bool hub_entity_valid(struct slice name, size_t max)
{
    if (name.len == 0 || name.len > max) return false;
    for (size_t i = 0; i < name.len; i++)
        if (!alphanumeric(name.ptr[i]) && !memchr(".-_", name.ptr[i], 3)) return false;
    return alphanumeric(name.ptr[0]) && alphanumeric(name.ptr[name.len - 1]);
}

static const struct {
    const char *name, *word;
} protocols[HUB_PROTOCOLS] = {
    [HUB_MQTT] = {"Mqtt", "mqtt"}, [HUB_AMQP] = {"Amqp", "amqp"}, [HUB_HTTP] = {"Http", "https"}};

const char *hub_protocol_name(enum hub_protocol p)
{
    return protocols[p].name;
}

const char *hub_protocol_word(enum hub_protocol p)
{
    return protocols[p].word;
}

bool hub_who_valid(struct slice who)
{
    struct slice device_id = hub_device_of(who), module_id = hub_module_of(who);
    return hub_id_valid(device_id) && (device_id.len == who.len || hub_id_valid(module_id));
}

void hub_put_who(struct buf *out, struct slice device_id, struct slice module_id)
{
    buf_put_slice(out, device_id);
    if (module_id.len == 0) return;
    buf_put_u8(out, '/');
    buf_put_slice(out, module_id);
}

void hub_stream_identity(const struct hub *hub, struct slice event_hub, struct buf *out)
{
    buf_printf(out, "%s.%llx/", hub->id_scope, (unsigned long long)hub->created_us);
    slice_lower(event_hub, (char *)buf_reserve(out, event_hub.len + 1));
    buf_commit(out, event_hub.len);
}
