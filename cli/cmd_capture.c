/* cmd_capture.c - azimuth hub capture ...: Event Hubs Capture, options as `az eventhubs eventhub`. */
#include "cli/cmd.h"
#include "cli/http.h"

/* As the hub has them (capture/capture.h). */
enum {
    INTERVAL_S_MIN = 60,
    INTERVAL_S_MAX = 900,
    LIMIT_MIN = 10485760,
    LIMIT_MAX = 524288000,
};

#define EVENT_HUB                                                                                  \
    {                                                                                              \
        "event-hub-name n", "NAME", "the event hub [the built-in one]"                             \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option capture_create_options[] = {
    EVENT_HUB,
    {"folder", "PATH", "files go to DATA/capture/PATH of the server; . is that folder itself"},
    {"storage-connection-string cs", "TEXT", "of the storage account that gets the files"},
    {"blob-container", "NAME", "its container"},
    {"capture-interval", CLI_DURATION, "the oldest that a file becomes, 60 s to 900 s [5m]"},
    {"capture-size-limit", "BYTES", "the largest, 10485760 to 524288000 [314572800]"},
    {"archive-name-format", "TEMPLATE",
     "[{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}]"},
    {"encoding", "NAME", "Avro, AvroDeflate or AvroSnappy [Avro]"},
    {"skip-empty-archives", NULL, "no files without events"},
    {"disabled", NULL, "only say how; nothing is captured"},
    END};
const struct cli_option capture_options[] = {EVENT_HUB, END};

const char capture_help[] =
    "    azimuth hub capture create --folder archive --capture-interval 60\n"
    "    azimuth hub capture create --cs 'AccountName=..;AccountKey=..' --blob-container events";

#define CAPTURES "/admin/v1/captures"

static const char *const columns =
    "eventHub enabled=captureDescription.enabled interval=captureDescription.intervalInSeconds "
    "destination=captureDescription.destination.name";

/* ---- the event hub that is meant */

static enum err find_event_hub(struct cli *c, struct target *t, struct slice *out)
{
    struct json *hub;
    const struct http_call call = {.method = "GET", .path = "/admin/v1/hub"};
    *out = slice_str(cli_value(c, "event-hub-name"));
    TRY(target_find(c, t));
    if (out->len) return OK;
    TRY(http_json(t, &call, "hub", &hub));
    *out = json_str(hub, "hubName");
    return OK;
}

/* ---- what it is to be */

static void set(struct cli *c, struct json *object, const char *member, struct json *value)
{
    json_set(&c->arena, object, slice_str(member), value);
}

static void set_truth(struct cli *c, struct json *object, const char *member, bool truth)
{
    struct json *value = json_new(&c->arena, JSON_BOOL);
    value->truth = truth;
    set(c, object, member, value);
}

static enum err set_destination(struct cli *c, struct json *doc)
{
    struct json *to = json_new(&c->arena, JSON_OBJECT), *in = json_new(&c->arena, JSON_OBJECT);
    const char *folder = cli_value(c, "folder"), *container = cli_value(c, "blob-container");
    if ((folder == NULL) == (container == NULL))
        return fail(ERR_INVALID, "--folder or --blob-container says where the files go");
    if (folder && slice_is(slice_str(folder), ".")) folder = "";
    cli_set_text(c, to, "name",
                 slice_str(folder ? "Azimuth.Folder" : "EventHubArchive.AzureBlockBlob"));
    cli_set_text(c, in, "folder", slice_str(folder));
    cli_set_text(c, in, "blobContainer", slice_str(container));
    cli_set_text(c, in, "connectionString", slice_str(cli_value(c, "storage-connection-string")));
    cli_set_text(c, in, "archiveNameFormat", slice_str(cli_value(c, "archive-name-format")));
    set(c, to, "properties", in);
    set(c, doc, "destination", to);
    return OK;
}

static enum err describe(struct cli *c, struct json *doc)
{
    set_truth(c, doc, "enabled", cli_value(c, "disabled") == NULL);
    set_truth(c, doc, "skipEmptyArchives", cli_value(c, "skip-empty-archives") != NULL);
    cli_set_text(c, doc, "encoding", slice_str(cli_value(c, "encoding")));
    TRY(cli_set_seconds(c, doc, "intervalInSeconds", "capture-interval", INTERVAL_S_MIN,
                        INTERVAL_S_MAX));
    TRY(cli_set_number(c, doc, "sizeLimitInBytes", "capture-size-limit", LIMIT_MIN, LIMIT_MAX));
    return set_destination(c, doc);
}

/* ---- verbs */

static enum err ask(struct cli *c, const char *method, const struct json *doc)
{
    struct target t;
    struct slice name;
    struct json *answer;
    struct buf body = BUF_SECRET, what = {0};
    TRY(find_event_hub(c, &t, &name));
    if (doc) json_write(&body, doc);
    buf_printf(&what, "capture of '%.*s'", SLICE_ARG(slice_head(name, 128)));
    const struct http_call call = {
        .method = method, .path = http_path(c, CAPTURES "/", name), .body = buf_slice(&body)};
    enum err e = http_json(&t, &call, buf_cstr(&what), &answer);
    buf_wipe(&body);
    buf_free(&what);
    if (e != OK) return e;
    return answer ? output_value(&c->output, &c->arena, answer, NULL) : OK;
}

enum err capture_create(struct cli *c)
{
    struct json *doc = json_new(&c->arena, JSON_OBJECT);
    TRY(describe(c, doc));
    return ask(c, "PUT", doc);
}

enum err capture_show(struct cli *c)
{
    return ask(c, "GET", NULL);
}

enum err capture_end(struct cli *c)
{
    const char *name = cli_value(c, "event-hub-name");
    TRY(cli_confirm(c, "ends the capture of %s%s", name ? "event hub " : "the built-in event hub",
                    name ? name : ""));
    return ask(c, "DELETE", NULL);
}

enum err capture_show_all(struct cli *c)
{
    struct target t;
    struct json *list;
    const struct http_call call = {.method = "GET", .path = CAPTURES};
    TRY(target_find(c, &t));
    TRY(http_json(&t, &call, "list of captures", &list));
    return output_value(&c->output, &c->arena, list, columns);
}
