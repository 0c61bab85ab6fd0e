/* journal.c - rings, folding, and who has to go. */
#include "hub/refusal/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "base/num.h"
#include "base/text.h"

COUNTER(forgotten, "azimuth_refusal_identities_forgotten_total",
        "Identities whose records of refused connections were dropped to make room");
COUNTER(unheard, "azimuth_refusal_notes_dropped_total",
        "Notes that were no refusal and found the journal full");
GAUGE(records_now, "azimuth_refusal_records", "Records of connection attempts kept in memory");

static struct metric refused_total[REFUSAL_CAUSES];

__attribute__((constructor)) static void register_causes(void)
{
    static char labels[REFUSAL_CAUSES][24];
    for (int i = 0; i < REFUSAL_CAUSES; i++) {
        snprintf(labels[i], sizeof labels[i], "cause=\"%s\"",
                 refusal_text((enum refusal_cause)i)->code);
        refused_total[i] =
            (struct metric){.name = "azimuth_refused_total",
                            .labels = labels[i],
                            .help = "Connection attempts and connections that were "
                                    "refused or cut off, by cause (docs/reference/why.md)"};
        if (i != REFUSAL_CONNECTED) metric_register(&refused_total[i]);
    }
}

void refusal_texts_of(struct refusal *r, struct slice *out[REFUSAL_TEXTS])
{
    struct slice *const all[REFUSAL_TEXTS] = {&r->who,      &r->peer,     &r->sni, &r->sdk,
                                              &r->observed, &r->expected, &r->next};
    memcpy(out, all, sizeof all);
}

size_t refusal_texts_cut(struct refusal *r, struct slice *out[REFUSAL_TEXTS])
{
    size_t size = 0;
    refusal_texts_of(r, out);
    for (int i = 0; i < REFUSAL_TEXTS; i++) {
        *out[i] = text_first_part(*out[i], REFUSAL_TEXT_MAX);
        size += out[i]->len;
    }
    return size;
}

/* ---- life */

void journal_init(struct journal *j, unsigned cores)
{
    *j = (struct journal){.known_max = REFUSAL_RECORDS_MAX / cores};
    list_init(&j->order);
    list_init(&j->quiet);
    list_init(&j->strangers.records);
    list_init(&j->strangers.quiet);
    j->strangers.max = REFUSAL_STRANGERS_MAX / cores;
}

struct ring *journal_ring(const struct journal *j, struct slice who)
{
    return map_get(&j->rings, who);
}

static struct ring *new_ring(struct journal *j, struct slice who)
{
    struct ring *ring = NEW(struct ring);
    list_init(&ring->records);
    ring->max = REFUSAL_RING_MAX;
    snprintf(ring->who, sizeof ring->who, "%.*s", SLICE_ARG(who));
    list_push(&j->quiet, &ring->quiet);
    map_put(&j->rings, slice_str(ring->who), ring);
    return ring;
}

static void claim(struct journal *j, struct record *r)
{
    struct slice who = r->seen.what.who;
    if (r->ring != &j->strangers || who.len == 0) return;
    map_remove(&j->claimed, who); /* the key is the record's own */
    map_put(&j->claimed, who, r);
}

bool journal_was_claimed(const struct journal *j, struct slice who)
{
    return map_get(&j->claimed, who) != NULL;
}

static void drop(struct journal *j, struct record *r)
{
    if (map_get(&j->claimed, r->seen.what.who) == r) map_remove(&j->claimed, r->seen.what.who);
    map_remove(&j->same, slice_of(&r->same, sizeof r->same));
    list_remove(&r->order);
    list_remove(&r->in_ring);
    r->ring->count--;
    if (r->ring != &j->strangers) j->known--;
    metric_add(&records_now, -1);
    free(r);
}

static void drop_oldest(struct journal *j, struct ring *ring)
{
    drop(j, CONTAINER_OF(ring->records.next, struct record, in_ring));
}

static void drop_ring(struct journal *j, struct ring *ring)
{
    while (ring->count) drop_oldest(j, ring);
    if (ring == &j->strangers) return;
    map_remove(&j->rings, slice_str(ring->who));
    list_remove(&ring->quiet);
    free(ring);
}

void journal_fini(struct journal *j)
{
    while (!list_empty(&j->quiet)) drop_ring(j, CONTAINER_OF(j->quiet.next, struct ring, quiet));
    drop_ring(j, &j->strangers);
    map_free(&j->rings);
    map_free(&j->claimed);
    map_free(&j->same);
}

/* ---- what is equal */

/* A peer comes back from another port. */
struct slice journal_address_of(struct slice peer)
{
    return slice_head(peer, slice_rfind(peer, ':'));
}

static uint64_t mix(uint64_t h, struct slice text)
{
    const uint64_t pair[2] = {h, map_hash(text)};
    return map_hash(slice_of(pair, sizeof pair));
}

static uint64_t same_of(const struct refusal *r)
{
    uint64_t h = (uint64_t)r->cause << 2 | (uint64_t)r->known << 1 | r->doubtful;
    if (r->protocol) h = mix(h, slice_str(r->protocol));
    h = mix(h, r->who);
    h = mix(h, journal_address_of(r->peer));
    h = mix(h, r->sni);
    h = mix(h, r->sdk);
    h = mix(h, r->observed);
    return mix(h, r->expected);
}

/* ---- noting */

bool journal_is_refusal(const struct refusal *what)
{
    return refusal_text(what->cause)->severity <= SEVERITY_CLOSED;
}

/* Someone else's records go, but for what is no refusal. */
static bool make_room(struct journal *j, const struct ring *mine, bool urgent)
{
    if (j->known < j->known_max) return true;
    if (!urgent) return false;
    struct list *first = j->quiet.next;
    if (first == &mine->quiet) first = first->next;
    if (first == &j->quiet) return false;
    metric_inc(&forgotten);
    drop_ring(j, CONTAINER_OF(first, struct ring, quiet));
    return true;
}

static struct ring *ring_for(struct journal *j, const struct refusal *what)
{
    struct ring *ring = &j->strangers;
    if (what->known) {
        ring = journal_ring(j, what->who);
        bool full =
            ring ? ring->count < ring->max && j->known >= j->known_max : j->known >= j->known_max;
        if (full && !journal_is_refusal(what)) {
            metric_inc(&unheard);
            return NULL;
        }
        if (ring == NULL) ring = new_ring(j, what->who);
    }
    if (ring->count == ring->max) drop_oldest(j, ring);
    if (what->known && !make_room(j, ring, true) && ring->count) drop_oldest(j, ring);
    return ring;
}

static struct record *new_record(const struct refusal *what)
{
    struct refusal from = *what;
    struct slice *texts[REFUSAL_TEXTS];
    size_t size = refusal_texts_cut(&from, texts);
    struct record *r = mem_zero(sizeof *r + size);
    uint8_t *at = r->bytes;
    r->seen.what = from;
    refusal_texts_of(&r->seen.what, texts);
    for (int i = 0; i < REFUSAL_TEXTS; i++) {
        if (texts[i]->len) memcpy(at, texts[i]->ptr, texts[i]->len);
        texts[i]->ptr = at;
        at += texts[i]->len;
    }
    list_init(&r->order);
    list_init(&r->in_ring);
    return r;
}

static struct record *add(struct journal *j, const struct refusal *what, uint64_t same)
{
    struct ring *ring = ring_for(j, what);
    if (ring == NULL) return NULL;
    struct record *r = new_record(what);
    r->same = same;
    r->ring = ring;
    r->seen.number_min = r->seen.number_max = what->number;
    map_put(&j->same, slice_of(&r->same, sizeof r->same), r);
    ring->count++;
    if (what->known) j->known++;
    metric_add(&records_now, 1);
    return r;
}

static void to_the_end(struct list *head, struct list *member)
{
    list_remove(member);
    list_push(head, member);
}

/* The latest port of the peer counts; there is room for it only if it is not longer. */
static void take_peer(struct record *r, struct slice peer)
{
    struct slice *mine = &r->seen.what.peer;
    if (peer.len == mine->len && peer.len)
        memcpy(r->bytes + (mine->ptr - r->bytes), peer.ptr, peer.len);
}

static void count(struct record *r)
{
    const struct refusal *what = &r->seen.what;
    if (what->cause == REFUSAL_CONNECTED) return;
    if (what->doubtful && r->seen.count < 2) return;
    metric_add(&refused_total[what->cause], what->doubtful && r->seen.count == 2 ? 2 : 1);
}

struct record *journal_note(struct journal *j, const struct refusal *what, int64_t wall_us)
{
    uint64_t same = same_of(what);
    struct record *r = map_get(&j->same, slice_of(&same, sizeof same));
    if (r)
        take_peer(r, what->peer);
    else
        r = add(j, what, same);
    if (r == NULL) return NULL;
    j->last_us = MAX(j->last_us + 1, wall_us);
    r->seen.last_us = j->last_us;
    if (r->seen.count == 0) r->seen.first_us = j->last_us;
    r->seen.count += r->seen.count < UINT32_MAX;
    r->seen.number_min = MIN(r->seen.number_min, what->number);
    r->seen.number_max = MAX(r->seen.number_max, what->number);
    claim(j, r);
    to_the_end(&j->order, &r->order);
    to_the_end(&r->ring->records, &r->in_ring);
    if (r->ring != &j->strangers) to_the_end(&j->quiet, &r->ring->quiet);
    count(r);
    return r;
}

/* ---- reading */

static bool comes_before(const struct refusal_seen *s, unsigned core, const struct refusal_query *q)
{
    return s->last_us < q->before_us || (s->last_us == q->before_us && core < q->before_core);
}

bool journal_matches(const struct record *r, const struct refusal_query *q, unsigned core)
{
    const struct refusal_seen *s = &r->seen;
    return (q->who.len == 0 || slice_eq(q->who, s->what.who)) &&
           (q->cause == REFUSAL_CAUSES || q->cause == s->what.cause) &&
           (!q->refused_only || journal_is_refusal(&s->what)) && s->last_us >= q->since_us &&
           comes_before(s, core, q) && !(s->what.doubtful && s->count < 2);
}
