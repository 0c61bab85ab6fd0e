/* state_fuzz.c - azimuth import azure-state: whatever a state file says, each request that it makes is one a hub can
 * read, and nothing of the file gets out of its place in it.  And hub state export: whatever a hub answers, what is
 * written is JSON.  And hub state migrate: whatever a hub answers, another is asked for what an import of its export
 * asks for, or for nothing.
 *
 * Input: a byte of modes, a byte of whose bits each says whether a hub refuses the next request to it, and the file.
 * To an export and a migration it is what the hub answers: an object with a member for each kind of question.  The
 * linker puts this file between the command and its file, and between it and the hubs (CMakeLists.txt).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/file.h"
#include "cli/http.h"
#include "cli/identity.h"
#include "cli/state.h"
#include "fuzz.h"

enum { DRY_RUN = 1, REPLACE = 2, EXPORT = 4, MIGRATE = 8 };

#define LOGIN_OF(host) "HostName=" host ";SharedAccessKeyName=iothubowner;SharedAccessKey=a2V5"
#define ORIGIN         "origin.local"
#define SOME_FILE      "/dev/null" /* there must be one */

static char login[] = LOGIN_OF("hub.local"), origin_login[] = LOGIN_OF(ORIGIN);
static struct slice file;
static bool loaded;             /* the command has read it */
static bool job;                /* it has lines */
static unsigned refusals;       /* a bit each for eight calls of a hub */
static unsigned calls;          /* of the hub that is written to */
static unsigned questions;      /* to the one that is exported */
static bool emptied;            /* the hub's devices were listed */
static const struct json *told; /* what the one that is exported says */
static struct buf sent;         /* to the other one */

enum err __wrap_file_load_max(struct cli *c, const char *path, size_t max, struct slice *out);
enum err __wrap_output_value(const struct output *o, struct arena *a, const struct json *value,
                             const char *columns);
enum err __wrap_http_do(struct target *t, const struct http_call *call, struct http_answer *out);
enum err __wrap_http_json(struct target *t, const struct http_call *call, const char *what,
                          struct json **json);

enum err __wrap_file_load_max(struct cli *c, const char *path, size_t max, struct slice *out)
{
    (void)path;
    assert(file.len <= max);
    *out = arena_copy(&c->arena, file);
    loaded = true;
    return OK;
}

/* What it prints is counts, and nobody reads them. */
enum err __wrap_output_value(const struct output *o, struct arena *a, const struct json *value,
                             const char *columns)
{
    (void)o, (void)a, (void)columns;
    assert(value->type == JSON_OBJECT);
    return OK;
}

/* ---- what is asked */

static bool is_of_a_head(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~') return false;
    return true;
}

/* Lines of a job go on as they are. */
static bool has_lines(struct slice text)
{
    struct arena arena = {0};
    struct json *doc;
    bool lines = json_parse(&arena, text, &doc) != OK || json_get(doc, "id");
    arena_free(&arena);
    return lines;
}

static bool is_deletion(const struct json *entry)
{
    return slice_is(json_str(entry, "id"), "old") &&
           slice_is(json_str(entry, "importMode"), "delete");
}

static void check_devices(const struct json *list)
{
    unsigned count = 0;
    assert(list->type == JSON_ARRAY);
    for (const struct json *j = list->child; j; j = j->next, count++) {
        const struct json *id = json_get(j, "id"), *mode = json_get(j, "importMode");
        assert(id && id->type == JSON_STRING && mode);
        assert(job || slice_is(mode->text, "createOrUpdate") || is_deletion(j));
    }
    assert(count > 0 && count <= IDENTITY_BULK_MAX);
}

/* Nothing is changed where it comes from. */
static void check_question(const struct http_call *call)
{
    assert(strcmp(call->method, "GET") == 0 || strcmp(call->path, "/devices/query") == 0);
}

static void note_call(const struct http_call *call)
{
    buf_printf(&sent, "%s %s %s ", call->method, call->path, call->if_match ? call->if_match : "");
    buf_put_slice(&sent, call->body);
    buf_put_u8(&sent, '\n');
}

static void check_call(const struct http_call *call)
{
    struct arena arena = {0};
    struct json *body;
    assert(call->path[0] == '/' && is_of_a_head(call->path) && strchr(call->path, ' ') == NULL);
    assert(call->if_match == NULL || is_of_a_head(call->if_match));
    if (call->body.len) {
        enum err e = json_parse(&arena, call->body, &body);
        assert(e == OK || e == ERR_TOO_BIG); /* it is as deep as the file, and one deeper */
        if (e == OK && strcmp(call->path, "/devices") == 0) check_devices(body);
    }
    arena_free(&arena);
}

/* ---- what is answered */

static const char *answer_of(const struct http_call *call, bool refused)
{
    bool devices = strcmp(call->path, "/devices") == 0;
    if (refused && devices)
        return "{\"errors\":[{\"deviceId\":\"d\",\"errorStatus\":\"why\"}],\"warnings\":5}";
    if (refused) return "{\"Message\":\"ErrorCode:ArgumentInvalid;why\"}";
    if (strcmp(call->path, "/admin/v1/routing") == 0)
        return "{\"etag\":\"e\",\"properties\":{\"routing\":{\"routes\":[{\"name\":\"r\"}]}}}";
    if (strncmp(call->path, "/configurations?", 16) == 0) return "[{\"id\":\"old\"}]";
    if (strcmp(call->path, "/devices/query") != 0) return "{\"isSuccessful\":true}";
    bool first = !emptied;
    emptied = true;
    return first ? "[{\"deviceId\":\"old\"}]" : "[]";
}

/* What there is none of is answered with nothing. */
static struct json *told_of(const struct http_call *call)
{
    static const struct {
        const char *path, *member;
    } kinds[] = {{"/devices/query", "query"},
                 {"/configurations", "configurations"},
                 {"/admin/v1/hub", "hub"},
                 {"/admin/v1/routing", "routing"},
                 {"/admin/v1/certificates", "certificates"},
                 {"/admin/v1/consumer-groups", "groups"},
                 {"/twins/", "twin"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(call->path, kinds[i].path, strlen(kinds[i].path)) == 0)
            return json_get(told, kinds[i].member);
    return json_get(told, strstr(call->path, "/modules") ? "modules" : "identity");
}

enum err __wrap_http_do(struct target *t, const struct http_call *call, struct http_answer *out)
{
    static const long statuses[] = {400, 409, 412, 429};
    bool origin = strcmp(t->name, ORIGIN) == 0;
    unsigned *count = origin ? &questions : &calls;
    bool refused = refusals >> *count % 8 & 1;
    check_call(call);
    if (origin)
        check_question(call);
    else
        note_call(call);
    *out = (struct http_answer){.status = refused ? statuses[*count % 4] : 200};
    ++*count;
    if (origin && !refused) {
        out->json = told_of(call);
        return OK;
    }
    const char *text = answer_of(call, refused);
    buf_put_str(&out->body, text);
    return json_parse(&t->cli->arena, slice_str(text), &out->json);
}

enum err __wrap_http_json(struct target *t, const struct http_call *call, const char *what,
                          struct json **json)
{
    struct http_answer a;
    TRY(__wrap_http_do(t, call, &a));
    enum err e = a.status >= 300 ? http_refusal(t, &a, what) : OK;
    *json = a.json;
    http_answer_free(&a);
    return e;
}

/* ---- */

/* What it complains of is not of interest; libFuzzer keeps the old one. */
static void be_silent(void)
{
    static FILE *nothing;
    if (nothing) return;
    nothing = fopen("/dev/null", "w");
    assert(nothing);
    stderr = nothing;
}

static void begin(void)
{
    calls = questions = 0;
    emptied = false;
    buf_clear(&sent);
}

/* *text: free() it, also after an error. */
static enum err write_state(char **text, size_t *len)
{
    struct cli c = {.program = "azimuth"};
    struct target hub = {.cli = &c, .name = ORIGIN};
    const struct aspects all = {true, true, true, true};
    struct state_counts counts = {0};
    begin();
    FILE *out = open_memstream(text, len);
    enum err e = state_write(&c, &hub, &all, out, &counts);
    fclose(out);
    arena_free(&c.arena);
    return e;
}

static void export(void)
{
    struct arena arena = {0};
    struct json *written;
    char *text;
    size_t len;
    if (write_state(&text, &len) == OK) {
        enum err read = json_parse(&arena, slice_of(text, len), &written);
        assert(read == OK || read == ERR_TOO_BIG); /* it is deeper than what the hub said */
    }
    free(text);
    arena_free(&arena);
}

static void import(unsigned modes)
{
    char *argv[8] = {"azimuth", "import", "azure-state", SOME_FILE, "--login", login};
    int argc = 6;
    if (modes & DRY_RUN) argv[argc++] = "--dry-run";
    if (modes & REPLACE) argv[argc++] = "--replace";
    begin();
    job = has_lines(file);
    loaded = false;
    cli_main(argc, argv, NULL);
    assert(loaded);
    assert(calls == 0 || !(modes & DRY_RUN));
}

static void migrate(unsigned modes)
{
    char *argv[9] = {"azimuth",    "hub",     "state", "migrate", "--origin-hub-login",
                     origin_login, "--login", login};
    char *text;
    size_t len;
    if (modes & REPLACE) argv[8] = "--replace";
    begin();
    job = false;
    cli_main(modes & REPLACE ? 9 : 8, argv, NULL);
    struct buf migrated = sent;
    sent = (struct buf){0};
    if (write_state(&text, &len) == OK) {
        file = slice_of(text, len);
        import(modes & REPLACE);
    }
    assert(slice_eq(buf_slice(&migrated), buf_slice(&sent)));
    buf_free(&migrated);
    free(text);
}

/* `file` is what the hub says. */
static void with_hub(unsigned modes)
{
    struct arena arena = {0};
    struct json *doc;
    if (json_parse(&arena, file, &doc) == OK && doc->type == JSON_OBJECT) {
        told = doc;
        if (modes & EXPORT)
            export();
        else
            migrate(modes);
    }
    arena_free(&arena);
}

void fuzz_one(struct slice input)
{
    unsigned modes = input.len ? input.ptr[0] : 0;
    refusals = input.len > 1 ? input.ptr[1] : 0;
    file = slice_from(input, 2);
    be_silent();
    if (modes & (EXPORT | MIGRATE))
        with_hub(modes);
    else
        import(modes);
    buf_free(&sent);
}
