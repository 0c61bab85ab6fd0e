/* lock.c - the lock of a message in a path, and how it is let go: GET told it in an ETag, DELETE completes or
 * rejects, POST .../abandon gives the message back. */
#include "front/rest/call.h"
#include "hub/etag.h"

/* If-Match says the same and is not asked for: .NET calls it IfMatch.  Who copies the ETag has quotes around
 * it. */
bool rest_lock_read(struct call *c, uint8_t lock[C2D_TOKEN_LEN])
{
    bool fine = c2d_token_read(etag_bare(rest_route_param(c, "lock")), lock) == OK;
    if (!fine) rest_answer_status(c, STATUS_ARGUMENT_INVALID, fail_text());
    return fine;
}

/* "&reject", and Java's "&%3Freject=true". */
bool rest_lock_rejects(const struct call *c)
{
    static const char *const spellings[] = {"reject", "%3Freject", "?reject"};
    struct buf value = {0};
    bool there = false;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings && !there; i++)
        there = rest_query_get(c, spellings[i], &value);
    bool denied = slice_is_nocase(buf_slice(&value), "false");
    buf_free(&value);
    return there && !denied;
}
