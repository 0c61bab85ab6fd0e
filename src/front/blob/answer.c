/* answer.c - answers of Azure Blob Storage: headers, and errors as XML with x-ms-error-code. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/text.h"
#include "front/blob/transfer.h"

#define VERSION "2021-12-02"

enum { HEADERS_MAX = 160, DATE_MAX = 40 };

struct head {
    struct http1_header items[HEADERS_MAX];
    size_t count;
};

static void put(struct head *h, const char *name, struct slice value)
{
    if (value.len == 0 || h->count == HEADERS_MAX) return;
    h->items[h->count++] = (struct http1_header){slice_str(name), value};
}

static void put_str(struct head *h, const char *name, const char *value)
{
    put(h, name, slice_str(value));
}

/* The version that was asked for, as Azurite does it too. */
static void put_common(struct head *h, const struct call *c)
{
    struct slice version = http1_header(c->request, "x-ms-version");
    put(h, "x-ms-version", version.len ? version : SLICE_LIT(VERSION));
    put(h, "x-ms-client-request-id", http1_header(c->request, "x-ms-client-request-id"));
}

static void send(struct call *c, const struct head *h, int status, const char *type,
                 struct slice body)
{
    rest_answer_with(c, &(struct http1_response){.status = status,
                                                 .content_type = type,
                                                 .headers = h->items,
                                                 .header_count = h->count,
                                                 .body = body});
}

/* ---- errors */

static void put_xml(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            buf_put_str(out, "&lt;");
        else if (*text == '&')
            buf_put_str(out, "&amp;");
        else
            buf_put_u8(out, (uint8_t)*text);
    }
}

void transfer_refuse(struct call *c, int status, const char *code, const char *text)
{
    struct head h = {0};
    struct buf xml = {0};
    put_common(&h, c);
    put_str(&h, "x-ms-error-code", code);
    buf_printf(&xml, "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>",
               code);
    put_xml(&xml, text);
    buf_put_str(&xml, "</Message></Error>");
    send(c, &h, status, "application/xml", buf_slice(&xml));
    buf_free(&xml);
}

/* 503 is tried again by the SDKs, 507 is not. */
void transfer_refuse_err(struct call *c, enum err e, const char *text)
{
    switch (e) {
    case ERR_NOT_FOUND: transfer_refuse(c, 404, "BlobNotFound", "the blob does not exist"); break;
    case ERR_FULL: transfer_refuse(c, 507, "InsufficientStorage", text); break;
    case ERR_TOO_BIG: transfer_refuse(c, 413, "RequestBodyTooLarge", text); break;
    case ERR_INVALID: transfer_refuse(c, 400, "InvalidInput", text); break;
    case ERR_THROTTLED: transfer_refuse(c, 503, "ServerBusy", text); break;
    default: transfer_refuse(c, 500, "InternalError", "the disk refused"); break;
    }
}

/* ---- success */

struct slice transfer_etag(int64_t modified_us, char out[BLOB_ETAG_MAX])
{
    return slice_of(
        out, (size_t)snprintf(out, BLOB_ETAG_MAX, "\"0x%" PRIX64 "\"", (uint64_t)modified_us));
}

static struct slice date(int64_t wall_us, char out[DATE_MAX])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return slice_of(out, strftime(out, DATE_MAX, "%a, %d %b %Y %H:%M:%S GMT", &tm));
}

struct times {
    char etag[BLOB_ETAG_MAX], modified[DATE_MAX], created[DATE_MAX];
};

static void put_times(struct head *h, struct times *t, const struct blobs_props *p)
{
    put(h, "etag", transfer_etag(p->modified_us, t->etag));
    put(h, "last-modified", date(p->modified_us, t->modified));
}

void transfer_created(struct transfer *t, const struct blobs_props *p)
{
    struct head h = {0};
    struct times times;
    put_common(&h, t->call);
    if (p) put_times(&h, &times, p);
    put(&h, "content-md5", http1_header(t->call->request, "content-md5"));
    put_str(&h, "x-ms-request-server-encrypted", "false");
    send(t->call, &h, 201, NULL, SLICE_NONE);
}

void transfer_deleted(struct transfer *t)
{
    struct head h = {0};
    put_common(&h, t->call);
    put_str(&h, "x-ms-delete-type-permanent", "true");
    send(t->call, &h, 202, NULL, SLICE_NONE);
}

void transfer_not_modified(struct transfer *t, const struct blobs_props *p)
{
    struct head h = {0};
    struct times times;
    put_common(&h, t->call);
    put_times(&h, &times, p);
    send(t->call, &h, 304, NULL, SLICE_NONE);
}

/* "name:value\n" each, from `space`, which gets the names with their prefix. */
static void put_metadata(struct head *h, struct slice metadata, struct buf *space)
{
    struct slice line, name;
    buf_reserve(space, metadata.len + (metadata.len + 1) * strlen("x-ms-meta-") + 1);
    while (metadata.len && slice_split(&metadata, '\n', &line)) {
        slice_split(&line, ':', &name);
        if (name.len == 0) continue;
        size_t at = buf_size(space);
        buf_printf(space, "x-ms-meta-%.*s", SLICE_ARG(name));
        if (h->count == HEADERS_MAX) return;
        h->items[h->count++] = (struct http1_header){slice_from(buf_slice(space), at), line};
    }
}

static void put_props(struct head *h, struct times *times, const struct blobs_props *p)
{
    put_times(h, times, p);
    put(h, "x-ms-creation-time", date(p->created_us, times->created));
    put(h, "content-encoding", p->text[BLOBS_ENCODING]);
    put(h, "content-language", p->text[BLOBS_LANGUAGE]);
    put(h, "cache-control", p->text[BLOBS_CACHE_CONTROL]);
    put(h, "content-disposition", p->text[BLOBS_DISPOSITION]);
    put_str(h, "accept-ranges", "bytes");
    put_str(h, "x-ms-blob-type", "BlockBlob");
    put_str(h, "x-ms-lease-status", "unlocked");
    put_str(h, "x-ms-lease-state", "available");
    put_str(h, "x-ms-server-encrypted", "false");
}

/* Of a part, Content-MD5 would be the part's. */
void transfer_begin_blob(struct transfer *t, int status, const struct blobs_props *p, uint64_t from,
                         uint64_t length)
{
    struct head h = {0};
    struct times times;
    struct buf range = {0}, metadata = {0}, type = {0};
    put_common(&h, t->call);
    put_props(&h, &times, p);
    buf_printf(&range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, from, from + length - 1, p->size);
    if (status == 206) put(&h, "content-range", buf_slice(&range));
    put(&h, status == 206 ? "x-ms-blob-content-md5" : "content-md5", p->text[BLOBS_MD5]);
    put_metadata(&h, p->text[BLOBS_METADATA], &metadata);
    buf_put_slice(&type, p->text[BLOBS_TYPE].len ? p->text[BLOBS_TYPE]
                                                 : SLICE_LIT("application/octet-stream"));
    rest_answer_begin(t->call, &(struct http1_response){.status = status,
                                                        .content_type = buf_cstr(&type),
                                                        .headers = h.items,
                                                        .header_count = h.count,
                                                        .has_length = true,
                                                        .length = length});
    buf_free(&range);
    buf_free(&metadata);
    buf_free(&type);
}
