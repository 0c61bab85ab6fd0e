/* cmd_upload.c - azimuth device upload-file: as a device uploads a file.
 *
 *   POST /devices/{id}/files ──place, signed──▶ PUT of the blob ──▶ POST .../files/notifications
 *
 * The place is the hub's own, or a container elsewhere, as the hub says; there the system's CAs count, unless --ca
 * names others.
 */
#include <stdio.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/http.h"
#include "out/curl.h"

enum { UPLOAD_MAX = 256 << 20, UPLOAD_WAIT_S = 600 };

const struct cli_option upload_options[] = {
    {"device-id d", "ID", "the device"},
    {"file-path fp", "FILE", "the file; its name is the blob's"},
    {"content-type ct", "TYPE", "of it: image/jpeg"},
    {"", NULL, NULL}};

/* The device's API, which asks for a token even where the socket lets everybody in. */
static enum err ask(struct target *t, struct slice device, const char *more, const char *json,
                    struct json **out)
{
    struct buf header = BUF_SECRET, path = {0}, what = {0};
    buf_printf(&path, "%s/files%s", http_path(t->cli, "/devices/", device), more);
    buf_printf(&what, "device '%.*s'", SLICE_ARG(slice_head(device, 128)));
    buf_put_str(&header, "Authorization: ");
    enum err e = t->data ? target_token(t, "", &header) : OK;
    struct http_call call = {.method = "POST", .path = buf_cstr(&path), .body = slice_str(json)};
    if (t->data) call.header = buf_cstr(&header);
    if (e == OK) e = http_json(t, &call, buf_cstr(&what), out);
    buf_wipe(&header);
    buf_free(&path);
    buf_free(&what);
    return e;
}

static enum err begin(struct target *t, struct slice device, struct slice name, struct json **place)
{
    struct buf json = {0};
    buf_put_str(&json, "{\"blobName\":");
    text_json_string(&json, name);
    buf_put_u8(&json, '}');
    enum err e = ask(t, device, "", buf_cstr(&json), place);
    buf_free(&json);
    return e;
}

static enum err end(struct target *t, struct slice device, const struct json *place, bool success)
{
    struct buf json = {0};
    struct json *nothing;
    buf_put_str(&json, "{\"correlationId\":");
    text_json_string(&json, json_str(place, "correlationId"));
    buf_printf(&json, ",\"isSuccess\":%s,\"statusCode\":%d,\"statusDescription\":\"\"}",
               success ? "true" : "false", success ? 201 : 500);
    enum err e = ask(t, device, "/notifications", buf_cstr(&json), &nothing);
    buf_free(&json);
    return e;
}

/* ---- the blob */

static void put_path(struct buf *out, const struct json *place)
{
    struct slice rest = json_str(place, "blobName"), segment;
    buf_printf(out, "/%.*s", SLICE_ARG(json_str(place, "containerName")));
    while (slice_split(&rest, '/', &segment)) {
        buf_put_u8(out, '/');
        text_percent(out, segment);
    }
    buf_put_slice(out, json_str(place, "sasToken"));
}

static enum err judge(long status, struct slice host)
{
    if (status < 300) return OK;
    return fail(ERR_PROTOCOL, "%.*s refused the file (%ld)", SLICE_ARG(host), status);
}

static enum err put_here(struct target *t, const struct json *place, struct slice bytes,
                         const char *type)
{
    struct http_answer a;
    struct buf path = BUF_SECRET;
    put_path(&path, place);
    const struct http_call call = {.method = "PUT",
                                   .path = buf_cstr(&path),
                                   .body = bytes,
                                   .type = type,
                                   .raw = true,
                                   .wait_s = UPLOAD_WAIT_S,
                                   .sending = "upload",
                                   .header = "x-ms-blob-type: BlockBlob"};
    enum err e = http_do(t, &call, &a);
    buf_wipe(&path);
    if (e != OK) return e;
    e = judge(a.status, slice_str(t->name));
    http_answer_free(&a);
    return e;
}

static size_t drop_bytes(char *bytes, size_t one, size_t count, void *ctx)
{
    (void)bytes, (void)one, (void)ctx;
    return count;
}

static enum err put_elsewhere(struct target *t, const struct json *place, struct slice bytes,
                              const char *type)
{
    const struct curl_functions *f;
    struct buf url = BUF_SECRET, line = {0};
    long status = 0;
    TRY(curl_load(&f));
    CURL *h = f->easy_init();
    buf_printf(&url, "https://%.*s", SLICE_ARG(json_str(place, "hostName")));
    put_path(&url, place);
    buf_printf(&line, "Content-Type: %s", type);
    struct curl_slist *headers = f->list_append(NULL, buf_cstr(&line));
    headers = f->list_append(headers, "x-ms-blob-type: BlockBlob");
    curl_common(f, h, "https", cli_value(t->cli, "ca"), HTTP_CONNECT_S);
    f->set(h, CURLOPT_URL, buf_cstr(&url));
    f->set(h, CURLOPT_CUSTOMREQUEST, "PUT");
    f->set(h, CURLOPT_HTTPHEADER, headers);
    f->set(h, CURLOPT_TIMEOUT_MS, UPLOAD_WAIT_S * 1000l);
    f->set(h, CURLOPT_POSTFIELDS, bytes.ptr);
    f->set(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes.len);
    f->set(h, CURLOPT_WRITEFUNCTION, drop_bytes);
    struct http_sending sending = {&t->cli->progress, "upload", bytes.len};
    http_show_sending(f, h, &sending);
    CURLcode code = f->perform(h);
    f->get(h, CURLINFO_RESPONSE_CODE, &status);
    enum err e = code == CURLE_OK
                     ? judge(status, json_str(place, "hostName"))
                     : fail(ERR_CLOSED, "%.*s cannot be reached (%s)",
                            SLICE_ARG(json_str(place, "hostName")), f->error_text(code));
    f->list_free(headers);
    f->easy_cleanup(h);
    buf_wipe(&url);
    buf_free(&line);
    return e;
}

/* Its own name, perhaps with a port. */
static bool is_here(const struct target *t, struct slice host)
{
    struct slice name = slice_head(host, slice_find(host, ':'));
    return slice_eq_nocase(name, slice_str(t->name)) || slice_eq_nocase(name, slice_str(t->dial)) ||
           slice_is_nocase(name, "localhost");
}

enum err device_upload_file(struct cli *c)
{
    struct target t;
    struct slice device, path, bytes;
    struct json *place;
    TRY(cli_need(c, "device-id", &device));
    TRY(cli_need(c, "file-path", &path));
    TRY(target_find(c, &t));
    TRY(file_load_max(c, cli_value(c, "file-path"), UPLOAD_MAX, &bytes));
    size_t slash = slice_rfind(path, '/');
    TRY(begin(&t, device, slash < path.len ? slice_from(path, slash + 1) : path, &place));
    const char *type = cli_value(c, "content-type");
    struct progress_at at = {.step = "upload", .unit = "bytes", .total = bytes.len};
    progress_show(&c->progress, &at);
    if (type == NULL) type = "application/octet-stream";
    enum err e = is_here(&t, json_str(place, "hostName")) ? put_here(&t, place, bytes, type)
                                                          : put_elsewhere(&t, place, bytes, type);
    at.done = bytes.len;
    at.ended = true;
    if (e == OK) progress_show(&c->progress, &at);
    char why[256];
    snprintf(why, sizeof why, "%s", e == OK ? "" : fail_text());
    enum err told = end(&t, device, place, e == OK);
    return e == OK ? told : fail(e, "%s", why);
}
