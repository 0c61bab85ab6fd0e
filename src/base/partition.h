/* partition.h - which partition of an event hub a key belongs to: the hub and whoever sends to one agree.
 *
 * Source: @azure/event-hubs, partitionKeyToIdMapper: Jenkins lookup3 (hashlittle2, seeds 0) of the UTF-8
 *         bytes, 16 bits of c ^ b as a signed number, modulo, absolute value.
 */
#ifndef BASE_PARTITION_H
#define BASE_PARTITION_H

#include "base/slice.h"

unsigned key_partition(struct slice key, unsigned partitions);

#endif
