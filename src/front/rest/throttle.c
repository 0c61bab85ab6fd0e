/* throttle.c - a request waits for its turn, or is refused: with 429, and with 403 when the day's messages
 * are used up.
 *
 * Administrators, who came over the server's own socket, are not counted: IoT Hub's management has no
 * part in its throttles either. */
#include <stdio.h>

#include "front/rest/call.h"

static uint64_t amount_of(const struct call *c)
{
    if (c->route->operation != THROTTLE_METHOD) return 1;
    return throttle_method_amount(buf_size(&c->body));
}

/* IoT Hub's own words; Azure's tools look for the operation at the end. */
static void refuse(struct call *c)
{
    char text[160];
    snprintf(text, sizeof text,
             "The request was throttled. Wait 10 seconds and try again. Operation type: %s",
             throttle_operation_name(c->route->operation));
    rest_answer_status(c, STATUS_THROTTLING_BACKLOG_TIMEOUT, text);
}

/* Azure counts what goes to and from devices; of the rest nothing goes on either once that is used up. */
static bool is_within_quota(const struct call *c)
{
    struct quota *quota = c->service->config->hub->quota;
    switch (c->route->operation) {
    case THROTTLE_FREE: return true;
    case THROTTLE_TWIN_READ:
    case THROTTLE_TWIN_UPDATE:
    case THROTTLE_METHOD:
    case THROTTLE_QUERY:
    case THROTTLE_UPLOAD: return quota_take(quota, buf_size(&c->body));
    default: return quota_take_messages(quota, 0);
    }
}

/* A twin or a page that is read is one message if it is small; what a method returns is one of its own. */
void rest_throttle_count_answer(struct call *c, const struct http1_response *r)
{
    struct quota *quota = c->service->config->hub->quota;
    if (r->status != 200 || c->route == NULL || conn_is_socket_admin(c->conn)) return;
    switch (c->route->operation) {
    case THROTTLE_TWIN_READ:
    case THROTTLE_QUERY: quota_count_read(quota, r->body.len); break;
    case THROTTLE_METHOD: quota_count_answer(quota, r->body.len); break;
    default: break;
    }
}

bool rest_throttle_lets_pass(struct call *c)
{
    struct throttle *throttle = c->service->config->hub->throttle;
    if (conn_is_socket_admin(c->conn)) return true;
    int64_t wait_us = throttle_take(throttle, c->route->operation, amount_of(c), c->now_us);
    if (wait_us == THROTTLE_REFUSED)
        refuse(c);
    else if (!is_within_quota(c))
        rest_answer_status(c, STATUS_QUOTA_EXCEEDED, "the messages of the day are used up");
    else if (wait_us == 0)
        return true;
    else
        rest_call_wait_long(c, WAITING_TURN, wait_us);
    return false;
}
