/* cli.h - the command line: a table of verbs, their options, and how each run ends.
 *
 * A verb is one or more words ("hub device-identity create"), a list of options and a function.  The
 * names follow `az iot`, so that hands already know them.  The server's own verbs (serve, dev) are
 * rows of the same table with a `main` of their own.
 *
 * Runs on: the main thread of the process.
 * Errors:  a verb returns an error with fail_text(): one sentence that names the thing, the reason
 *          and the next step.  cli_main() prints it on stderr and turns the code into the status.
 * Limits:  CLI_OPTIONS_MAX options per verb, CLI_WORDS_MAX words in its name.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/err.h"

enum { CLI_OPTIONS_MAX = 64, CLI_WORDS_MAX = 4 };

/* How the process ends: stable, for scripts. */
enum cli_status {
    CLI_DONE,
    CLI_FAILED,
    CLI_USAGE,
    CLI_NOT_FOUND,
    CLI_REFUSED,
    CLI_TIMED_OUT,
    CLI_CONFLICT,
};

struct cli;

struct cli_option {
    const char *names; /* "device-id d": the long name, others, a letter; "" ends a list */
    const char *
        value; /* what the value is called in the help; NULL: a switch; "KEY=VALUE...": several words, and
                          several times, which cli_value() has with blanks in a line and lines; "FILE": one
                          that is read, and is there when the verb runs */
    const char *help;
};

enum cli_kind {
    CLI_PLAIN,
    CLI_CONNECTS = 1,  /* talks to a hub: --login, --data and where to find it */
    CLI_PRINTS = 2,    /* prints values: --output, --query */
    CLI_HIDDEN = 8,    /* not for people: neither help nor completion names it */
    CLI_WORD = 16,     /* a word that is no option is the value of the verb's first one */
    CLI_LASTS = 32,    /* may take long: --progress */
    CLI_DESTROYS = 64, /* what cannot be had back: --yes */
    CLI_BODY = 4,      /* --data is a message, as in az; a server's directory is still recognised */
};

struct cli_verb {
    const char *words;   /* NULL ends a table */
    const char *summary; /* one line of the help */
    unsigned kind;
    const struct cli_option *options; /* NULL: none */
    enum err (*run)(struct cli *c);
    int (*main)(int argc, char **argv); /* instead of `run`: gets the words behind the verb */
    const char *more;                   /* the end of the help: notes, examples; may be NULL */
    const char *alias;                  /* another name of it, or NULL */
};

/* Runs what `argv` asks for, out of our own verbs and those of the caller; returns the status. */
int cli_main(int argc, char **argv, const struct cli_verb *more_verbs);

#endif
