/* harden.h - what the process gives up before the first peer may speak to it.
 *
 * Whoever finds a hole in a parser should get little by it: no root, no way to start a program, no
 * core file with keys in it, no other process of the same user that may read our memory.
 *
 * Runs on: the main thread, before there are others, which inherit all of it.
 */
#ifndef SERVER_HARDEN_H
#define SERVER_HARDEN_H

#include <stdbool.h>

#include "base/err.h"

/* No core files; no debugger, nor anybody else who is not root, reads the process's memory. */
void harden_memory(void);

/* From root to that user, his groups, and of all capabilities the one to bind ports below 1024, until
 * harden_ports_bound().  ERR_NOT_FOUND: there is no such user; ERR_DENIED: we are not root. */
enum err harden_user(const char *name) MUST_USE;
void harden_ports_bound(void);

/* From now on no system call that a server never needs: to start programs, trace others, mount, load
 * modules, change the clock or who we are.  They fail with EPERM.  False: this kernel has no such filter. */
bool harden_calls(void);

#endif
