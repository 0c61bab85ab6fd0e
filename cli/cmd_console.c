/* cmd_console.c - azimuth console link: a link that signs in to the console, once. */
#include "cli/cmd.h"
#include "cli/http.h"

enum err console_link(struct cli *c)
{
    struct target t;
    struct json *answer;
    TRY(target_find(c, &t));
    if (t.data == NULL)
        return fail(ERR_DENIED, "a link is made on the server's own machine, as who runs it: use "
                                "--data DIR, or sign in with a connection string");
    const struct http_call call = {.method = "POST", .path = "/admin/v1/console/links"};
    TRY(http_json(&t, &call, "console", &answer));
    struct buf line = BUF_SECRET;
    buf_put_slice(&line, json_str(answer, "url"));
    buf_put_u8(&line, '\n');
    enum err e = output_text(buf_slice(&line));
    buf_wipe(&line);
    return e;
}
