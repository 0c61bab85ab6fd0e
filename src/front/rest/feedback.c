/* feedback.c - what became of messages to devices, for who asks: IoT Hub service REST API, "Cloud To Device
 * Messages".
 *
 *   GET .../feedback                 200, an array of records, its lock in the ETag; 204: there is none
 *   DELETE .../feedback/{lock}       204, they are gone; with ?reject they are dropped
 *   POST .../feedback/{lock}/abandon 204, they come again
 *
 * The queue, its locks and limits are those of the AMQP link (hub/notice). */
#include "base/clock.h"
#include "front/rest/call.h"

static struct call *call_of(struct notice_receiver *r)
{
    return CONTAINER_OF(r, struct call, feedback_visit);
}

static void begin_visit(struct call *c)
{
    notices_visit(c2d_feedback(c->service->doors.c2d), &c->feedback_visit);
    rest_call_wait(c, WAITING_FEEDBACK);
}

static void end_visit(struct call *c)
{
    notices_close(c2d_feedback(c->service->doors.c2d), &c->feedback_visit);
    rest_call_resume(c);
}

/* ---- receiving */

/* azure-iot-hub for Python reads no body whose type it does not know: not that of the AMQP message. */
static void answer_batch(struct call *c, const uint8_t lock[NOTICE_LOCK_LEN], int64_t enqueued_us,
                         struct slice json)
{
    char iso[CLOCK_ISO_LEN + 1], etag[C2D_TOKEN_TEXT_LEN + 3] = "\"";
    clock_iso(enqueued_us, iso);
    c2d_token_text(lock, etag + 1);
    etag[C2D_TOKEN_TEXT_LEN + 1] = '"';
    const struct http1_header headers[] = {
        {SLICE_LIT("etag"), slice_of(etag, C2D_TOKEN_TEXT_LEN + 2)},
        {SLICE_LIT("iothub-enqueuedtime"), slice_str(iso)},
    };
    rest_answer_with(c, &(struct http1_response){.status = 200,
                                                 .content_type = "application/json; charset=utf-8",
                                                 .headers = headers,
                                                 .header_count = 2,
                                                 .body = json});
}

static void on_batch(struct notice_receiver *r, const uint8_t lock[NOTICE_LOCK_LEN],
                     int64_t enqueued_us, struct slice json)
{
    struct call *c = call_of(r);
    end_visit(c);
    answer_batch(c, lock, enqueued_us, json);
    rest_call_end(c);
}

static void on_nothing(struct notice_receiver *r, enum status status)
{
    struct call *c = call_of(r);
    end_visit(c);
    if (status == STATUS_OK)
        rest_answer_nothing(c);
    else
        rest_answer_status(c, status, "the store does not answer");
    rest_call_end(c);
}

void rest_feedback_receive(struct call *c)
{
    if (rest_refuses_head(c)) return;
    c->feedback_visit = (struct notice_receiver){.batch = on_batch, .nothing = on_nothing};
    begin_visit(c);
    notices_take(c2d_feedback(c->service->doors.c2d), &c->feedback_visit);
}

/* ---- settling */

static const char *why_not(enum status status)
{
    return status == STATUS_DEVICE_MESSAGE_LOCK_LOST
               ? "the lock of the feedback is over; it may be delivered again"
               : "the store does not answer";
}

static void on_settled(struct notice_receiver *r, const uint8_t lock[NOTICE_LOCK_LEN],
                       enum status status)
{
    struct call *c = call_of(r);
    (void)lock;
    end_visit(c);
    if (status == STATUS_OK)
        rest_answer_nothing(c);
    else
        rest_answer_status(c, status, why_not(status));
    rest_call_end(c);
}

static void settle(struct call *c, enum notice_outcome outcome)
{
    uint8_t lock[C2D_TOKEN_LEN];
    if (!rest_lock_read(c, lock)) return;
    c->feedback_visit = (struct notice_receiver){.settled = on_settled};
    begin_visit(c);
    notices_settle(c2d_feedback(c->service->doors.c2d), &c->feedback_visit, lock, outcome);
}

void rest_feedback_settle(struct call *c)
{
    settle(c, rest_lock_rejects(c) ? NOTICE_REJECT : NOTICE_COMPLETE);
}

void rest_feedback_abandon(struct call *c)
{
    settle(c, NOTICE_ABANDON);
}
