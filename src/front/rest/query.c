/* query.c - parameters of the query: name=value pairs, '+' stands for a space. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* On routes of ours what parameters.c has; an api-version may be anywhere. */
static bool may_be_read(const struct route *r, const char *name)
{
    return !rest_route_is_own(r) || strcmp(name, "api-version") == 0 || rest_parameter_of(r, name);
}

bool rest_query_get(const struct call *c, const char *name, struct buf *out)
{
    struct slice rest = c->request->query, pair, key;
    assert(may_be_read(c->route, name));
    while (slice_split(&rest, '&', &pair)) {
        slice_split(&pair, '=', &key);
        if (!slice_eq_nocase(key, slice_str(name))) continue;
        decode(pair, out);
        return true;
    }
    return false;
}

bool rest_query_number(struct call *c, const char *name, uint64_t *out)
{
    char why[96];
    struct buf text = {0};
    const struct rest_parameter *p = rest_parameter_of(c->route, name);
    assert(p && p->kind == REST_NUMBER);
    bool fine = !rest_query_get(c, name, &text) ||
                (num_u64(buf_slice(&text), out) == OK && *out >= p->min && *out <= p->max);
    buf_free(&text);
    if (fine) return true;
    snprintf(why, sizeof why, "%s is a number from %" PRIu64 " to %" PRIu64, name, p->min, p->max);
    rest_answer_status(c, STATUS_ARGUMENT_INVALID, why);
    return false;
}
