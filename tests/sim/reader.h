/* reader.h - service programs that read the stream over AMQP, one on each partition: fast ones and slow ones,
 * at different places.  Each goes on behind what it saw last, and now and then begins anew.
 *
 * All of them see one and the same stream: without a gap, in order, and what stood at a sequence number stays
 * there, whoever reads it and however often the hub died meanwhile.
 */
#ifndef SIM_READER_H
#define SIM_READER_H

#include "amqp_peer.h"

enum { READER_PARTITIONS = 4, READERS = READER_PARTITIONS };

/* What stands in a partition, by sequence number. */
struct model_stream {
    uint64_t *bodies; /* hashes; 0: nobody saw it yet */
    size_t cap;
};

struct reader {
    struct amqp_peer peer;
    struct model_stream *model;
    unsigned partition;
    struct amqp_link *link; /* NULL: not attached */
    int64_t last;           /* sequence number seen last, or where to begin */
    bool slow;              /* takes one at a time, and its time */
    unsigned credit;        /* that is left */
    uint64_t seen;          /* in all, or since all is read once more */
};

struct reader_world {
    struct model_stream streams[READER_PARTITIONS];
    struct reader readers[READERS];
};

void reader_world_init(struct reader_world *w, struct sim_hub *hub);
void reader_world_start(struct reader_world *w);
void reader_world_fini(struct reader_world *w);

/* All of it is read once more; then so many records have been seen. */
void reader_world_verify(struct reader_world *w);
uint64_t reader_world_seen(const struct reader_world *w);

#endif
