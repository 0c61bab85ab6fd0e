/* cmd_profile.c - azimuth profile ...: the hubs of ~/.config/azimuth/config.yaml. */
#include <stdio.h>
#include <stdlib.h>

#include "auth/connstr.h"
#include "cli/cmd.h"
#include "cli/profile.h"

const struct cli_option profile_options[] = {{"name n", "NAME", "the profile"}, {"", NULL, NULL}};
const struct cli_option profile_show_options[] = {
    {"name n", "NAME", "the profile [the one that is used]"},
    {"show-keys", NULL, "with the key in the connection string"},
    {"", NULL, NULL}};
const struct cli_option profile_set_options[] = {
    {"name n", "NAME", "the profile"},
    {"login l", "CONNECTION_STRING", "the hub, and as whom"},
    {"ca", "FILE", "certificates to trust (PEM)"},
    {"admin-url", "URL", "where /admin/v1 is [https://HOST:8443]"},
    {"default", NULL, "it is used when nobody says --profile or AZIMUTH_PROFILE"},
    {"", NULL, NULL}};
const char profile_set_help[] =
    "    azimuth profile set lab --login \"$(azimuth connection-string)\" --ca lab.pem --default\n"
    "What is not said stays as it is. The file is written anew: comments in it are lost.";

static const char *const columns = "name default hostName policy ca adminUrl";

struct book {
    const char *path;
    struct json *all;
};

static enum err open_book(struct cli *c, struct book *out)
{
    out->path = profile_path(c);
    if (out->path == NULL) return fail(ERR_NOT_FOUND, "HOME is not set: there are no profiles");
    return profile_book_read(c, out->path, &out->all);
}

static struct json *find(const struct book *b, struct slice name)
{
    return json_find(json_get(b->all, "profiles"), name);
}

static enum err no_such(const struct book *b, struct slice name)
{
    return fail(ERR_NOT_FOUND, "there is no profile '%.*s' in %s", SLICE_ARG(slice_head(name, 128)),
                b->path);
}

/* Which one is used when nobody says; empty: the one without a name. */
static struct slice used(const struct book *b)
{
    const char *variable = getenv("AZIMUTH_PROFILE");
    return variable && *variable ? slice_str(variable) : json_str(b->all, "profile");
}

/* ---- shown */

static void set_truth(struct cli *c, struct json *out, const char *name, bool truth)
{
    struct json *value = json_new(&c->arena, JSON_BOOL);
    value->truth = truth;
    json_set(&c->arena, out, slice_str(name), value);
}

static struct slice without_key(struct cli *c, const struct connstr *s)
{
    struct connstr shown = *s;
    struct buf text = {0};
    if (shown.key.len) shown.key = SLICE_LIT("***");
    if (shown.signature.len) shown.signature = SLICE_LIT("***");
    connstr_write(&text, &shown);
    struct slice kept = arena_copy(&c->arena, buf_slice(&text));
    buf_free(&text);
    return kept;
}

static struct json *as_shown(struct cli *c, const struct book *b, struct slice name,
                             const struct json *profile, bool keys)
{
    struct json *out = json_new(&c->arena, JSON_OBJECT);
    struct slice text = json_str(profile, "connection-string");
    struct connstr s = {0};
    bool good = connstr_parse(text, &s) == OK;
    cli_set_text(c, out, "name", name);
    set_truth(c, out, "default", slice_eq(name, used(b)));
    cli_set_text(c, out, "hostName", good ? s.host : SLICE_NONE);
    cli_set_text(c, out, "policy", good && s.policy.len ? s.policy : SLICE_NONE);
    cli_set_text(c, out, "connectionString", keys ? text : good ? without_key(c, &s) : SLICE_NONE);
    if (json_get(profile, "ca")) cli_set_text(c, out, "ca", json_str(profile, "ca"));
    if (json_get(profile, "admin-url"))
        cli_set_text(c, out, "adminUrl", json_str(profile, "admin-url"));
    return out;
}

enum err profile_list(struct cli *c)
{
    struct book b;
    struct json *list = json_new(&c->arena, JSON_ARRAY);
    TRY(open_book(c, &b));
    if (json_get(b.all, "connection-string"))
        json_append(list, as_shown(c, &b, SLICE_LIT(""), b.all, false));
    const struct json *named = json_get(b.all, "profiles");
    for (const struct json *j = named ? named->child : NULL; j; j = j->next)
        json_append(list, as_shown(c, &b, j->key, j, false));
    return output_value(&c->output, &c->arena, list, columns);
}

enum err profile_show(struct cli *c)
{
    struct book b;
    TRY(open_book(c, &b));
    struct slice name = slice_str(cli_value(c, "name"));
    if (name.ptr == NULL) name = used(&b);
    bool unnamed = name.len == 0;
    const struct json *found = unnamed ? b.all : find(&b, name);
    if (found == NULL) return no_such(&b, name);
    if (unnamed && json_get(found, "connection-string") == NULL)
        return fail(ERR_NOT_FOUND, "no profile is used: 'profile set NAME --default' makes one");
    struct json *shown =
        as_shown(c, &b, unnamed ? SLICE_LIT("") : name, found, cli_given(c, "show-keys"));
    return output_value(&c->output, &c->arena, shown, columns);
}

/* ---- changed */

static enum err check_name(struct slice name)
{
    bool good = name.len <= PROFILE_NAME_MAX;
    for (size_t i = 0; i < name.len; i++) good = good && name.ptr[i] > ' ' && name.ptr[i] < 0x7f;
    return good ? OK
                : fail(ERR_INVALID,
                       "a profile's name has 1 to %d printable characters and no blanks",
                       PROFILE_NAME_MAX);
}

static enum err check_login(struct slice text)
{
    struct connstr s;
    char why[256];
    if (connstr_parse(text, &s) == OK) return OK;
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(ERR_INVALID, "--login: %s", why);
}

/* Where it is from everywhere. */
static enum err set_ca(struct cli *c, struct json *profile)
{
    const char *given = cli_value(c, "ca");
    char *whole = given ? realpath(given, NULL) : NULL;
    if (given && whole == NULL) return fail(ERR_INVALID, "--ca %s: there is no such file", given);
    if (whole) cli_set_text(c, profile, "ca", slice_str(whole));
    free(whole);
    return OK;
}

static enum err change(struct cli *c, struct json *profile)
{
    const struct {
        const char *option, *member;
    } rows[] = {{"login", "connection-string"}, {"admin-url", "admin-url"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cli_set_text(c, profile, rows[i].member, slice_str(cli_value(c, rows[i].option)));
    TRY(set_ca(c, profile));
    struct slice login = json_str(profile, "connection-string");
    if (login.len == 0) return fail(ERR_INVALID, "--login says which hub it is, and as whom");
    return check_login(login);
}

enum err profile_set(struct cli *c)
{
    struct book b;
    struct slice name;
    TRY(cli_need(c, "name", &name));
    TRY(check_name(name));
    TRY(open_book(c, &b));
    struct json *named = json_get(b.all, "profiles"), *profile = find(&b, name);
    if (named == NULL)
        named = json_set(&c->arena, b.all, SLICE_LIT("profiles"), json_new(&c->arena, JSON_OBJECT));
    if (profile == NULL)
        profile = json_set(&c->arena, named, name, json_new(&c->arena, JSON_OBJECT));
    TRY(change(c, profile));
    if (cli_given(c, "default")) cli_set_text(c, b.all, "profile", name);
    TRY(profile_book_write(b.path, b.all));
    return output_value(&c->output, &c->arena, as_shown(c, &b, name, profile, false), columns);
}

/* The profile that --name says, which has to be there. */
static enum err open_named(struct cli *c, struct book *b, struct slice *name,
                           const struct json **profile)
{
    TRY(cli_need(c, "name", name));
    TRY(open_book(c, b));
    *profile = find(b, *name);
    return *profile ? OK : no_such(b, *name);
}

enum err profile_use(struct cli *c)
{
    struct book b;
    struct slice name;
    const struct json *profile;
    TRY(open_named(c, &b, &name, &profile));
    cli_set_text(c, b.all, "profile", name);
    TRY(profile_book_write(b.path, b.all));
    return output_value(&c->output, &c->arena, as_shown(c, &b, name, profile, false), columns);
}

/* Nobody is left with a profile that is not there. */
enum err profile_delete(struct cli *c)
{
    struct book b;
    struct slice name;
    const struct json *profile;
    TRY(open_named(c, &b, &name, &profile));
    json_remove(json_get(b.all, "profiles"), profile);
    if (slice_eq(json_str(b.all, "profile"), name)) json_remove(b.all, json_get(b.all, "profile"));
    return profile_book_write(b.path, b.all);
}
