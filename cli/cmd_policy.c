/* cmd_policy.c - azimuth hub policy ...: shared access policies, as `az iot hub policy`. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/http.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "name n", "NAME", "the policy"                                                             \
    }
const struct cli_option policy_options[] = {NAME_OPTION, {"", NULL, NULL}};
#define PERMISSIONS_OPTION                                                                         \
    {                                                                                              \
        "permissions", "RIGHT...", "RegistryRead RegistryWrite ServiceConnect DeviceConnect"       \
    }
const struct cli_option policy_create_options[] = {
    NAME_OPTION, PERMISSIONS_OPTION, {"", NULL, NULL}};
#define RIGHTS_TEXT                                                                                \
    "RegistryWrite comes with RegistryRead. Of DPS there are ServiceConfig, EnrollmentRead, "      \
    "EnrollmentWrite,\n"                                                                           \
    "RegistrationStatusRead and RegistrationStatusWrite."
const char policy_create_help[] =
    "    azimuth hub policy create -n panel --permissions RegistryRead "
    "ServiceConnect\n\n" RIGHTS_TEXT " Names have up to 64 letters, digits and - . _";
const char policy_update_help[] =
    "    azimuth hub policy update -n panel --permissions RegistryRead\n\n"
    "These rights are all that it has from then on. " RIGHTS_TEXT;
const struct cli_option policy_renew_options[] = {
    NAME_OPTION, {"renew-key rk", "KEY", "primary or secondary"}, {"", NULL, NULL}};

static const char *const columns = "keyName rights";

enum { WHAT_MAX = 160 };

static const char *what_of(char what[WHAT_MAX], struct slice name)
{
    snprintf(what, WHAT_MAX, "policy '%.*s'", SLICE_ARG(slice_head(name, 128)));
    return what;
}

/* Policies and their keys are for the server's own machine alone. */
static enum err call_policy(struct cli *c, const struct http_call *call, const char *what)
{
    struct target t;
    struct json *answer;
    TRY(target_find(c, &t));
    if (t.data == NULL)
        return fail(ERR_DENIED, "policies are seen and changed on the server's own machine, by who "
                                "runs it: use --data DIR");
    TRY(http_json(&t, call, what, &answer));
    if (answer) return output_value(&c->output, &c->arena, answer, columns);
    if (strcmp(call->method, "DELETE") == 0) return OK;
    return fail(ERR_PROTOCOL, "%s answered %s with nothing", t.name, what);
}

enum err policy_list(struct cli *c)
{
    const struct http_call call = {.method = "GET", .path = "/admin/v1/policies"};
    return call_policy(c, &call, "list of policies");
}

static enum err call_named(struct cli *c, const char *method, struct slice body)
{
    struct slice name;
    char what[WHAT_MAX];
    TRY(cli_need(c, "name", &name));
    const struct http_call call = {
        .method = method, .path = http_path(c, "/admin/v1/policies/", name), .body = body};
    return call_policy(c, &call, what_of(what, name));
}

enum err policy_show(struct cli *c)
{
    return call_named(c, "GET", SLICE_NONE);
}

/* "RegistryRead, ServiceConnect" */
static void put_rights(struct buf *out, struct slice rest)
{
    struct buf text = {0};
    struct slice word;
    while (cli_next_name(&rest, &word))
        buf_printf(&text, "%s%.*s", buf_size(&text) ? ", " : "", SLICE_ARG(word));
    text_json_string(out, buf_slice(&text));
    buf_free(&text);
}

static enum err call_with_rights(struct cli *c, const char *method)
{
    struct slice words;
    struct buf body = {0};
    TRY(cli_need(c, "permissions", &words));
    buf_put_str(&body, "{\"rights\":");
    put_rights(&body, words);
    buf_put_u8(&body, '}');
    enum err e = call_named(c, method, buf_slice(&body));
    buf_free(&body);
    return e;
}

enum err policy_create(struct cli *c)
{
    return call_with_rights(c, "PUT");
}

enum err policy_update(struct cli *c)
{
    return call_with_rights(c, "PATCH");
}

enum err policy_delete(struct cli *c)
{
    struct slice name;
    TRY(cli_need(c, "name", &name));
    TRY(cli_confirm(c, "deletes policy '%.*s' and its keys", SLICE_ARG(slice_head(name, 128))));
    return call_named(c, "DELETE", SLICE_NONE);
}

enum err policy_renew_key(struct cli *c)
{
    struct slice name, which;
    struct buf path = {0}, body = {0};
    char what[WHAT_MAX];
    TRY(cli_need(c, "name", &name));
    TRY(cli_need(c, "renew-key", &which));
    if (!slice_is_nocase(which, "primary") && !slice_is_nocase(which, "secondary"))
        return fail(ERR_INVALID, "--renew-key is primary or secondary");
    buf_printf(&path, "%s/renewKey", http_path(c, "/admin/v1/policies/", name));
    buf_printf(&body, "{\"keyType\":\"%.*s\"}", SLICE_ARG(which));
    const struct http_call call = {
        .method = "POST", .path = buf_cstr(&path), .body = buf_slice(&body)};
    enum err e = call_policy(c, &call, what_of(what, name));
    buf_free(&path);
    buf_free(&body);
    return e;
}
