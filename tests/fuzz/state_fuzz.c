/* state_fuzz.c - azimuth import azure-state: whatever a state file says, each request that it makes is one a hub can
 * read, and nothing of the file gets out of its place in it.  And hub state export: whatever a hub answers, what is
 * written is JSON.
 *
 * Input: a byte of modes, a byte of whose bits each says whether the hub refuses the next request, and the file.  To
 * an export it is what the hub answers: an object with a member for each kind of question.  The linker puts this file
 * between the command and its file, and between it and the hub (CMakeLists.txt).
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

enum { DRY_RUN = 1, REPLACE = 2, EXPORT = 4 };

#define LOGIN "HostName=hub.local;SharedAccessKeyName=iothubowner;SharedAccessKey=a2V5"

static struct slice file;
static unsigned refusals, calls; /* a bit each for eight of them; how many there were */
static bool emptied;             /* the hub's devices were listed */
static const struct json *told;  /* to an export: what the hub says; else NULL */

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
static bool is_job(void)
{
    struct arena arena = {0};
    struct json *doc;
    bool job = json_parse(&arena, file, &doc) != OK || json_get(doc, "id");
    arena_free(&arena);
    return job;
}

static bool is_deletion(const struct json *entry)
{
    return slice_is(json_str(entry, "id"), "old") &&
           slice_is(json_str(entry, "importMode"), "delete");
}

static void check_devices(const struct json *list)
{
    unsigned count = 0;
    bool job = is_job();
    assert(list->type == JSON_ARRAY);
    for (const struct json *j = list->child; j; j = j->next, count++) {
        const struct json *id = json_get(j, "id"), *mode = json_get(j, "importMode");
        assert(id && id->type == JSON_STRING && mode);
        assert(job || slice_is(mode->text, "createOrUpdate") || is_deletion(j));
    }
    assert(count > 0 && count <= IDENTITY_BULK_MAX);
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
    bool refused = refusals >> calls % 8 & 1;
    check_call(call);
    const char *text = answer_of(call, refused);
    *out = (struct http_answer){.status = refused ? statuses[calls % 4] : 200};
    calls++;
    if (told && !refused) {
        out->json = told_of(call);
        return OK;
    }
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

static void export(void)
{
    struct cli c = {.program = "azimuth"};
    struct target hub = {.cli = &c, .name = "hub.local"};
    const struct aspects all = {true, true, true, true};
    struct state_counts counts = {0};
    struct json *doc, *written;
    char *text;
    size_t len;
    if (json_parse(&c.arena, file, &doc) == OK && doc->type == JSON_OBJECT) {
        FILE *out = open_memstream(&text, &len);
        told = doc;
        enum err e = state_write(&c, &hub, &all, out, &counts);
        fclose(out);
        if (e == OK) {
            enum err read = json_parse(&c.arena, slice_of(text, len), &written);
            assert(read == OK || read == ERR_TOO_BIG); /* it is deeper than what the hub said */
        }
        free(text);
    }
    told = NULL;
    arena_free(&c.arena);
}

static void import(unsigned modes)
{
    char *argv[8] = {"azimuth", "import", "azure-state", "state.json", "--login", LOGIN};
    int argc = 6;
    if (modes & DRY_RUN) argv[argc++] = "--dry-run";
    if (modes & REPLACE) argv[argc++] = "--replace";
    cli_main(argc, argv, NULL);
    assert(calls == 0 || !(modes & DRY_RUN));
}

void fuzz_one(struct slice input)
{
    unsigned modes = input.len ? input.ptr[0] : 0;
    refusals = input.len > 1 ? input.ptr[1] : 0;
    file = slice_from(input, 2);
    calls = 0;
    emptied = false;
    be_silent();
    if (modes & EXPORT)
        export();
    else
        import(modes);
}
