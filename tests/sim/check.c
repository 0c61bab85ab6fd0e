/* check.c - reading everything back. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/amqp.h"
#include "base/num.h"

struct seen {
    uint8_t times[DEVICE_MESSAGES_MAX];
    uint64_t next; /* first occurrence expected next */
};

struct check {
    struct sim_hub *hub;
    const struct device *devices;
    unsigned count, violations;
    struct seen *seen;
    struct log_read_done answer; /* of the read under way */
    bool answered;
    uint64_t ordinal;
    int64_t sequence, enqueued_us;
};

static void violated(struct check *c, const char *what, uint64_t device, uint64_t number)
{
    c->violations++;
    fprintf(stderr, "seed %" PRIu64 ": %s (device %" PRIu64 ", message %" PRIu64 ")\n", world.seed,
            what, device, number);
}

/* ---- one message */

/* "device number padding": each byte of the padding follows from the number and its place. */
static bool body_is_as_sent(struct slice padding, uint64_t number)
{
    for (size_t i = 0; i < padding.len; i++)
        if (padding.ptr[i] != (uint8_t)('a' + (number + i) % 26)) return false;
    return true;
}

static void check_body(struct check *c, struct slice body)
{
    struct slice part;
    uint64_t device = 0, number = 0;
    bool parsed = slice_split(&body, ' ', &part) && num_u64(part, &device) == OK &&
                  slice_split(&body, ' ', &part) && num_u64(part, &number) == OK;
    if (!parsed || device >= c->count || number >= c->devices[device].sent) {
        violated(c, "stored, but never sent", device, number);
        return;
    }
    struct seen *s = &c->seen[device];
    if (!body_is_as_sent(body, number)) violated(c, "body changed", device, number);
    if (s->times[number]++ == 0) {
        if (number != s->next) violated(c, "out of order", device, number);
        s->next = number + 1;
    } else if (!device_was_uncertain(&c->devices[device], number)) {
        violated(c, "stored twice", device, number);
    }
}

static void check_record(struct check *c, const struct record *r)
{
    struct amqp_message m;
    if (!record_check(r->frame)) violated(c, "bad checksum", 0, r->ordinal);
    if (r->ordinal != c->ordinal) violated(c, "ordinal out of step", r->partition, r->ordinal);
    if (r->sequence != c->sequence)
        violated(c, "gap in sequence numbers", r->partition, r->ordinal);
    if (r->enqueued_us < c->enqueued_us) violated(c, "time went back", r->partition, r->ordinal);
    c->ordinal = r->ordinal + 1;
    c->sequence = r->sequence + 1;
    c->enqueued_us = r->enqueued_us;
    if (amqp_message_parse(r->sections, &m) != OK)
        violated(c, "unreadable", 0, r->ordinal);
    else
        check_body(c, m.data);
}

/* ---- the whole log */

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    struct check *c = ctx;
    (void)lane;
    memcpy(&c->answer, m->body, sizeof c->answer);
    c->answered = true;
}

static void read_from(struct check *c, uint16_t partition)
{
    struct sim_hub *h = c->hub;
    struct log_read_msg ask = {
        .partition = partition, .max_bytes = 64 << 10, .from_ordinal = c->ordinal};
    struct msg *m = msg_new(LOG_READ, sizeof ask);
    memcpy(m->body, &ask, sizeof ask);
    c->answered = false;
    post(&h->reader, lane_addr(&h->reader), log_addr(h->wire.log), m);
    while (!c->answered)
        if (!world_step(h->all, h->all_count, world.now_us + 10000000)) abort();
}

static void check_partition(struct check *c, uint16_t partition)
{
    c->ordinal = 0;
    c->sequence = 0;
    c->enqueued_us = INT64_MIN;
    for (read_from(c, partition); c->answer.err == OK; read_from(c, partition)) {
        struct slice frames = slice_of(c->answer.blob->bytes + c->answer.offset, c->answer.len);
        struct record r;
        while (frames.len && record_parse(frames, &r) == OK) {
            check_record(c, &r);
            frames = slice_from(frames, r.frame.len);
        }
        blob_drop(c->answer.blob);
    }
    if (c->answer.err != ERR_AGAIN) violated(c, fail_text(), partition, c->ordinal);
}

unsigned check_log(struct sim_hub *h, const struct device *devices, unsigned count)
{
    struct check c = {.hub = h, .devices = devices, .count = count};
    c.seen = mem_zero(count * sizeof *c.seen);
    if (h->reader.handlers[LOG_READ_DONE].fn) h->reader.handlers[LOG_READ_DONE].fn = NULL;
    lane_on(&h->reader, LOG_READ_DONE, on_read, &c);
    for (uint16_t p = 0; p < log_partitions(h->wire.log, 0); p++) check_partition(&c, p);
    for (unsigned d = 0; d < count; d++)
        for (uint64_t n = 0; n < devices[d].acked; n++)
            if (c.seen[d].times[n] == 0) violated(&c, "acknowledged and lost", d, n);
    free(c.seen);
    return c.violations;
}
