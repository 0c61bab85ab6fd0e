/* diagnose.c - what is answered, as resource logs have it.
 *
 * Source: "Monitoring Azure IoT Hub data reference": of DeviceIdentityOperations and FileUploadOperations errors, of
 *         Configurations everything. */
#include "auth/sas.h"
#include "front/rest/call.h"

static struct slice user_agent(const struct call *c)
{
    return http1_header(c->request, "user-agent");
}

static bool is_method(const struct call *c, const char *method)
{
    return slice_is(slice_str(c->route->method), method);
}

static void note(struct call *c, struct diagnostic *d, struct buf *properties, enum status s)
{
    diagnostic_put_http(properties, status_http(s));
    d->properties = properties;
    diagnostic_set_status(d, s);
    diagnostic_note(c->service->config->hub, c->service->lane, d);
    buf_free(properties);
}

static bool wanted(const struct call *c, enum diagnostic_category category)
{
    return diagnostic_wanted(c->service->config->hub, category);
}

void rest_diagnose_identity(struct call *c, enum status s)
{
    struct buf properties = {0};
    const char *change = http1_header(c->request, "if-match").ptr ? "update" : "create";
    struct diagnostic d = {.category = DIAGNOSTIC_DEVICE_IDENTITY_OPERATIONS,
                           .operation = is_method(c, "GET")      ? "get"
                                        : is_method(c, "DELETE") ? "delete"
                                        : is_method(c, "POST")   ? "bulk"
                                                                 : change};
    if (s == STATUS_OK || !wanted(c, d.category)) return;
    diagnostic_put_peer(&properties, slice_str(conn_peer(c->conn)));
    diagnostic_put_who(&properties, buf_slice(&c->who));
    note(c, &d, &properties, s);
}

void rest_diagnose_configuration(struct call *c, enum status s)
{
    struct buf properties = {0};
    struct slice id = rest_route_optional(c, "configuration");
    struct diagnostic d = {.category = DIAGNOSTIC_CONFIGURATIONS,
                           .operation = is_method(c, "PUT")      ? "CreateOrUpdateConfiguration"
                                        : is_method(c, "DELETE") ? "DeleteConfiguration"
                                        : is_method(c, "POST")   ? "ApplyConfiguration"
                                        : id.len                 ? "ReadConfiguration"
                                                                 : "ReadManyConfigurations"};
    if (!wanted(c, d.category)) return;
    diagnostic_put_text(&properties, "configurationId", id);
    diagnostic_put_text(&properties, "sdkVersion", user_agent(c));
    diagnostic_put_digits(&properties, "messageSize", (int64_t)buf_size(&c->body));
    note(c, &d, &properties, s);
}

/* /enrollments.., /enrollmentGroups.. or /registrations.. */
static const char *type_of(const struct call *c)
{
    struct slice path = slice_str(c->route->path);
    if (slice_starts(path, SLICE_LIT("/registrations"))) return "Registration";
    return slice_starts(path, SLICE_LIT("/enrollmentGroups")) ? "EnrollmentGroup"
                                                              : "IndividualEnrollment";
}

static const char *operation_of(const struct call *c)
{
    struct slice path = slice_str(c->route->path);
    if (is_method(c, "PUT")) return "Upsert";
    if (is_method(c, "DELETE")) return "Delete";
    if (slice_ends(path, SLICE_LIT("/query"))) return "Query";
    bool one = is_method(c, "GET") || slice_ends(path, SLICE_LIT("/attestationmechanism"));
    return one ? "Get" : "Bulk";
}

void rest_diagnose_provisioning(struct call *c, unsigned code, struct slice text)
{
    struct buf properties = {0}, version = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_SERVICE_OPERATIONS,
                           .operation = operation_of(c),
                           .number = code,
                           .description = text,
                           .peer = slice_str(conn_peer(c->conn)),
                           .properties = &properties};
    if (!wanted(c, d.category)) return;
    if (rest_query_get(c, "api-version", &version)) d.version = buf_slice(&version);
    diagnostic_put_text(&properties, "id", rest_route_optional(c, "id"));
    diagnostic_put_text(&properties, "type", slice_str(type_of(c)));
    diagnostic_put_text(&properties, "protocol", SLICE_LIT("Http"));
    diagnostic_note(c->service->config->hub, c->service->lane, &d);
    buf_free(&properties);
    buf_free(&version);
}

/* With a token of a policy, or its own, or its certificate. */
static void put_auth(struct buf *properties, const struct call *c, struct slice who)
{
    struct sas token;
    struct slice shown = http1_header(c->request, "authorization");
    bool policy = sas_parse(shown, &token) == OK && token.policy[0];
    diagnostic_put_auth(properties, "authType",
                        policy                   ? "hub"
                        : hub_module_of(who).len ? "module"
                                                 : "device",
                        shown.len == 0);
}

void rest_diagnose_upload(struct call *c, struct slice who, enum status s)
{
    struct buf properties = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_FILE_UPLOAD_OPERATIONS, .operation = "ingress"};
    if (s == STATUS_OK || !wanted(c, d.category)) return;
    diagnostic_put_who(&properties, who);
    diagnostic_put_text(&properties, "protocol", SLICE_LIT("Http"));
    put_auth(&properties, c, who);
    diagnostic_put_text(&properties, "sdkVersion", user_agent(c));
    diagnostic_put_text(&properties, "blobUri", SLICE_NONE);
    note(c, &d, &properties, s);
}
