/* diagnose.c - messageExpired of the category C2DCommands, which has what went wrong. */
#include "base/clock.h"
#include "hub/c2d/home.h"
#include "hub/diagnostic/diagnostic.h"

/* Azure's records have this number, which is no error of ours. */
enum { GONE = 404000 };

static void put_properties(struct buf *b, const struct queue *q, const struct item *i)
{
    static const char *const acks[] = {[ACK_NONE] = "None",
                                       [ACK_POSITIVE] = "PositiveOnly",
                                       [ACK_NEGATIVE] = "NegativeOnly",
                                       [ACK_FULL] = "Full"};
    char expiry[CLOCK_ISO_LEN + 1], enqueued[CLOCK_ISO_LEN + 1], now[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us(), now);
    clock_iso(i->expires_us, expiry);
    clock_iso(i->enqueued_us, enqueued);
    diagnostic_put_who(b, queue_id(q));
    diagnostic_put_text(b, "messageId", item_id(i));
    diagnostic_put_digits(b, "messageSizeInBytes", (int64_t)i->sections_len);
    diagnostic_put_text(b, "protocol", SLICE_NONE); /* the queue does not know it */
    diagnostic_put_text(b, "deliveryAcknowledgement", slice_str(acks[i->ack]));
    diagnostic_put_digits(b, "deliveryCount", i->delivery_count);
    diagnostic_put_text(b, "expiryTime", slice_str(expiry));
    diagnostic_put_digits(b, "timeInSystem", (clock_wall_us() - i->enqueued_us) / 1000000);
    diagnostic_put_number(b, "ttl", (i->expires_us - i->enqueued_us) / 1000000);
    diagnostic_put_text(b, "EventProcessedUtcTime", slice_str(now));
    diagnostic_put_text(b, "EventEnqueuedUtcTime", slice_str(enqueued));
    diagnostic_put_text(b, "maskedIpAddress", SLICE_NONE);
    diagnostic_put_http(b, GONE / 1000);
}

void diagnose_removal(const struct queue *q, struct item *const *items, unsigned count,
                      enum c2d_status status)
{
    const struct hub *hub = q->c2d->hub;
    bool lost = status == C2D_EXPIRED || status == C2D_DELIVERY_COUNT_EXCEEDED;
    if (!lost || !diagnostic_wanted(hub, DIAGNOSTIC_C2D_COMMANDS)) return;
    for (unsigned n = 0; n < count; n++) {
        struct buf properties = {0};
        put_properties(&properties, q, items[n]);
        diagnostic_note(hub, q->c2d->lane,
                        &(struct diagnostic){.category = DIAGNOSTIC_C2D_COMMANDS,
                                             .operation = "messageExpired",
                                             .number = GONE,
                                             .description = slice_str(c2d_status_name(status)),
                                             .properties = &properties});
        buf_free(&properties);
    }
}
