/* reuse.c - may a bit be given away again?
 *
 * Records that name its former endpoint were enqueued before that went, or a little later.  If the first
 * record after that time is the oldest retained one, in every partition, none is left.
 */
#include "hub/routing/home.h"
#include "log/log.h"

static void ask_partition(struct routing *r)
{
    const struct log_seek_msg seek = {.partition = (uint16_t)r->seek_partition,
                                      .where = LOG_TIME,
                                      .value = r->next_bits.bit[r->seek_bit].removed_us +
                                               ROUTING_REUSE_US};
    log_ask_seek(&r->seeker, &seek);
}

void routing_sought(struct log_asker *a, const struct log_seek_done *done)
{
    struct routing *r = CONTAINER_OF(a, struct routing, seeker);
    if (done->err != OK || done->ordinal != done->ends.first_ordinal) {
        routing_refused(r, routing_bits_full());
    } else if (++r->seek_partition < log_partitions(r->hub->log, 0)) {
        ask_partition(r);
    } else {
        r->next_bits.bit[r->seek_bit] = (struct routing_bit){0};
        routing_reused(r);
    }
}

void routing_ask_log(struct routing *r, unsigned bit)
{
    r->seek_bit = bit;
    r->seek_partition = 0;
    ask_partition(r);
}
