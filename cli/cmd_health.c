/* cmd_health.c - azimuth health: whether the server accepts and acknowledges, for who looks every few seconds.
 *
 * Says nothing when all is well: containers keep what a health check prints. */
#include "cli/cmd.h"
#include "cli/http.h"

const char health_help[] = "HEALTHCHECK CMD [\"/usr/bin/azimuth\", \"health\"]";

enum err health_ask(struct cli *c)
{
    struct target t;
    struct http_answer a;
    const struct http_call call = {.method = "GET", .path = "/readyz"};
    TRY(target_find(c, &t));
    TRY(http_do(&t, &call, &a));
    struct slice why = json_str(a.json, "reason");
    enum err e = OK;
    if (a.status != 200)
        e = fail(ERR_IO, "%s does not acknowledge: %.*s (%ld)", t.name, SLICE_ARG(why), a.status);
    http_answer_free(&a);
    return e;
}
