/* pairs.h - AMQP's pairs and properties as entries of Avro's maps.
 *
 * Runs on: the archive's lane.
 */
#ifndef CAPTURE_PAIRS_H
#define CAPTURE_PAIRS_H

#include "base/amqp.h"
#include "base/buf.h"
#include "capture/texts.h"

/* A map begins, and what pairs_close() wants; the number of its entries is known when they are there. */
size_t pairs_open(struct buf *out);
void pairs_close(struct buf *out, size_t map, size_t count);

/* Entries of pairs, one after the other without a head.  False: they are not well-formed.  *count goes up by those that
 * were put: not those whose keys are no texts, nor nulls unless `nulls_too`. */
bool pairs_put(struct buf *out, struct slice pairs, bool nulls_too, struct texts *t, size_t *count);

/* The same of a list of properties, by their AMQP names. */
bool pairs_put_properties(struct buf *out, const struct amqp_value *list, struct texts *t,
                          size_t *count);

#endif
