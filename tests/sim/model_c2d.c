/* model_c2d.c - messages, their ends, and what may be said of them. */
#include "model_c2d.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"

enum { DELIVERIES_MAX = 10, BODY_MAX = 400 };
#define LIFE_US   (3600 * 1000000ll) /* of a message that says none, and of feedback */
#define MOMENT_US (60 * 1000000ll)

static int64_t wall_us(void)
{
    return world.now_us + world.wall_us;
}

/* ---- messages */

unsigned model_c2d_send(struct model_c2d *m, const char *device, unsigned ack, int64_t expiry_us,
                        unsigned connect)
{
    assert(m->count < C2D_MESSAGES_MAX);
    m->messages[m->count] =
        (struct c2d_sent){.device = device,
                          .ack = ack,
                          .expiry_us = expiry_us,
                          .latest_us = expiry_us ? expiry_us : wall_us() + LIFE_US,
                          .connect = connect};
    return m->count++;
}

void model_c2d_put_body(struct buf *out, unsigned number)
{
    buf_printf(out, "%u:", number);
    for (unsigned i = 0; i < number * 37 % BODY_MAX; i++)
        buf_put_u8(out, (uint8_t)('a' + (number + i) % 26));
}

void model_c2d_put_id(struct buf *out, unsigned number)
{
    buf_printf(out, "m%u-%u", world.casts, number);
}

static bool is_ours(struct slice cast)
{
    char text[16];
    snprintf(text, sizeof text, "m%u", world.casts);
    return slice_is(cast, text);
}

/* Of an earlier cast, whose devices are gone. */
static bool is_old(struct slice message_id)
{
    struct slice cast;
    uint64_t n;
    return slice_split(&message_id, '-', &cast) && slice_starts(cast, SLICE_LIT("m")) &&
           num_u64(slice_from(cast, 1), &n) == OK && n < world.casts;
}

bool model_c2d_number(struct slice message_id, unsigned *out)
{
    uint64_t number;
    struct slice ours;
    if (!slice_split(&message_id, '-', &ours) || !is_ours(ours)) return false;
    if (num_u64(message_id, &number) != OK || number >= C2D_MESSAGES_MAX) return false;
    *out = (unsigned)number;
    return true;
}

static struct c2d_sent *find(struct model_c2d *m, struct slice message_id, unsigned *number)
{
    if (model_c2d_number(message_id, number) && *number < m->count) return &m->messages[*number];
    world_violated("a message %.*s that nobody sent", SLICE_ARG(message_id));
    return NULL;
}

static bool may_have_expired(const struct c2d_sent *s)
{
    return s->maybe_expired || s->latest_us <= wall_us();
}

/* It may have ended without the device's doing. */
static bool may_be_over(const struct c2d_sent *s)
{
    return s->maybe[END_SUCCESS] || s->maybe[END_REJECTED] || s->given_back >= DELIVERIES_MAX ||
           may_have_expired(s);
}

/* ---- deliveries */

/* Messages of one connection are accepted, and so delivered, in their order.  One whose time was over until the clock
 * was set back comes behind those that were handed out meanwhile. */
static void check_order(const struct model_c2d *m, unsigned number)
{
    const struct c2d_sent *s = &m->messages[number];
    if (s->maybe_expired) return;
    for (unsigned i = 0; i < m->count; i++) {
        const struct c2d_sent *other = &m->messages[i];
        if (other->device != s->device || other->connect != s->connect) continue;
        if (i > number && other->deliveries)
            world_violated("%s: message %u came first after %u", s->device, number, i);
        if (i < number && other->fate == C2D_TAKEN && other->deliveries == 0 && !may_be_over(other))
            world_violated("%s: message %u came, %u did not", s->device, number, i);
    }
}

/* It is free for who asks then. */
static bool must_be_free(const struct c2d_sent *s, const char *device, int64_t asked_us)
{
    return strcmp(s->device, device) == 0 && s->fate == C2D_TAKEN && s->taken_us < asked_us &&
           s->locked_until_us < asked_us && !may_be_over(s);
}

/* Who asks gets the oldest that is free, also when it was given back. */
static void check_oldest(const struct model_c2d *m, unsigned number, const struct c2d_receipt *how)
{
    for (unsigned i = 0; i < number && how->since_us > how->doubt_us; i++) {
        const struct c2d_sent *s = &m->messages[i];
        if (s->connect == m->messages[number].connect &&
            must_be_free(s, how->device, how->since_us))
            world_violated("%s: message %u came, and %u was free", how->device, number, i);
    }
}

static void check_body(const struct c2d_sent *s, unsigned number, struct slice body)
{
    struct buf want = {0};
    model_c2d_put_body(&want, number);
    if (!slice_eq(buf_slice(&want), body))
        world_violated("%s: message %u has another body: %.*s", s->device, number, SLICE_ARG(body));
    buf_free(&want);
}

/* Whoever asked after its time must not get it. */
static void check_expiry(const struct c2d_sent *s, unsigned number, const struct c2d_receipt *how)
{
    if (s->expiry_us && world.stepped_us < how->since_us &&
        s->expiry_us < how->since_us + world.wall_us)
        world_violated("%s: message %u came %" PRId64 " us after its expiry", how->device, number,
                       wall_us() - s->expiry_us);
}

static void check_lock(const struct c2d_sent *s, unsigned number, const struct c2d_receipt *how)
{
    if (how->life == s->locked_life && world.now_us < s->locked_until_us)
        world_violated("%s: message %u came %" PRId64 " us before its lock was over", how->device,
                       number, s->locked_until_us - world.now_us);
}

static void check_end(const struct c2d_sent *s, unsigned number)
{
    if (s->fate == C2D_REFUSED)
        world_violated("%s: message %u came, and was refused", s->device, number);
    for (int end = 0; end < ENDS; end++)
        if (s->sure[end])
            world_violated("%s: message %u came again after its end", s->device, number);
    if (s->told == END_SUCCESS || s->told == END_REJECTED || s->told == END_TOO_OFTEN)
        world_violated("%s: message %u came again after its feedback", s->device, number);
    if (s->returned >= DELIVERIES_MAX)
        world_violated("%s: message %u came again after it was given back %u times", s->device,
                       number, s->returned);
}

void model_c2d_delivered(struct model_c2d *m, const struct c2d_receipt *how,
                         struct slice message_id, struct slice body)
{
    unsigned number;
    struct c2d_sent *s = find(m, message_id, &number);
    if (s == NULL) return;
    check_body(s, number, body);
    if (strcmp(s->device, how->device) != 0)
        world_violated("%s: message %u was for %s", how->device, number, s->device);
    check_end(s, number);
    check_expiry(s, number, how);
    check_lock(s, number, how);
    s->locked_until_us = how->since_us + how->lock_us;
    s->locked_life = how->life;
    if (how->locked) check_oldest(m, number, how);
    if (s->deliveries++ == 0 && !how->locked) check_order(m, number);
}

/* Until now the clock only went on: it has been no later than this. */
void model_c2d_step(struct model_c2d *m, int64_t by_us)
{
    for (unsigned i = 0; i < m->count; i++) {
        struct c2d_sent *s = &m->messages[i];
        s->maybe_expired = may_have_expired(s);
        if (by_us > MOMENT_US && may_be_over(s) && !s->told) s->unheard = true;
        if (by_us > MOMENT_US) s->owed = false;
    }
}

void model_c2d_released(struct model_c2d *m, const char *device)
{
    for (unsigned i = 0; i < m->count; i++)
        if (strcmp(m->messages[i].device, device) == 0) m->messages[i].locked_until_us = 0;
}

void model_c2d_none(const struct model_c2d *m, const char *device, int64_t asked_us,
                    int64_t doubt_us)
{
    for (unsigned i = 0; i < m->count && asked_us > doubt_us; i++) {
        if (must_be_free(&m->messages[i], device, asked_us))
            world_violated("%s: there is no message, and %u was accepted", device, i);
    }
}

void model_c2d_settled(struct model_c2d *m, unsigned number, enum c2d_end end, bool sure)
{
    struct c2d_sent *s = &m->messages[number];
    s->maybe[end] = true;
    s->locked_until_us = 0; /* what could not be done leaves it in the queue */
    if (sure) s->sure[end] = true;
}

void model_c2d_given_back(struct model_c2d *m, unsigned number, bool sure)
{
    struct c2d_sent *s = &m->messages[number];
    s->locked_until_us = 0;
    if (sure)
        s->returned++;
    else
        s->given_back++;
}

/* ---- feedback */

static enum c2d_end end_of(struct slice status)
{
    static const char *const names[ENDS] = {[END_NONE] = "",
                                            [END_SUCCESS] = "Success",
                                            [END_REJECTED] = "Rejected",
                                            [END_EXPIRED] = "Expired",
                                            [END_TOO_OFTEN] = "DeliveryCountExceeded"};
    for (int end = 1; end < ENDS; end++)
        if (slice_is(status, names[end])) return (enum c2d_end)end;
    return END_NONE;
}

static bool may_end_so(const struct c2d_sent *s, enum c2d_end end)
{
    switch (end) {
    case END_EXPIRED: return may_have_expired(s);
    case END_TOO_OFTEN: return s->given_back >= DELIVERIES_MAX;
    default: return s->maybe[end];
    }
}

static void note(struct c2d_sent *s, const struct c2d_notice *how, enum c2d_end end)
{
    s->told = end;
    s->told_delivery = how->delivery;
    s->told_connect = how->connect;
    s->accepted |= !how->gives_back;
    s->owed = !s->accepted;
}

void model_c2d_heard(struct model_c2d *m, unsigned connect, uint32_t first, uint32_t last)
{
    for (unsigned i = 0; i < m->count; i++) {
        struct c2d_sent *s = &m->messages[i];
        if (s->told && s->told_connect == connect && s->told_delivery - first <= last - first)
            s->heard = true;
    }
}

void model_c2d_told(struct model_c2d *m, const struct c2d_notice *how, struct slice message_id,
                    struct slice device, struct slice status)
{
    unsigned number;
    if (is_old(message_id)) return;
    struct c2d_sent *s = find(m, message_id, &number);
    enum c2d_end end = end_of(status);
    if (s == NULL) return;
    if (!slice_is(device, s->device))
        world_violated("message %u was for %s, not %.*s", number, s->device, SLICE_ARG(device));
    if (end == END_NONE || !may_end_so(s, end))
        world_violated("%s: message %u cannot have ended as %.*s", s->device, number,
                       SLICE_ARG(status));
    if (!(s->ack & (end == END_SUCCESS ? C2D_ACK_POSITIVE : C2D_ACK_NEGATIVE)))
        world_violated("%s: nobody wanted to know that message %u ended as %.*s", s->device, number,
                       SLICE_ARG(status));
    if (s->told && s->told != end)
        world_violated("%s: message %u ended in two ways", s->device, number);
    for (int other = 1; other < ENDS; other++)
        if (s->sure[other] && other != (int)end)
            world_violated("%s: message %u ended as %.*s, and was confirmed another way", s->device,
                           number, SLICE_ARG(status));
    if (s->heard)
        world_violated("%s: the feedback of message %u was accepted, and comes again", s->device,
                       number);
    note(s, how, end);
}

/* ---- the end */

static bool is_over(const struct c2d_sent *s)
{
    if (s->owed) return false;
    if (s->fate != C2D_TAKEN || s->told || s->unheard) return true;
    if (s->ack == C2D_ACK_FULL || !may_be_over(s)) return false;
    if (s->sure[END_SUCCESS]) return !(s->ack & C2D_ACK_POSITIVE);
    if (s->sure[END_REJECTED]) return !(s->ack & C2D_ACK_NEGATIVE);
    return true;
}

bool model_c2d_over(const struct model_c2d *m)
{
    for (unsigned i = 0; i < m->count; i++)
        if (!is_over(&m->messages[i])) return false;
    return true;
}

void model_c2d_say_open(const struct model_c2d *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        const struct c2d_sent *s = &m->messages[i];
        if (!is_over(s))
            fprintf(stderr, "%s: message %u is open: %u deliveries, %u given back, ack %u\n",
                    s->device, i, s->deliveries, s->given_back, s->ack);
    }
}
