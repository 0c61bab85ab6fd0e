/* parameters.c - what the queries of our own routes may have; /admin/v1/openapi.json has it from here, and
 * rest_query_get() lets nobody read what is not in it. */
#include "front/rest/call.h"

#define TEXT(handle, name, summary)                                                                \
    {                                                                                              \
        handle, name, REST_TEXT, summary, 0, 0, NULL                                               \
    }
#define WORD(handle, name, words, summary)                                                         \
    {                                                                                              \
        handle, name, REST_TEXT, summary, 0, 0, words                                              \
    }
#define TRUTH(handle, name, summary)                                                               \
    {                                                                                              \
        handle, name, REST_TRUTH, summary, 0, 0, NULL                                              \
    }
#define COUNT(handle, name, most, summary)                                                         \
    {                                                                                              \
        handle, name, REST_NUMBER, summary, 1, most, NULL                                          \
    }

const struct rest_parameter rest_parameters[] = {
    COUNT(rest_messages_list, "top", C2D_PAGE_MAX, "at most so many messages"),
    TEXT(rest_messages_list, "continuationToken", "of the page before"),
    COUNT(rest_refusal_attempts, "top", REFUSAL_RING_MAX, "at most so many attempts, the latest"),
    TEXT(rest_refusal_list, "cause", "only that one: C131, or sas-expired"),
    TEXT(rest_refusal_list, "id", "only of that device, module or registration id"),
    TEXT(rest_refusal_list, "since",
         "a time (2026-01-31T12:00:00Z) or how long ago (90s, 30m, 1h, 7d)"),
    TRUTH(rest_refusal_list, "grey", "also ends of connections that are no refusals"),
    COUNT(rest_refusal_list, "top", REFUSAL_PAGE_MAX, "at most so many, the latest"),
    TEXT(rest_refusal_list, "continuationToken", "of the page before"),
    WORD(rest_talkers, "by", "messages bytes", "what is counted"),
    COUNT(rest_talkers, "top", TALKERS_TOP_MAX, "at most so many devices"),
    TRUTH(rest_routing_put, "dryRun", "only tells whether it would be taken"),
};

const size_t rest_parameter_count = sizeof rest_parameters / sizeof *rest_parameters;

const struct rest_parameter *rest_parameter_of(const struct route *r, const char *name)
{
    for (const struct rest_parameter *p = rest_parameters;
         p < rest_parameters + rest_parameter_count; p++)
        if (p->handle == r->handle && strcmp(p->name, name) == 0) return p;
    return NULL;
}
