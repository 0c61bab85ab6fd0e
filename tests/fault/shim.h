/* shim.h - what the parts of shim.so share.
 *
 *   shim.c        syncs that fail or take long, files that can only be read or have no room
 *   shim_lose.c   writes that are not synced, so that they can be taken back after a kill
 *   shim_clock.c  a wall clock that is set
 *
 * Each does nothing unless the environment names its file.
 */
#ifndef FAULT_SHIM_H
#define FAULT_SHIM_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

/* The function of that name behind ours. */
#define REAL(type, name, variable)                                                                 \
    type;                                                                                          \
    *(void **)&variable = dlsym(RTLD_NEXT, name)

/* Nothing can be written to the file: errno is EROFS or ENOSPC. */
bool shim_refuses_write(int fd);

/* Around a sync: what had been written when it began is on the disk when it has succeeded. */
uint64_t lose_sync_begins(void);
void lose_sync_succeeded(int fd, uint64_t begun);

#endif
