/* password.c - without echo on the terminal, wherever stdin and stdout lead. */
#include "cli/password.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "base/mem.h"

static enum err take_line(FILE *from, struct buf *out)
{
    char line[PASSWORD_LINE_MAX + 2];
    bool read = fgets(line, sizeof line, from) != NULL;
    size_t len = read ? strcspn(line, "\r\n") : 0;
    buf_put(out, line, len);
    mem_wipe(line, sizeof line);
    if (len == 0) return fail(ERR_INVALID, "no password was given");
    return len <= PASSWORD_LINE_MAX ? OK : fail(ERR_INVALID, "the password is too long");
}

static enum err ask_once(FILE *tty, const char *prompt, struct buf *out)
{
    struct termios before, quiet;
    if (tcgetattr(fileno(tty), &before) != 0) return fail_errno("the terminal");
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fputs(prompt, tty);
    fflush(tty);
    tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
    enum err e = take_line(tty, out);
    tcsetattr(fileno(tty), TCSAFLUSH, &before);
    fputs("\n", tty);
    fflush(tty);
    return e;
}

static enum err ask_twice(struct buf *out)
{
    struct buf again = {0};
    FILE *tty = fopen("/dev/tty", "r+");
    if (tty == NULL)
        return fail(ERR_INVALID,
                    "there is no terminal to ask for the password: use --password-stdin");
    setvbuf(tty, NULL, _IONBF, 0);
    enum err e = ask_once(tty, "Password: ", out);
    if (e == OK) e = ask_once(tty, "Once more: ", &again);
    fclose(tty);
    bool same = slice_eq(buf_slice(out), buf_slice(&again));
    buf_wipe(&again);
    return e != OK || same ? e : fail(ERR_INVALID, "the two passwords differ");
}

enum err password_ask(const struct cli *c, struct buf *out)
{
    return cli_given(c, "password-stdin") ? take_line(stdin, out) : ask_twice(out);
}
