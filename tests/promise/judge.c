/* judge.c - reading everything back, and comparing it with the ledger. */
#include "judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/amqp.h"
#include "base/mem.h"
#include "base/num.h"
#include "payload.h"

enum { READ_BYTES = 1 << 20 };

struct judge_seen {
    uint8_t *times; /* for each message sent */
    uint64_t next;  /* first occurrence expected next */
};

const char *judge_kind_name(enum judge_kind kind)
{
    static const char *const names[JUDGE_KINDS] = {[JUDGE_LOST] = "lost",
                                                   [JUDGE_REPEATED] = "repeated",
                                                   [JUDGE_DISORDERED] = "disordered",
                                                   [JUDGE_FOREIGN] = "foreign",
                                                   [JUDGE_DAMAGED] = "damaged"};
    return names[kind];
}

static void violated(struct judge *j, enum judge_kind kind, const char *fmt, ...) PRINTF(3, 4);

static void violated(struct judge *j, enum judge_kind kind, const char *fmt, ...)
{
    char what[256];
    va_list ap;
    j->found[kind]++;
    if (j->violated == NULL) return;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    j->violated(j->ctx, kind, what);
}

/* ---- one message */

static struct slice sender_of(struct slice pairs)
{
    struct cur c = cur_of(pairs);
    struct amqp_value key, value;
    while (amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK)
        if (slice_is(key.bytes, "iothub-connection-device-id")) return value.bytes;
    return SLICE_NONE;
}

static bool has_account(const struct ledger *l, struct slice id)
{
    for (unsigned i = 0; i < l->count; i++)
        if (slice_is(id, l->accounts[i].id)) return true;
    return false;
}

static void count_occurrence(struct judge *j, uint64_t device, uint64_t number)
{
    const struct account *a = &j->ledger->accounts[device];
    struct judge_seen *s = &j->seen[device];
    unsigned times = ++s->times[number];
    if (times > 1 && !j->may_repeat && times > account_copies_max(a, number))
        violated(j, JUDGE_REPEATED, "%s: message %" PRIu64 " is there %u times", a->id, number,
                 times);
    if (times > 1) return;
    if (number != s->next)
        violated(j, JUDGE_DISORDERED, "%s: message %" PRIu64 " where %" PRIu64 " was due", a->id,
                 number, s->next);
    s->next = number + 1;
}

static void check_message(struct judge *j, const struct record *r)
{
    struct amqp_message m;
    uint64_t device = 0, number = 0;
    struct slice sender = sender_of(r->pairs);
    if (j->among_others && sender.len && !has_account(j->ledger, sender)) return;
    enum err e = amqp_message_parse(r->sections, &m);
    if (e == OK && j->other && j->other(j->ctx, sender, m.data)) return;
    if (e == OK) e = payload_read(m.data, &device, &number);
    if (e == ERR_CORRUPT) {
        violated(j, JUDGE_DAMAGED, "message %" PRIu64 " of device %" PRIu64 " changed", number,
                 device);
        return;
    }
    if (e != OK || device >= j->ledger->count || number >= j->ledger->accounts[device].sent ||
        !(slice_is(sender, j->ledger->accounts[device].id) || (j->may_repeat && sender.len == 0))) {
        violated(j, JUDGE_FOREIGN, "partition %u, ordinal %" PRIu64 ": nobody sent it",
                 r->partition, r->ordinal);
        return;
    }
    count_occurrence(j, device, number);
}

void judge_record(struct judge *j, const struct record *r)
{
    const char *wrong = !record_check(r->frame)           ? "checksum"
                        : r->ordinal != j->ordinal        ? "ordinal"
                        : r->sequence != j->sequence      ? "sequence number"
                        : r->enqueued_us < j->enqueued_us ? "enqueued time"
                                                          : NULL;
    if (wrong)
        violated(j, JUDGE_DAMAGED,
                 "partition %u: ordinal %" PRIu64 ", sequence %" PRId64 ": wrong %s", r->partition,
                 r->ordinal, r->sequence, wrong);
    j->records++;
    j->ordinal = r->ordinal + 1;
    j->sequence = r->sequence + 1;
    j->enqueued_us = r->enqueued_us;
    check_message(j, r);
}

void judge_begin(struct judge *j)
{
    j->seen = mem_zero((j->ledger->count + 1) * sizeof *j->seen);
    for (unsigned i = 0; i < j->ledger->count; i++)
        j->seen[i].times = mem_zero(j->ledger->accounts[i].sent + 1);
}

void judge_partition(struct judge *j)
{
    j->ordinal = 0;
    j->sequence = 0;
    j->enqueued_us = INT64_MIN;
}

uint64_t judge_end(struct judge *j)
{
    uint64_t violations = 0;
    for (unsigned i = 0; i < j->ledger->count; i++) {
        const struct account *a = &j->ledger->accounts[i];
        for (uint64_t n = 0; n < a->acked; n++)
            if (n >= a->sent || j->seen[i].times[n] == 0)
                violated(j, JUDGE_LOST, "%s: message %" PRIu64 " was acknowledged", a->id, n);
        free(j->seen[i].times);
    }
    free(j->seen);
    for (int kind = 0; kind < JUDGE_KINDS; kind++) violations += j->found[kind];
    return violations;
}

/* ---- the whole log */

static void on_read(struct log_asker *a, const struct log_read_done *done)
{
    struct judge *j = CONTAINER_OF(a, struct judge, asker);
    j->answer = *done;
    j->answered = true;
}

static void read_from(struct judge *j, uint16_t partition)
{
    struct log_read_msg ask = {.stream = (uint16_t)j->stream,
                               .partition = partition,
                               .max_bytes = READ_BYTES,
                               .from_ordinal = j->ordinal};
    j->answered = false;
    log_ask_read(&j->asker, &ask);
    while (!j->answered)
        if (!j->step(j->ctx)) abort();
}

static void read_partition(struct judge *j, uint16_t partition)
{
    judge_partition(j);
    for (read_from(j, partition); j->answer.err == OK; read_from(j, partition)) {
        struct slice frames = slice_of(j->answer.blob->bytes + j->answer.offset, j->answer.len);
        struct record r;
        while (frames.len && record_parse(frames, &r) == OK) {
            judge_record(j, &r);
            frames = slice_from(frames, r.frame.len);
        }
        blob_drop(j->answer.blob);
    }
    if (j->answer.err != ERR_AGAIN)
        violated(j, JUDGE_DAMAGED, "partition %u, ordinal %" PRIu64 ": %s", partition, j->ordinal,
                 err_name(j->answer.err));
}

uint64_t judge_log(struct judge *j)
{
    j->asker = (struct log_asker){.lane = j->reader, .log = j->log, .read = on_read};
    judge_begin(j);
    for (unsigned p = 0; p < log_partitions(j->log, j->stream); p++) read_partition(j, (uint16_t)p);
    log_ask_forget(&j->asker);
    return judge_end(j);
}
