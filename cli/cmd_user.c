/* cmd_user.c - azimuth user ...: who signs in to the console by name. */
#include <stdio.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/password.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "name n", "NAME", "the user; also as a word of its own"                                    \
    }
#define ROLE_OPTION                                                                                \
    {                                                                                              \
        "role", "ROLE", "reader, operator or administrator"                                        \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option user_options[] = {NAME_OPTION, END};
const struct cli_option user_create_options[] = {NAME_OPTION, ROLE_OPTION, PASSWORD_STDIN_OPTION,
                                                 END};
const struct cli_option user_password_options[] = {NAME_OPTION, PASSWORD_STDIN_OPTION, END};
const struct cli_option user_update_options[] = {NAME_OPTION,
                                                 ROLE_OPTION,
                                                 {"disable", NULL, "signs in no more"},
                                                 {"enable", NULL, "may sign in again"},
                                                 END};
const char user_create_help[] =
    "    azimuth user create maria --role operator\n"
    "    azimuth user create maria --role operator --password-stdin < secret.txt\n\n"
    "A reader sees everything but keys; an operator also calls methods, writes twins and sends "
    "messages; an\n"
    "administrator may do everything.";

static const char *const columns = "name role status created passwordChanged";

enum { WHAT_MAX = 160 };

/* Users are managed on the server's own machine, or in the console. */
static enum err find_server(struct cli *c, struct target *t)
{
    TRY(target_find(c, t));
    return t->data ? OK
                   : fail(ERR_DENIED, "users are managed on the server's own machine, by who runs "
                                      "it, or in the console: use --data DIR");
}

static enum err call_users(struct cli *c, struct target *t, const char *method, struct slice body)
{
    const char *name = cli_value(c, "name");
    char what[WHAT_MAX] = "list of users";
    struct json *answer;
    if (name) snprintf(what, sizeof what, "user '%.128s'", name);
    const struct http_call call = {.method = method,
                                   .path = name ? http_path(c, "/admin/v1/users/", slice_str(name))
                                                : "/admin/v1/users",
                                   .body = body};
    TRY(http_json(t, &call, what, &answer));
    return answer ? output_value(&c->output, &c->arena, answer, columns) : OK;
}

static enum err call_named(struct cli *c, const char *method)
{
    struct target t;
    struct slice name;
    TRY(cli_need(c, "name", &name));
    TRY(find_server(c, &t));
    return call_users(c, &t, method, SLICE_NONE);
}

enum err user_list(struct cli *c)
{
    struct target t;
    TRY(find_server(c, &t));
    return call_users(c, &t, "GET", SLICE_NONE);
}

enum err user_show(struct cli *c)
{
    return call_named(c, "GET");
}

enum err user_delete(struct cli *c)
{
    struct slice name;
    TRY(cli_need(c, "name", &name));
    TRY(cli_confirm(c, "deletes user %.*s and ends all sessions of that name",
                    SLICE_ARG(slice_head(name, 128))));
    return call_named(c, "DELETE");
}

static void put_member(struct buf *body, const char *name, struct slice value)
{
    buf_printf(body, "%s\"%s\":", buf_size(body) > 1 ? "," : "", name);
    text_json_string(body, value);
}

/* {"role":...,"password":...}: the role if one was given, the password if one is asked for. */
static enum err send_user(struct cli *c, const char *method, struct slice role, bool password)
{
    struct target t;
    struct buf body = BUF_SECRET, typed = BUF_SECRET;
    TRY(find_server(c, &t));
    enum err e = password ? password_ask(c, &typed) : OK;
    buf_put_u8(&body, '{');
    if (role.len) put_member(&body, "role", role);
    if (password) put_member(&body, "password", buf_slice(&typed));
    if (cli_given(c, "disable")) put_member(&body, "status", SLICE_LIT("disabled"));
    if (cli_given(c, "enable")) put_member(&body, "status", SLICE_LIT("enabled"));
    buf_put_u8(&body, '}');
    if (e == OK) e = call_users(c, &t, method, buf_slice(&body));
    buf_wipe(&typed);
    buf_wipe(&body);
    return e;
}

enum err user_create(struct cli *c)
{
    struct slice name, role;
    TRY(cli_need(c, "name", &name));
    TRY(cli_need(c, "role", &role));
    return send_user(c, "PUT", role, true);
}

enum err user_set_password(struct cli *c)
{
    struct slice name;
    TRY(cli_need(c, "name", &name));
    return send_user(c, "PATCH", SLICE_NONE, true);
}

enum err user_update(struct cli *c)
{
    struct slice name, role = slice_str(cli_value(c, "role"));
    TRY(cli_need(c, "name", &name));
    bool disable = cli_given(c, "disable"), enable = cli_given(c, "enable");
    if (disable && enable) return fail(ERR_INVALID, "--disable and --enable exclude each other");
    if (!disable && !enable && role.len == 0)
        return fail(ERR_INVALID, "nothing is to be changed: --role, --disable or --enable");
    return send_user(c, "PATCH", role, false);
}
