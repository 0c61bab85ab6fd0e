/* confirm.c - a question before what cannot be had back. */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/command.h"

/* The rest of a line that is too long is no answer. */
static bool says_yes(void)
{
    char line[16];
    if (fgets(line, sizeof line, stdin) == NULL) return false;
    struct slice answer = slice_trim(slice_str(line));
    return slice_is_nocase(answer, "y") || slice_is_nocase(answer, "yes");
}

/* Scripts have no terminal to be asked on, and know what they do. */
enum err cli_confirm(struct cli *c, const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    bool somebody = isatty(STDIN_FILENO) && isatty(STDERR_FILENO); /* who sees it, and can answer */
    if (cli_given(c, "yes") || !somebody) return OK;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    fprintf(stderr, "This %s. Go on? [y/N] ", buf_cstr(&text));
    fflush(stderr);
    buf_free(&text);
    return says_yes() ? OK : fail(ERR_CLOSED, "nothing was done; --yes does it without a question");
}
