/* password.h - a password that somebody types, or that a program writes to stdin.  Never an argument: others can
 * read those.
 *
 * Runs on: the main thread; blocks until it is there.
 * Limits:  PASSWORD_LINE_MAX bytes of the first line.
 */
#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

#include "cli/command.h"

enum { PASSWORD_LINE_MAX = 1024 };

#define PASSWORD_STDIN_OPTION                                                                      \
    {                                                                                              \
        "password-stdin", NULL, "reads the password from stdin instead of asking for it"           \
    }

/* Appends the line of stdin if --password-stdin was given; otherwise asks on the terminal, twice and without
 * echo.  ERR_INVALID: there is no terminal, they differ, or it is empty.  Ctrl-C ends the program as it does elsewhere,
 * and the terminal shows again what is typed. */
enum err password_ask(const struct cli *c, struct buf *out) MUST_USE;

#endif
