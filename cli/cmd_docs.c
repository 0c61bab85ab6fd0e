/* cmd_docs.c - azimuth docs: where the documentation of this release can be read, with a browser and without a network:
 * at a server that runs, which has it beside its console, else in the files of the package. */
#include <ctype.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/target.h"

#define PACKAGE "/usr/share/doc/azimuth/html/"

enum { CODE_LEN = 4 }; /* C131 */

const struct cli_option docs_options[] = {
    {"cause", "CODE", "what it says of a refusal's cause, C131; may also stand alone"},
    {"", NULL, NULL},
};

static bool is_code(const char *text)
{
    if (toupper((unsigned char)text[0]) != 'C' || strlen(text) != CODE_LEN) return false;
    return strspn(text + 1, "0123456789") == CODE_LEN - 1;
}

/* Appends the page that is wanted, below the first. */
static enum err put_page(struct buf *out, const char *code)
{
    if (code && !is_code(code))
        return fail(ERR_INVALID, "'%s' is no cause of a refusal: they look like C131", code);
    if (code)
        buf_printf(out, "reference/why.html#c%s\n", code + 1);
    else
        buf_printf(out, "index.html\n");
    return OK;
}

static enum err put_place(struct cli *c, struct buf *out)
{
    struct target t;
    enum err e = target_find(c, &t);
    if (e != OK && e != ERR_NOT_FOUND) return e;
    if (e == OK && t.admin_url)
        buf_printf(out, "%s/console/docs/", t.admin_url);
    else if (access(PACKAGE "index.html", R_OK) == 0)
        buf_printf(out, "file://" PACKAGE);
    else
        return fail(
            ERR_NOT_FOUND,
            "no server with a console runs here, and no package has put its pages into " PACKAGE
            ": start one with '%s dev', or read docs/ of the source",
            c->program);
    return OK;
}

enum err docs_where(struct cli *c)
{
    struct buf line = {0};
    enum err e = put_place(c, &line);
    if (e == OK) e = put_page(&line, cli_value(c, "cause"));
    if (e == OK) e = output_text(buf_slice(&line));
    buf_free(&line);
    return e;
}
