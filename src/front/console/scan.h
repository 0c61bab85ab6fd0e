/* scan.h - POST /admin/v1/series: numbers of telemetry over the time that the log keeps (series.h).
 * Private to front/console.
 *
 * A scan is a guest of the log: it holds one piece of each partition at a time, asks for the next when it
 * has looked at it, and answers with what it has when it has read SERIES_BYTES_MAX or taken SCAN_TIME_US.
 * The answer says then that it is not complete, and its `next` is where the next request goes on.
 *
 * Runs on: the console's lane.
 * Limits:  SCANS_MAX at a time, then 503; azimuth_series_refused_total counts these. */
#ifndef FRONT_CONSOLE_SCAN_H
#define FRONT_CONSOLE_SCAN_H

#include "front/console/parts.h"

enum {
    SCANS_MAX = 4,
    SCAN_READ_BYTES = 512 << 10, /* of all partitions at a time, unless SCAN_READ_MIN is more */
    SCAN_READ_MIN = 16 << 10,    /* of a partition */
};
#define SCAN_TIME_US 2000000ll

/* Room for one more?  Then it counts. */
bool scan_enter(unsigned *running) MUST_USE;

void scan_series(struct call *c);

#endif
