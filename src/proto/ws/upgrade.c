/* upgrade.c - the arithmetic of section 4: keys, lists of protocols, and the client's side of HTTP. */
#include <openssl/evp.h>
#include <stdio.h>

#include "base/rand.h"
#include "base/text.h"
#include "proto/ws/ws.h"

enum { KEY_BYTES = 16, SHA1_LEN = 20 };

bool ws_key_is_valid(struct slice key)
{
    struct buf bytes = {0};
    bool valid =
        key.len == WS_KEY_LEN && text_unbase64(&bytes, key) == OK && buf_size(&bytes) == KEY_BYTES;
    buf_free(&bytes);
    return valid;
}

void ws_accept(struct slice key, char accept[WS_ACCEPT_LEN + 1])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* section 1.3 */
    char text[WS_KEY_LEN + sizeof magic];
    uint8_t digest[SHA1_LEN];
    struct buf out = {0};
    assert(key.len == WS_KEY_LEN);
    int len = snprintf(text, sizeof text, "%.*s%s", SLICE_ARG(key), magic);
    int done = EVP_Digest(text, (size_t)len, digest, NULL, EVP_sha1(), NULL);
    assert(done == 1);
    text_base64(&out, slice_of(digest, sizeof digest));
    snprintf(accept, WS_ACCEPT_LEN + 1, "%s", buf_cstr(&out));
    buf_free(&out);
}

bool ws_next_protocol(struct slice *list, struct slice *name)
{
    while (slice_split(list, ',', name)) {
        *name = slice_trim(*name);
        if (name->len) return true;
    }
    return false;
}

/* ---- client */

void ws_make_key(char key[WS_KEY_LEN + 1])
{
    uint8_t bytes[KEY_BYTES];
    struct buf out = {0};
    rand_bytes(bytes, sizeof bytes);
    text_base64(&out, slice_of(bytes, sizeof bytes));
    snprintf(key, WS_KEY_LEN + 1, "%s", buf_cstr(&out));
    buf_free(&out);
}

void ws_put_request(struct buf *out, const char *host, const char *path, const char *protocol,
                    const char *key)
{
    buf_printf(out,
               "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: %d\r\nSec-WebSocket-Key: %s\r\n"
               "Sec-WebSocket-Protocol: %s\r\n\r\n",
               path, host, WS_VERSION, key, protocol);
}

/* The head of an answer up to its blank line, or false. */
static bool cut_head(struct slice bytes, struct slice *head)
{
    const uint8_t *end = slice_search(bytes, SLICE_LIT("\r\n\r\n"));
    if (end) *head = slice_head(bytes, (size_t)(end - bytes.ptr) + 2);
    return end != NULL;
}

/* The value of a header in the lines after the first, or an empty slice. */
static struct slice find_header(struct slice lines, const char *name)
{
    struct slice line, head;
    while (slice_split(&lines, '\n', &line))
        if (slice_split(&line, ':', &head) && slice_is_nocase(head, name)) return slice_trim(line);
    return SLICE_NONE;
}

static enum err judge(struct slice lines, const char *protocol, const char *key)
{
    struct slice first;
    char accept[WS_ACCEPT_LEN + 1];
    ws_accept(slice_str(key), accept);
    slice_split(&lines, '\n', &first);
    first = slice_trim(first);
    if (!slice_starts(first, SLICE_LIT("HTTP/1.1 101 ")))
        return fail(ERR_PROTOCOL, "the upgrade was answered: %.*s",
                    SLICE_ARG(slice_head(first, 200)));
    if (!slice_is_nocase(find_header(lines, "upgrade"), "websocket") ||
        !slice_is_nocase(find_header(lines, "connection"), "upgrade"))
        return fail(ERR_PROTOCOL, "the answer is not an upgrade to websocket");
    if (!slice_is(find_header(lines, "sec-websocket-accept"), accept))
        return fail(ERR_PROTOCOL, "Sec-WebSocket-Accept does not fit the key");
    if (!slice_is_nocase(find_header(lines, "sec-websocket-protocol"), protocol))
        return fail(ERR_PROTOCOL, "the answer does not name the protocol %s", protocol);
    if (find_header(lines, "sec-websocket-extensions").len)
        return fail(ERR_PROTOCOL, "the answer names an extension that was not offered");
    return OK;
}

enum err ws_read_response(struct slice bytes, const char *protocol, const char *key, size_t *len)
{
    struct slice head;
    if (!cut_head(slice_head(bytes, WS_RESPONSE_MAX), &head)) {
        if (bytes.len < WS_RESPONSE_MAX) return ERR_AGAIN;
        return fail(ERR_TOO_BIG, "the head of the answer is over %d bytes", WS_RESPONSE_MAX);
    }
    TRY(judge(head, protocol, key));
    *len = head.len + 2;
    return OK;
}
