/* admin.c - /admin/v1: what the server says of itself to its administrators and its command line. */
#include "auth/connstr.h"
#include "base/clock.h"
#include "base/text.h"
#include "front/rest/call.h"

/* ---- members of an object under construction */

static void put_name(struct buf *out, const char *name)
{
    uint8_t last = out->ptr[out->len - 1];
    if (last != '{') buf_put_u8(out, ',');
    text_json_string(out, slice_str(name));
    buf_put_u8(out, ':');
}

static void put_text(struct buf *out, const char *name, struct slice value)
{
    put_name(out, name);
    if (value.ptr)
        text_json_string(out, value);
    else
        buf_put_str(out, "null");
}

/* 0: there is none. */
static void put_number(struct buf *out, const char *name, uint64_t number)
{
    put_name(out, name);
    if (number)
        buf_printf(out, "%llu", (unsigned long long)number);
    else
        buf_put_str(out, "null");
}

/* ---- the hub */

static void put_names(struct buf *out, const struct hub *hub)
{
    put_text(out, "hostname", slice_str(hub->hosts[0]));
    put_text(out, "hubName", slice_str(hub->name));
    put_name(out, "hostNames");
    for (unsigned i = 0; i < hub->host_count; i++) {
        buf_put_u8(out, i ? ',' : '[');
        text_json_string(out, slice_str(hub->hosts[i]));
    }
    buf_put_str(out, "]");
}

static void put_console(struct buf *out, const char *admin_url)
{
    struct buf url = {0};
    if (admin_url) buf_printf(&url, "%s/console/", admin_url);
    put_text(out, "console", buf_slice(&url));
    buf_free(&url);
}

static void put_listeners(struct buf *out, const struct rest_config *config)
{
    put_name(out, "addresses");
    buf_put_u8(out, '[');
    for (unsigned i = 0; i < config->address_count; i++) {
        if (i) buf_put_u8(out, ',');
        text_json_string(out, slice_str(config->addresses[i]));
    }
    buf_put_u8(out, ']');
    put_number(out, "mqtt", config->mqtt_port);
    put_number(out, "amqp", config->amqp_port);
    put_number(out, "https", config->https_port);
    put_console(out, config->admin_url);
    put_text(out, "admin", slice_str(config->admin_url));
    put_number(out, "plainMqtt", config->plain_mqtt_port);
    put_number(out, "plainAmqp", config->plain_amqp_port);
}

void rest_admin_hub(struct call *c)
{
    const struct rest_config *config = c->service->config;
    const struct hub *hub = config->hub;
    char created[CLOCK_ISO_LEN + 1];
    struct buf json = {0};
    clock_iso(hub->created_us, created);
    buf_put_u8(&json, '{');
    put_names(&json, hub);
    put_listeners(&json, config);
    put_text(&json, "ca", slice_str(config->ca_path));
    put_text(&json, "data", slice_str(config->data_path));
    put_text(&json, "idScope", slice_str(hub->id_scope));
    put_text(&json, "created", slice_str(created));
    put_number(&json, "retentionSeconds", (uint64_t)config->retention_us / 1000000);
    put_number(&json, "retentionBytes", config->retention_bytes);
    put_text(&json, "version", slice_str(config->version));
    buf_put_u8(&json, '}');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

/* ---- what is used of what there is: ARM IotHubQuotaMetricInfo, without a pager: there are two */

static void put_quota(struct buf *out, const char *name, uint64_t now, uint64_t most)
{
    if (buf_slice(out).ptr[buf_size(out) - 1] == '}') buf_put_u8(out, ',');
    buf_printf(out, "{\"name\":\"%s\",\"currentValue\":%llu,\"maxValue\":%llu}", name,
               (unsigned long long)now, (unsigned long long)most);
}

void rest_admin_quota(struct call *c)
{
    const struct quota *quota = c->service->config->hub->quota;
    struct buf json = {0};
    buf_put_str(&json, "{\"value\":[");
    if (quota)
        put_quota(&json, "TotalMessages", quota_used(quota, clock_wall_us()), quota_limit(quota));
    put_quota(&json, "TotalDeviceCount", registry_devices_now(), REGISTRY_DEVICES_MAX);
    buf_put_str(&json, "]}");
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

/* ---- shared access policies: ARM SharedAccessSignatureAuthorizationRule */

void rest_admin_policies(struct call *c)
{
    struct buf json = {0};
    policies_write_names(&json, c->service->config->hub->policies);
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

static const struct policy *named_policy(struct call *c)
{
    const struct policy *p =
        policies_find(c->service->config->hub->policies, rest_route_param(c, "name"));
    if (p == NULL)
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), "there is no such policy");
    return p;
}

void rest_admin_policy(struct call *c)
{
    const struct policy *p = named_policy(c);
    if (p == NULL) return;
    struct buf json = BUF_SECRET;
    policy_write(&json, p);
    rest_answer_json(c, buf_slice(&json));
    buf_wipe(&json);
}

static void put_connstr(struct buf *json, const char *name, const struct connstr *connstr)
{
    struct buf text = BUF_SECRET;
    connstr_write(&text, connstr);
    put_text(json, name, buf_slice(&text));
    buf_wipe(&text);
}

void rest_admin_connection_string(struct call *c)
{
    static const char *const names[2][2] = {{"primary", "eventHubPrimary"},
                                            {"secondary", "eventHubSecondary"}};
    const struct rest_config *config = c->service->config;
    const struct policy *p = named_policy(c);
    if (p == NULL) return;
    struct buf json = BUF_SECRET;
    buf_put_u8(&json, '{');
    for (int i = 0; i < 2; i++) {
        struct connstr connstr = {.kind = CONNSTR_SERVICE,
                                  .host = slice_str(config->hub->hosts[0]),
                                  .policy = slice_str(p->name),
                                  .key = slice_str(p->keys[i].text)};
        put_connstr(&json, names[i][0], &connstr);
        if (!(p->rights & AUTH_SERVICE_CONNECT)) continue;
        connstr.kind = CONNSTR_EVENT_HUBS;
        connstr.entity = slice_str(config->hub->name);
        connstr.port = config->amqp_port == 5671 ? 0 : (uint16_t)config->amqp_port;
        put_connstr(&json, names[i][1], &connstr);
    }
    buf_put_u8(&json, '}');
    rest_answer_json(c, buf_slice(&json));
    buf_wipe(&json);
}
