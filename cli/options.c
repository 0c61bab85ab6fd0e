/* options.c - the words behind a verb: --name VALUE, --name=VALUE, -n VALUE, --switch; and as az reads them
 * --many VALUE VALUE, --switch true, --truth for --truth true. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/command.h"

static const struct cli_option none[] = {{"", NULL, NULL}};

static const struct cli_option connecting[] = {
    {"login l", "CONNECTION_STRING", "the hub, and as whom"},
    {"data", "DIR", "the directory of a server on this machine [./azimuth-data]"},
    {"profile", "NAME", "a hub of ~/.config/azimuth/config.yaml"},
    {"ca", "FILE", "certificates to trust (PEM)"},
    {"hub-name n", "NAME", "as in az; one server is one hub, so it is not looked at"},
    {"https-port", "PORT", "[443]"},
    {"mqtt-port", "PORT", "[8883]"},
    {"amqp-port", "PORT", "[5671]"},
    {"admin-url", "URL", "where /admin/v1 is [https://HOST:8443]"},
    {"debug", NULL, "HTTP requests and their answers on stderr, without secrets"},
    {"", NULL, NULL},
};

static const struct cli_option printing[] = {
    {"output o", "FORMAT",
     "table, json, jsonl, tsv, yaml or none [table on a terminal, else json]"},
    {"query", "JMESPATH", "prints only that part"},
    {"", NULL, NULL},
};

static const struct cli_option lasting[] = {
    {"progress", "HOW", "auto: a bar on a terminal; json: lines on stderr; none [auto]"},
    {"", NULL, NULL},
};

static const struct cli_option destroying[] = {
    {"yes y", NULL, "does not ask before it deletes; it asks on a terminal only"},
    {"", NULL, NULL},
};

static const struct cli_option general[] = {
    {"quiet only-show-errors", NULL, "no progress, no remarks"},
    {"help h", NULL, "this text"},
    {"", NULL, NULL},
};

/* az finds one hub among many by these, and asks for them everywhere. */
static const struct cli_option foreign[] = {
    {"dps-name", "NAME", "not looked at"},     {"resource-group g", "NAME", "not looked at"},
    {"subscription", "NAME", "not looked at"}, {"auth-type", "TYPE", "not looked at"},
    {"verbose", NULL, "not looked at"},        {"", NULL, NULL},
};

void cli_choose_lists(struct cli *c)
{
    c->options[CLI_OWN] = c->verb->options ? c->verb->options : none;
    c->options[CLI_CONNECTING] = c->verb->kind & CLI_CONNECTS ? connecting : none;
    c->options[CLI_PRINTING] = c->verb->kind & CLI_PRINTS ? printing : none;
    c->options[CLI_LASTING] = c->verb->kind & CLI_LASTS ? lasting : none;
    c->options[CLI_DESTROYING] = c->verb->kind & CLI_DESTROYS ? destroying : none;
    c->options[CLI_GENERAL] = general;
    c->options[CLI_FOREIGN] = c->verb->kind & CLI_CONNECTS ? foreign : none;
}

/* Is `name` among the words of an option's names? */
static bool has_name(const struct cli_option *o, struct slice name)
{
    struct slice rest = slice_str(o->names), word;
    while (slice_split(&rest, ' ', &word))
        if (slice_eq(word, name)) return true;
    return false;
}

/* Where an option is, and its value. */
struct place {
    enum cli_list list;
    size_t index;
};

/* Looks in list `first` and those behind it; false when there is no option of that name. */
static bool find(const struct cli *c, enum cli_list first, struct slice name, struct place *out)
{
    for (*out = (struct place){.list = first}; out->list < CLI_LISTS; out->list++) {
        for (out->index = 0; c->options[out->list][out->index].names[0]; out->index++) {
            assert(out->index < CLI_OPTIONS_MAX);
            if (has_name(&c->options[out->list][out->index], name)) return true;
        }
    }
    return false;
}

const char *cli_value(const struct cli *c, const char *name)
{
    struct place p;
    return find(c, CLI_OWN, slice_str(name), &p) ? c->values[p.list][p.index] : NULL;
}

bool cli_has(const struct cli *c, const char *name)
{
    struct place p;
    return find(c, CLI_OWN, slice_str(name), &p);
}

const char *cli_data(const struct cli *c)
{
    struct place p;
    return find(c, CLI_CONNECTING, SLICE_LIT("data"), &p) ? c->values[p.list][p.index] : NULL;
}

/* Where --data means a message: a directory with a server's socket is still meant as one. */
static bool is_data_directory(const struct cli *c, const char *value)
{
    struct buf path = {0};
    struct stat st;
    buf_printf(&path, "%s/azimuth.sock", value);
    bool yes = (c->verb->kind & CLI_BODY) && stat(buf_cstr(&path), &st) == 0;
    buf_free(&path);
    return yes;
}

static enum err unknown(const struct cli *c, const char *word)
{
    return fail(ERR_INVALID, "'%s' is not an option of '%s'; see '%s %s --help'", word,
                c->verb->words, c->program, c->verb->words);
}

/* Cuts "--name=value", "--name" or "-n" into its parts; no value: ptr NULL. */
static bool cut(const char *word, struct slice *name, struct slice *value)
{
    struct slice text = slice_str(word);
    bool is_long = slice_starts(text, SLICE_LIT("--"));
    *value = SLICE_NONE;
    *name = slice_from(text, is_long ? 2 : 1);
    if (text.len < 2 || text.ptr[0] != '-' || name->len == 0) return false;
    if (!is_long) return true;
    *value = *name;
    slice_split(value, '=', name);
    return true;
}

const struct cli_option *cli_option_of(const struct cli *c, const char *word)
{
    struct slice name, value;
    struct place p;
    bool known = cut(word, &name, &value) && value.ptr == NULL && find(c, CLI_OWN, name, &p);
    return known ? &c->options[p.list][p.index] : NULL;
}

static bool takes_many(const struct cli_option *o)
{
    return slice_ends(slice_str(o->value), SLICE_LIT("..."));
}

/* Words up to the next option; given again, there is one line for each time. */
static void read_many(struct cli *c, const struct place *p, struct slice first, int argc,
                      char **argv, int *at)
{
    struct buf text = {0};
    const char *before = c->values[p->list][p->index];
    if (before) buf_printf(&text, "%s%c", before, CLI_LINE_END);
    buf_put_slice(&text, first);
    for (; *at < argc && argv[*at][0] != '-'; ++*at) {
        if (buf_size(&text)) buf_put_u8(&text, CLI_WORD_END);
        buf_put_str(&text, argv[*at]);
    }
    c->values[p->list][p->index] = (const char *)arena_copy(&c->arena, buf_slice(&text)).ptr;
    buf_free(&text);
}

static bool is_truth(struct slice text)
{
    return slice_is_nocase(text, "true") || slice_is_nocase(text, "false");
}

/* A switch; az takes true and false behind it, and so may who comes from there. */
static enum err read_switch(struct slice name, struct slice value, int argc, char **argv, int *at,
                            const char **out)
{
    if (value.ptr && !is_truth(value))
        return fail(ERR_INVALID, "--%.*s takes no value but true and false", SLICE_ARG(name));
    if (value.ptr == NULL && *at < argc && is_truth(slice_str(argv[*at])))
        value = slice_str(argv[(*at)++]);
    *out = value.ptr && slice_is_nocase(value, "false") ? NULL : "";
    return OK;
}

static bool stands_alone(const struct cli_option *o, int argc, char **argv, int at)
{
    return strcmp(o->value, "BOOL") == 0 && (at == argc || argv[at][0] == '-');
}

static enum err read_one(struct cli *c, int argc, char **argv, int *at)
{
    const char *word = argv[(*at)++];
    struct slice name, value;
    struct place p;
    if (c->verb->kind & CLI_WORD && word[0] != '-' && c->values[CLI_OWN][0] == NULL) {
        c->values[CLI_OWN][0] = word;
        return OK;
    }
    if (!cut(word, &name, &value) || !find(c, CLI_OWN, name, &p)) return unknown(c, word);
    const struct cli_option *option = &c->options[p.list][p.index];
    if (option->value == NULL)
        return read_switch(name, value, argc, argv, at, &c->values[p.list][p.index]);
    if (value.ptr == NULL && stands_alone(option, argc, argv, *at)) value = SLICE_LIT("true");
    if (value.ptr == NULL && *at == argc)
        return fail(ERR_INVALID, "%s needs a value: %s %s", word, word, option->value);
    if (takes_many(option)) {
        read_many(c, &p, value, argc, argv, at);
        return OK;
    }
    const char *text = value.ptr ? (const char *)value.ptr : argv[(*at)++];
    if (slice_is(name, "data") && is_data_directory(c, text)) find(c, CLI_CONNECTING, name, &p);
    c->values[p.list][p.index] = text;
    return OK;
}

enum err cli_read_options(struct cli *c, int argc, char **argv, bool *help)
{
    cli_choose_lists(c);
    *help = false;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) *help = true;
    for (int at = 0; !*help && at < argc;) TRY(read_one(c, argc, argv, &at));
    return OK;
}

static enum err check_file(const struct cli_option *o, const char *path)
{
    struct stat st;
    struct slice names = slice_str(o->names), name = slice_head(names, slice_find(names, ' '));
    if (strcmp(path, "-") == 0) return OK; /* standard input */
    bool there = stat(path, &st) == 0;
    if (!there && errno == ENOENT)
        return fail(ERR_INVALID, "--%.*s %s: there is no such file", SLICE_ARG(name), path);
    if (there && S_ISDIR(st.st_mode))
        return fail(ERR_INVALID, "--%.*s %s: it is a folder", SLICE_ARG(name), path);
    if (there && access(path, R_OK) == 0) return OK;
    (void)!fail_errno("--%.*s %s cannot be read", SLICE_ARG(name), path);
    return ERR_INVALID;
}

enum err cli_check_files(const struct cli *c)
{
    for (enum cli_list list = 0; list < CLI_LISTS; list++) {
        for (size_t i = 0; c->options[list][i].names[0]; i++) {
            const struct cli_option *o = &c->options[list][i];
            bool read = o->value && strcmp(o->value, "FILE") == 0 && c->values[list][i];
            if (read) TRY(check_file(o, c->values[list][i]));
        }
    }
    return OK;
}

enum err cli_need(const struct cli *c, const char *name, struct slice *out)
{
    const char *value = cli_value(c, name);
    if (value == NULL || *value == '\0')
        return fail(ERR_INVALID, "--%s is needed; see '%s %s --help'", name, c->program,
                    c->verb->words);
    *out = slice_str(value);
    return OK;
}

enum err cli_number(const struct cli *c, const char *name, int64_t min, int64_t max,
                    int64_t initial, int64_t *out)
{
    const char *text = cli_value(c, name);
    *out = initial;
    if (text == NULL) return OK;
    if (num_i64(slice_str(text), out) == OK && *out >= min && *out <= max) return OK;
    if (max == INT64_MAX)
        return fail(ERR_INVALID, "--%s %s: a number of %lld or more was expected", name, text,
                    (long long)min);
    return fail(ERR_INVALID, "--%s %s: a number from %lld to %lld was expected", name, text,
                (long long)min, (long long)max);
}

void cli_set_text(struct cli *c, struct json *object, const char *name, struct slice text)
{
    if (text.ptr) json_set(&c->arena, object, slice_str(name), json_new_string(&c->arena, text));
}

enum err cli_set_number(struct cli *c, struct json *object, const char *name, const char *option,
                        int64_t min, int64_t max)
{
    int64_t number;
    if (!cli_given(c, option)) return OK;
    TRY(cli_number(c, option, min, max, min, &number));
    json_set(&c->arena, object, slice_str(name), json_new_i64(&c->arena, number));
    return OK;
}

enum err cli_set_truth(struct cli *c, struct json *object, const char *name, const char *option)
{
    const char *given = cli_value(c, option);
    if (given == NULL) return OK;
    struct json *value = json_new(&c->arena, JSON_BOOL);
    value->truth = slice_is_nocase(slice_str(given), "true");
    if (!value->truth && !slice_is_nocase(slice_str(given), "false"))
        return fail(ERR_INVALID, "--%s is true or false", option);
    json_set(&c->arena, object, slice_str(name), value);
    return OK;
}

const char *cli_keep(struct cli *c, struct buf *text)
{
    const char *kept = (const char *)arena_copy(&c->arena, buf_slice(text)).ptr;
    buf_wipe(text);
    return kept;
}
