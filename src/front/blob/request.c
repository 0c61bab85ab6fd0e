/* request.c - what is asked of the upload target, and whether the signature allows it. */
#include <openssl/evp.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "base/text.h"
#include "front/blob/transfer.h"

COUNTER(refused, "azimuth_blob_refused_total",
        "Requests to the upload target without a good signature");

/* ---- path: /{container}/{blob}, the blob's name decoded once, slashes and all */

static bool refuse(struct transfer *t, int status, const char *code, const char *text)
{
    transfer_refuse(t->call, status, code, text);
    return false;
}

static bool read_path(struct transfer *t)
{
    struct slice rest = slice_from(t->call->request->path, 1), container;
    slice_split(&rest, '/', &container);
    if (!slice_is(container, t->service->cfg->container))
        return refuse(t, 404, "ContainerNotFound", "the container does not exist");
    if (rest.len == 0) return refuse(t, 400, "InvalidUri", "the path names no blob");
    if (text_unpercent(&t->name, rest) != OK || !text_is_utf8(buf_slice(&t->name)))
        return refuse(t, 400, "InvalidUri", "the path is not percent-encoded UTF-8");
    if (buf_size(&t->name) > BLOBS_NAME_MAX)
        return refuse(t, 400, "InvalidUri", "the blob's name is too long");
    return true;
}

/* ---- operation */

/* The query's `comp`; NULL: none. */
static bool read_operation(struct transfer *t)
{
    struct slice method = t->call->request->method;
    struct buf comp = {0};
    bool whole = !rest_query_get(t->call, "comp", &comp), known = true;
    if (slice_is(method, "DELETE") && whole)
        t->operation = DELETE_BLOB;
    else if (!slice_is(method, "PUT") && whole)
        t->operation = GET_BLOB;
    else if (slice_is(method, "PUT") && whole)
        t->operation = PUT_BLOB;
    else if (slice_is(method, "PUT") && slice_is(buf_slice(&comp), "block"))
        t->operation = PUT_BLOCK;
    else if (slice_is(method, "PUT") && slice_is(buf_slice(&comp), "blocklist"))
        t->operation = PUT_BLOCK_LIST;
    else
        known = false;
    buf_free(&comp);
    return known || refuse(t, 501, "NotImplemented", "this operation is not served here");
}

static bool check_put(struct transfer *t)
{
    struct slice type = http1_header(t->call->request, "x-ms-blob-type");
    if (t->operation != PUT_BLOB || type.ptr == NULL || slice_is_nocase(type, "BlockBlob"))
        return true;
    return refuse(t, 400, "InvalidHeaderValue", "only x-ms-blob-type BlockBlob is served here");
}

static bool read_block_id(struct transfer *t)
{
    struct buf id = {0};
    if (t->operation != PUT_BLOCK) return true;
    bool good = rest_query_get(t->call, "blockid", &id);
    for (size_t i = id.off; i < id.len; i++)
        if (id.ptr[i] == ' ') id.ptr[i] = '+'; /* sent as it is by whoever does not encode */
    good = good && text_unbase64(&t->block_id, buf_slice(&id)) == OK;
    buf_free(&id);
    size_t size = buf_size(&t->block_id);
    return (good && size > 0 && size <= BLOBS_BLOCK_ID_MAX) ||
           refuse(t, 400, "InvalidQueryParameterValue", "blockid is not base64 of 1 to 64 bytes");
}

/* ---- signature */

static bool has_right(const struct transfer *t)
{
    static const unsigned wanted[] = {
        [PUT_BLOB] = BLOB_WRITE | BLOB_CREATE, [PUT_BLOCK] = BLOB_WRITE,
        [PUT_BLOCK_LIST] = BLOB_WRITE,         [GET_BLOB] = BLOB_READ,
        [DELETE_BLOB] = BLOB_DELETE,
    };
    return (t->rights & wanted[t->operation]) != 0;
}

static bool check_signature(struct transfer *t)
{
    const struct blob_config *cfg = t->service->cfg;
    enum blob_sas_cause cause =
        blob_sas_check(t->call->request->query, cfg->account, slice_str(cfg->container),
                       buf_slice(&t->name), clock_wall_us(), &t->rights);
    if (cause == BLOB_SAS_OK && has_right(t)) return true;
    metric_inc(&refused);
    conn_login_failed(t->call->conn);
    say_debug("blob.refused", "peer=%s cause=\"%s\"", conn_peer(t->call->conn),
              cause == BLOB_SAS_OK ? "a right is missing" : blob_sas_cause_text(cause));
    if (cause == BLOB_SAS_OK)
        return refuse(t, 403, "AuthorizationPermissionMismatch",
                      "the signature does not allow this operation");
    if (cause == BLOB_SAS_MISSING)
        return refuse(t, 401, "NoAuthenticationInformation",
                      "a shared access signature is wanted in the URI");
    return refuse(t, 403, "AuthenticationFailed", blob_sas_cause_text(cause));
}

static void begin_md5(struct transfer *t)
{
    bool sums = t->operation == PUT_BLOB || t->operation == PUT_BLOCK;
    if (!sums || http1_header(t->call->request, "content-md5").ptr == NULL) return;
    t->md5 = EVP_MD_CTX_new();
    int done = t->md5 && EVP_DigestInit_ex(t->md5, EVP_md5(), NULL);
    assert(done);
}

bool transfer_open(struct transfer *t)
{
    if (!read_path(t) || !read_operation(t) || !check_signature(t) || !check_put(t) ||
        !read_block_id(t))
        return false;
    begin_md5(t);
    return true;
}

/* ---- properties */

static void put_metadata(const struct http1_request *request, struct buf *space)
{
    static const char prefix[] = "x-ms-meta-";
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http1_header *h = &request->headers[i];
        if (!slice_starts_nocase(h->name, slice_str(prefix))) continue;
        buf_put_slice(space, slice_from(h->name, strlen(prefix)));
        buf_printf(space, ":%.*s\n", SLICE_ARG(h->value));
    }
}

void transfer_props(const struct transfer *t, struct buf *space, struct blobs_props *out)
{
    static const char *const names[BLOBS_TEXTS] = {
        [BLOBS_TYPE] = "x-ms-blob-content-type",
        [BLOBS_ENCODING] = "x-ms-blob-content-encoding",
        [BLOBS_LANGUAGE] = "x-ms-blob-content-language",
        [BLOBS_CACHE_CONTROL] = "x-ms-blob-cache-control",
        [BLOBS_DISPOSITION] = "x-ms-blob-content-disposition",
        [BLOBS_MD5] = "x-ms-blob-content-md5",
    };
    const struct http1_request *request = t->call->request;
    *out = (struct blobs_props){0};
    for (unsigned i = 0; i < BLOBS_METADATA; i++) out->text[i] = http1_header(request, names[i]);
    if (t->operation == PUT_BLOB && out->text[BLOBS_TYPE].ptr == NULL)
        out->text[BLOBS_TYPE] = http1_header(request, "content-type");
    if (t->operation == PUT_BLOB && out->text[BLOBS_MD5].ptr == NULL)
        out->text[BLOBS_MD5] = http1_header(request, "content-md5");
    put_metadata(request, space);
    out->text[BLOBS_METADATA] = buf_slice(space);
}
