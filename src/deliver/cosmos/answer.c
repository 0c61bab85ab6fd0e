/* answer.c - "HTTP status codes for Azure Cosmos DB". */
#include "deliver/cosmos/answer.h"

#include <stdio.h>

#include "base/json.h"
#include "base/num.h"

enum { KEY_MISMATCH = 1001, MESSAGE_MAX = 100 };

static uint64_t number_of(const struct out_answer *a, const char *name)
{
    uint64_t number;
    return num_u64(out_answer_header(a, name), &number) == OK ? number : 0;
}

/* A document whose partition key is not where the container has it: the endpoint is wrong, not the
 * message. */
static bool is_key_mismatch(const struct out_answer *a)
{
    return a->http == 400 && number_of(a, "x-ms-substatus") == KEY_MISMATCH;
}

static enum deliver_outcome outcome_of(const struct out_answer *a)
{
    if (a->http >= 200 && a->http < 300) return DELIVER_TAKEN;
    if (is_key_mismatch(a)) return DELIVER_SLOW;
    switch (a->http) {
    case 400:
    case 409: /* another document has what must be unique */
    case 413: return DELIVER_REFUSED;
    case 408:
    case 410: /* a partition is moved */
    case 429:
    case 449: return DELIVER_AGAIN;
    default: return a->http >= 500 ? DELIVER_AGAIN : DELIVER_SLOW;
    }
}

static const char *word_of(const struct out_answer *a)
{
    if (is_key_mismatch(a))
        return ": the container's partition key is another than partitionKeyName";
    switch (a->http) {
    case 401: return ": its keys are not those of the endpoint, or this server's clock is wrong";
    case 403: return ": its firewall does not let this server in, or a partition is full";
    case 404: return ": there is no such database or container";
    case 409: return ": another document has what must be unique";
    case 413: return ": the document is too large";
    case 429: return ": too many requests";
    default: return "";
    }
}

/* What the account says itself, where we know no better: the first line of it. */
static void add_message(const struct out_answer *a, char text[COSMOS_TEXT_MAX])
{
    struct arena arena = {0};
    struct json *body;
    size_t len = strlen(text);
    if (json_parse(&arena, a->body, &body) == OK) {
        struct slice m = slice_head(json_str(body, "message"), MESSAGE_MAX);
        m = slice_head(m, slice_find(m, '\n'));
        m = slice_head(m, slice_find(m, '\r'));
        if (m.len) snprintf(text + len, COSMOS_TEXT_MAX - len, ": %.*s", SLICE_ARG(m));
        for (char *c = text + len; *c; c++)
            if (*c == '"' || (unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f) *c = '\'';
    }
    arena_free(&arena);
}

void cosmos_judge(const struct out_answer *a, struct cosmos_verdict *out)
{
    *out = (struct cosmos_verdict){0};
    if (a->err != OK) {
        bool slow = a->err == ERR_DENIED || a->err == ERR_INVALID;
        out->outcome = slow ? DELIVER_SLOW : DELIVER_AGAIN;
        snprintf(out->text, sizeof out->text, "Cosmos DB did not answer: %s", a->text);
        return;
    }
    out->outcome = outcome_of(a);
    out->throttled = a->http == 429;
    out->denied = a->http == 401;
    out->pause_us = (int64_t)MIN(number_of(a, "x-ms-retry-after-ms"),
                                 DELIVER_PAUSE_ASKED_MAX_S * UINT64_C(1000)) *
                    1000;
    snprintf(out->text, sizeof out->text, "Cosmos DB answered %u%s", a->http, word_of(a));
    if (out->outcome != DELIVER_TAKEN && *word_of(a) == 0) add_message(a, out->text);
}

bool cosmos_is_worse(enum deliver_outcome a, enum deliver_outcome b)
{
    static const unsigned ranks[] = {
        [DELIVER_TAKEN] = 0, [DELIVER_REFUSED] = 1, [DELIVER_AGAIN] = 2, [DELIVER_SLOW] = 3};
    return ranks[a] > ranks[b];
}
