/* fake_c2d.c - notes what was asked, answers when told to. */
#include "front/amqp/testing/fake_c2d.h"

#include <stdio.h>

struct c2d fake_c2d;

void fake_c2d_init(void)
{
    fake_c2d = (struct c2d){0};
}

static void note(const char *fmt, ...) PRINTF(1, 2);

static void note(const char *fmt, ...)
{
    size_t at = strlen(fake_c2d.sent);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(fake_c2d.sent + at, sizeof fake_c2d.sent - at, fmt, ap);
    va_end(ap);
}

static void note_field(const char *name, struct slice value)
{
    if (value.ptr) note(" %s=%.*s", name, SLICE_ARG(value));
}

void c2d_send(struct c2d *c, struct slice who, const struct c2d_draft *d, struct c2d_wait *w)
{
    (void)c;
    fake_c2d.sends++;
    fake_c2d.sent[0] = '\0';
    note("%.*s", SLICE_ARG(who));
    note_field("mid", d->message_id);
    note_field("cid", d->correlation_id);
    note_field("uid", d->user_id);
    note_field("ct", d->content_type);
    note_field("ce", d->content_encoding);
    if (d->expiry_ms) note(" exp=%lld", (long long)d->expiry_ms);
    for (size_t i = 0; i < d->property_count; i++)
        note(" %.*s=%.*s", SLICE_ARG(d->properties[i].name), SLICE_ARG(d->properties[i].value));
    note_field("body", d->body);
    assert(fake_c2d.wait_count < FAKE_WAITS);
    fake_c2d.waits[fake_c2d.wait_count++] = w;
}

static void drop_wait(unsigned i)
{
    memmove(&fake_c2d.waits[i], &fake_c2d.waits[i + 1],
            (--fake_c2d.wait_count - i) * sizeof fake_c2d.waits[0]);
}

void c2d_forget(struct c2d *c, struct c2d_wait *w)
{
    (void)c;
    for (unsigned i = 0; i < fake_c2d.wait_count; i++) {
        if (fake_c2d.waits[i] != w) continue;
        drop_wait(i);
        fake_c2d.forgotten++;
        return;
    }
}

void fake_c2d_answer(enum status status, const char *text)
{
    struct c2d_wait *w = fake_c2d.waits[0];
    assert(fake_c2d.wait_count);
    drop_wait(0);
    w->fn(w, &(struct c2d_answer){.status = status, .text = text});
}

/* Feedback and files are the same to it. */
struct notices {
    int nothing;
};

struct notices *c2d_feedback(struct c2d *c)
{
    static struct notices all;
    (void)c;
    return &all;
}

void notices_open(struct notices *n, struct notice_receiver *r)
{
    (void)n;
    fake_c2d.receiver = r;
}

void notices_close(struct notices *n, struct notice_receiver *r)
{
    (void)n, (void)r;
    fake_c2d.receiver = NULL;
}

void notices_credit(struct notices *n, struct notice_receiver *r, uint32_t credit)
{
    (void)n, (void)r;
    fake_c2d.credit = credit;
}

void notices_settle(struct notices *n, struct notice_receiver *r,
                    const uint8_t lock[NOTICE_LOCK_LEN], enum notice_outcome outcome)
{
    static const char *const names[] = {
        [NOTICE_COMPLETE] = "complete", [NOTICE_ABANDON] = "abandon", [NOTICE_REJECT] = "reject"};
    (void)n, (void)r;
    fake_c2d.settles++;
    snprintf(fake_c2d.settled, sizeof fake_c2d.settled, "%02x %s", lock[0], names[outcome]);
}

/* Devices are tested against a whole hub (server/). */
void c2d_settle(struct c2d *c, struct slice who, const uint8_t lock[C2D_TOKEN_LEN],
                enum c2d_outcome outcome, struct c2d_wait *w)
{
    (void)c, (void)who, (void)lock, (void)outcome, (void)w;
    assert(false);
}
