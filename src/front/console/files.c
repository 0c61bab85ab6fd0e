/* files.c - the console's files over HTTP.
 *
 * They are kept compressed, once, and sent so; the few clients that do not take gzip get them
 * inflated.  No script or style but the application's own runs in its pages, whatever a device is
 * called or sends: the policy has no exception, since styles that scripts make go through the CSSOM. */
#include "front/console/files.h"

#include <ctype.h>
#include <stdlib.h>
#include <zlib.h>

#include "front/console/parts.h"

#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; "               \
    "form-action 'self'"

static const struct console_file *find(struct slice path)
{
    for (size_t i = 0; i < console_file_count; i++)
        if (slice_is(path, console_files[i].path)) return &console_files[i];
    return NULL;
}

/* "assets/x.js" and "docs/x.html" are that file or nothing; all else is a page of the application. */
static const struct console_file *choose(struct slice path)
{
    const struct console_file *file = find(path);
    if (file || slice_starts(path, SLICE_LIT("assets/")) || slice_starts(path, SLICE_LIT("docs/")))
        return file;
    return find(SLICE_LIT("index.html"));
}

/* Short addresses: "docs" is the first page of the documentation, "docs/c131" what it says of that cause. */
static bool is_short(struct slice path, struct buf *to)
{
    struct slice code = slice_from(path, SLICE_LIT("docs/").len);
    if (slice_is(path, "docs") || slice_is(path, "docs/"))
        buf_printf(to, "/console/docs/index.html");
    else if (slice_starts(path, SLICE_LIT("docs/")) && code.len == 4 &&
             (code.ptr[0] | 0x20) == 'c' && isdigit(code.ptr[1]) && isdigit(code.ptr[2]) &&
             isdigit(code.ptr[3]))
        buf_printf(to, "/console/docs/reference/why.html#c%.3s", (const char *)code.ptr + 1);
    return buf_size(to) > 0;
}

static bool lists(struct slice list, const char *wanted)
{
    struct slice item;
    while (slice_split(&list, ',', &item)) {
        item = slice_trim(item);
        if (slice_starts(item, SLICE_LIT("W/"))) item = slice_from(item, 2);
        if (slice_is_nocase(slice_trim(slice_head(item, slice_find(item, ';'))), wanted))
            return true;
    }
    return false;
}

static bool inflate_file(const struct console_file *file, struct buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)file->gzip, .avail_in = (uInt)file->gzip_size};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return false;
    z.next_out = buf_reserve(out, file->size + 1);
    z.avail_out = (uInt)file->size + 1;
    int got = inflate(&z, Z_FINISH);
    buf_commit(out, z.total_out);
    inflateEnd(&z);
    return got == Z_STREAM_END && buf_size(out) == file->size;
}

static void answer_file(struct call *c, const struct console_file *file, bool gzip,
                        struct slice body)
{
    bool same = lists(http1_header(c->request, "if-none-match"), file->etag);
    const struct http1_header headers[] = {
        {SLICE_LIT("etag"), slice_str(file->etag)},
        {SLICE_LIT("cache-control"),
         file->hashed ? SLICE_LIT("public, max-age=31536000, immutable") : SLICE_LIT("no-cache")},
        {SLICE_LIT("vary"), SLICE_LIT("accept-encoding")},
        {SLICE_LIT("content-security-policy"), SLICE_LIT(POLICY)},
        {SLICE_LIT("x-content-type-options"), SLICE_LIT("nosniff")},
        {SLICE_LIT("referrer-policy"), SLICE_LIT("no-referrer")},
        {SLICE_LIT("cross-origin-opener-policy"), SLICE_LIT("same-origin")},
        {SLICE_LIT("content-encoding"), SLICE_LIT("gzip")},
    };
    rest_answer_with(
        c, &(struct http1_response){.status = same ? 304 : 200,
                                    .content_type = same ? NULL : file->type,
                                    .headers = headers,
                                    .header_count = sizeof headers / sizeof *headers - !gzip,
                                    .body = same ? SLICE_NONE : body});
}

void files_ca(struct call *c)
{
    static const struct http1_header headers[] = {
        {SLICE_LIT("content-disposition"), SLICE_LIT("attachment; filename=\"ca.pem\"")},
        {SLICE_LIT("cache-control"), SLICE_LIT("no-cache")},
        {SLICE_LIT("x-content-type-options"), SLICE_LIT("nosniff")},
    };
    struct slice pem = c->service->config->ca_pem;
    if (pem.len == 0)
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                          "this server shows a certificate that it did not issue");
    else
        rest_answer_with(c, &(struct http1_response){.status = 200,
                                                     .content_type = "application/x-pem-file",
                                                     .headers = headers,
                                                     .header_count = 3,
                                                     .body = pem});
}

static void lead_to(struct call *c, struct slice address)
{
    const struct http1_header location = {SLICE_LIT("location"), address};
    rest_answer_with(
        c, &(struct http1_response){.status = 302, .headers = &location, .header_count = 1});
}

void files_answer(struct call *c)
{
    struct slice path = slice_from(c->request->path, strlen("/console/"));
    struct buf plain = {0}, elsewhere = {0};
    const struct console_file *file = choose(path);
    if (is_short(path, &elsewhere))
        lead_to(c, buf_slice(&elsewhere));
    else if (file == NULL)
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), "there is no such file");
    else if (lists(http1_header(c->request, "accept-encoding"), "gzip"))
        answer_file(c, file, true, slice_of(file->gzip, file->gzip_size));
    else if (inflate_file(file, &plain))
        answer_file(c, file, false, buf_slice(&plain));
    else
        rest_answer_status(c, STATUS_SERVICE_UNAVAILABLE, "the file is damaged");
    buf_free(&plain);
    buf_free(&elsewhere);
}
