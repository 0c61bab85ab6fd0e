/* replay_blobs.c - see replay_blobs.h. */
#include "cli/replay_blobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/http.h"
#include "out/curl.h"

#define PAUSE_NS 500000000l

struct replay_blobs {
    const struct curl_functions *f;
    CURL *handle;
    char *place, *query; /* of the URL, before and behind the '?' */
    const char *ca;
    struct buf url, answer;
    size_t most;
};

enum err replay_blobs_open(const char *url, const char *ca, struct replay_blobs **out)
{
    const struct curl_functions *f;
    size_t len = strlen(url), mark = strcspn(url, "?");
    if (len > REPLAY_BLOB_URL_MAX || mark == len)
        return fail(ERR_INVALID,
                    "--source: a container's URL ends with ?SIGNATURE, for reading and listing");
    TRY(curl_load(&f));
    struct replay_blobs *b = NEW(struct replay_blobs);
    b->f = f;
    b->handle = f->easy_init();
    while (mark > 0 && url[mark - 1] == '/') mark--;
    b->place = slice_dup(slice_of(url, mark));
    b->query = slice_dup(slice_str(strchr(url, '?') + 1));
    b->ca = ca;
    *out = b;
    return OK;
}

void replay_blobs_free(struct replay_blobs *b)
{
    if (b == NULL) return;
    b->f->easy_cleanup(b->handle);
    free(b->place);
    mem_wipe(b->query, strlen(b->query));
    free(b->query);
    buf_wipe(&b->url);
    buf_free(&b->answer);
    free(b);
}

/* ---- requests */

static size_t take_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct replay_blobs *b = ctx;
    if (buf_size(&b->answer) + size * count > b->most) return 0; /* curl gives up */
    buf_put(&b->answer, bytes, size * count);
    return size * count;
}

static enum err judge(const struct replay_blobs *b, const char *what, long status)
{
    if (status == 200 || status == 206) return OK;
    if (status == 404) return fail(ERR_NOT_FOUND, "%s: %s is not there", b->place, what);
    if (status == 401 || status == 403)
        return fail(
            ERR_DENIED,
            "%s refused %s (%ld): does the signature allow reading and listing, and until when?",
            b->place, what, status);
    return fail(ERR_CLOSED, "%s answered %ld for %s", b->place, status, what);
}

static enum err get_once(struct replay_blobs *b, const char *what, const char *range)
{
    long status = 0;
    b->f->reset(b->handle);
    curl_common(b->f, b->handle, "http,https", b->ca, HTTP_CONNECT_S);
    b->f->set(b->handle, CURLOPT_TIMEOUT_MS, HTTP_WAIT_S * 1000l);
    b->f->set(b->handle, CURLOPT_URL, buf_cstr(&b->url));
    b->f->set(b->handle, CURLOPT_WRITEFUNCTION, take_bytes);
    b->f->set(b->handle, CURLOPT_WRITEDATA, b);
    if (range) b->f->set(b->handle, CURLOPT_RANGE, range);
    buf_clear(&b->answer);
    CURLcode code = b->f->perform(b->handle);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return fail(ERR_TIMEOUT, "%s did not answer in time", b->place);
    if (code == CURLE_WRITE_ERROR)
        return fail(ERR_TOO_BIG, "%s answered with more than %zu bytes for %s", b->place, b->most,
                    what);
    if (code != CURLE_OK)
        return fail(ERR_CLOSED, "%s cannot be reached (%s)", b->place, b->f->error_text(code));
    b->f->get(b->handle, CURLINFO_RESPONSE_CODE, &status);
    return judge(b, what, status);
}

static enum err get(struct replay_blobs *b, const char *what, const char *range, size_t most)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    enum err e = OK;
    b->most = most;
    for (int i = 0; i < REPLAY_BLOB_TRIES; i++) {
        e = get_once(b, what, range);
        if (e != ERR_CLOSED && e != ERR_TIMEOUT) return e;
        if (i + 1 < REPLAY_BLOB_TRIES) nanosleep(&pause, NULL);
    }
    return e;
}

/* ---- the list */

/* What stands between <name> and </name>, first of all; *rest is what follows. */
static bool element(struct slice in, const char *name, struct slice *out, struct slice *rest)
{
    char open[40], close[40];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    const uint8_t *start = slice_search(in, slice_str(open));
    if (start == NULL) return false;
    struct slice inside = slice_from(in, (size_t)(start - in.ptr) + strlen(open));
    const uint8_t *end = slice_search(inside, slice_str(close));
    if (end == NULL) return false;
    *out = slice_head(inside, (size_t)(end - inside.ptr));
    *rest = slice_from(inside, out->len + strlen(close));
    return true;
}

static void put_unescaped(struct buf *out, struct slice text)
{
    static const struct {
        struct slice name;
        char byte;
    } rows[] = {{SLICE_LIT("&amp;"), '&'},
                {SLICE_LIT("&lt;"), '<'},
                {SLICE_LIT("&gt;"), '>'},
                {SLICE_LIT("&quot;"), '"'},
                {SLICE_LIT("&apos;"), '\''}};
    while (text.len) {
        size_t i = 0, count = sizeof rows / sizeof *rows;
        while (i < count && !slice_starts(text, rows[i].name)) i++;
        buf_put_u8(out, i < count ? (uint8_t)rows[i].byte : text.ptr[0]);
        text = slice_from(text, i < count ? rows[i].name.len : 1);
    }
}

bool replay_blobs_next(struct slice *list, struct buf *name, int64_t *size)
{
    struct slice blob, text, unused;
    if (!element(*list, "Blob", &blob, list)) return false;
    buf_clear(name);
    if (!element(blob, "Name", &text, &unused)) return false;
    put_unescaped(name, text);
    return element(blob, "Content-Length", &text, &unused) && num_i64(text, size) == OK;
}

static enum err take_page(struct replay_blobs *b, replay_blob_fn fn, void *ctx, struct buf *marker)
{
    struct slice list = buf_slice(&b->answer), next = SLICE_NONE, unused;
    struct buf name = {0};
    int64_t size;
    enum err e = OK;
    if (slice_search(list, SLICE_LIT("<EnumerationResults")) == NULL)
        return fail(ERR_PROTOCOL, "%s did not answer with a list of blobs", b->place);
    buf_clear(marker);
    if (element(list, "NextMarker", &next, &unused)) put_unescaped(marker, next);
    while (e == OK && replay_blobs_next(&list, &name, &size)) e = fn(ctx, buf_cstr(&name), size);
    buf_free(&name);
    return e;
}

enum err replay_blobs_list(struct replay_blobs *b, replay_blob_fn fn, void *ctx)
{
    struct buf marker = {0};
    enum err e;
    do {
        buf_clear(&b->url);
        buf_printf(&b->url, "%s?restype=container&comp=list&marker=", b->place);
        text_percent(&b->url, buf_slice(&marker));
        buf_printf(&b->url, "&%s", b->query);
        e = get(b, "the container", NULL, REPLAY_BLOB_LIST_MAX);
        if (e == OK) e = take_page(b, fn, ctx, &marker);
    } while (e == OK && buf_size(&marker));
    buf_free(&marker);
    return e;
}

/* ---- a blob */

static void put_path(struct buf *out, struct slice name)
{
    struct slice part;
    while (slice_split(&name, '/', &part)) {
        buf_put_u8(out, '/');
        text_percent(out, part);
    }
}

enum err replay_blobs_read(struct replay_blobs *b, const char *name, int64_t offset, size_t len,
                           struct buf *out)
{
    char range[64];
    buf_clear(&b->url);
    buf_put_str(&b->url, b->place);
    put_path(&b->url, slice_str(name));
    buf_printf(&b->url, "?%s", b->query);
    snprintf(range, sizeof range, "%" PRId64 "-%" PRId64, offset, offset + (int64_t)len - 1);
    TRY(get(b, name, range, len));
    buf_put_slice(out, buf_slice(&b->answer));
    return OK;
}
