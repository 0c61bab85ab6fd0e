/* password.c - without echo on the terminal, wherever stdin and stdout lead. */
#include "cli/password.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

/* A line with its end, if it has one, and room for NUL. */
typedef char password_line[PASSWORD_LINE_MAX + 2];

static enum err take(password_line line, struct buf *out)
{
    size_t len = strcspn(line, "\r\n");
    buf_put(out, line, len);
    mem_wipe(line, sizeof(password_line));
    if (len == 0) return fail(ERR_INVALID, "no password was given");
    return len <= PASSWORD_LINE_MAX ? OK : fail(ERR_INVALID, "the password is too long");
}

static enum err take_stdin(struct buf *out)
{
    password_line line = "";
    if (fgets(line, sizeof line, stdin) == NULL) line[0] = '\0';
    return take(line, out);
}

/* ---- the terminal is left as it was found, whatever ends the question */

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { ENDINGS = sizeof endings / sizeof *endings };

static volatile sig_atomic_t ended_by; /* 0: nothing yet */

static void on_ending(int number)
{
    ended_by = number;
}

struct asking {
    struct termios terminal;
    struct sigaction actions[ENDINGS];
    sigset_t mask;
};

/* Endings come in while the line is waited for, and at no other time: none is missed between two looks. */
static void be_quiet(int fd, struct asking *before)
{
    const struct sigaction noted = {.sa_handler = on_ending};
    struct termios quiet = before->terminal;
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < ENDINGS; i++) sigaddset(&held, endings[i]);
    ended_by = 0;
    sigprocmask(SIG_BLOCK, &held, &before->mask);
    for (size_t i = 0; i < ENDINGS; i++) {
        sigaction(endings[i], NULL, &before->actions[i]);
        bool ignored = before->actions[i].sa_handler == SIG_IGN; /* nohup */
        if (!ignored) sigaction(endings[i], &noted, NULL);
    }
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &quiet);
}

/* What came in happens as if nobody had asked. */
static void be_as_before(int fd, const struct asking *before)
{
    tcsetattr(fd, TCSAFLUSH, &before->terminal);
    for (size_t i = 0; i < ENDINGS; i++) sigaction(endings[i], &before->actions[i], NULL);
    if (ended_by) raise(ended_by);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static bool wait_for_keys(int fd, const struct asking *before)
{
    struct pollfd typed = {.fd = fd, .events = POLLIN};
    int n;
    do n = ppoll(&typed, 1, NULL, &before->mask);
    while (n < 0 && errno == EINTR && ended_by == 0);
    return n > 0;
}

/* Ctrl-D hands over what was typed so far, which is no line yet. */
static bool read_line(int fd, const struct asking *before, password_line line)
{
    size_t len = 0;
    while (len < sizeof(password_line) - 1 && memchr(line, '\n', len) == NULL) {
        if (!wait_for_keys(fd, before)) return false;
        ssize_t n = read(fd, line + len, sizeof(password_line) - 1 - len);
        if (n <= 0) break;
        len += (size_t)n;
    }
    line[len] = '\0';
    return true;
}

static enum err ask_once(FILE *tty, const char *prompt, struct buf *out)
{
    struct asking before = {0};
    if (tcgetattr(fileno(tty), &before.terminal) != 0) return fail_errno("the terminal");
    be_quiet(fileno(tty), &before);
    fputs(prompt, tty);
    fflush(tty);
    password_line line = "";
    bool answered = read_line(fileno(tty), &before, line);
    enum err e = answered ? take(line, out) : fail(ERR_CLOSED, "nobody answered");
    mem_wipe(line, sizeof line);
    fputs("\n", tty);
    fflush(tty);
    be_as_before(fileno(tty), &before);
    return e;
}

static enum err ask_twice(struct buf *out)
{
    struct buf again = BUF_SECRET;
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
    return cli_given(c, "password-stdin") ? take_stdin(out) : ask_twice(out);
}
