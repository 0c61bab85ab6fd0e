/* message.c - flat messages, built and read. */
#include "hub/twin/message.h"

static uint8_t *put_bytes(uint8_t *at, struct slice bytes)
{
    if (bytes.ptr) memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

struct msg *twin_ask_new(const struct ask *a)
{
    size_t len = a->who.len + a->if_match.len + a->json.len + a->by.len;
    struct msg *m = msg_new(TWIN_ASK, sizeof(struct ask_msg) + len);
    struct ask_msg *body = (void *)m->body;
    *body = (struct ask_msg){.verb = a->verb,
                             .how = a->how,
                             .has_match = a->if_match.ptr != NULL,
                             .version = a->version,
                             .session = a->session,
                             .who_len = (uint32_t)a->who.len,
                             .match_len = (uint32_t)a->if_match.len,
                             .json_len = (uint32_t)a->json.len,
                             .by_len = (uint32_t)a->by.len};
    uint8_t *at = put_bytes(put_bytes(body->bytes, a->who), a->if_match);
    put_bytes(put_bytes(at, a->json), a->by);
    return m;
}

struct ask twin_ask_read(const struct msg *m)
{
    const struct ask_msg *body = (const void *)m->body;
    const uint8_t *match = body->bytes + body->who_len, *json = match + body->match_len;
    return (struct ask){.verb = body->verb,
                        .how = body->how,
                        .version = body->version,
                        .session = body->session,
                        .who = slice_of(body->bytes, body->who_len),
                        .if_match = slice_of(body->has_match ? match : NULL, body->match_len),
                        .json = slice_of(json, body->json_len),
                        .by = slice_of(json + body->json_len, body->by_len)};
}

struct msg *twin_done_new(const struct twin_answer *a)
{
    size_t len = a->etag.len + a->body.len + a->text.len;
    struct msg *m = msg_new(TWIN_DONE, sizeof(struct done_msg) + len);
    struct done_msg *body = (void *)m->body;
    *body = (struct done_msg){.status = a->status,
                              .version = a->version,
                              .etag_len = (uint32_t)a->etag.len,
                              .body_len = (uint32_t)a->body.len,
                              .text_len = (uint32_t)a->text.len};
    put_bytes(put_bytes(put_bytes(body->bytes, a->etag), a->body), a->text);
    return m;
}

struct twin_answer twin_done_read(const struct msg *m)
{
    const struct done_msg *body = (const void *)m->body;
    const uint8_t *json = body->bytes + body->etag_len, *text = json + body->body_len;
    return (struct twin_answer){.status = body->status,
                                .version = body->version,
                                .etag = slice_of(body->bytes, body->etag_len),
                                .body = slice_of(json, body->body_len),
                                .text = slice_of(text, body->text_len)};
}

struct msg *twin_desired_new(int64_t version, struct slice json)
{
    struct msg *m = msg_new(TWIN_DESIRED, sizeof(struct desired_msg) + json.len);
    struct desired_msg *body = (void *)m->body;
    body->version = version;
    put_bytes(body->json, json);
    return m;
}
