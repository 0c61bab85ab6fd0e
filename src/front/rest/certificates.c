/* certificates.c - the CAs whose devices the hub lets in.
 *
 * Source: ARM Microsoft.Devices/IotHubs/{hub}/certificates: PUT, GET, DELETE, generateVerificationCode,
 *         verify; properties, ETags and the RFC 1123 form of times. */
#include <time.h>

#include "base/json.h"
#include "base/text.h"
#include "front/rest/call.h"

/* ---- what is shown */

static void put_time(struct buf *out, const char *name, int64_t wall_us)
{
    char text[40];
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(out, "\"%s\":\"%s\"", name, text);
}

static void put_properties(struct buf *out, const struct certificate *c, bool with_code)
{
    struct buf der = {0};
    buf_put_str(out, "{\"subject\":");
    text_json_string(out, slice_str(c->subject));
    buf_put_u8(out, ',');
    put_time(out, "expiry", c->until_us);
    buf_printf(out, ",\"thumbprint\":\"%s\",\"isVerified\":%s,", c->thumbprint,
               c->verified ? "true" : "false");
    put_time(out, "created", c->created_us);
    buf_put_u8(out, ',');
    put_time(out, "updated", c->updated_us);
    text_base64(&der, slice_of(c->der, c->der_len));
    buf_printf(out, ",\"certificate\":\"%s\"", buf_cstr(&der));
    if (with_code) buf_printf(out, ",\"verificationCode\":\"%s\"", c->code);
    buf_put_u8(out, '}');
    buf_free(&der);
}

static void put_certificate(struct buf *out, const struct certificate *c, bool with_code)
{
    char etag[ETAG_MAX + 1];
    etag_of_number(c->etag, etag);
    buf_put_str(out, "{\"name\":");
    text_json_string(out, slice_str(c->name));
    buf_printf(out, ",\"etag\":\"%s\",\"properties\":", etag);
    put_properties(out, c, with_code);
    buf_put_u8(out, '}');
}

static const char *const absent = "there is no such certificate";

static void answer_certificate(struct call *c, bool with_code)
{
    const struct certificate *found =
        certificate_find(c->service->doors.certificates, rest_route_param(c, "name"));
    if (found == NULL) {
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), absent);
        return;
    }
    struct buf json = {0};
    char etag[ETAG_MAX + 1];
    etag_of_number(found->etag, etag);
    put_certificate(&json, found, with_code);
    rest_answer_registry(
        c, &(struct registry_answer){.etag = slice_str(etag), .body = buf_slice(&json)});
    buf_free(&json);
}

void rest_certificate_get(struct call *c)
{
    answer_certificate(c, false);
}

void rest_certificate_list(struct call *c)
{
    struct buf json = {0};
    const struct certificate *item;
    buf_put_u8(&json, '[');
    for (unsigned i = 0; (item = certificate_at(c->service->doors.certificates, i)) != NULL; i++) {
        if (i) buf_put_u8(&json, ',');
        put_certificate(&json, item, false);
    }
    buf_put_u8(&json, ']');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

/* ---- changes */

static void answer_error(struct call *c, enum err e, const char *text)
{
    switch (e) {
    case ERR_INVALID:
    case ERR_DENIED: rest_answer_status(c, STATUS_ARGUMENT_INVALID, text); break;
    case ERR_TOO_BIG: rest_answer_status(c, STATUS_MESSAGE_TOO_LARGE, text); break;
    case ERR_PRECONDITION: rest_answer_status(c, STATUS_PRECONDITION_FAILED, text); break;
    case ERR_NOT_FOUND:
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), absent);
        break;
    case ERR_EXISTS: rest_answer_named(c, 409, status_name(STATUS_INVALID_OPERATION), text); break;
    case ERR_FULL: rest_answer_named(c, 403, status_name(STATUS_QUOTA_EXCEEDED), text); break;
    default: rest_answer_status(c, status_of_err(e), text);
    }
}

static void finish(struct certificate_wait *w, enum err e, const char *text,
                   void (*answer)(struct call *c))
{
    struct call *c = CONTAINER_OF(w, struct call, certificate_wait);
    rest_call_resume(c);
    if (e == OK)
        answer(c);
    else
        answer_error(c, e, text);
    rest_call_end(c);
}

static void answer_with_code(struct call *c)
{
    answer_certificate(c, true);
}

static void on_changed(struct certificate_wait *w, enum err e, const char *text)
{
    finish(w, e, text, rest_certificate_get);
}

static void on_code(struct certificate_wait *w, enum err e, const char *text)
{
    finish(w, e, text, answer_with_code);
}

static void on_deleted(struct certificate_wait *w, enum err e, const char *text)
{
    finish(w, e, text, rest_answer_nothing);
}

static struct certificate_wait *wait(struct call *c,
                                     void (*fn)(struct certificate_wait *, enum err, const char *))
{
    c->certificate_wait.fn = fn;
    rest_call_wait(c, WAITING_CERTIFICATES);
    return &c->certificate_wait;
}

static struct slice if_match(const struct call *c)
{
    return http1_header(c->request, "if-match");
}

/* The members as ARM has them, in "properties", or without that shell. */
static bool read_body(struct call *c, struct arena *a, struct slice *certificate, bool *verified)
{
    struct json *body;
    if (json_parse(a, buf_slice(&c->body), &body) != OK) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "the body is not JSON");
        return false;
    }
    const struct json *properties = json_get(body, "properties");
    if (properties == NULL) properties = body;
    const struct json *flag = json_get(properties, "isVerified");
    *certificate = json_str(properties, "certificate");
    *verified = flag && flag->type == JSON_BOOL && flag->truth;
    if (certificate->len) return true;
    rest_answer_status(c, STATUS_ARGUMENT_INVALID, "the body has no text \"certificate\"");
    return false;
}

void rest_certificate_put(struct call *c)
{
    struct arena a = {0};
    struct slice certificate;
    bool verified;
    if (read_body(c, &a, &certificate, &verified))
        certificate_put(c->service->doors.certificates, rest_route_param(c, "name"), if_match(c),
                        certificate, verified, wait(c, on_changed));
    arena_free(&a);
}

void rest_certificate_delete(struct call *c)
{
    certificate_delete(c->service->doors.certificates, rest_route_param(c, "name"), if_match(c),
                       wait(c, on_deleted));
}

void rest_certificate_make_code(struct call *c)
{
    certificate_make_code(c->service->doors.certificates, rest_route_param(c, "name"), if_match(c),
                          wait(c, on_code));
}

void rest_certificate_verify(struct call *c)
{
    struct arena a = {0};
    struct slice proof;
    bool unused;
    if (read_body(c, &a, &proof, &unused))
        certificate_verify(c->service->doors.certificates, rest_route_param(c, "name"), if_match(c),
                           proof, wait(c, on_changed));
    arena_free(&a);
}
