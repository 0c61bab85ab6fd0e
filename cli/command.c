/* command.c - from the words on the command line to a verb, and from its end to a status. */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

static enum cli_status status_of(enum err e)
{
    switch (e) {
    case OK: return CLI_DONE;
    case ERR_INVALID: return CLI_USAGE;
    case ERR_NOT_FOUND: return CLI_NOT_FOUND;
    case ERR_DENIED:
    case ERR_DISABLED:
    case ERR_EXPIRED: return CLI_REFUSED;
    case ERR_TIMEOUT: return CLI_TIMED_OUT;
    case ERR_EXISTS:
    case ERR_CONFLICT:
    case ERR_PRECONDITION: return CLI_CONFLICT;
    default: return CLI_FAILED;
    }
}

/* How many of the first words of argv are those of `words`, all of them; 0: they are not. */
static int words_in(const char *words, int argc, char **argv)
{
    struct slice rest = slice_str(words), word;
    int n = 0;
    while (slice_split(&rest, ' ', &word))
        if (n == argc || !slice_is(word, argv[n++])) return 0;
    return n;
}

const struct cli_verb *cli_find_verb(const struct cli_verb *const *tables, int argc, char **argv,
                                     int *used)
{
    const struct cli_verb *found = NULL;
    *used = 0;
    for (; *tables; tables++) {
        for (const struct cli_verb *v = *tables; v->words; v++) {
            int n = words_in(v->words, argc, argv);
            if (n == 0 && v->alias) n = words_in(v->alias, argc, argv);
            if (n <= *used) continue;
            *used = n;
            found = v;
        }
    }
    return found;
}

static void print(FILE *to, struct buf *text)
{
    fputs(buf_cstr(text), to);
    fflush(to);
    buf_free(text);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

/* The first of those words, as many as a verb begins with: "hub" of "hub devices". */
static struct slice begun(struct slice words, const char *program,
                          const struct cli_verb *const *tables)
{
    struct buf help = {0};
    while (words.len && !cli_help_group(&help, program, words, tables)) {
        size_t cut = slice_rfind(words, ' ');
        words = slice_head(words, cut < words.len ? cut : 0);
    }
    buf_free(&help);
    return words;
}

/* No verb: help on the words that there are, or what is wrong with them and where to look. */
static int help_or_complain(const char *program, int argc, char **argv,
                            const struct cli_verb *const *tables)
{
    struct buf said = {0}, text = {0};
    bool asked = argc == 0 || asks_for_help(argc, argv);
    int words = 0;
    for (; words < argc && argv[words][0] != '-'; words++)
        buf_printf(&said, "%s%s", words ? " " : "", argv[words]);
    bool group = cli_help_group(&text, program, buf_slice(&said), tables);
    struct slice known = begun(buf_slice(&said), program, tables);
    if (group && !asked && words < argc)
        fprintf(stderr, "%s: '%s' stands before a verb\n", program, argv[words]);
    if (!group)
        buf_printf(&text,
                   "%s: there is no verb '%s'; '%s %.*s%s--help' lists those that there are\n",
                   program, buf_cstr(&said), program, SLICE_ARG(known), known.len ? " " : "");
    print(group && asked ? stdout : stderr, &text);
    buf_free(&said);
    return group && asked && argc > 0 ? CLI_DONE : CLI_USAGE;
}

static enum err run(struct cli *c, int argc, char **argv)
{
    bool help;
    TRY(cli_read_options(c, argc, argv, &help));
    if (help) {
        struct buf text = {0};
        cli_help_verb(&text, c);
        print(stdout, &text);
        return OK;
    }
    TRY(cli_check_files(c));
    TRY(output_init(&c->output, &c->arena, cli_value(c, "output"), cli_value(c, "query")));
    TRY(progress_init(&c->progress, cli_value(c, "progress"), cli_given(c, "quiet")));
    return c->verb->run(c);
}

static const char *program_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* It may quote what a hub, and so a stranger, said. */
static void tell_failure(const char *program)
{
    struct buf out = {0};
    struct slice rest = slice_str(fail_text()), line;
    buf_printf(&out, "%s: ", program);
    while (slice_split(&rest, '\n', &line)) {
        text_shown(&out, line);
        buf_put_u8(&out, '\n');
    }
    fputs(buf_cstr(&out), stderr);
    buf_free(&out);
}

int cli_main(int argc, char **argv, const struct cli_verb *more_verbs)
{
    const struct cli_verb *tables[CLI_TABLES_MAX];
    cli_tables(more_verbs, tables);
    struct cli c = {.program = argc > 0 ? program_name(argv[0]) : "azimuth", .tables = tables};
    int used;
    argc = argc > 0 ? argc - 1 : 0;
    argv++;
    c.verb = cli_find_verb(tables, argc, argv, &used);
    if (c.verb == NULL) return help_or_complain(c.program, argc, argv, tables);
    if (c.verb->main) return c.verb->main(argc - used, argv + used);
    enum err e = run(&c, argc - used, argv + used);
    progress_clear(&c.progress);
    if (e != OK) tell_failure(c.program);
    arena_wipe(&c.arena);
    return (int)status_of(e);
}
