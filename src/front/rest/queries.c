/* queries.c - POST /devices/query: one page of a query's rows, and where the next one goes on. */
#include "base/json.h"
#include "base/num.h"
#include "front/rest/call.h"

static void on_answer(struct query_wait *w, const struct query_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, query_wait);
    struct buf text = {0};
    rest_call_resume(c);
    if (a->status == STATUS_OK) {
        rest_answer_page(c, a->item_type, a->next, a->body);
    } else {
        bool bad = a->status == STATUS_ARGUMENT_INVALID;
        buf_printf(&text, "%s%.*s", bad ? "BadRequest: " : "", SLICE_ARG(a->text));
        rest_answer_status(c, a->status, buf_cstr(&text));
    }
    buf_free(&text);
    rest_call_end(c);
}

/* The header x-ms-max-item-count; 0: it is none.  Who does not say gets the default, as do SDKs that say
 * -1 for it; Node promises pages of up to 10000, and gets them in parts. */
unsigned rest_page_max(const struct call *c)
{
    struct slice text = http1_header(c->request, "x-ms-max-item-count");
    uint64_t max;
    if (text.len == 0 || slice_is(text, "-1")) return QUERY_PAGE_DEFAULT;
    return num_u64(text, &max) == OK ? (unsigned)MIN(max, QUERY_PAGE_MAX) : 0;
}

void rest_query(struct call *c)
{
    struct arena arena = {0};
    struct json *body;
    struct query_ask ask = {.sdk = http1_header(c->request, "user-agent"),
                            .after = http1_header(c->request, "x-ms-continuation"),
                            .max = rest_page_max(c)};
    if (json_parse(&arena, buf_slice(&c->body), &body) != OK) {
        rest_answer_status(c, STATUS_DESERIALIZATION_ERROR, fail_text());
    } else if (ask.max == 0) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID,
                           "BadRequest: x-ms-max-item-count is a number from 1 on");
    } else if ((ask.text = json_str(body, "query")).ptr == NULL) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID,
                           "BadRequest: the body is {\"query\":\"SELECT ...\"}");
    } else {
        c->query_wait.fn = on_answer;
        rest_call_wait(c, WAITING_QUERY);
        query_page(c->service->doors.queries, &ask, &c->query_wait);
    }
    arena_free(&arena);
}
