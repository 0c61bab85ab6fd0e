/* webhook.h - endpoints of the kind "webhooks": a program at an https address.  Private to deliver. */
#ifndef DELIVER_WEBHOOK_WEBHOOK_H
#define DELIVER_WEBHOOK_WEBHOOK_H

#include "deliver/kind.h"

enum {
    WEBHOOK_EVENTS_MAX = 5000, /* Event Grid: maxEventsPerBatch */
    WEBHOOK_EVENTS_DEFAULT = 100,
    WEBHOOK_KILOBYTES_MAX = 1024, /* Event Grid: preferredBatchSizeInKilobytes */
    WEBHOOK_KILOBYTES_DEFAULT = 64,
    WEBHOOK_RATE_MAX =
        60000000, /* requests a minute; who grants more grants as many as there are */
    WEBHOOK_ANSWER_MAX = 64 << 10, /* bytes */
    WEBHOOK_TIMEOUT_MS = 30000,    /* Event Grid waits so long, too */
};

extern const struct deliver_kind webhook_kind;

/* WebHook-Allowed-Rate: requests a minute, 0: as many as there are ("*", or nothing said).  ERR_INVALID, with
 * a text: neither (CloudEvents 1.0, webhooks, section 4.2.2). */
enum err webhook_rate_read(struct slice text, uint64_t *rate) MUST_USE;

#endif
