/* cmd_certificate.c - azimuth hub certificate ... */
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/http.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "name n", "NAME", "the certificate"                                                        \
    }
#define PATH_OPTION(help)                                                                          \
    {                                                                                              \
        "path p", "FILE", help                                                                     \
    }
#define ETAG_OPTION                                                                                \
    {                                                                                              \
        "etag e", "ETAG", "only if it is still this version"                                       \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

/* As in az, where -n is the certificate and the hub has only a long name. */
const struct cli_option ca_create_options[] = {
    NAME_OPTION,
    PATH_OPTION("the certificate of the CA, .pem or .cer"),
    {"verified v", NULL, "verified without proof of possession"},
    ETAG_OPTION,
    END};
const struct cli_option ca_options[] = {NAME_OPTION, END};
const struct cli_option ca_change_options[] = {NAME_OPTION, ETAG_OPTION, END};
const struct cli_option ca_verify_options[] = {
    NAME_OPTION, PATH_OPTION("a certificate signed by the CA, whose subject is the code"),
    ETAG_OPTION, END};

#define CERTIFICATES "/admin/v1/certificates"

static const char *const columns =
    "name verified=properties.isVerified subject=properties.subject expiry=properties.expiry "
    "thumbprint=properties.thumbprint";

/* ---- one call about one certificate */

struct ask {
    const char *method, *action; /* "/verify", or "" */
    const char *if_match;        /* NULL: none */
    struct slice body;
};

static enum err call_certificate(struct cli *c, const struct ask *ask, struct json **answer)
{
    struct target t;
    struct slice name;
    struct buf what = {0}, path = {0};
    TRY(cli_need(c, "name", &name));
    TRY(target_find(c, &t));
    buf_printf(&what, "certificate '%.*s'", SLICE_ARG(name));
    buf_printf(&path, "%s%s", http_path(c, CERTIFICATES "/", name), ask->action);
    const struct http_call call = {.method = ask->method,
                                   .path = buf_cstr(&path),
                                   .if_match = ask->if_match,
                                   .body = ask->body};
    enum err e = http_json(&t, &call, buf_cstr(&what), answer);
    buf_free(&what);
    buf_free(&path);
    return e;
}

static enum err call_and_print(struct cli *c, const struct ask *ask)
{
    struct json *answer;
    TRY(call_certificate(c, ask, &answer));
    return answer ? output_value(&c->output, &c->arena, answer, columns) : OK;
}

/* What is to be changed is the version that was named, or whatever is there. */
static const char *version(const struct cli *c)
{
    const char *etag = cli_value(c, "etag");
    return etag ? etag : "*";
}

/* The file goes as base64, so that it may be PEM or DER. */
static enum err body_of_file(struct cli *c, struct buf *body)
{
    struct slice path, file;
    TRY(cli_need(c, "path", &path));
    TRY(file_load(c, (const char *)path.ptr, &file));
    buf_put_str(body, "{\"certificate\":\"");
    text_base64(body, file);
    buf_printf(body, "\",\"isVerified\":%s}", cli_given(c, "verified") ? "true" : "false");
    return OK;
}

/* ---- verbs */

enum err ca_create(struct cli *c)
{
    struct buf body = {0};
    enum err e = body_of_file(c, &body);
    if (e == OK)
        e = call_and_print(c, &(struct ask){.method = "PUT",
                                            .action = "",
                                            .if_match = cli_value(c, "etag"),
                                            .body = buf_slice(&body)});
    buf_free(&body);
    return e;
}

enum err ca_list(struct cli *c)
{
    struct target t;
    struct json *list;
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "GET", .path = CERTIFICATES};
    TRY(http_json(&t, &call, "list of certificates", &list));
    return output_value(&c->output, &c->arena, list, columns);
}

enum err ca_show(struct cli *c)
{
    return call_and_print(c, &(struct ask){.method = "GET", .action = ""});
}

enum err ca_delete(struct cli *c)
{
    struct json *nothing;
    const struct ask ask = {.method = "DELETE", .action = "", .if_match = version(c)};
    return call_certificate(c, &ask, &nothing);
}

enum err ca_generate_code(struct cli *c)
{
    struct json *answer;
    const struct ask ask = {
        .method = "POST", .action = "/generateVerificationCode", .if_match = version(c)};
    TRY(call_certificate(c, &ask, &answer));
    if (answer == NULL) return OK;
    return output_value(&c->output, &c->arena, answer,
                        "name verification-code=properties.verificationCode etag");
}

enum err ca_verify(struct cli *c)
{
    struct buf body = {0};
    enum err e = body_of_file(c, &body);
    if (e == OK)
        e = call_and_print(c, &(struct ask){.method = "POST",
                                            .action = "/verify",
                                            .if_match = version(c),
                                            .body = buf_slice(&body)});
    buf_free(&body);
    return e;
}
