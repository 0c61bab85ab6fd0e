/* fleet_report.h - what a run says on stderr while it lasts.  Private to fleet. */
#ifndef CLI_FLEET_REPORT_H
#define CLI_FLEET_REPORT_H

#include "cli/fleet_device.h"

#define FLEET_REPORT_US (200 * 1000ll) /* how often the line of progress changes */

/* A line about a single device; after FLEET_COMPLAINTS_MAX they are only counted. */
void fleet_complain(struct fleet *f, const char *fmt, ...) PRINTF(2, 3);

/* A line about what a device heard; only where there is one device, of a fleet it is counted. */
void fleet_tell(const struct fleet *f, struct slice device, const char *what, struct slice name,
                struct slice payload);

/* Ends the run with `why` and the text of the last fail(). */
void fleet_give_up(struct fleet *f, enum err why);

/* The line of progress, on a terminal only. */
bool fleet_shows_progress(const struct fleet *f);
/* "  [####    ] 43 %, 12 s left" */
void fleet_put_bar(struct buf *out, double part, int64_t elapsed_us);

void fleet_show_progress(const struct fleet *f, int64_t since_us, int64_t now_us);
void fleet_clear_progress(const struct fleet *f);

/* The same into a buffer, for tests. */
void fleet_progress_line(struct buf *out, const struct fleet *f, int64_t elapsed_us);

#endif
