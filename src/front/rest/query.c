/* query.c - parameters of the query: name=value pairs, '+' stands for a space. */
#include "base/num.h"
#include "base/text.h"
#include "front/rest/call.h"

static void decode(struct slice value, struct buf *out)
{
    struct buf spaced = {0};
    buf_put_slice(&spaced, value);
    for (size_t i = spaced.off; i < spaced.len; i++)
        if (spaced.ptr[i] == '+') spaced.ptr[i] = ' ';
    size_t before = buf_size(out);
    if (text_unpercent(out, buf_slice(&spaced)) != OK) assert(buf_size(out) == before);
    buf_free(&spaced);
}

bool rest_query_get(const struct call *c, const char *name, struct buf *out)
{
    struct slice rest = c->request->query, pair, key;
    while (slice_split(&rest, '&', &pair)) {
        slice_split(&pair, '=', &key);
        if (!slice_eq_nocase(key, slice_str(name))) continue;
        decode(pair, out);
        return true;
    }
    return false;
}

bool rest_query_number(const struct call *c, const char *name, uint64_t min, uint64_t max,
                       uint64_t *out)
{
    struct buf text = {0};
    bool fine = !rest_query_get(c, name, &text) ||
                (num_u64(buf_slice(&text), out) == OK && *out >= min && *out <= max);
    buf_free(&text);
    return fine;
}
