/* notify.h - tells the service manager how far we are: systemd's Type=notify.
 *
 * One datagram goes to the socket that NOTIFY_SOCKET names: a path, or with '@' before it an abstract
 * name (sd_notify(3)).  Without that variable nobody wants to know, and nothing is done.
 *
 * Runs on: the main thread.  Never blocks.
 */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include "base/err.h"

/* `state` is lines of NAME=value: "READY=1", "STOPPING=1".  ERR_INVALID: the socket's name is too long or
 * neither a path nor abstract; ERR_IO: nobody took it. */
enum err notify_manager(const char *state) MUST_USE;

/* "RELOADING=1" with the time that Type=notify-reload wants; "READY=1" ends it. */
enum err notify_reloading(void) MUST_USE;

#endif
