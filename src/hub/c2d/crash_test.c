/* crash_test.c - random use of a queue and power cuts, against a model of what may be there.
 *
 * The model knows of each message whether it must be in the queue, must not be, or may be (its
 * sender, or who settled it, had no answer when the power went).  After each cut a device connects
 * and takes everything: what must be there comes, in the order of the numbers; what must not does not;
 * nothing that was never sent does.
 */
#include "hub/c2d/fixture_test.h"

enum { MESSAGES = 400, ROUNDS = 6, STEPS = 60, SEEDS = 30, CALLS = 64 };

enum presence { UNSENT, MAYBE, THERE, GONE };

struct model {
    enum presence of[MESSAGES]; /* by number; the body is the number */
    unsigned next;
};

/* A call and the message it is about. */
struct call {
    struct reply reply;
    unsigned number;
    bool used, settles;
};

struct play {
    struct fixture f;
    struct model m;
    struct phone phone;
    bool connected;
    struct call calls[CALLS];
    uint64_t random;
};

static uint64_t next_random(struct play *p) /* xorshift64* */
{
    p->random ^= p->random >> 12;
    p->random ^= p->random << 25;
    p->random ^= p->random >> 27;
    return p->random * 0x2545F4914F6CDD1D >> 16;
}

static struct call *free_call(struct play *p)
{
    for (unsigned i = 0; i < CALLS; i++)
        if (!p->calls[i].used) return &p->calls[i];
    return NULL;
}

/* What has been answered is known. */
static void take_answers(struct play *p)
{
    for (unsigned i = 0; i < CALLS; i++) {
        struct call *c = &p->calls[i];
        if (!c->used || c->reply.answers == 0) continue;
        c->used = false;
        enum status status = c->reply.status;
        if (c->settles) {
            if (status == STATUS_OK) p->m.of[c->number] = GONE;
            /* A lost lock says nothing: an earlier settlement may have had no answer. */
        } else if (status == STATUS_OK && p->m.of[c->number] == UNSENT) {
            p->m.of[c->number] = THERE;
        } else if (status != STATUS_OK) {
            assert_true(status == STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED);
            p->m.of[c->number] = GONE;
        }
    }
}

/* ---- what can happen */

static void send_one(struct play *p)
{
    char body[16];
    struct call *c = free_call(p);
    if (c == NULL || p->m.next == MESSAGES) return;
    *c = (struct call){.reply = waiting(), .number = p->m.next++, .used = true};
    snprintf(body, sizeof body, "%u", c->number);
    struct c2d_draft d = {.body = slice_str(body), .message_id = slice_str(body)};
    c2d_send(far(&p->f, "d"), SLICE_LIT("d"), &d, &c->reply.wait);
}

static void settle_one(struct play *p)
{
    struct call *c = free_call(p);
    if (c == NULL || !p->connected || p->phone.count == 0) return;
    unsigned i = (unsigned)(next_random(p) % p->phone.count);
    unsigned number = (unsigned)atoi(p->phone.got[i].body);
    unsigned kind = (unsigned)(next_random(p) % 4);
    static const enum c2d_outcome outcomes[] = {C2D_COMPLETE, C2D_COMPLETE, C2D_REJECT,
                                                C2D_ABANDON};
    *c = (struct call){.reply = waiting(),
                       .number = number,
                       .used = true,
                       .settles = outcomes[kind] != C2D_ABANDON};
    if (!c->settles) { /* nobody waits: it stays, unless it was abandoned too often */
        c->used = false;
        p->m.of[number] = p->m.of[number] == GONE ? GONE : MAYBE;
    } else if (p->m.of[number] != GONE) {
        p->m.of[number] = MAYBE;
    }
    c2d_settle(far(&p->f, "d"), SLICE_LIT("d"), p->phone.got[i].lock, outcomes[kind],
               c->used ? &c->reply.wait : NULL);
}

static void come_or_go(struct play *p)
{
    if (p->connected)
        hang_up(&p->phone);
    else
        connect_phone(&p->f, &p->phone, "d");
    p->connected = !p->connected;
}

static void step(struct play *p)
{
    unsigned kind = (unsigned)(next_random(p) % 16);
    if (kind < 6)
        send_one(p);
    else if (kind < 12)
        settle_one(p);
    else if (kind == 12 || p->phone.count > GOT_MAX - 100)
        come_or_go(p);
    else if (kind == 13)
        rig_pass(&p->f.rig, C2D_LOCK_US + 1000);
    while (next_random(p) % 3) {
        struct lane *lane = p->f.rig.office.lanes[next_random(p) % p->f.rig.office.count];
        lane_run_once(lane, rig_mono_us);
    }
    take_answers(p);
}

/* ---- the cut, and what is there afterwards */

static void cut_power(struct play *p)
{
    take_answers(p);
    for (unsigned i = 0; i < CALLS; i++) {
        struct call *c = &p->calls[i];
        if (c->used && p->m.of[c->number] != GONE) p->m.of[c->number] = MAYBE;
        c->used = false;
    }
    io_mem_crash(p->f.rig.io, next_random(p) % 3 ? next_random(p) : 0);
    fixture_restart(&p->f);
    p->connected = false;
    p->phone = (struct phone){0};
}

static void check_queue(struct play *p)
{
    bool seen[MESSAGES] = {false};
    struct phone phone;
    connect_phone(&p->f, &phone, "d");
    for (unsigned i = 0; i < phone.count; i++) {
        unsigned number = (unsigned)atoi(phone.got[i].body);
        assert_true(number < p->m.next);
        assert_true(p->m.of[number] == THERE || p->m.of[number] == MAYBE);
        if (i) assert_true(phone.got[i].sequence > phone.got[i - 1].sequence);
        seen[number] = true;
        complete(&phone, i);
        p->m.of[number] = GONE;
    }
    for (unsigned n = 0; n < p->m.next; n++) {
        if (p->m.of[n] == THERE) fail_msg("message %u is lost", n);
        if (!seen[n] && p->m.of[n] == MAYBE) p->m.of[n] = GONE;
    }
    hang_up(&phone);
}

static void nothing_accepted_is_lost_and_nothing_completed_returns(void **state)
{
    (void)state;
    static struct play p;
    unsigned came = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        p = (struct play){.random = seed * 0x9E3779B97F4A7C15 + 1};
        fixture_init(&p.f);
        create(&p.f, "d");
        for (unsigned round = 0; round < ROUNDS; round++) {
            for (unsigned i = 0; i < STEPS; i++) step(&p);
            came += p.phone.count;
            cut_power(&p);
            check_queue(&p);
        }
        fixture_fini(&p.f);
    }
    assert_true(came > SEEDS * ROUNDS); /* it was not all idle */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_accepted_is_lost_and_nothing_completed_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
