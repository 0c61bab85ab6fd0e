/* cmd_session.c - azimuth session ...: who has signed in to the console, and is put out. */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/http.h"

const struct cli_option signed_in_options[] = {
    {"number n", "NUMBER", "the session's, as the list has it; also as a word of its own"},
    {"", NULL, NULL}};

static const char *const columns = "number name address began used expires";

enum { WHAT_MAX = 160 };

/* Sessions are ended on the server's own machine, or in the console. */
static enum err find_server(struct cli *c, struct target *t)
{
    TRY(target_find(c, t));
    return t->data
               ? OK
               : fail(ERR_DENIED, "sessions are shown and ended on the server's own machine, by "
                                  "who runs it, or in the console: use --data DIR");
}

enum err signed_in_list(struct cli *c)
{
    struct target t;
    struct json *answer;
    TRY(find_server(c, &t));
    const struct http_call call = {.method = "GET", .path = "/admin/v1/sessions"};
    TRY(http_json(&t, &call, "list of sessions", &answer));
    return output_value(&c->output, &c->arena, answer, columns);
}

enum err signed_in_end(struct cli *c)
{
    struct target t;
    struct slice number;
    struct json *answer;
    char what[WHAT_MAX];
    TRY(cli_need(c, "number", &number));
    TRY(find_server(c, &t));
    snprintf(what, sizeof what, "session '%.128s'", cli_value(c, "number"));
    const struct http_call call = {.method = "DELETE",
                                   .path = http_path(c, "/admin/v1/sessions/", number)};
    return http_json(&t, &call, what, &answer);
}
