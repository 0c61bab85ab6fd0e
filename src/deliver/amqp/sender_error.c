/* sender_error.c - what a peer's no means: again, later, or never.
 *
 * Source: "AMQP errors in Azure Service Bus", "Event Hubs quotas", AMQP 1.0 2.8.15 to 2.8.18. */
#include <stdio.h>

#include "deliver/amqp/sender.h"
#include "proto/amqp/amqp.h"

/* Conditions that somebody has to do something about, and those that are about the message alone. */
static const struct {
    const char *condition;
    enum deliver_outcome outcome;
} meanings[] = {
    {AMQP_UNAUTHORIZED, DELIVER_SLOW},
    {AMQP_NOT_FOUND, DELIVER_SLOW},
    {AMQP_NOT_ALLOWED, DELIVER_SLOW},
    {AMQP_NOT_IMPLEMENTED, DELIVER_SLOW},
    {"amqp:security:access-denied", DELIVER_SLOW},
    {"com.microsoft:auth-failed", DELIVER_SLOW},
    {"com.microsoft:entity-disabled", DELIVER_SLOW},
    {"com.microsoft:publisher-revoked", DELIVER_SLOW},
    {AMQP_MESSAGE_SIZE_EXCEEDED, DELIVER_REFUSED},
    {AMQP_DECODE_ERROR, DELIVER_REFUSED},
    {AMQP_INVALID_FIELD, DELIVER_REFUSED},
    {"amqp:precondition-failed", DELIVER_REFUSED},
    {"com.microsoft:argument-error", DELIVER_REFUSED},
    {"com.microsoft:argument-out-of-range", DELIVER_REFUSED},
    {"com.microsoft:message-too-large", DELIVER_REFUSED},
};

static enum deliver_outcome meaning_of(struct slice condition)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (slice_is(condition, meanings[i].condition)) return meanings[i].outcome;
    return DELIVER_AGAIN;
}

void amqp_sender_put_clean(char *text, size_t size, struct slice words)
{
    size_t at = strlen(text);
    for (size_t i = 0; i < words.len && at + 1 < size; i++) {
        uint8_t c = words.ptr[i];
        text[at++] = (char)(c < ' ' || c >= 0x7f ? ' ' : c == '"' ? '\'' : c);
    }
    text[at] = '\0';
}

static void put_text(const struct amqp_error *error, const char *where, const char *word,
                     char text[AMQP_SENDER_TEXT_MAX + 1])
{
    size_t size = AMQP_SENDER_TEXT_MAX + 1;
    snprintf(text, size, "%s %s", where, word);
    if (error->condition.len == 0) return;
    amqp_sender_put_clean(text, size, SLICE_LIT(": "));
    amqp_sender_put_clean(text, size, error->condition);
    if (error->description.len) amqp_sender_put_clean(text, size, SLICE_LIT(": "));
    amqp_sender_put_clean(text, size, error->description);
}

void amqp_sender_judge(const struct amqp_error *error, const char *where,
                       char text[AMQP_SENDER_TEXT_MAX + 1], struct deliver_result *out)
{
    bool busy = slice_is(error->condition, "com.microsoft:server-busy");
    put_text(error, where, error->condition.len ? "says no" : "ended it", text);
    *out = (struct deliver_result){.outcome = meaning_of(error->condition),
                                   .pause_us = busy ? AMQP_SENDER_BUSY_S * INT64_C(1000000) : 0,
                                   .text = text};
}

/* Artemis's word for all that is wrong within it, and for what its interceptors do not let in: `failed`. */
static bool is_unknown(struct slice condition)
{
    return condition.len && !slice_starts(condition, SLICE_LIT("amqp:")) &&
           !slice_starts(condition, SLICE_LIT("com.microsoft:"));
}

/* Who rejects without a condition has looked at the message and does not want it. */
void amqp_sender_judge_disposition(const struct amqp_disposition *d, const char *where,
                                   char text[AMQP_SENDER_TEXT_MAX + 1], struct deliver_result *out)
{
    static const struct amqp_error none;
    text[0] = '\0';
    *out = (struct deliver_result){.text = text};
    switch (d->outcome) {
    case AMQP_REJECTED:
        amqp_sender_judge(&d->error, where, text, out);
        if (d->error.condition.len == 0) out->outcome = DELIVER_REFUSED;
        out->doubtful = is_unknown(d->error.condition);
        put_text(&d->error, where, "rejects a message", text);
        break;
    case AMQP_RELEASED:
    case AMQP_MODIFIED:
        out->outcome = DELIVER_AGAIN;
        put_text(&none, where, "gives a message back", text);
        break;
    default: break; /* settled without a word: it was taken */
    }
}
