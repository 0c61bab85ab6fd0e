/* newest.h - the newest message of a device in the hub's stream, whatever routes made of it.
 *
 * Runs on: the main thread; reads what the stream has had since a time, up to its end of now.
 * Errors:  ERR_NOT_FOUND: the device has sent nothing since then; ERR_TIMEOUT: a partition does not give what it
 *          said to have; those of a connection.
 */
#ifndef CLI_NEWEST_H
#define CLI_NEWEST_H

#include "cli/target.h"

/* As event_json() shows it, with all its parts.  `since_us`: wall time. */
enum err newest_find(struct cli *c, struct target *t, struct slice device, int64_t since_us,
                     struct json **event) MUST_USE;

#endif
