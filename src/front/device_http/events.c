/* events.c - telemetry: one message, or a batch of them, all of which is stored or none. */
#include "base/clock.h"
#include "front/device_http/device.h"

#define BATCH_TYPE "application/vnd.microsoft.iothub.json"

/* ---- stored */

static void answer_err(struct call *c, enum err e)
{
    if (e == ERR_THROTTLED)
        rest_answer_status(c, STATUS_THROTTLING, "the hub takes no messages now; try again later");
    else
        rest_answer_status(c, status_of_err(e), "the message could not be stored");
}

/* In the order of the messages; the last one ends the wait. */
static void on_stored(struct lane *core, struct addr who, uint64_t cookie, enum err result)
{
    struct request *r = slot_get(core, who);
    (void)cookie;
    if (r == NULL) return;
    if (result != OK && r->failed == OK) r->failed = result;
    if (--r->unstored) return;
    struct call *c = r->call;
    rest_call_resume(c);
    if (r->failed == OK)
        rest_answer_nothing(c);
    else
        answer_err(c, r->failed);
    rest_call_end(c);
}

/* ---- taken in */

static bool is_batch(const struct call *c)
{
    struct slice type = http1_header(c->request, "content-type");
    return slice_eq_nocase(slice_trim(slice_head(type, slice_find(type, ';'))),
                           SLICE_LIT(BATCH_TYPE));
}

static enum err read_messages(struct request *r, struct envelope **out, size_t *count)
{
    struct slice body = buf_slice(&r->call->body);
    if (is_batch(r->call)) return envelopes_of_batch(body, &r->arena, out, count);
    *out = arena_alloc(&r->arena, sizeof **out);
    *count = 1;
    TRY(envelope_of_headers(r->call->request, &r->arena, *out));
    (*out)->body = body;
    return telemetry_check(*out);
}

void events_store(struct request *r, const struct guest *g)
{
    struct telemetry *t = &r->service->telemetry;
    int64_t wall_us = clock_wall_us();
    size_t count = r->unstored;
    r->slot = slot_new(r->service->lane, r);
    for (size_t i = 0; i < count; i++) {
        enum err e =
            telemetry_submit(t, &g->sender, &r->messages[i], wall_us, on_stored, r->slot, i);
        assert(e == OK); /* each was checked */
    }
}

static void store(struct request *r, struct guest *g, const struct envelope *messages, size_t count)
{
    r->messages = messages;
    r->unstored = (unsigned)count;
    rest_call_wait(r->call, WAITING_SITE);
    if (!company_join(r, g)) events_store(r, g);
}

/* A batch counts its messages.  What has its turn within the tolerance is stored and answered at once;
 * only what would have to wait longer is refused. */
static bool is_throttled(const struct request *r, size_t count)
{
    return throttle_take_now(r->service->telemetry.hub->throttle, THROTTLE_TELEMETRY, count) ==
           THROTTLE_REFUSED;
}

/* Every message of a batch counts by its size. */
static bool is_over_quota(const struct request *r, const struct envelope *messages, size_t count)
{
    struct quota *quota = r->service->telemetry.hub->quota;
    uint64_t sum = 0;
    if (quota == NULL) return false;
    for (size_t i = 0; i < count; i++) sum += quota_messages(quota, telemetry_size(&messages[i]));
    return !quota_take_messages(quota, sum);
}

/* What came of `count` messages, of which none was stored. */
static void turn_away(const struct request *r, size_t count, enum status status, const char *text)
{
    bool throttled = status == STATUS_THROTTLING_BACKLOG_TIMEOUT;
    telemetry_turned_away(HUB_HTTP, throttled ? TELEMETRY_THROTTLED : TELEMETRY_REFUSED,
                          (unsigned)count);
    telemetry_diagnose(r->service->telemetry.hub, r->service->doors.desk->lane,
                       buf_slice(&r->call->who), HUB_HTTP, (unsigned)count, status);
    rest_answer_status(r->call, status, text);
}

static void run(struct request *r, struct guest *g)
{
    struct envelope *messages;
    size_t count = 1; /* what cannot be read counts as one */
    if (log_writer_full(r->service->telemetry.writer)) {
        telemetry_arrived(HUB_HTTP, 1);
        telemetry_turned_away(HUB_HTTP, TELEMETRY_THROTTLED, 1);
        answer_err(r->call, ERR_THROTTLED);
        return;
    }
    enum err e = read_messages(r, &messages, &count);
    telemetry_arrived(HUB_HTTP, (unsigned)count);
    if (e != OK)
        turn_away(r, count, status_of_err(e), fail_text());
    else if (is_throttled(r, count))
        turn_away(r, count, STATUS_THROTTLING_BACKLOG_TIMEOUT,
                  "the devices of the hub send too much; try again in 10 seconds");
    else if (is_over_quota(r, messages, count))
        turn_away(r, count, STATUS_QUOTA_EXCEEDED, "the messages of the day are used up");
    else
        store(r, g, messages, count);
}

void device_http_events(struct call *c)
{
    request_begin(c, run);
}
