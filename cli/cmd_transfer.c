/* cmd_transfer.c - azimuth hub device-identity {export,import}: all identities to a file and back.
 *
 * As in az, a job between the hub and a container; with --file between the hub and this machine, by way
 * of the hub's own container, in pieces whatever the file's length.
 */
#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"
#include "cli/file.h"
#include "cli/http.h"
#include "cli/identity_csv.h"
#include "cli/interrupt.h"

enum { PIECE = 4 << 20, BLOCKS_MAX = 50000, ERRORS_SHOWN = 100, ERRORS_TOLD = 10, POLL_MS = 300 };

static const char *const columns = "id=jobId type status progress reason=failureReason";

#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option transfer_export_options[] = {
    {"file f", "PATH", "write the identities there, by way of the hub's own container"},
    {"blob-container-uri bcu", "URI", "a container, with its signature, instead of a file"},
    {"blob-name bn", "NAME", "of the blob in it [devices.txt]"},
    {"include-keys ik", NULL, "with the keys of devices"},
    {"include-configurations ic", NULL,
     "configurations and deployments, too, in a file of their own"},
    {"configurations-file cf", "PATH", "of --file [configurations.txt beside it]"},
    {"configurations-blob-name cbn", "NAME", "of --blob-container-uri [configurations.txt]"},
    {"wait", NULL, "until the job has ended; so it is with --file"},
    END};
const struct cli_option transfer_import_options[] = {
    {"file f", "FILE", "the identities: JSON lines, or CSV if its name ends with .csv"},
    {"input-blob-container-uri ibcu", "URI", "the container of a blob, instead of a file"},
    {"input-blob-name ibn", "NAME", "the blob in it [devices.txt]"},
    {"output-blob-container-uri obcu", "URI", "where importErrors.log goes"},
    {"include-configurations ic", NULL,
     "configurations and deployments, too, of a file of their own"},
    {"configurations-file cf", "FILE", "of --file [configurations.txt beside it]"},
    {"configurations-blob-name cbn", "NAME", "of --input-blob-container-uri [configurations.txt]"},
    {"wait", NULL, "until the job has ended; so it is with --file"},
    END};

const char transfer_import_help[] =
    "    azimuth hub device-identity import --file fleet.txt\n"
    "    azimuth hub device-identity import --file devices.csv\n\n"
    "fleet.txt is what 'hub device-identity export' writes, or Azure's devices.txt: an identity in "
    "JSON on each line.\n"
    "A line may say what is to be done: importMode is createOrUpdate (left out), create, update, "
    "delete, updateTwin, ...\n\n"
    "devices.csv is UTF-8, with commas, semicolons or tabs. Its first line names the columns: "
    "deviceId, and if need\n"
    "be status, statusReason, edge, primaryKey with secondaryKey, primaryThumbprint, "
    "secondaryThumbprint, importMode,\n"
    "tags.X and desired.X:\n\n"
    "    deviceId,status,tags.line,desired.interval\n"
    "    press-1,enabled,4,30\n\n"
    "Nothing of it is imported if a line is wrong; each is told with its number. A device without "
    "keys gets some.";

const char transfer_export_help[] =
    "    azimuth hub device-identity export --file fleet.txt --include-keys\n"
    "    azimuth hub device-identity export --file fleet.txt --include-configurations\n\n"
    "Each line of the file is an identity in JSON, as in Azure's devices.txt.";

/* ---- jobs */

static void show_job(struct cli *c, const struct json *job, bool last)
{
    int64_t percent = 0;
    const struct json *j = json_get(job, "progress");
    if (j == NULL || json_i64(j, &percent) != OK) percent = 0;
    progress_show(&c->progress, &(struct progress_at){.step = "job",
                                                      .unit = "percent",
                                                      .done = (uint64_t)percent,
                                                      .total = 100,
                                                      .status = json_str(job, "status"),
                                                      .ended = last});
}

static void show_bytes(struct target *t, const char *step, uint64_t done, uint64_t total, bool last)
{
    progress_show(&t->cli->progress,
                  &(struct progress_at){
                      .step = step, .unit = "bytes", .done = done, .total = total, .ended = last});
}

static bool has_ended(const struct json *job)
{
    struct slice s = json_str(job, "status");
    return !slice_is(s, "enqueued") && !slice_is(s, "running");
}

/* What is under way when somebody hits Ctrl-C is ended by the hub; a second one does not wait for that. */
static enum err poll_to_end(struct cli *c, struct target *t, const char *path, struct json **job)
{
    struct json *nothing;
    bool cancelled = false;
    while (!has_ended(*job)) {
        show_job(c, *job, false);
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000l}, NULL);
        if (interrupt_came() && !cancelled) {
            const struct http_call cancel = {.method = "DELETE", .path = path};
            enum err e = http_json(t, &cancel, "the job", &nothing);
            if (e != OK && e != ERR_NOT_FOUND) return e; /* not found: it has ended by itself */
            cancelled = true;
        }
        TRY(http_json(t, &(struct http_call){.method = "GET", .path = path}, "the job", job));
    }
    return OK;
}

static enum err wait_for_end(struct cli *c, struct target *t, struct json **job)
{
    struct sigaction old[2];
    const char *path = http_path(c, "/jobs/", json_str(*job, "jobId"));
    interrupt_catch(old);
    enum err e = poll_to_end(c, t, path, job);
    interrupt_release(old);
    if (e != OK) return e;
    show_job(c, *job, true);
    if (slice_is(json_str(*job, "status"), "completed")) return OK;
    if (interrupt_came())
        return fail(ERR_CLOSED, "interrupted: the job was cancelled%s",
                    slice_is(json_str(*job, "type"), "import")
                        ? "; what it has done stays, and the same command does the rest"
                        : "");
    return fail(ERR_PROTOCOL, "the job is %.*s: %.*s", SLICE_ARG(json_str(*job, "status")),
                SLICE_ARG(json_str(*job, "failureReason")));
}

static enum err start(struct target *t, const struct json *request, struct json **job)
{
    struct buf body = {0};
    json_write(&body, request);
    const struct http_call call = {
        .method = "POST", .path = "/jobs/create", .body = buf_slice(&body)};
    enum err e = http_json(t, &call, "the job", job);
    buf_free(&body);
    return e;
}

static struct json *new_request(struct cli *c, const char *type)
{
    struct json *request = json_new(&c->arena, JSON_OBJECT);
    cli_set_text(c, request, "type", slice_str(type));
    return request;
}

/* ---- blobs in the hub's own container */

struct own {
    const char *uri;          /* of the container */
    struct slice path, query; /* of it */
};

static enum err open_own(struct cli *c, struct target *t, struct own *out)
{
    struct json *answer;
    const struct http_call call = {.method = "POST", .path = "/admin/v1/container/uri"};
    TRY(http_json(t, &call, "container of the hub's own", &answer));
    struct slice uri = arena_copy(&c->arena, json_str(answer, "uri"));
    out->uri = (const char *)uri.ptr;
    uri = slice_from(uri, slice_find(uri, ':') + 3); /* behind "https://" */
    uri = slice_from(uri, slice_find(uri, '/'));
    size_t end = slice_find(uri, '?');
    out->path = slice_head(uri, end);
    out->query = slice_from(uri, end + 1);
    return OK;
}

static enum err ask_blob(struct target *t, const struct own *own, const struct http_call *call,
                         const char *name, const char *more, struct http_answer *a)
{
    struct buf path = {0};
    struct http_call whole = *call;
    buf_printf(&path, "%.*s/%s?%.*s%s", SLICE_ARG(own->path), name, SLICE_ARG(own->query), more);
    whole.path = buf_cstr(&path);
    whole.raw = true;
    enum err e = http_do(t, &whole, a);
    buf_free(&path);
    return e;
}

/* Frees what is refused. */
static enum err judge(struct target *t, struct http_answer *a)
{
    if (a->status < 300) return OK;
    enum err e = fail(ERR_PROTOCOL, "%s refused a piece of the file (%ld)", t->name, a->status);
    http_answer_free(a);
    return e;
}

static enum err send_blob(struct target *t, const struct own *own, const char *method,
                          const char *name, const char *more, struct slice body)
{
    struct http_answer a;
    const struct http_call call = {
        .method = method, .body = body, .type = body.ptr ? "application/octet-stream" : NULL};
    TRY(ask_blob(t, own, &call, name, more, &a));
    TRY(judge(t, &a));
    http_answer_free(&a);
    return OK;
}

static void drop_blob(struct target *t, const struct own *own, const char *name)
{
    char why[512];
    snprintf(why, sizeof why, "%s", fail_text());
    if (send_blob(t, own, "DELETE", name, "", SLICE_NONE) != OK)
        (void)!fail(ERR_IO, "%s", why); /* it is not in the way; what failed before it is told */
}

static void put_block_id(struct buf *out, unsigned block)
{
    char text[16];
    snprintf(text, sizeof text, "%09u", block);
    text_base64(out, slice_str(text));
}

static enum err upload_blocks(struct target *t, const struct own *own, const char *name, FILE *file,
                              uint64_t all, uint8_t *piece, struct buf *list)
{
    size_t n;
    uint64_t sent = 0;
    for (unsigned block = 0; (n = fread(piece, 1, PIECE, file)) > 0; block++) {
        show_bytes(t, "upload", sent, all, false);
        struct buf more = {0};
        if (block == BLOCKS_MAX) return fail(ERR_TOO_BIG, "the file is too long");
        buf_put_str(&more, "&comp=block&blockid=");
        put_block_id(&more, block);
        buf_put_str(list, "<Latest>");
        put_block_id(list, block);
        buf_put_str(list, "</Latest>");
        enum err e = send_blob(t, own, "PUT", name, buf_cstr(&more), slice_of(piece, n));
        buf_free(&more);
        if (e != OK) return e;
        sent += n;
    }
    show_bytes(t, "upload", sent, all, true);
    return ferror(file) ? fail_errno("the file cannot be read") : OK;
}

static enum err upload(struct target *t, const struct own *own, const char *name, FILE *file,
                       uint64_t size)
{
    struct buf list = {0};
    uint8_t *piece = malloc(PIECE);
    buf_put_str(&list, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    enum err e = piece ? upload_blocks(t, own, name, file, size, piece, &list)
                       : fail(ERR_NOMEM, "no memory for a piece of the file");
    buf_put_str(&list, "</BlockList>");
    if (e == OK) e = send_blob(t, own, "PUT", name, "&comp=blocklist", buf_slice(&list));
    free(piece);
    buf_free(&list);
    return e;
}

static enum err upload_file(struct target *t, const struct own *own, const char *name,
                            const char *path)
{
    struct stat st;
    FILE *file = fopen(path, "re");
    if (file == NULL) return fail(ERR_INVALID, "%s: there is no such file", path);
    bool sized = fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode);
    enum err e = upload(t, own, name, file, sized ? (uint64_t)st.st_size : 0);
    fclose(file);
    return e;
}

static enum err upload_text(struct target *t, const struct own *own, const char *name,
                            struct slice text)
{
    FILE *file = fmemopen((void *)(uintptr_t)text.ptr, text.len, "r");
    if (file == NULL) return fail_errno("the devices cannot be sent");
    enum err e = upload(t, own, name, file, text.len);
    fclose(file);
    return e;
}

/* An empty blob has no range: the hub says 416. */
static enum err blob_size(struct target *t, const struct own *own, const char *name, uint64_t *size)
{
    struct http_answer a;
    enum err e = OK;
    *size = 0;
    TRY(ask_blob(t, own, &(struct http_call){.method = "GET", .header = "x-ms-range: bytes=0-0"},
                 name, "", &a));
    if (a.status != 416) {
        TRY(judge(t, &a));
        struct slice range = http_answer_header(&a, "content-range"); /* bytes 0-0/SIZE */
        e = num_u64(slice_from(range, MIN(slice_find(range, '/') + 1, range.len)), size);
        if (e != OK) e = fail(ERR_PROTOCOL, "%s does not say how long the file is", t->name);
    }
    http_answer_free(&a);
    return e;
}

/* A log of errors: its beginning, and how many lines it has. */
struct log {
    struct buf head;
    unsigned lines;
    bool within; /* a line that has not ended yet */
};

static void take_log(struct log *l, struct slice bytes)
{
    if (buf_size(&l->head) < PIECE) buf_put_slice(&l->head, bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        bool ends = bytes.ptr[i] == '\n';
        if (!ends && !l->within) l->lines++;
        l->within = !ends;
    }
}

static enum err download(struct target *t, const struct own *own, const char *name, FILE *file,
                         struct log *log)
{
    uint64_t size;
    TRY(blob_size(t, own, name, &size));
    if (file && size) show_bytes(t, "download", 0, size, false);
    for (uint64_t at = 0; at < size; at += PIECE) {
        struct http_answer a;
        char range[80];
        snprintf(range, sizeof range, "x-ms-range: bytes=%llu-%llu", (unsigned long long)at,
                 (unsigned long long)(MIN(at + PIECE, size) - 1));
        TRY(ask_blob(t, own, &(struct http_call){.method = "GET", .header = range}, name, "", &a));
        TRY(judge(t, &a));
        struct slice bytes = buf_slice(&a.body);
        bool wrote = file == NULL || fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len;
        if (log) take_log(log, bytes);
        http_answer_free(&a);
        if (!wrote) return fail_errno("the file cannot be written");
        if (file) show_bytes(t, "download", MIN(at + PIECE, size), size, at + PIECE >= size);
    }
    return OK;
}

static const char *new_name(struct cli *c, const char *end)
{
    char guid[RAND_GUID_LEN + 1], name[RAND_GUID_LEN + 32];
    rand_guid(guid);
    snprintf(name, sizeof name, "cli/%s%s", guid, end);
    return (const char *)arena_copy(&c->arena, slice_str(name)).ptr;
}

/* ---- configurations: a second file and a second blob, if they are asked for */

struct second {
    const char *name, *path; /* NULL: not asked for */
};

static const char *beside(struct cli *c, const char *file)
{
    struct buf path = {0};
    struct slice whole = slice_str(file);
    size_t end = slice_rfind(whole, '/');
    if (end < whole.len) buf_put_slice(&path, slice_head(whole, end + 1));
    buf_put_str(&path, "configurations.txt");
    const char *copy = (const char *)arena_copy(&c->arena, slice_str(buf_cstr(&path))).ptr;
    buf_free(&path);
    return copy;
}

static void include_configurations(struct cli *c, struct json *request, const char *blob)
{
    struct json *with = json_new(&c->arena, JSON_BOOL);
    with->truth = true;
    json_set(&c->arena, request, SLICE_LIT("includeConfigurations"), with);
    cli_set_text(c, request, "configurationsBlobName", slice_str(blob));
}

static struct second second_of(struct cli *c, struct json *request, const char *file)
{
    struct second s = {0};
    s.path = cli_value(c, "configurations-file");
    if (s.path == NULL && !cli_given(c, "include-configurations")) return s;
    s.name = new_name(c, ".configurations.txt");
    if (s.path == NULL) s.path = beside(c, file);
    include_configurations(c, request, s.name);
    return s;
}

static void name_second_blob(struct cli *c, struct json *request)
{
    const char *name = cli_value(c, "configurations-blob-name");
    if (name || cli_given(c, "include-configurations")) include_configurations(c, request, name);
}

/* ---- export */

static enum err save(struct target *t, const struct own *own, const char *name, const char *path)
{
    struct file_new file;
    TRY(file_begin(path, &file));
    return file_finish(path, &file, download(t, own, name, file.out, NULL));
}

static enum err export_to_file(struct cli *c, struct target *t, struct json *request,
                               const char *path, struct json **job)
{
    struct own own;
    const char *name = new_name(c, ".txt");
    TRY(open_own(c, t, &own));
    cli_set_text(c, request, "outputBlobContainerUri", slice_str(own.uri));
    cli_set_text(c, request, "outputBlobName", slice_str(name));
    struct second second = second_of(c, request, path);
    TRY(start(t, request, job));
    enum err e = wait_for_end(c, t, job);
    if (e == OK) e = save(t, &own, name, path);
    if (e == OK && second.path) e = save(t, &own, second.name, second.path);
    drop_blob(t, &own, name);
    if (second.path) drop_blob(t, &own, second.name);
    return e;
}

enum err transfer_export_verb(struct cli *c)
{
    struct target t;
    struct json *request = new_request(c, "export"), *job;
    const char *file = cli_value(c, "file"), *uri = cli_value(c, "blob-container-uri");
    if ((file == NULL) == (uri == NULL))
        return fail(ERR_INVALID, "either --file or --blob-container-uri is needed");
    struct json *without = json_new(&c->arena, JSON_BOOL);
    without->truth = !cli_given(c, "include-keys");
    json_set(&c->arena, request, SLICE_LIT("excludeKeysInExport"), without);
    TRY(target_find(c, &t));
    if (file) {
        TRY(export_to_file(c, &t, request, file, &job));
    } else {
        cli_set_text(c, request, "outputBlobContainerUri", slice_str(uri));
        cli_set_text(c, request, "outputBlobName", slice_str(cli_value(c, "blob-name")));
        name_second_blob(c, request);
        TRY(start(&t, request, &job));
        if (cli_given(c, "wait")) TRY(wait_for_end(c, &t, &job));
    }
    return output_value(&c->output, &c->arena, job, columns);
}

/* ---- import */

/* What is imported: the file as it is, or the devices of one that is CSV. */
struct import {
    const char *path;
    bool csv;
    struct identity_csv devices;
    unsigned errors; /* lines that could not be done */
};

static bool is_csv(const char *path)
{
    size_t len = strlen(path);
    return len > 4 && strcasecmp(path + len - 4, ".csv") == 0;
}

/* Of JSON lines the hub judges each; in UTF-16 none would be one. */
static enum err check_lines(const char *path)
{
    uint8_t begin[64];
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) return OK; /* a pipe is read once */
    FILE *file = fopen(path, "re");
    if (file == NULL) return fail_errno("%s cannot be read", path);
    size_t n = fread(begin, 1, sizeof begin, file);
    fclose(file);
    return identity_csv_check_wide(path, slice_of(begin, n));
}

static enum err check_containers(const struct cli *c)
{
    struct slice output;
    if (cli_given(c, "input-blob-container-uri"))
        return cli_need(c, "output-blob-container-uri", &output);
    return fail(ERR_INVALID, "either --file or --input-blob-container-uri is needed");
}

static enum err open_import(struct cli *c, const char *path, struct import *out)
{
    struct slice text;
    *out = (struct import){.path = path};
    if (path == NULL) return check_containers(c);
    out->csv = is_csv(path);
    if (!out->csv) return check_lines(path);
    TRY(file_load_max(c, path, IDENTITY_CSV_MAX, &text));
    enum err e = identity_csv_read(&c->arena, path, text, &out->devices);
    fputs(buf_cstr(&out->devices.told), stderr);
    return e;
}

static void close_import(struct import *i)
{
    identity_csv_free(&i->devices);
}

static enum err upload_import(struct target *t, const struct own *own, const char *name,
                              const struct import *i)
{
    return i->csv ? upload_text(t, own, name, buf_slice(&i->devices.lines))
                  : upload_file(t, own, name, i->path);
}

/* In a CSV file each device stands where the user looks for it. */
static void set_line(struct cli *c, const struct import *i, struct json *error)
{
    int64_t line = 0;
    const struct json *j = json_get(error, "line");
    if (!i->csv || j == NULL || json_i64(j, &line) != OK) return;
    if (line < 1 || (uint64_t)line > i->devices.count) return;
    json_set(&c->arena, error, SLICE_LIT("line"),
             json_new_i64(&c->arena, (int64_t)i->devices.at[line - 1]));
}

/* The first ones are told, whatever is printed. */
static void tell_error(const struct import *i, const struct json *error)
{
    struct buf out = {0}, line = {0};
    int64_t number = 0;
    const struct json *j = json_get(error, "line");
    if (j == NULL || json_i64(j, &number) != OK) number = 0;
    buf_printf(&line, "%s:%lld: %.*s: %.*s", i->path, (long long)number,
               SLICE_ARG(json_str(error, "deviceId")), SLICE_ARG(json_str(error, "errorStatus")));
    output_put_line(&out, &line);
    fputs(buf_cstr(&out), stderr);
    buf_free(&out);
}

/* Lines of the log, the first ones, as a member of the job. */
static void take_errors(struct cli *c, const struct import *i, struct slice log, struct json *job)
{
    struct json *list = json_new(&c->arena, JSON_ARRAY), *error;
    struct slice line;
    for (unsigned count = 0; count < ERRORS_SHOWN && slice_split(&log, '\n', &line);) {
        if (line.len == 0) continue;
        if (json_parse(&c->arena, line, &error) == OK) {
            set_line(c, i, error);
            json_append(list, error);
            if (count < ERRORS_TOLD) tell_error(i, error);
        }
        count++;
    }
    json_set(&c->arena, job, SLICE_LIT("errors"), list);
}

static enum err import_file(struct cli *c, struct target *t, struct json *request, struct import *i,
                            struct json **job)
{
    struct own own;
    struct log log = {0};
    const char *name = new_name(c, ".txt"), *log_name = new_name(c, ".log");
    TRY(open_own(c, t, &own));
    TRY(upload_import(t, &own, name, i));
    cli_set_text(c, request, "inputBlobContainerUri", slice_str(own.uri));
    cli_set_text(c, request, "outputBlobContainerUri", slice_str(own.uri));
    cli_set_text(c, request, "inputBlobName", slice_str(name));
    cli_set_text(c, request, "outputBlobName", slice_str(log_name));
    struct second second = second_of(c, request, i->path);
    if (second.path) TRY(upload_file(t, &own, second.name, second.path));
    enum err e = start(t, request, job);
    if (e == OK) e = wait_for_end(c, t, job);
    if (e == OK) e = download(t, &own, log_name, NULL, &log);
    progress_clear(&c->progress);
    if (e == OK) take_errors(c, i, buf_slice(&log.head), *job);
    i->errors = log.lines;
    drop_blob(t, &own, name);
    drop_blob(t, &own, log_name);
    if (second.path) drop_blob(t, &own, second.name);
    buf_free(&log.head);
    return e;
}

static enum err import_blob(struct cli *c, struct target *t, struct json *request,
                            struct json **job)
{
    cli_set_text(c, request, "inputBlobContainerUri",
                 slice_str(cli_value(c, "input-blob-container-uri")));
    cli_set_text(c, request, "outputBlobContainerUri",
                 slice_str(cli_value(c, "output-blob-container-uri")));
    cli_set_text(c, request, "inputBlobName", slice_str(cli_value(c, "input-blob-name")));
    name_second_blob(c, request);
    TRY(start(t, request, job));
    return cli_given(c, "wait") ? wait_for_end(c, t, job) : OK;
}

static enum err import(struct cli *c, struct import *i)
{
    struct target t;
    struct json *request = new_request(c, "import"), *job;
    TRY(target_find(c, &t));
    TRY(i->path ? import_file(c, &t, request, i, &job) : import_blob(c, &t, request, &job));
    TRY(output_value(&c->output, &c->arena, job, columns));
    if (i->errors == 0) return OK;
    return fail(ERR_PROTOCOL,
                "%u line%s of %s could not be done, and all others were; 'errors' of the job "
                "(-o json) has %s of them",
                i->errors, i->errors == 1 ? "" : "s", i->path,
                i->errors > ERRORS_SHOWN ? "the first 100" : "all");
}

/* A CSV file is judged whole before anybody is asked for anything. */
enum err transfer_import_verb(struct cli *c)
{
    struct import i;
    enum err e = open_import(c, cli_value(c, "file"), &i);
    if (e == OK) e = import(c, &i);
    close_import(&i);
    return e;
}
