/* refusal.c - from who refuses to the journal. */
#include <stdlib.h>

#include "base/clock.h"
#include "hub/refusal/crowd.h"
#include "hub/refusal/gather.h"
#include "hub/refusal/journal.h"

struct refusals {
    const struct hub *hub;
    struct journal journals[LANES_MAX]; /* by the core's place in the hub */
    struct crowds crowds;               /* the first core's */
};

/* In one message: what, and its texts behind it. */
struct refusal_flat {
    struct refusal what;
    uint8_t bytes[];
};

static struct msg *flatten(const struct refusal *what)
{
    struct refusal from = *what;
    struct slice *texts[REFUSAL_TEXTS];
    size_t size = refusal_texts_cut(&from, texts);
    struct msg *m = msg_new(REFUSAL_NOTE, sizeof(struct refusal_flat) + size);
    struct refusal_flat *flat = (void *)m->body;
    uint8_t *at = flat->bytes;
    for (int i = 0; i < REFUSAL_TEXTS; i++) {
        if (texts[i]->len) memcpy(at, texts[i]->ptr, texts[i]->len);
        texts[i]->ptr = at;
        at += texts[i]->len;
    }
    flat->what = from;
    return m;
}

/* An id from outside may be anything; only one that could be registered has a home.  What comes from one
 * address without such an id is counted together, whichever cores took its connections. */
static struct addr place_of(const struct hub *hub, const struct refusal *what)
{
    return hub_home(hub, hub_who_valid(what->who) ? what->who : journal_address_of(what->peer));
}

void refusal_note(struct refusals *r, struct lane *lane, const struct refusal *what)
{
    if (r) post(lane, lane_addr(lane), place_of(r->hub, what), flatten(what));
}

static unsigned core_of(const struct hub *hub, const struct lane *lane)
{
    unsigned i = 0;
    while (hub->cores[i] != lane->id) {
        i++;
        assert(i < hub->core_count);
    }
    return i;
}

static struct journal *journal_of(struct refusals *r, const struct lane *lane)
{
    return &r->journals[core_of(r->hub, lane)];
}

/* An address is no identity, of what is doubtful nothing is concluded, and that connections end is every day's. */
static bool counts_for_crowd(const struct refusal *what)
{
    return refusal_text(what->cause)->severity == SEVERITY_REFUSED && what->who.len &&
           !what->doubtful;
}

/* Once in a while is enough: who floods does not flood the first core, too. */
static void tell_crowd(const struct hub *hub, struct lane *home, struct record *noted)
{
    const struct refusal *what = &noted->seen.what;
    if (!counts_for_crowd(what)) return;
    if (noted->told_us && noted->seen.last_us - noted->told_us < CROWD_TELL_S * 1000000ll) return;
    noted->told_us = noted->seen.last_us;
    struct msg *m = msg_new(REFUSAL_CROWD, sizeof(struct crowd_member));
    *(struct crowd_member *)(void *)m->body =
        (struct crowd_member){.cause = what->cause, .who = map_hash(what->who)};
    post(home, lane_addr(home), (struct addr){.lane = hub->cores[0]}, m);
}

void refusal_home_note(struct refusals *r, struct lane *home, const struct refusal *what)
{
    if (r == NULL) return;
    struct record *noted = journal_note(journal_of(r, home), what, clock_wall_us());
    if (noted) tell_crowd(r->hub, home, noted);
    if (noted) refusal_tell(r->hub, home, noted);
    refusal_diagnose(r->hub, home, what);
}

enum refusal_cause refusal_home_last(struct refusals *r, struct lane *home, struct slice who,
                                     int64_t since_us)
{
    struct ring *ring = r ? journal_ring(journal_of(r, home), who) : NULL;
    if (ring == NULL || ring->count == 0) return REFUSAL_CAUSES;
    struct refusal_seen *last = &CONTAINER_OF(ring->records.prev, struct record, in_ring)->seen;
    return last->last_us >= since_us ? last->what.cause : REFUSAL_CAUSES;
}

/* The end of a token and a new connection soon after: it was a renewal. */
static void settle(struct ring *ring, int64_t wall_us)
{
    struct refusal_seen *last = &CONTAINER_OF(ring->records.prev, struct record, in_ring)->seen;
    bool soon = wall_us - last->last_us < REFUSAL_RENEWAL_S * 1000000ll;
    if (last->what.cause == REFUSAL_TOKEN_RENEWAL && soon)
        last->number_max = (wall_us - last->last_us) / 1000000 + 1;
}

void refusal_home_connected(struct refusals *r, struct lane *home, const struct refusal *what)
{
    if (r == NULL) return;
    struct journal *j = journal_of(r, home);
    struct ring *ring = j->rings.count ? journal_ring(j, what->who) : NULL;
    bool claimed = ring == NULL && j->claimed.count && journal_was_claimed(j, what->who);
    if (ring && ring->count) settle(ring, clock_wall_us());
    if (ring || claimed) journal_note(j, what, clock_wall_us());
}

static void on_note(void *ctx, struct lane *lane, struct msg *m)
{
    const struct refusal_flat *flat = (const void *)m->body;
    refusal_home_note(ctx, lane, &flat->what);
}

static void on_crowd(void *ctx, struct lane *lane, struct msg *m)
{
    struct refusals *r = ctx;
    (void)lane;
    crowd_add(&r->crowds, (const void *)m->body, clock_wall_us());
}

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct refusals *r = ctx;
    unsigned core = core_of(r->hub, lane);
    struct refusal_alert alerts[REFUSAL_CAUSES];
    struct gather_alerts now = {.items = alerts};
    if (core == 0) now.count = crowd_alerts(&r->crowds, clock_wall_us(), alerts);
    post_reply(lane, m, gather_answer(&r->journals[core], core, &now, m));
}

/* ---- life */

struct refusals *refusals_new(const struct hub *hub)
{
    struct refusals *r = NEW(struct refusals);
    r->hub = hub;
    for (unsigned i = 0; i < hub->core_count; i++) journal_init(&r->journals[i], hub->core_count);
    return r;
}

void refusals_attach(struct refusals *r, struct lane *core)
{
    lane_on(core, REFUSAL_NOTE, on_note, r);
    lane_on(core, REFUSAL_ASK, on_ask, r);
    lane_on(core, REFUSAL_PAGE, gather_on_page, r);
    lane_on(core, REFUSAL_CROWD, on_crowd, r);
}

void refusals_free(struct refusals *r)
{
    if (r == NULL) return;
    for (unsigned i = 0; i < r->hub->core_count; i++) journal_fini(&r->journals[i]);
    free(r);
}

const struct hub *refusals_hub(const struct refusals *r)
{
    return r->hub;
}
