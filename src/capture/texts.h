/* texts.h - the texts of an event's times and of its offset, of which most are nearly those of the event before.
 *
 * Runs on: the archive's lane; one for each partition.
 */
#ifndef CAPTURE_TEXTS_H
#define CAPTURE_TEXTS_H

#include "base/clock.h"
#include "base/num.h"
#include "base/slice.h"

struct texts {
    int64_t iso_s, dotnet_s; /* what they are of */
    char iso[CLOCK_ISO_LEN + 1];
    char dotnet[6UL * NUM_TEXT_MAX + sizeof "// :: AM"];
    size_t dotnet_len; /* 0: nothing is kept */
    int64_t sequence;
    char offset[1 + NUM_TEXT_MAX];
    uint8_t offset_len; /* 0: likewise */
};

void texts_init(struct texts *t);

/* "2026-11-26T13:07:05.1230000Z": CLOCK_ISO_LEN bytes at `to`; behind them. */
uint8_t *texts_put_iso(struct texts *t, int64_t ms, uint8_t *to);

/* .NET's invariant form of a date and time, as in files of Azure: "11/26/2026 1:07:05 PM".  Until the next call. */
struct slice texts_dotnet(struct texts *t, int64_t wall_us);

/* Of a sequence number, likewise; a record that only endpoints see has none, which is negative. */
struct slice texts_offset(struct texts *t, int64_t sequence);

#endif
