/* interrupt.h - SIGINT and SIGTERM end what lasts in good order; the second one ends the process.
 *
 * Runs on: the main thread.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

void interrupt_catch(struct sigaction old[2]);
void interrupt_release(const struct sigaction old[2]);

bool interrupt_came(void); /* since they were caught */

#endif
