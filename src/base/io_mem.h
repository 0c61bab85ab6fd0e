/* io_mem.h - the powers of a disk in memory: crash, fail, tear.
 *
 * For tests and the simulator only.  The model is the one a careful program must survive:
 *  - each file keeps its synced bytes and a list of later writes;
 *  - a crash keeps, per unsynced write, all, none or a part of it (chosen by the seed), in any
 *    combination; creations, renames and removals since the directory's last sync may be lost;
 *  - after a failed io_sync the unsynced bytes are gone for good (as Linux may drop dirty pages).
 */
#ifndef BASE_IO_MEM_H
#define BASE_IO_MEM_H

#include "base/io.h"

/* What is not durable is lost as described above; open files become stale (every call ERR_IO) and
 * the io can be used again, as after a restart.  `seed` picks what of the unsynced survives; 0 loses
 * all of it. */
void io_mem_crash(struct io *io, uint64_t seed);

enum io_call {
    IO_CALL_WRITE,
    IO_CALL_SYNC,
    IO_CALL_OPEN, /* also of a directory that is to be synced */
    IO_CALL_READ,
    IO_CALL_ALLOCATE,
    IO_CALLS
};

/* The n-th call of that kind from now (1 = the next) fails with `code`; every later one too if
 * `forever`.  n = 0 clears. */
void io_mem_fail(struct io *io, enum io_call call, uint64_t n, enum err code, bool forever);

/* Power fails during the n-th change of the disk from now (1 = the next; 0: it does not): every call
 * fails from there on, and nothing unsynced is decided before io_mem_crash().  So each point between
 * two calls can be tried. */
void io_mem_cut_power(struct io *io, uint64_t n);

/* io_free_bytes and writes obey this capacity; default: unlimited. */
void io_mem_capacity(struct io *io, uint64_t bytes);

/* Syncs do nothing (a lying disk): the simulator's check that it can detect a lost fdatasync. */
void io_mem_ignore_sync(struct io *io, bool ignore);

#endif
