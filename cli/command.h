/* command.h - one run of a verb: its options, its output.  What the verbs of this folder work with.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/arena.h"
#include "base/slice.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/progress.h"

/* Where an option is listed. */
enum cli_list {
    CLI_OWN,
    CLI_CONNECTING,
    CLI_PRINTING,
    CLI_LASTING,
    CLI_DESTROYING,
    CLI_GENERAL,
    CLI_FOREIGN, /* az's, which are taken and not looked at: no help and no Tab tells of them */
    CLI_LISTS
};

struct cli {
    const char *program; /* "azimuth" or "azm", as it was called */
    const struct cli_verb *verb;
    const struct cli_option *options[CLI_LISTS];
    const char *values[CLI_LISTS][CLI_OPTIONS_MAX];
    const struct cli_verb *const *tables; /* of cli_tables() */
    long wait_ms;                         /* for an answer of the hub; 0: as long as it takes */
    struct arena arena;                   /* everything that lives until the end */
    struct output output;
    struct progress progress;
};

/* The value of an option by its long name: NULL when it was not given, "" for a given switch. */
const char *cli_value(const struct cli *c, const char *name);

static inline bool cli_given(const struct cli *c, const char *name)
{
    return cli_value(c, name) != NULL;
}

bool cli_has(const struct cli *c, const char *name); /* is it one of the verb's options? */

/* ---- words.c: of options that take many words ("KEY=VALUE..."), which are in lines, one for each time that it was given */

enum { CLI_WORD_END = 0x1f, CLI_LINE_END = 0x1e };

/* The next word of the value, of whatever line; false: there is none. */
bool cli_next_word(struct slice *rest, struct slice *word);

/* Likewise of names, which may also stand in one word with commas or blanks between them. */
bool cli_next_name(struct slice *rest, struct slice *name);

/* Does what --set says with `object`: a.b=VALUE, JSON if it is some and else text, for each word. */
enum err cli_assign(struct cli *c, struct json *object) MUST_USE;

/* The member of that name, which is made an object if it is none. */
struct json *cli_object(struct cli *c, struct json *parent, struct slice name);

/* ---- options.c */

/* As cli_value(), ERR_INVALID with "--device-id is needed" when it was not given. */
enum err cli_need(const struct cli *c, const char *name, struct slice *out) MUST_USE;

/* A number from `min` to `max`, `initial` when it was not given. */
enum err cli_number(const struct cli *c, const char *name, int64_t min, int64_t max,
                    int64_t initial, int64_t *out) MUST_USE;

/* ---- durations.c: "500ms", "30s", "1.5m", "2h", "7d", or seconds; options of them have the value CLI_DURATION */

#define CLI_DURATION "DURATION"
#define CLI_LONG_US  (INT32_MAX * 1000000ll) /* longer than anybody waits */

/* As cli_number(), in microseconds. */
enum err cli_duration(const struct cli *c, const char *name, int64_t min_us, int64_t max_us,
                      int64_t initial_us, int64_t *out) MUST_USE;

/* Likewise in seconds, where the hub counts in those: ERR_INVALID for what lies between two. */
enum err cli_seconds(const struct cli *c, const char *name, int64_t min, int64_t max,
                     int64_t initial, int64_t *out) MUST_USE;

/* "10m" (before now) or "2026-01-31T12:00:00Z": microseconds since 1970.  false: neither. */
bool cli_moment(const char *text, int64_t *out);

/* ---- members of what is sent: a text, unless its ptr is NULL; a number, seconds, true or false, if its option was given
 */
void cli_set_text(struct cli *c, struct json *object, const char *name, struct slice text);
enum err cli_set_number(struct cli *c, struct json *object, const char *name, const char *option,
                        int64_t min, int64_t max) MUST_USE;
enum err cli_set_seconds(struct cli *c, struct json *object, const char *name, const char *option,
                         int64_t min, int64_t max) MUST_USE;
enum err cli_set_truth(struct cli *c, struct json *object, const char *name,
                       const char *option) MUST_USE;

/* The text of a buffer, which is freed, until the end of the run. */
const char *cli_keep(struct cli *c, struct buf *text);

/* Before what cannot be had back: asks on a terminal, unless --yes was given.  ERR_CLOSED: it is not wanted. */
enum err cli_confirm(struct cli *c, const char *fmt, ...) PRINTF(2, 3) MUST_USE;

/* The server's directory that was named, or NULL; also where --data of the verb is a message. */
const char *cli_data(const struct cli *c);

/* ---- for command.c and complete.c */

enum {
    SUGGEST_WORDS_MAX = 64, /* of a line that is completed */
    CLI_TABLES_MAX = 24,    /* the caller's, ours, and NULL */
};

/* All verbs in the order of the help: the caller's table, which may be NULL, ours, and NULL at the end. */
void cli_tables(const struct cli_verb *more, const struct cli_verb *out[CLI_TABLES_MAX]);

/* The verb with the most words that begin `argv`, and how many those are; NULL: none does. */
const struct cli_verb *cli_find_verb(const struct cli_verb *const *tables, int argc, char **argv,
                                     int *used);

/* Which options there are for c->verb, by its kind. */
void cli_choose_lists(struct cli *c);

/* The option that is typed so ("--device-id", "-d"), or NULL. */
const struct cli_option *cli_option_of(const struct cli *c, const char *word);

enum err cli_read_options(struct cli *c, int argc, char **argv, bool *help) MUST_USE;

/* ERR_INVALID: a file that is to be read is not there, or no file; nobody is asked for anything yet. */
enum err cli_check_files(const struct cli *c) MUST_USE;

/* Appends the help on a verb whose lists are chosen. */
void cli_help_verb(struct buf *out, const struct cli *c);

/* Appends the verbs of the tables that begin with the words of `prefix`; false: none do. */
bool cli_help_group(struct buf *out, const char *program, struct slice prefix,
                    const struct cli_verb *const *tables);

#endif
