/* cmd_policy.c - azimuth hub policy ...: shared access policies, as `az iot hub policy`. */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/http.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "name n", "NAME", "the policy"                                                             \
    }
const struct cli_option policy_options[] = {NAME_OPTION, {"", NULL, NULL}};
const struct cli_option policy_renew_options[] = {
    NAME_OPTION, {"renew-key rk", "KEY", "primary or secondary"}, {"", NULL, NULL}};

static const char *const columns = "keyName rights";

enum { WHAT_MAX = 160 };

static const char *what_of(char what[WHAT_MAX], struct slice name)
{
    snprintf(what, WHAT_MAX, "policy '%.*s'", SLICE_ARG(slice_head(name, 128)));
    return what;
}

/* Keys are told on the server's own machine alone. */
static enum err call_policy(struct cli *c, const struct http_call *call, const char *what)
{
    struct target t;
    struct json *answer;
    TRY(target_find(c, &t));
    if (t.data == NULL)
        return fail(ERR_DENIED, "keys of policies are told on the server's own machine, to who "
                                "runs it: use --data DIR");
    TRY(http_json(&t, call, what, &answer));
    return output_value(&c->output, &c->arena, answer, columns);
}

enum err policy_list(struct cli *c)
{
    const struct http_call call = {.method = "GET", .path = "/admin/v1/policies"};
    return call_policy(c, &call, "list of policies");
}

enum err policy_show(struct cli *c)
{
    struct slice name;
    char what[WHAT_MAX];
    TRY(cli_need(c, "name", &name));
    const struct http_call call = {.method = "GET",
                                   .path = http_path(c, "/admin/v1/policies/", name)};
    return call_policy(c, &call, what_of(what, name));
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
