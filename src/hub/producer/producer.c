/* producer.c - the home of partitions: which batch is the next one, which one came before.
 *
 *   sequence numbers   1 ... 4 │ 5 ... 9 │ 10 ... 12 │
 *                       done       done     under way  next = 13, stored = 10
 *
 * A batch from `next` on is appended.  One that is done is answered at once, one under way together with
 * that.  What the log refuses goes back to `stored`: the client sends it again.
 */
#include "hub/producer/producer.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "hub/producer/part.h"

COUNTER(repeats, "azimuth_producer_repeats_total",
        "Batches of idempotent producers that came again and were not stored again");
COUNTER(refusals, "azimuth_producer_refusals_total",
        "Batches and links of idempotent producers refused: owner level or sequence numbers");
LIMIT_REACHED(too_many_waiting, "producer-questions")
GAUGE(producers_now, "azimuth_producers", "Idempotent producers that are known");

/* ---- questions: each message is owned from when it comes */

static void keep(struct list *list, struct msg *m)
{
    struct question *q = NEW(struct question);
    q->m = m;
    list_push(list, &q->node);
}

static struct msg *take_kept(struct list *list)
{
    struct list *node = list_shift(list);
    if (node == NULL) return NULL;
    struct question *q = CONTAINER_OF(node, struct question, node);
    struct msg *m = q->m;
    free(q);
    return m;
}

static void answer(struct producers *ps, struct msg *m, const struct producer_answer *a)
{
    bool opens = m->kind == PRODUCER_OPEN;
    struct msg *reply = msg_new(opens ? PRODUCER_OPENED : PRODUCER_SENT, sizeof *a);
    memcpy(reply->body, a, sizeof *a);
    if (a->outcome >= PRODUCER_STOLEN && a->outcome <= PRODUCER_GAP) metric_inc(&refusals);
    post_reply(ps->lane, m, reply);
    msg_free(m);
}

static void answer_all(struct producers *ps, struct list *list, const struct producer_answer *a)
{
    for (struct msg *m; (m = take_kept(list)) != NULL;) answer(ps, m, a);
}

static void drop_all(struct list *list)
{
    for (struct msg *m; (m = take_kept(list)) != NULL;) msg_free(m);
}

/* ---- producers of a partition */

/* What is under way is nobody's any more. */
static void leave_flights(struct producers *ps, struct producer *who)
{
    LIST_EACH(node, &who->flights)
    {
        list_remove(node);
        list_push(&ps->orphans, node);
        CONTAINER_OF(node, struct flight, node)->producer = NULL;
    }
}

static void producer_free(struct part *p, struct producer *who)
{
    leave_flights(p->ps, who);
    list_remove(&who->node);
    p->count--;
    metric_add(&producers_now, -1);
    free(who);
}

struct producer *part_find(struct part *p, int64_t id)
{
    LIST_EACH(node, &p->producers)
    {
        struct producer *who = CONTAINER_OF(node, struct producer, node);
        if (who->id != id) continue;
        list_remove(&who->node);
        list_push(&p->producers, &who->node);
        return who;
    }
    return NULL;
}

static void forget_batches(struct producer *who)
{
    for (unsigned i = 0; i < PRODUCER_BATCHES; i++) who->done[i] = (struct range){1, 0};
}

struct producer *part_add(struct part *p, int64_t id, int32_t epoch, uint32_t next)
{
    if (p->count == PRODUCERS_MAX)
        producer_free(p, CONTAINER_OF(p->producers.next, struct producer, node));
    struct producer *who = NEW(struct producer);
    *who = (struct producer){.id = id, .epoch = epoch, .next = next, .stored = next};
    forget_batches(who);
    list_init(&who->flights);
    list_push(&p->producers, &who->node);
    p->count++;
    metric_add(&producers_now, 1);
    return who;
}

/* ---- OPEN */

/* Another owner level begins with what its client says; what is under way of the one before does not
 * count any more. */
static void raise_epoch(struct producers *ps, struct producer *who, int32_t epoch, int32_t sequence)
{
    who->epoch = epoch;
    if (sequence == PRODUCER_NONE) return;
    leave_flights(ps, who);
    who->next = who->stored = sequence_plus((uint32_t)sequence, 1);
    who->loose = false;
    forget_batches(who);
}

static int64_t new_id(void)
{
    return (int64_t)(rand_u64() >> 16) + 1; /* JavaScript keeps 53 bits */
}

static void open_producer(struct part *p, struct msg *m)
{
    struct producer_open want;
    memcpy(&want, m->body, sizeof want);
    struct producer *who = want.id == PRODUCER_NONE ? NULL : part_find(p, want.id);
    struct producer_answer a = {.id = want.id == PRODUCER_NONE ? new_id() : want.id};
    if (who == NULL)
        who = part_add(p, a.id, MAX(want.epoch, 0),
                       want.sequence == PRODUCER_NONE ? 1
                                                      : sequence_plus((uint32_t)want.sequence, 1));
    else if (want.epoch != PRODUCER_NONE && want.epoch < who->epoch)
        a.outcome = PRODUCER_STOLEN;
    else if (want.epoch > who->epoch)
        raise_epoch(p->ps, who, want.epoch, want.sequence);
    a.epoch = who->epoch;
    a.sequence =
        want.sequence == PRODUCER_NONE ? (int32_t)sequence_before(who->next) : want.sequence;
    answer(p->ps, m, &a);
}

/* ---- SEND */

static void flight_free(struct flight *f)
{
    drop_all(&f->askers);
    list_remove(&f->node);
    slot_free(f->ps->lane, f->slot);
    free(f);
}

static void finish(struct flight *f)
{
    struct producer *who = f->producer;
    struct producer_answer a = {.outcome = f->failed == OK              ? PRODUCER_FINE
                                           : f->failed == ERR_THROTTLED ? PRODUCER_BUSY
                                                                        : PRODUCER_BROKEN};
    if (who && f->failed == OK) {
        memmove(who->done + 1, who->done, sizeof who->done - sizeof *who->done);
        who->done[0] = f->range;
        who->loose = false;
    } else if (who) {
        who->next = who->stored;
        who->loose = true;
    }
    answer_all(f->ps, &f->askers, &a);
    flight_free(f);
}

/* The cookie is the event's sequence number. */
static void on_stored(struct lane *lane, struct addr slot, uint64_t cookie, enum err result)
{
    struct flight *f = slot_get(lane, slot);
    if (f == NULL) return;
    if (result != OK && f->failed == OK) f->failed = result;
    if (f->failed == OK && f->producer) f->producer->stored = sequence_plus((uint32_t)cookie, 1);
    if (--f->left == 0) finish(f);
}

/* The next event behind the head of PRODUCER_SEND; its pairs, then its sections. */
static struct producer_event next_event(struct cur *c, struct slice *pairs, struct slice *sections)
{
    struct producer_event e = {0};
    struct slice head = cur_take(c, sizeof e);
    if (head.ptr) memcpy(&e, head.ptr, sizeof e);
    *pairs = cur_take(c, e.pairs_len);
    *sections = cur_take(c, e.sections_len);
    return e;
}

static struct range range_of(const struct producer_send *s)
{
    return (struct range){s->first, sequence_before(sequence_plus(s->first, s->count))};
}

static void append(struct part *p, struct producer *who, const struct producer_send *s,
                   struct msg *m)
{
    struct log_writer *w = p->ps->writer;
    struct flight *f = NEW(struct flight);
    struct cur c = cur_of(slice_from(msg_body(m), sizeof *s));
    *f = (struct flight){.producer = who, .ps = p->ps, .range = range_of(s)};
    f->slot = slot_new(f->ps->lane, f);
    f->left = (unsigned)sequence_ahead(who->next, sequence_plus(s->first, s->count));
    list_init(&f->askers);
    list_push(&who->flights, &f->node);
    keep(&f->askers, m);
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t at = sequence_plus(s->first, i);
        struct slice pairs, sections;
        struct producer_event e = next_event(&c, &pairs, &sections);
        if (sequence_ahead(who->next, at) < 0)
            continue; /* the rest of a batch of which a part is there */
        struct buf *b = log_begin(w, p->stream, p->partition, RECORD_TELEMETRY, RECORD_TO_STREAM);
        buf_put_slice(b, pairs);
        log_pairs_done(w, e.pair_count);
        buf_put_slice(b, sections);
        log_end(w, on_stored, f->slot, at);
    }
    who->next = sequence_plus(f->range.last, 1);
}

/* Under way: whoever asks now is answered with it. */
static bool join(struct producer *who, struct range r, struct msg *m)
{
    LIST_EACH(node, &who->flights)
    {
        struct flight *f = CONTAINER_OF(node, struct flight, node);
        if (f->range.first != r.first || f->range.last != r.last) continue;
        keep(&f->askers, m);
        return true;
    }
    return false;
}

static bool is_done(const struct producer *who, struct range r)
{
    bool found = who->loose && sequence_ahead(who->stored, r.last) < 0;
    for (unsigned i = 0; i < PRODUCER_BATCHES; i++)
        found = found || (who->done[i].first == r.first && who->done[i].last == r.last);
    return found;
}

/* PRODUCER_FINE: to be appended. */
static enum producer_outcome judge(const struct part *p, const struct producer *who,
                                   const struct producer_send *s)
{
    int64_t ahead = sequence_ahead(who->next, s->first);
    bool goes_on = ahead == 0 || (who->loose && ahead < 0 && ahead + s->count > 0);
    if (s->epoch < who->epoch) return PRODUCER_STOLEN;
    if (!goes_on) return ahead < 0 ? PRODUCER_OLD : PRODUCER_GAP;
    return log_writer_full(p->ps->writer) ? PRODUCER_BUSY : PRODUCER_FINE;
}

static void send_batch(struct part *p, struct msg *m)
{
    struct producer_send s;
    memcpy(&s, m->body, sizeof s);
    struct range r = range_of(&s);
    struct producer *who = part_find(p, s.id);
    if (who == NULL) who = part_add(p, s.id, s.epoch, s.first); /* it was forgotten */
    struct producer_answer a = {.outcome = judge(p, who, &s), .epoch = who->epoch};
    a.sequence = (int32_t)who->next;
    if (a.outcome == PRODUCER_FINE) {
        append(p, who, &s, m);
        return;
    }
    if (a.outcome == PRODUCER_OLD && join(who, r, m)) return;
    if (a.outcome == PRODUCER_OLD && is_done(who, r)) {
        metric_inc(&repeats);
        a.outcome = PRODUCER_FINE;
    }
    answer(p->ps, m, &a);
}

/* ---- partitions */

static void ask(struct part *p, struct msg *m)
{
    if (m->kind == PRODUCER_OPEN)
        open_producer(p, m);
    else
        send_batch(p, m);
}

void part_ready(struct part *p)
{
    p->state = PART_READY;
    for (struct msg *m; (m = take_kept(&p->waiting)) != NULL;) ask(p, m);
    p->waiting_count = 0;
}

void part_free(struct part *p)
{
    struct lane *lane = p->ps->lane;
    while (!list_empty(&p->producers))
        producer_free(p, CONTAINER_OF(p->producers.next, struct producer, node));
    drop_all(&p->waiting);
    if (p->storing) store_forget(lane, &p->wait);
    slot_free(lane, p->asker.slot);
    list_remove(&p->node);
    free(p);
}

void part_fail(struct part *p, enum producer_outcome why)
{
    answer_all(p->ps, &p->waiting, &(struct producer_answer){.outcome = why});
    part_free(p);
}

static struct part *part_of(struct producers *ps, unsigned stream, unsigned partition)
{
    LIST_EACH(node, &ps->parts)
    {
        struct part *p = CONTAINER_OF(node, struct part, node);
        if (p->stream == stream && p->partition == partition) return p;
    }
    struct part *p = NEW(struct part);
    *p = (struct part){.ps = ps, .stream = (uint16_t)stream, .partition = (uint16_t)partition};
    list_init(&p->producers);
    list_init(&p->waiting);
    list_push(&ps->parts, &p->node);
    place_open(p);
    return p;
}

/* OPEN or SEND: both begin with stream and partition. */
static void on_question(void *ctx, struct lane *lane, struct msg *m)
{
    struct producers *ps = ctx;
    uint16_t where[2];
    (void)lane;
    msg_keep(m);
    memcpy(where, m->body, sizeof where);
    const struct event_hub *h = event_hub_of_stream(ps->event_hubs, where[0]);
    if (h == NULL || where[1] >= h->partitions) {
        answer(ps, m, &(struct producer_answer){.outcome = PRODUCER_GONE});
        return;
    }
    struct part *p = part_of(ps, where[0], where[1]);
    if (p->state == PART_READY) {
        ask(p, m);
    } else if (p->waiting_count == PRODUCER_WAITING_MAX) {
        metric_inc(&too_many_waiting);
        answer(ps, m, &(struct producer_answer){.outcome = PRODUCER_BUSY});
    } else {
        p->waiting_count++;
        keep(&p->waiting, m);
    }
}

/* ---- life */

struct producers *producers_new(const struct hub *hub, struct lane *lane, struct log_writer *writer,
                                struct event_hubs *event_hubs)
{
    struct producers *ps = NEW(struct producers);
    *ps = (struct producers){.hub = hub, .lane = lane, .writer = writer, .event_hubs = event_hubs};
    list_init(&ps->parts);
    list_init(&ps->orphans);
    lane_on(lane, PRODUCER_OPEN, on_question, ps);
    lane_on(lane, PRODUCER_SEND, on_question, ps);
    place_init(ps);
    return ps;
}

void producers_free(struct producers *ps)
{
    if (ps == NULL) return;
    timer_stop(&ps->tick);
    LIST_EACH(node, &ps->parts) part_free(CONTAINER_OF(node, struct part, node));
    LIST_EACH(node, &ps->orphans) flight_free(CONTAINER_OF(node, struct flight, node));
    free(ps);
}
