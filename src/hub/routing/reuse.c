/* reuse.c - may a bit be given away again?
 *
 * Records that name its former endpoint were enqueued before that went, or a little later.  If the first
 * record after that time is the oldest retained one, in every partition, none is left.
 */
#include "hub/routing/home.h"
#include "log/log.h"

static void ask_partition(struct routing *r)
{
    struct msg *m = msg_new(LOG_SEEK, sizeof(struct log_seek_msg));
    const struct log_seek_msg seek = {.partition = (uint16_t)r->seek_partition,
                                      .where = LOG_TIME,
                                      .value = r->next_bits.bit[r->seek_bit].removed_us +
                                               ROUTING_REUSE_US};
    memcpy(m->body, &seek, sizeof seek);
    post(r->lane, r->seeker, log_addr(r->hub->log), m);
}

static void on_answer(struct routing *r, const struct log_seek_done *done)
{
    if (done->err != OK || done->ordinal != done->ends.first_ordinal) {
        routing_refused(r, routing_bits_full());
    } else if (++r->seek_partition < log_partitions(r->hub->log, 0)) {
        ask_partition(r);
    } else {
        r->next_bits.bit[r->seek_bit] = (struct routing_bit){0};
        routing_reused(r);
    }
}

static void on_seek(void *ctx, struct lane *lane, struct msg *m)
{
    struct routing *r = ctx;
    struct log_seek_done done;
    if (!addr_eq(m->to, r->seeker)) {
        if (r->other_seek) r->other_seek(r->other_seek_ctx, lane, m);
        return;
    }
    memcpy(&done, m->body, sizeof done);
    on_answer(r, &done);
}

/* A kind of message has one handler on a lane: whoever had it keeps getting what is his. */
static void listen(struct routing *r)
{
    r->other_seek = r->lane->handlers[LOG_SEEK_DONE].fn;
    r->other_seek_ctx = r->lane->handlers[LOG_SEEK_DONE].ctx;
    r->lane->handlers[LOG_SEEK_DONE].fn = NULL;
    lane_on(r->lane, LOG_SEEK_DONE, on_seek, r);
    r->seeks = true;
}

void routing_ask_log(struct routing *r, unsigned bit)
{
    if (!r->seeks) listen(r);
    r->seek_bit = bit;
    r->seek_partition = 0;
    ask_partition(r);
}
