/* help.c - what --help prints on each level, from the tables of verbs and options. */
#include <string.h>

#include "cli/command.h"

enum { COLUMN = 30, VERB_COLUMN = 50 };

static void pad(struct buf *out, size_t from, size_t column)
{
    size_t used = buf_size(out) - from;
    for (; used < column; used++) buf_put_u8(out, ' ');
}

/* --device-id, -d ID */
static void put_option(struct buf *out, const struct cli_option *o)
{
    struct slice rest = slice_str(o->names), name;
    size_t start = buf_size(out);
    const char *gap = "  ";
    while (slice_split(&rest, ' ', &name)) {
        buf_printf(out, "%s%s%.*s", gap, name.len > 1 ? "--" : "-", SLICE_ARG(name));
        gap = ", ";
    }
    if (o->value) buf_printf(out, " %s", o->value);
    if (buf_size(out) - start >= COLUMN) {
        buf_put_u8(out, '\n');
        start = buf_size(out);
    }
    pad(out, start, COLUMN);
    buf_printf(out, "%s\n", o->help);
}

static bool takes_durations(const struct cli *c)
{
    for (const struct cli_option *o = c->options[CLI_OWN]; o->names[0]; o++)
        if (o->value && strcmp(o->value, CLI_DURATION) == 0) return true;
    return false;
}

void cli_help_verb(struct buf *out, const struct cli *c)
{
    static const char *const titles[CLI_FOREIGN] = {"options",           "where the hub is",
                                                    "what is printed",   "how far it is",
                                                    "before it deletes", "and"};
    buf_printf(out, "usage: %s %s ", c->program, c->verb->words);
    if (c->verb->kind & CLI_WORD) buf_printf(out, "[%s] ", c->options[CLI_OWN][0].value);
    buf_printf(out, "[OPTION...]\n\n%s.\n", c->verb->summary);
    for (enum cli_list list = 0; list < CLI_FOREIGN; list++) {
        if (c->options[list][0].names[0] == '\0') continue;
        buf_printf(out, "\n%s:\n", titles[list]);
        for (size_t i = 0; c->options[list][i].names[0]; i++) put_option(out, &c->options[list][i]);
    }
    if (takes_durations(c))
        buf_put_str(out, "\nA DURATION is 30s, 5m, 2h or 1d; a number alone means seconds.\n");
    if (c->verb->kind & CLI_CONNECTS)
        buf_put_str(
            out,
            "\nWithout --login, --data or --profile the hub is that of AZIMUTH_CONNECTION_STRING, "
            "IOTHUB_CONNECTION_STRING,\nthe profile ~/.config/azimuth/config.yaml or "
            "the server of ./azimuth-data or of /var/lib/azimuth, in this order.\n");
    if (c->verb->alias) buf_printf(out, "\nAlso '%s %s'.\n", c->program, c->verb->alias);
    if (c->verb->more) buf_printf(out, "\n%s\n", c->verb->more);
}

static bool begins_with(const char *words, struct slice prefix)
{
    struct slice text = slice_str(words);
    return prefix.len == 0 || slice_eq(text, prefix) ||
           (slice_starts(text, prefix) && text.ptr[prefix.len] == ' ');
}

bool cli_help_group(struct buf *out, const char *program, struct slice prefix,
                    const struct cli_verb *const *tables)
{
    bool any = false;
    for (; *tables; tables++) {
        for (const struct cli_verb *v = *tables; v->words; v++) {
            if ((v->kind & CLI_HIDDEN) || !begins_with(v->words, prefix)) continue;
            if (!any)
                buf_printf(out, "usage: %s %.*s%sVERB [OPTION...]\n\n", program, SLICE_ARG(prefix),
                           prefix.len ? " " : "");
            size_t start = buf_size(out);
            buf_printf(out, "  %s", v->words);
            pad(out, start, VERB_COLUMN);
            buf_printf(out, " %s\n", v->summary);
            any = true;
        }
    }
    if (any) buf_printf(out, "\n'%s VERB --help' says more about each.\n", program);
    return any;
}
