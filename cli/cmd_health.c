/* cmd_health.c - azimuth health: whether the server accepts and acknowledges, for who looks every few seconds.
 *
 * Says nothing when all is well: containers keep what a health check prints. */
#include "cli/cmd.h"
#include "cli/health.h"

const char health_help[] = "Status 0: what is sent now is acknowledged; 1: not, and why is said; "
                           "3: no server runs there.\n"
                           "HEALTHCHECK CMD [\"/usr/bin/azimuth\", \"health\"]";

enum err health_of(const struct target *t, const struct http_answer *a)
{
    struct slice why = json_str(a->json, "reason");
    if (a->status == 200) return OK;
    if (why.len == 0) why = http_message(t, a);
    if (why.len == 0) why = SLICE_LIT("it does not say why");
    return fail(ERR_IO, "%s does not acknowledge: %.*s (%ld)", t->name, SLICE_ARG(why), a->status);
}

enum err health_ask(struct cli *c)
{
    struct target t;
    struct http_answer a;
    const struct http_call call = {.method = "GET", .path = "/readyz"};
    TRY(target_find(c, &t));
    TRY(http_do(&t, &call, &a));
    enum err e = health_of(&t, &a);
    http_answer_free(&a);
    return e;
}
