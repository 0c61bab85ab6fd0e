/* device_http.c - the routes, and a core's service. */
#include "front/device_http/device_http.h"

#include <stdlib.h>

#include "front/device_http/device.h"

#define DEVICE    ACCESS_IDENTITY, AUTH_DEVICE_CONNECT
#define BY_DEVICE DEVICE, THROTTLE_FREE
#define RECEIVE   DEVICE, THROTTLE_C2D_RECEIVE
#define UPLOAD    DEVICE, THROTTLE_UPLOAD
#define NO_BODY   REST_SMALL_BODY_MAX
#define FILE_BODY DEVICE_HTTP_FILE_BODY_MAX

static const struct route routes[] = {
    {"POST", "/devices/{id}/messages/events", BY_DEVICE, DEVICE_HTTP_BODY_MAX, device_http_events,
     "Send telemetry of a device"},
    {"POST", "/devices/{id}/modules/{module}/messages/events", BY_DEVICE, DEVICE_HTTP_BODY_MAX,
     device_http_events, "Send telemetry of a module"},
    {"GET", "/devices/{id}/messages/deviceBound", RECEIVE, NO_BODY, device_http_receive,
     "Receive the next message to a device"},
    {"DELETE", "/devices/{id}/messages/deviceBound/{lock}", BY_DEVICE, NO_BODY, device_http_settle,
     "Complete or reject a message to a device"},
    {"POST", "/devices/{id}/messages/deviceBound/{lock}/abandon", BY_DEVICE, NO_BODY,
     device_http_abandon, "Give a message to a device back to its queue"},
    {"POST", "/devices/{id}/files", UPLOAD, FILE_BODY, device_http_upload,
     "Ask where to upload a file"},
    {"POST", "/devices/{id}/files/notifications", BY_DEVICE, FILE_BODY, device_http_uploaded,
     "Say how an upload went"},
    {"POST", "/devices/{id}/files/notifications/{correlation}", BY_DEVICE, FILE_BODY,
     device_http_uploaded_named, "Say how an upload went"},
    {"GET", "/devices/{id}/files/{file}", UPLOAD, NO_BODY, device_http_upload_get,
     "Ask where to upload a file (older SDKs)"},
};

struct device_http_service *device_http_new(const struct device_http_doors *doors,
                                            struct rest_service *rest)
{
    struct device_http_service *s = NEW(struct device_http_service);
    s->doors = *doors;
    s->lane = doors->desk->lane;
    telemetry_init(&s->telemetry, doors->desk->hub, doors->desk->writer, doors->desk->routing);
    company_init(s);
    s->site = (struct rest_site){.routes = routes,
                                 .route_count = sizeof routes / sizeof *routes,
                                 .ctx = s,
                                 .closed = guests_free,
                                 .knows = guests_know};
    rest_add_site(rest, &s->site);
    return s;
}

void device_http_free(struct device_http_service *s)
{
    if (s) company_fini(s);
    free(s);
}
