/* fleet_signal.h - SIGINT and SIGTERM end a run as its plan's end does; the second one ends the process.
 * Private to fleet.
 *
 * Runs on: the main thread.
 */
#ifndef CLI_FLEET_SIGNAL_H
#define CLI_FLEET_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

void fleet_signal_catch(struct sigaction old[2]);
void fleet_signal_release(const struct sigaction old[2]);

bool fleet_signal_came(void); /* since they were caught */

#endif
