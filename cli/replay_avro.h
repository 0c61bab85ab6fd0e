/* replay_avro.h - a record of a Capture file (Microsoft.ServiceBus.Messaging.EventData) as an event.
 *
 * Fields are taken by name: files of Azure, of older schemas (no null in the union of Properties) and of
 * others that have at least EnqueuedTimeUtc, SystemProperties, Properties and Body.
 */
#ifndef CLI_REPLAY_AVRO_H
#define CLI_REPLAY_AVRO_H

#include "avro/avro.h"
#include "cli/replay.h"

/* Of the record that the reader is at.  ERR_CORRUPT: it is no event. */
enum err replay_avro_head(const struct avro_reader *r, struct replay_head *out) MUST_USE;
enum err replay_avro_build(const struct avro_reader *r, int64_t shift_us,
                           struct replay_event *out) MUST_USE;

/* "11/26/2026 1:07:05 PM", as .NET writes it, or ISO 8601.  ERR_INVALID. */
enum err replay_avro_time(struct slice text, int64_t *wall_us) MUST_USE;

#endif
