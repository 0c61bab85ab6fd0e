/* files.c - where a device may upload a file, and how that went. */
#include "base/json.h"
#include "base/text.h"
#include "front/device_http/device.h"

/* ---- begin */

static void put_member(struct buf *out, const char *name, struct slice value)
{
    buf_printf(out, "%s\"%s\":", buf_size(out) > 1 ? "," : "", name);
    text_json_string(out, value);
}

static void answer_place(struct call *c, const struct upload_answer *a)
{
    struct buf json = {0};
    buf_put_u8(&json, '{');
    put_member(&json, "correlationId", slice_str(a->correlation_id));
    put_member(&json, "hostName", slice_str(a->host));
    put_member(&json, "containerName", slice_str(a->container));
    put_member(&json, "blobName", a->blob_name);
    put_member(&json, "sasToken", a->sas);
    buf_put_u8(&json, '}');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

static struct request *answered(struct upload_wait *w)
{
    struct request *r = CONTAINER_OF(w, struct request, upload_wait);
    r->uploading = false;
    rest_call_resume(r->call);
    return r;
}

static void refuse(struct call *c, enum status s, const char *text)
{
    rest_diagnose_upload(c, buf_slice(&c->who), s);
    rest_answer_status(c, s, text);
}

static void on_begun(struct upload_wait *w, const struct upload_answer *a)
{
    struct call *c = answered(w)->call;
    if (a->status == STATUS_OK)
        answer_place(c, a);
    else
        refuse(c, a->status, a->text);
    rest_call_end(c);
}

/* What the device dialled, if it is one of our names. */
static struct slice host_of(const struct request *r, struct buf *space)
{
    const struct hub *hub = r->service->doors.desk->hub;
    struct slice host = http1_header(r->call->request, "host");
    unsigned port = conn_local_port(r->call->conn);
    if (hub_is_host(hub, host)) return host;
    buf_put_str(space, hub->hosts[0]);
    if (port && port != 443) buf_printf(space, ":%u", port);
    return buf_slice(space);
}

static void begin(struct request *r, struct slice name)
{
    struct buf space = {0};
    r->upload_wait.fn = on_begun;
    enum err e = upload_begin(r->service->doors.uploads, buf_slice(&r->call->who), name,
                              host_of(r, &space), &r->upload_wait);
    if (e == OK) {
        r->uploading = true;
        rest_call_wait(r->call, WAITING_SITE);
    } else {
        refuse(r->call, STATUS_ARGUMENT_INVALID, fail_text());
    }
    buf_free(&space);
}

/* The body as an object; otherwise answered. */
static struct json *read_object(struct request *r)
{
    struct json *doc;
    if (json_parse(&r->arena, buf_slice(&r->call->body), &doc) == OK && doc->type == JSON_OBJECT)
        return doc;
    rest_answer_status(r->call, STATUS_DESERIALIZATION_ERROR, "the body is not a JSON object");
    return NULL;
}

static void run_begin(struct request *r, struct guest *g)
{
    struct json *doc = read_object(r);
    (void)g;
    if (doc == NULL) return;
    begin(r, json_str_nocase(doc, "blobName"));
}

void device_http_upload(struct call *c)
{
    request_begin(c, run_begin);
}

/* As the first SDKs asked. */
static void run_get(struct request *r, struct guest *g)
{
    (void)g;
    begin(r, rest_route_param(r->call, "file"));
}

void device_http_upload_get(struct call *c)
{
    request_begin(c, run_get);
}

/* ---- end */

static void on_ended(struct upload_wait *w, const struct upload_answer *a)
{
    struct call *c = answered(w)->call;
    if (a->status == STATUS_OK)
        rest_answer_nothing(c);
    else
        refuse(c, a->status, a->text);
    rest_call_end(c);
}

/* `correlation_id` of the path, or ptr NULL: then it is in the body. */
static void end(struct request *r, struct slice correlation_id)
{
    struct json *doc = read_object(r);
    if (doc == NULL) return;
    const struct json *success = json_get_nocase(doc, "isSuccess");
    const struct json *in_body = json_get_nocase(doc, "correlationId");
    if (correlation_id.ptr == NULL && in_body) correlation_id = in_body->text;
    if (success == NULL || success->type != JSON_BOOL) {
        rest_answer_status(r->call, STATUS_ARGUMENT_INVALID, "isSuccess must be true or false");
        return;
    }
    r->upload_wait.fn = on_ended;
    enum err e = upload_end(r->service->doors.uploads, buf_slice(&r->call->who), correlation_id,
                            success->truth, &r->upload_wait);
    if (e == OK) {
        r->uploading = true;
        rest_call_wait(r->call, WAITING_SITE);
    } else {
        refuse(r->call, STATUS_ARGUMENT_INVALID, fail_text());
    }
}

static void run_end(struct request *r, struct guest *g)
{
    (void)g;
    end(r, SLICE_NONE);
}

void device_http_uploaded(struct call *c)
{
    request_begin(c, run_end);
}

static void run_end_named(struct request *r, struct guest *g)
{
    (void)g;
    end(r, rest_route_param(r->call, "correlation"));
}

void device_http_uploaded_named(struct call *c)
{
    request_begin(c, run_end_named);
}
