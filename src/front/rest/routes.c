/* routes.c - which method and path is served, to whom, by which handler. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "front/rest/call.h"

/* Who may call it, and what the throttles count it as. */
#define REGISTRY_READ       ACCESS_RIGHTS, AUTH_REGISTRY_READ, THROTTLE_REGISTRY_READ
#define REGISTRY_WRITE      ACCESS_RIGHTS, AUTH_REGISTRY_WRITE, THROTTLE_REGISTRY_WRITE
#define BY_REGISTRY         ACCESS_RIGHTS, AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE, THROTTLE_REGISTRY_WRITE
#define OR_DEVICE_READ      ACCESS_DEVICE, AUTH_REGISTRY_READ, THROTTLE_REGISTRY_READ
#define OR_DEVICE_WRITE     ACCESS_DEVICE, AUTH_REGISTRY_WRITE, THROTTLE_REGISTRY_WRITE
#define SERVICE             ACCESS_RIGHTS, AUTH_SERVICE_CONNECT
#define BY_SERVICE          SERVICE, THROTTLE_FREE
#define QUERY               SERVICE, THROTTLE_QUERY
#define METHOD              SERVICE, THROTTLE_METHOD
#define JOB                 SERVICE, THROTTLE_JOB
#define TWIN_READ           SERVICE, THROTTLE_TWIN_READ
#define TWIN_UPDATE         SERVICE, THROTTLE_TWIN_UPDATE
#define CONFIGURATION_READ  SERVICE, THROTTLE_CONFIGURATION_READ
#define CONFIGURATION_WRITE SERVICE, THROTTLE_CONFIGURATION_WRITE
#define BY_OWNER            ACCESS_RIGHTS, REST_OWNER, THROTTLE_FREE
#define BY_ADMINISTRATOR    ACCESS_ADMINISTRATOR, 0, THROTTLE_FREE
#define BY_SOCKET           ACCESS_SOCKET, 0, THROTTLE_FREE
#define BY_ANYBODY          ACCESS_PUBLIC, 0, THROTTLE_FREE
#define NO_BODY             REST_SMALL_BODY_MAX
#define UPGRADE             BY_ANYBODY, NO_BODY, rest_upgrade
#define CERTIFICATE         REST_CERTIFICATE_BODY_MAX
#define EDGE                REST_EDGE_BODY_MAX

const struct route rest_routes[] = {
    {"GET", "/devices", REGISTRY_READ, NO_BODY, rest_device_list, "List device identities"},
    {"POST", "/devices", REGISTRY_WRITE, REGISTRY_BULK_BODY_MAX, rest_device_bulk,
     "Create, update or delete up to 100 device identities"},
    {"POST", "/devices/keys/regenerate", REGISTRY_WRITE, REGISTRY_BULK_BODY_MAX, rest_device_rekey,
     "Make keys of up to 100 identities anew"},
    {"POST", "/devices/query", QUERY, REST_QUERY_BODY_MAX, rest_query,
     "Query device twins, module twins and device jobs"},
    {"GET", "/devices/{id}", REGISTRY_READ, NO_BODY, rest_device_get, "Show a device identity"},
    {"PUT", "/devices/{id}", REGISTRY_WRITE, REGISTRY_BODY_MAX, rest_device_put,
     "Create or replace a device identity"},
    {"DELETE", "/devices/{id}", REGISTRY_WRITE, NO_BODY, rest_device_delete,
     "Delete a device identity"},
    {"GET", "/devices/{id}/modules", OR_DEVICE_READ, NO_BODY, rest_module_list,
     "List the modules of a device"},
    {"GET", "/devices/{id}/modules/{module}", OR_DEVICE_READ, NO_BODY, rest_module_get,
     "Show a module identity"},
    {"PUT", "/devices/{id}/modules/{module}", OR_DEVICE_WRITE, REGISTRY_BODY_MAX, rest_module_put,
     "Create or replace a module identity"},
    {"DELETE", "/devices/{id}/modules/{module}", OR_DEVICE_WRITE, NO_BODY, rest_module_delete,
     "Delete a module identity"},
    {"GET", "/devices/{id}/modules/{module}/devicesAndModulesInDeviceScope", OR_DEVICE_READ,
     NO_BODY, rest_scope_page, "List those below an edge device, as its edge hub"},
    {"GET", "/devices/{id}/modules/{module}/deviceAndModuleInDeviceScope", OR_DEVICE_READ, NO_BODY,
     rest_scope_one, "Show one of those below an edge device, as its edge hub"},
    {"POST", "/devices/{id}/modules/{module}/devicesAndModulesInTargetDeviceScope", OR_DEVICE_READ,
     EDGE, rest_scope_target_page, "List those below a nested edge device, as an edge hub above"},
    {"POST", "/devices/{id}/modules/{module}/getDeviceAndModuleOnBehalfOf", OR_DEVICE_READ, EDGE,
     rest_scope_target_one, "Show one of those below, as an edge hub above"},
    {"POST", "/devices/{id}/modules/{module}/getModulesOnTargetDevice", OR_DEVICE_READ, EDGE,
     rest_behalf_list, "List the modules of a device below, as an edge hub above"},
    {"POST", "/devices/{id}/modules/{module}/getModuleOnBehalfOf", OR_DEVICE_READ, EDGE,
     rest_behalf_get, "Show a module of a device below, as an edge hub above"},
    {"PUT", "/devices/{id}/modules/{module}/putModuleOnBehalfOf", OR_DEVICE_WRITE,
     REGISTRY_BODY_MAX, rest_behalf_put,
     "Create or replace a module of a device below, as an edge hub above"},
    {"POST", "/devices/{id}/modules/{module}/deleteModuleOnBehalfOf", OR_DEVICE_WRITE, EDGE,
     rest_behalf_delete, "Delete a module of a device below, as an edge hub above"},
    {"POST", "/twins/{id}/methods", METHOD, REST_METHOD_BODY_MAX, rest_method_call,
     "Call a direct method of a device"},
    {"POST", "/twins/{id}/modules/{module}/methods", METHOD, REST_METHOD_BODY_MAX, rest_method_call,
     "Call a direct method of a module"},
    {"DELETE", "/devices/{id}/commands", BY_SERVICE, NO_BODY, rest_commands_purge,
     "Drop the cloud-to-device messages that wait for a device"},
    {"GET", "/messages/serviceBound/feedback", BY_SERVICE, NO_BODY, rest_feedback_receive,
     "Receive what became of cloud-to-device messages"},
    {"DELETE", "/messages/serviceBound/feedback/{lock}", BY_SERVICE, NO_BODY, rest_feedback_settle,
     "Complete or reject feedback"},
    {"POST", "/messages/serviceBound/feedback/{lock}/abandon", BY_SERVICE, NO_BODY,
     rest_feedback_abandon, "Give feedback back"},
    {"GET", "/statistics/devices", REGISTRY_READ, NO_BODY, rest_statistics_devices,
     "Count device identities"},
    {"GET", "/statistics/service", REGISTRY_READ, NO_BODY, rest_statistics_service,
     "Count connected devices"},

    {"GET", "/configurations", CONFIGURATION_READ, NO_BODY, rest_configuration_list,
     "List configurations"},
    {"POST", "/configurations/testQueries", CONFIGURATION_READ, CONFIGURATION_BODY_MAX,
     rest_configuration_test, "Test a target condition and metrics"},
    {"GET", "/configurations/{configuration}", CONFIGURATION_READ, NO_BODY, rest_configuration_get,
     "Show a configuration"},
    {"PUT", "/configurations/{configuration}", CONFIGURATION_WRITE, CONFIGURATION_BODY_MAX,
     rest_configuration_put, "Create or update a configuration"},
    {"DELETE", "/configurations/{configuration}", CONFIGURATION_WRITE, NO_BODY,
     rest_configuration_delete, "Delete a configuration"},
    {"POST", "/devices/{id}/applyConfigurationContent", CONFIGURATION_WRITE, CONFIGURATION_BODY_MAX,
     rest_configuration_apply, "Write a deployment into the modules of an edge device"},
    {"POST", "/jobs/create", BY_REGISTRY, TRANSFER_BODY_MAX, rest_transfer_create,
     "Import or export device identities"},
    {"GET", "/jobs", REGISTRY_READ, NO_BODY, rest_transfer_list, "List import and export jobs"},
    {"GET", "/jobs/{job}", REGISTRY_READ, NO_BODY, rest_transfer_get,
     "Show an import or export job"},
    {"DELETE", "/jobs/{job}", BY_REGISTRY, NO_BODY, rest_transfer_cancel,
     "Cancel an import or export job"},

    {"GET", "/jobs/v2/query", JOB, NO_BODY, rest_job_query, "List jobs"},
    {"PUT", "/jobs/v2/{job}", JOB, JOB_BODY_MAX, rest_job_put,
     "Create a job that updates twins or calls methods"},
    {"GET", "/jobs/v2/{job}", JOB, NO_BODY, rest_job_get, "Show a job"},
    {"POST", "/jobs/v2/{job}/cancel", JOB, NO_BODY, rest_job_cancel, "Cancel a job"},

    {"GET", "/digitaltwins/{id}", TWIN_READ, NO_BODY, rest_digital_twin_get,
     "Show a device's digital twin"},
    {"PATCH", "/digitaltwins/{id}", TWIN_UPDATE, DIGITAL_TWIN_PATCH_MAX, rest_digital_twin_patch,
     "Update properties of a device's digital twin"},
    {"POST", "/digitaltwins/{id}/commands/{command}", METHOD, REST_METHOD_BODY_MAX,
     rest_digital_twin_command, "Invoke a command of a device"},
    {"POST", "/digitaltwins/{id}/components/{component}/commands/{command}", METHOD,
     REST_METHOD_BODY_MAX, rest_digital_twin_command, "Invoke a command of a device's component"},

    {"GET", "/twins/{id}", TWIN_READ, NO_BODY, rest_twin_get, "Show a device twin"},
    {"PATCH", "/twins/{id}", TWIN_UPDATE, TWIN_BODY_BYTES_MAX, rest_twin_patch,
     "Merge into tags and desired properties of a device twin"},
    {"PUT", "/twins/{id}", TWIN_UPDATE, TWIN_BODY_BYTES_MAX, rest_twin_put,
     "Replace tags and desired properties of a device twin"},
    {"PATCH", "/twins/{id}/properties/desired", TWIN_UPDATE, TWIN_BODY_BYTES_MAX,
     rest_twin_patch_desired, "Merge into the desired properties of a device twin"},
    {"PUT", "/twins/{id}/properties/desired", TWIN_UPDATE, TWIN_BODY_BYTES_MAX,
     rest_twin_put_desired, "Replace the desired properties of a device twin"},
    {"PUT", "/twins/{id}/tags", TWIN_UPDATE, TWIN_BODY_BYTES_MAX, rest_twin_put_tags,
     "Replace the tags of a device twin"},
    {"GET", "/twins/{id}/modules/{module}", TWIN_READ, NO_BODY, rest_twin_get,
     "Show a module twin"},
    {"PATCH", "/twins/{id}/modules/{module}", TWIN_UPDATE, TWIN_BODY_BYTES_MAX, rest_twin_patch,
     "Merge into tags and desired properties of a module twin"},
    {"PUT", "/twins/{id}/modules/{module}", TWIN_UPDATE, TWIN_BODY_BYTES_MAX, rest_twin_put,
     "Replace tags and desired properties of a module twin"},
    {"PATCH", "/twins/{id}/modules/{module}/properties/desired", TWIN_UPDATE, TWIN_BODY_BYTES_MAX,
     rest_twin_patch_desired, "Merge into the desired properties of a module twin"},
    {"PUT", "/twins/{id}/modules/{module}/properties/desired", TWIN_UPDATE, TWIN_BODY_BYTES_MAX,
     rest_twin_put_desired, "Replace the desired properties of a module twin"},
    {"PUT", "/twins/{id}/modules/{module}/tags", TWIN_UPDATE, TWIN_BODY_BYTES_MAX,
     rest_twin_put_tags, "Replace the tags of a module twin"},

    {"GET", "/", UPGRADE, "MQTT or AMQP over WebSocket; a browser is led to the console"},
    {"GET", "/console", BY_ANYBODY, NO_BODY, rest_to_console, "Where the console is"},
    {"GET", "/mqtt", UPGRADE, "MQTT or AMQP over WebSocket"},
    {"GET", "/$iothub/websocket", UPGRADE, "MQTT or AMQP over WebSocket"},
    {"GET", "/$servicebus/websocket", UPGRADE, "MQTT or AMQP over WebSocket"},

    {"GET", "/eventsubscriptions/{name}/validate", BY_ANYBODY, NO_BODY, rest_routing_agree,
     "The validationUrl, or the callback, that a webhook was told of: it wants messages"},
    {"POST", "/eventsubscriptions/{name}/validate", BY_ANYBODY, NO_BODY, rest_routing_agree,
     "The same"},
    {"GET", "/healthz", BY_ANYBODY, NO_BODY, rest_health_alive, "Is the server alive?"},
    {"GET", "/readyz", BY_ANYBODY, NO_BODY, rest_health_ready,
     "Does the server accept and acknowledge messages?"},
    {"GET", "/metrics", ACCESS_METRICS, 0, THROTTLE_FREE, NO_BODY, rest_health_metrics,
     "Metrics for Prometheus"},

    {"GET", "/admin/v1/hub", BY_OWNER, NO_BODY, rest_admin_hub,
     "Names, ports and certificate of the hub"},
    {"GET", "/admin/v1/quotaMetrics", BY_ADMINISTRATOR, NO_BODY, rest_admin_quota,
     "Show what is used of the daily quota, and of the devices that there may be"},
    {"GET", "/admin/v1/policies", BY_ADMINISTRATOR, NO_BODY, rest_admin_policies,
     "List shared access policies, without their keys"},
    {"GET", "/admin/v1/policies/{name}", BY_ADMINISTRATOR, NO_BODY, rest_admin_policy,
     "Show a shared access policy with its keys"},
    {"GET", "/admin/v1/policies/{name}/connection-strings", BY_ADMINISTRATOR, NO_BODY,
     rest_admin_connection_string, "Show the connection strings of a shared access policy"},
    {"POST", "/admin/v1/backup/snapshot", BY_SOCKET, NO_BODY, rest_backup_snapshot,
     "Write a copy of the store beside it, for a backup"},
    {"GET", "/admin/v1/backup", BY_ADMINISTRATOR, NO_BODY, rest_backup_show,
     "Show the last backup, and the one under way"},
    {"POST", "/admin/v1/backup", BY_ADMINISTRATOR, NO_BODY, rest_backup_begin,
     "Begin a backup, into the directory that the server was started with"},
    {"POST", "/admin/v1/backup/finished", BY_SOCKET, NO_BODY, rest_backup_finished,
     "Tell that a command has made a backup"},
    {"POST", "/admin/v1/container/uri", BY_OWNER, NO_BODY, rest_transfer_container,
     "Make a URI that opens the hub's own blob container for a day"},
    {"GET", "/admin/v1/event-hubs", BY_OWNER, NO_BODY, rest_event_hub_list,
     "List the event hubs beside the built-in one"},
    {"GET", "/admin/v1/event-hubs/{hub}", BY_OWNER, NO_BODY, rest_event_hub_get,
     "Show an event hub"},
    {"PUT", "/admin/v1/event-hubs/{hub}", BY_OWNER, NO_BODY, rest_event_hub_put,
     "Create an event hub, or change how long it keeps events"},
    {"DELETE", "/admin/v1/event-hubs/{hub}", BY_OWNER, NO_BODY, rest_event_hub_delete,
     "Delete an event hub with its events"},
    {"GET", "/admin/v1/event-hubs/{hub}/consumer-groups", BY_OWNER, NO_BODY, rest_group_list,
     "List the consumer groups of an event hub"},
    {"GET", "/admin/v1/event-hubs/{hub}/consumer-groups/{name}", BY_OWNER, NO_BODY, rest_group_get,
     "Show a consumer group of an event hub"},
    {"PUT", "/admin/v1/event-hubs/{hub}/consumer-groups/{name}", BY_OWNER, NO_BODY, rest_group_put,
     "Create a consumer group of an event hub if it is absent"},
    {"DELETE", "/admin/v1/event-hubs/{hub}/consumer-groups/{name}", BY_OWNER, NO_BODY,
     rest_group_delete, "Delete a consumer group of an event hub"},
    {"GET", "/admin/v1/consumer-groups", BY_OWNER, NO_BODY, rest_group_list,
     "List the consumer groups of the built-in event hub"},
    {"GET", "/admin/v1/consumer-groups/{name}", BY_OWNER, NO_BODY, rest_group_get,
     "Show a consumer group"},
    {"PUT", "/admin/v1/consumer-groups/{name}", BY_OWNER, NO_BODY, rest_group_put,
     "Create a consumer group if it is absent"},
    {"DELETE", "/admin/v1/consumer-groups/{name}", BY_OWNER, NO_BODY, rest_group_delete,
     "Delete a consumer group"},
    {"GET", "/admin/v1/diagnostic-settings", BY_OWNER, NO_BODY, rest_diagnostic_list,
     "List where resource logs go"},
    {"GET", "/admin/v1/diagnostic-settings/{setting}", BY_OWNER, NO_BODY, rest_diagnostic_get,
     "Show a diagnostic setting"},
    {"PUT", "/admin/v1/diagnostic-settings/{setting}", BY_OWNER, DIAGNOSTIC_BODY_MAX,
     rest_diagnostic_put, "Send categories of resource logs to a file or an event hub"},
    {"DELETE", "/admin/v1/diagnostic-settings/{setting}", BY_OWNER, NO_BODY, rest_diagnostic_delete,
     "Delete a diagnostic setting"},
    {"GET", "/admin/v1/diagnostic-categories", BY_OWNER, NO_BODY, rest_diagnostic_categories,
     "List the categories of resource logs"},
    {"GET", "/admin/v1/captures", BY_OWNER, NO_BODY, rest_capture_list,
     "List the event hubs that are captured"},
    {"GET", "/admin/v1/captures/{eventHub}", BY_OWNER, NO_BODY, rest_capture_get,
     "Show an event hub's capture and how far it is"},
    {"PUT", "/admin/v1/captures/{eventHub}", BY_OWNER, CAPTURE_BODY_MAX, rest_capture_put,
     "Capture an event hub as a captureDescription says"},
    {"DELETE", "/admin/v1/captures/{eventHub}", BY_OWNER, NO_BODY, rest_capture_delete,
     "Stop capturing an event hub; its files stay"},
    {"GET", "/admin/v1/certificates", BY_OWNER, NO_BODY, rest_certificate_list,
     "List the certification authorities of devices"},
    {"GET", "/admin/v1/certificates/{name}", BY_OWNER, NO_BODY, rest_certificate_get,
     "Show a certification authority"},
    {"PUT", "/admin/v1/certificates/{name}", BY_OWNER, CERTIFICATE, rest_certificate_put,
     "Upload the certificate of a certification authority"},
    {"DELETE", "/admin/v1/certificates/{name}", BY_OWNER, NO_BODY, rest_certificate_delete,
     "Delete a certification authority"},
    {"POST", "/admin/v1/certificates/{name}/generateVerificationCode", BY_OWNER, NO_BODY,
     rest_certificate_make_code, "Make a code for a proof of possession"},
    {"POST", "/admin/v1/certificates/{name}/verify", BY_OWNER, CERTIFICATE, rest_certificate_verify,
     "Verify a certification authority by a proof of possession"},
    {"GET", "/admin/v1/devices/{id}/connection", BY_OWNER, NO_BODY, rest_connection,
     "Show by what a device is connected, whence, since when, and what it listens to"},
    {"GET", "/admin/v1/devices/{id}/modules/{module}/connection", BY_OWNER, NO_BODY,
     rest_connection, "Show by what a module is connected, whence, since when"},
    {"GET", "/admin/v1/devices/{id}/attempts", BY_OWNER, NO_BODY, rest_refusal_attempts,
     "Show why a device was refused, and how far its connections came"},
    {"GET", "/admin/v1/devices/{id}/messages", BY_SERVICE, NO_BODY, rest_messages_list,
     "List the cloud-to-device messages that wait for a device"},
    {"DELETE", "/admin/v1/devices/{id}/messages/{sequence}", BY_SERVICE, NO_BODY,
     rest_messages_drop, "Drop one cloud-to-device message"},
    {"GET", "/admin/v1/devices/{id}/modules/{module}/attempts", BY_OWNER, NO_BODY,
     rest_refusal_attempts, "Show why a module was refused, and how far its connections came"},
    {"GET", "/admin/v1/twins/{id}/history", TWIN_READ, NO_BODY, rest_twin_history,
     "Show what services wrote into a device twin lately, and the way back"},
    {"GET", "/admin/v1/twins/{id}/modules/{module}/history", TWIN_READ, NO_BODY, rest_twin_history,
     "Show what services wrote into a module twin lately, and the way back"},
    {"GET", "/admin/v1/refusals", BY_OWNER, NO_BODY, rest_refusal_list,
     "List what was refused: the latest first, by cause, id and since when"},
    {"GET", "/admin/v1/refusals/causes", BY_OWNER, NO_BODY, rest_refusal_causes,
     "List the causes for which connections are refused"},
    {"GET", "/admin/v1/talkers", BY_SERVICE, NO_BODY, rest_talkers,
     "List the devices that sent most within the last minutes, by messages or bytes"},
    {"GET", "/admin/v1/routing", BY_OWNER, NO_BODY, rest_routing_get,
     "Show routes, endpoints, enrichments and the fallback route"},
    {"PUT", "/admin/v1/routing", BY_OWNER, ROUTING_DOCUMENT_MAX, rest_routing_put,
     "Replace routes, endpoints, enrichments and the fallback route"},
    {"POST", "/admin/v1/routing/routes/$testnew", BY_OWNER, ROUTING_DOCUMENT_MAX,
     rest_routing_test_route, "Test a message against a route"},
    {"POST", "/admin/v1/routing/routes/$testall", BY_OWNER, ROUTING_DOCUMENT_MAX,
     rest_routing_test_all, "Test a message against all routes"},
    {"GET", "/admin/v1/routingEndpointsHealth", BY_OWNER, NO_BODY, rest_routing_health,
     "Show how endpoints stand"},
    {"GET", "/admin/v1/openapi.json", BY_OWNER, NO_BODY, rest_admin_openapi, "This description"},
};

const size_t rest_route_count = sizeof rest_routes / sizeof *rest_routes;

/* ---- paths: every segment is decoded once, a slash at the end does not count */

/* ERR_INVALID: a '%' without two hex digits; ERR_TOO_BIG: more segments than any route has. */
static enum err decode_path(struct call *c)
{
    size_t starts[REST_SEGMENTS_MAX + 1] = {0};
    struct slice rest = c->request->path, segment;
    if (slice_starts(rest, SLICE_LIT("/"))) rest = slice_from(rest, 1);
    if (slice_ends(rest, SLICE_LIT("/"))) rest.len--;
    while (slice_split(&rest, '/', &segment)) {
        if (c->segment_count == REST_SEGMENTS_MAX) return ERR_TOO_BIG;
        TRY(text_unpercent(&c->path, segment));
        starts[++c->segment_count] = buf_size(&c->path);
    }
    const uint8_t *text = buf_slice(&c->path).ptr;
    for (unsigned i = 0; i < c->segment_count; i++)
        c->segments[i] = slice_of(text ? text + starts[i] : NULL, starts[i + 1] - starts[i]);
    return OK;
}

/* The next segment of a route's path ("{id}"), or false at its end. */
static bool next_part(struct slice *path, struct slice *part)
{
    return slice_split(path, '/', part);
}

static struct slice without_slash(const char *path)
{
    return slice_str(path + 1);
}

static bool is_param(struct slice part)
{
    return part.ptr[0] == '{';
}

static bool path_matches(const struct call *c, const struct route *r)
{
    struct slice path = without_slash(r->path), part;
    unsigned i = 0;
    for (; next_part(&path, &part); i++) {
        if (i == c->segment_count) return false;
        struct slice have = c->segments[i];
        if (is_param(part) ? have.len == 0 : !slice_eq_nocase(have, part)) return false;
    }
    return i == c->segment_count;
}

static bool find_param(const struct call *c, const char *name, struct slice *out)
{
    struct slice path = without_slash(c->route->path), part;
    for (unsigned i = 0; next_part(&path, &part); i++) {
        if (!is_param(part) || !slice_is(slice_of(part.ptr + 1, part.len - 2), name)) continue;
        *out = c->segments[i];
        return true;
    }
    return false;
}

struct slice rest_route_param(const struct call *c, const char *name)
{
    struct slice value = SLICE_NONE;
    bool found = find_param(c, name, &value);
    assert(found);
    return value;
}

struct slice rest_route_optional(const struct call *c, const char *name)
{
    struct slice value = SLICE_NONE;
    return find_param(c, name, &value) ? value : SLICE_NONE;
}

bool rest_route_who(struct call *c)
{
    struct slice device_id = rest_route_param(c, "id"), module_id = SLICE_NONE;
    bool of_module = find_param(c, "module", &module_id);
    bool valid = hub_id_valid(device_id) && (!of_module || hub_id_valid(module_id));
    hub_put_who(&c->who, device_id, module_id);
    if (!valid)
        rest_answer_status(
            c, STATUS_ARGUMENT_INVALID,
            "an id has 1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '");
    return valid;
}

/* HEAD is GET without the body; the engine leaves that out.  Java's HttpURLConnection has no PATCH: the
 * service SDK says POST and in a header what it means. */
static bool method_matches(const struct call *c, const struct route *r)
{
    struct slice method = c->request->method;
    struct slice meant = http1_header(c->request, "x-http-method-override");
    if (slice_is(method, "POST") && slice_is(meant, "PATCH")) method = meant;
    return slice_is(method, r->method) ||
           (slice_is(method, "HEAD") && slice_is(slice_str(r->method), "GET"));
}

/* Any version is served the same way, but who names none is told so, as IoT Hub does. */
bool rest_route_has_version(struct call *c)
{
    const struct route *r = c->route;
    bool azure = (r->access == ACCESS_RIGHTS || r->access == ACCESS_DEVICE ||
                  r->access == ACCESS_IDENTITY) &&
                 !slice_starts(slice_str(r->path), SLICE_LIT("/admin/"));
    struct buf version = {0};
    bool fine = !azure || (rest_query_get(c, "api-version", &version) && buf_size(&version) > 0);
    buf_free(&version);
    if (!fine) rest_answer_status(c, STATUS_INVALID_PROTOCOL_VERSION, "api-version is missing");
    return fine;
}

static struct route_shape shape_of(const struct route *r)
{
    struct route_shape shape = {0};
    struct slice path = without_slash(r->path), part;
    for (; next_part(&path, &part); shape.segments++) {
        assert(shape.segments < REST_SEGMENTS_MAX && part.len <= UINT8_MAX);
        if (part.len && !is_param(part)) shape.literal[shape.segments] = (uint8_t)part.len;
    }
    return shape;
}

static bool fits(const struct call *c, const struct route_shape *shape)
{
    if (shape->segments != c->segment_count) return false;
    for (unsigned i = 0; i < c->segment_count; i++)
        if (shape->literal[i] && shape->literal[i] != c->segments[i].len) return false;
    return true;
}

void rest_route_table_init(struct route_table *t, const struct route *routes, size_t count)
{
    *t = (struct route_table){routes, count, mem_zero((count + 1) * sizeof *t->shapes)};
    for (size_t i = 0; i < count; i++) t->shapes[i] = shape_of(&routes[i]);
}

void rest_route_table_fini(struct route_table *t)
{
    free(t->shapes);
}

/* The first from `i` on whose path is the request's, at the place that it came to; count: none. */
static size_t next_at(const struct call *c, const struct route_table *t, size_t i, bool any_path)
{
    for (; i < t->count; i++) {
        if (!any_path && !fits(c, &t->shapes[i])) continue;
        const struct route *r = &t->routes[i];
        if ((any_path || path_matches(c, r)) && rest_place_serves(c, r)) break;
    }
    return i;
}

/* The first route of a table that serves the request. */
static void search(struct call *c, const struct route_table *t, const struct rest_site *site,
                   struct buf *unused)
{
    (void)unused;
    bool any_path = site && site->prefix;
    size_t i = 0;
    for (; c->route == NULL && (i = next_at(c, t, i, any_path)) < t->count; i++) {
        if (!method_matches(c, &t->routes[i])) continue;
        c->route = &t->routes[i];
        c->site = site;
        if (site) c->ctx = site->ctx;
    }
}

/* The index of the site that has the path whatever it holds; site_count: none. */
static unsigned site_of_prefix(const struct call *c)
{
    const struct rest_service *s = c->service;
    unsigned i = 0;
    for (; i < s->site_count; i++) {
        const char *prefix = s->sites[i]->prefix;
        if (prefix && slice_starts(c->request->path, slice_str(prefix))) break;
    }
    return i;
}

/* The methods that the path has. */
static void list_methods(struct call *c, const struct route_table *t, const struct rest_site *site,
                         struct buf *methods)
{
    bool any_path = site && site->prefix;
    for (size_t i = 0; (i = next_at(c, t, i, any_path)) < t->count; i++)
        buf_printf(methods, "%s%s", buf_size(methods) ? ", " : "", t->routes[i].method);
}

/* In each table that may have the request's route. */
static void look_in_all(struct call *c,
                        void (*look)(struct call *c, const struct route_table *t,
                                     const struct rest_site *site, struct buf *out),
                        struct buf *out)
{
    const struct rest_service *s = c->service;
    unsigned owner = site_of_prefix(c);
    if (owner < s->site_count) {
        look(c, &s->site_routes[owner], s->sites[owner], out);
        return;
    }
    look(c, &s->own, NULL, out);
    for (unsigned i = 0; i < s->site_count; i++)
        if (s->sites[i]->prefix == NULL) look(c, &s->site_routes[i], s->sites[i], out);
}

static void answer_without_route(struct call *c, enum err why)
{
    struct buf methods = {0};
    if (rest_upgrade_wanted(c)) rest_upgrade_note(c, "no such path");
    if (why == OK) look_in_all(c, list_methods, &methods);
    if (why == ERR_INVALID)
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "the path is not percent-encoded correctly");
    else if (buf_size(&methods) > 0)
        rest_answer_not_allowed(c, buf_cstr(&methods));
    else
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), rest_place_advice(c));
    buf_free(&methods);
}

bool rest_route_find(struct call *c)
{
    bool any_path = site_of_prefix(c) < c->service->site_count;
    enum err e = any_path ? OK : decode_path(c);
    if (e == OK) look_in_all(c, search, NULL);
    if (c->route == NULL) answer_without_route(c, e);
    return c->route != NULL;
}
