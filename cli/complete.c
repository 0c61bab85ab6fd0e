/* complete.c - azimuth completion: scripts for shells, and what they ask while somebody types.
 *
 * The scripts hold no words of their own: at every Tab they run `completion suggest` with what has
 * been typed, so that they never are older than the program.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/profile.h"

/* Those that every hub has; of others only the server's own machine is told. */
#define POLICIES                                                                                   \
    "iothubowner service device registryRead registryReadWrite provisioningserviceowner"

enum {
    SUGGEST_WAIT_MS =
        200, /* longer and Tab feels broken, unless somebody says so who knows the line */
    SUGGEST_WAIT_MS_MAX = 60000,
    SUGGEST_IDS_MAX = 1000,
};

const struct cli_option completion_suggest_options[] = {
    {"words", "LINES", "what was typed behind the program's name, a word per line"},
    {"", NULL, NULL}};

/* ---- scripts */

static const char bash_script[] =
    "# azimuth completion bash: source <(azimuth completion bash)\n"
    "_azimuth() {\n"
    "    local IFS=$'\\n'\n"
    "    COMPREPLY=($(\"${COMP_WORDS[0]}\" completion suggest \\\n"
    "        --words=\"${COMP_WORDS[*]:1:COMP_CWORD}\" 2>/dev/null))\n"
    "}\n"
    "complete -o default -F _azimuth azimuth azm\n";

static const char zsh_script[] =
    "#compdef azimuth azm\n"
    "# azimuth completion zsh: source <(azimuth completion zsh), after compinit\n"
    "_azimuth() {\n"
    "    local -a found\n"
    "    found=(\"${(@f)$(\"${words[1]}\" completion suggest \\\n"
    "        --words=\"${(F)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    if [[ -n \"${found[1]}\" ]]; then compadd -a found; else _files; fi\n"
    "}\n"
    "if [[ \"${funcstack[1]}\" = _azimuth ]]; then _azimuth \"$@\"; else compdef _azimuth azimuth "
    "azm; "
    "fi\n";

static const char fish_script[] =
    "# azimuth completion fish: azimuth completion fish | source\n"
    "function __azimuth_complete\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    set -l found ($words[1] completion suggest --words=(string join \\x1f -- $words[2..]) "
    "2>/dev/null)\n"
    "    if set -q found[1]\n"
    "        printf '%s\\n' $found\n"
    "    else\n"
    "        __fish_complete_path (commandline -ct)\n"
    "    end\n"
    "end\n"
    "complete -c azimuth -f -a '(__azimuth_complete)'\n"
    "complete -c azm -f -a '(__azimuth_complete)'\n";

enum err completion_bash(struct cli *c)
{
    (void)c;
    return output_text(slice_str(bash_script));
}

enum err completion_zsh(struct cli *c)
{
    (void)c;
    return output_text(slice_str(zsh_script));
}

enum err completion_fish(struct cli *c)
{
    (void)c;
    return output_text(slice_str(fish_script));
}

/* ---- suggestions */

struct suggest {
    struct cli *cli;
    char *words[SUGGEST_WORDS_MAX]; /* all but the last are whole */
    int count;
    struct slice begun; /* the last */
    struct buf out;
};

/* Once each, however many verbs begin with it. */
static void offer(struct suggest *s, struct slice word)
{
    struct slice rest = buf_slice(&s->out), line;
    if (!slice_starts(word, s->begun)) return;
    while (slice_split(&rest, '\n', &line))
        if (slice_eq(line, word)) return;
    buf_put_slice(&s->out, word);
    buf_put_u8(&s->out, '\n');
}

/* The next word of verbs that begin with the first `n` words. */
static void offer_verb(struct suggest *s, const char *name)
{
    struct slice rest = slice_str(name), word;
    for (int i = 0; i < s->count - 1; i++)
        if (!slice_split(&rest, ' ', &word) || !slice_is(word, s->words[i])) return;
    if (slice_split(&rest, ' ', &word)) offer(s, word);
}

static void offer_verbs(struct suggest *s)
{
    for (const struct cli_verb *const *table = s->cli->tables; *table; table++) {
        for (const struct cli_verb *v = *table; v->words; v++) {
            if (v->kind & CLI_HIDDEN) continue;
            offer_verb(s, v->words);
            if (v->alias) offer_verb(s, v->alias);
        }
    }
}

static void offer_option(struct suggest *s, const struct cli_option *o)
{
    struct slice rest = slice_str(o->names), name;
    struct buf word = {0};
    if (!slice_split(&rest, ' ', &name)) return;
    buf_printf(&word, "--%.*s", SLICE_ARG(name));
    offer(s, buf_slice(&word));
    buf_free(&word);
}

/* Words of which one is a value of that option; ids come from the hub. */
static void offer_fixed(struct suggest *s, struct slice option)
{
    static const char *const values[][2] = {
        {"output", "table json jsonl tsv yaml none"},
        {"format", "sh dotenv json github"},
        {"status", "enabled disabled"},
        {"auth-method", "shared_private_key x509_thumbprint x509_ca"},
        {"key-type", "primary secondary swap"},
        {"edge-enabled", "true false"},
        {"by", "messages bytes"},
        {"protocol", "mqtt http"},
        {"receive-settle", "complete abandon reject"},
        {"device-auth-type", "shared_private_key x509_thumbprint"},
        {"from", "beginning latest"},
        {"properties", "sys app anno all"},
        {"policy", POLICIES},
        {"policy-name", POLICIES},
        {"log-level", "error warn info debug trace"},
    };
    struct slice rest, word;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (!slice_is(option, values[i][0])) continue;
        rest = slice_str(values[i][1]);
        while (slice_split(&rest, ' ', &word)) offer(s, word);
    }
}

/* Of the environment, for hubs that are far away; what is none counts for nothing, at a Tab. */
static long suggest_wait_ms(void)
{
    const char *variable = getenv("AZIMUTH_COMPLETION_WAIT");
    int64_t us;
    if (variable == NULL || num_duration_us(slice_str(variable), &us) != OK || us < 1000)
        return SUGGEST_WAIT_MS;
    return (long)MIN(us / 1000, SUGGEST_WAIT_MS_MAX);
}

/* In the short time that somebody waits for a Tab; no hub is no suggestion.  ERR_DENIED: who asks may not. */
static enum err offer_answer(struct suggest *s, struct cli *typed, const struct http_call *call,
                             const char *member)
{
    struct target t;
    struct json *list;
    typed->wait_ms = suggest_wait_ms();
    TRY(target_find(typed, &t));
    TRY(http_json(&t, call, "list", &list));
    for (const struct json *j = list ? list->child : NULL; j; j = j->next)
        offer(s, json_str(j, member));
    return OK;
}

static void offer_ids(struct suggest *s, struct cli *typed, const char *path, const char *member)
{
    (void)!offer_answer(s, typed, &(struct http_call){.method = "GET", .path = path}, member);
}

/* Of many thousands those that begin so; who may not query is shown the first of all. */
static void offer_devices(struct suggest *s, struct cli *typed)
{
    struct buf query = {0}, body = {0};
    enum err e = ERR_DENIED;
    if (s->begun.len && slice_find(s->begun, '\'') == s->begun.len) {
        buf_printf(&query, "SELECT deviceId FROM devices WHERE STARTSWITH(deviceId, '%.*s')",
                   SLICE_ARG(s->begun));
        buf_put_str(&body, "{\"query\":");
        text_json_string(&body, buf_slice(&query));
        buf_put_u8(&body, '}');
        const struct http_call call = {.method = "POST",
                                       .path = "/devices/query",
                                       .body = buf_slice(&body),
                                       .max_items = SUGGEST_IDS_MAX};
        e = offer_answer(s, typed, &call, "deviceId");
    }
    if (e == ERR_DENIED) offer_ids(s, typed, "/devices?top=1000", "deviceId");
    buf_free(&query);
    buf_free(&body);
}

static void offer_policies(struct suggest *s, struct cli *typed, struct slice option)
{
    offer_ids(s, typed, "/admin/v1/policies", "keyName");
    if (buf_size(&s->out) == 0) offer_fixed(s, option);
}

/* The hubs that are written down; a file that cannot be read has none. */
static void offer_profiles(struct suggest *s, struct cli *typed)
{
    struct json *book;
    const char *path = profile_path(typed);
    if (path == NULL || profile_book_read(typed, path, &book) != OK) return;
    const struct json *named = json_get(book, "profiles");
    for (const struct json *j = named ? named->child : NULL; j; j = j->next) offer(s, j->key);
}

/* Of the device that was typed. */
static void offer_modules(struct suggest *s, struct cli *typed)
{
    struct buf path = {0};
    struct slice device = slice_str(cli_value(typed, "device-id"));
    if (device.len == 0) return;
    buf_printf(&path, "%s/modules", http_path(typed, "/devices/", device));
    offer_ids(s, typed, cli_keep(typed, &path), "moduleId");
}

/* Lists of which one is meant: by an option of that name, or the first one of these verbs. */
static const struct {
    const char *name;
    const struct cli_option *first;
    const char *path, *member;
} lists[] = {
    {"event-hub-name", NULL, "/admin/v1/event-hubs", "name"},
    {NULL, eventhub_options, "/admin/v1/event-hubs", "name"},
    {NULL, eventhub_update_options, "/admin/v1/event-hubs", "name"},
    {"consumer-group", NULL, "/admin/v1/consumer-groups", "name"},
    {NULL, consumer_group_options, "/admin/v1/consumer-groups", "name"},
    {NULL, saved_query_options, "/admin/v1/saved-queries", "name"},
    {"config-id", NULL, "/configurations", "id"},
    {"deployment-id", NULL, "/configurations", "id"},
    {NULL, diagnostic_options, "/admin/v1/diagnostic-settings", "name"},
    {NULL, diagnostic_create_options, "/admin/v1/diagnostic-settings", "name"},
    {NULL, diagnostic_update_options, "/admin/v1/diagnostic-settings", "name"},
    {NULL, ca_options, "/admin/v1/certificates", "name"},
    {NULL, ca_change_options, "/admin/v1/certificates", "name"},
    {NULL, ca_verify_options, "/admin/v1/certificates", "name"},
    {NULL, policy_options, "/admin/v1/policies", "keyName"},
    {NULL, policy_renew_options, "/admin/v1/policies", "keyName"},
    {NULL, user_options, "/admin/v1/users", "name"},
    {NULL, user_update_options, "/admin/v1/users", "name"},
    {NULL, user_password_options, "/admin/v1/users", "name"},
    {NULL, job_options, "/jobs/v2/query?pageSize=100", "jobId"},
};

static bool offer_listed(struct suggest *s, struct cli *typed, const struct cli_option *o,
                         struct slice name)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (o != lists[i].first && !(lists[i].name && slice_is(name, lists[i].name))) continue;
        offer_ids(s, typed, lists[i].path, lists[i].member);
        return true;
    }
    return false;
}

static bool is_profile(const struct cli_option *o, struct slice name)
{
    return slice_is(name, "profile") || o == profile_options || o == profile_show_options ||
           o == profile_set_options;
}

static void offer_values(struct suggest *s, struct cli *typed, const struct cli_option *o)
{
    struct slice rest = slice_str(o->names), name = SLICE_NONE;
    slice_split(&rest, ' ', &name);
    if (is_profile(o, name))
        offer_profiles(s, typed);
    else if (slice_is(name, "device-id"))
        offer_devices(s, typed);
    else if (slice_is(name, "module-id"))
        offer_modules(s, typed);
    else if (slice_is(name, "policy") || slice_is(name, "policy-name"))
        offer_policies(s, typed, name);
    else if (!offer_listed(s, typed, o, name))
        offer_fixed(s, name);
}

static void offer_options(struct suggest *s, const struct cli *typed)
{
    for (enum cli_list list = 0; list < CLI_FOREIGN; list++)
        for (size_t i = 0; typed->options[list][i].names[0]; i++)
            offer_option(s, &typed->options[list][i]);
}

/* May what is begun be the word of a verb that takes one (`profile use NAME`)? */
static bool may_be_word(const struct suggest *s, const struct cli *typed)
{
    return typed->verb->kind & CLI_WORD && typed->values[CLI_OWN][0] == NULL &&
           !slice_starts(s->begun, SLICE_LIT("-"));
}

/* Behind a verb: its options, or the values of the one that was begun.  What was typed so far also
 * says which hub is meant. */
static void offer_behind(struct suggest *s, const struct cli_verb *verb, int used)
{
    struct cli typed = {.verb = verb, .program = s->cli->program};
    int whole = s->count - 1 - used; /* words between the verb and the one that is begun */
    cli_choose_lists(&typed);
    const struct cli_option *o = whole > 0 ? cli_option_of(&typed, s->words[s->count - 2]) : NULL;
    bool help, valued = o && o->value;
    bool read = cli_read_options(&typed, whole - valued, s->words + used, &help) == OK;
    if (read && valued) offer_values(s, &typed, o);
    bool word = read && !valued && may_be_word(s, &typed);
    if (word) offer_values(s, &typed, typed.options[CLI_OWN]);
    bool file =
        word && strcmp(typed.options[CLI_OWN][0].value, "FILE") == 0; /* the shell's affair */
    if (!valued && !file && buf_size(&s->out) == 0) offer_options(s, &typed);
    arena_free(&typed.arena);
}

/* A word per line, or between unit separators: fish takes lines apart.  Shells cut "--name=value" at
 * the equal sign and give it as a word. */
static enum err read_words(struct suggest *s, struct slice text)
{
    struct slice line = SLICE_NONE;
    uint8_t end = slice_find(text, '\x1f') < text.len ? '\x1f' : '\n';
    while (slice_split(&text, end, &line)) {
        if (slice_is(line, "=")) continue;
        if (s->count == SUGGEST_WORDS_MAX) return fail(ERR_TOO_BIG, "too many words");
        char *word = arena_zero(&s->cli->arena, line.len + 1);
        if (line.len) memcpy(word, line.ptr, line.len);
        s->words[s->count++] = word;
    }
    s->begun = line;
    return OK;
}

enum err completion_suggest(struct cli *c)
{
    struct suggest s = {.cli = c};
    struct slice text;
    int used;
    if (!cli_given(c, "words")) return fail(ERR_INVALID, "--words is needed");
    text = slice_str(cli_value(c, "words"));
    TRY(read_words(&s, text));
    const struct cli_verb *verb = cli_find_verb(c->tables, s.count - 1, s.words, &used);
    if (verb == NULL || s.count - 1 == used) offer_verbs(&s);
    if (verb && buf_size(&s.out) == 0) offer_behind(&s, verb, used);
    enum err e = output_text(buf_slice(&s.out));
    buf_free(&s.out);
    return e;
}
