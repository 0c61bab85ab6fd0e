/* dir.h - the data directory: one server at a time, and where the small public files live.
 *
 * Runs on: the main thread, at start and stop.
 */
#ifndef SERVER_DIR_H
#define SERVER_DIR_H

#include "base/io.h"

enum { DIR_PATH_MAX = 4096 };

struct dir {
    char path[DIR_PATH_MAX]; /* absolute */
    int lock;                /* held for life, */
    int self;                /* and the directory itself: a file can be removed under a server */
    bool temporary;          /* --ephemeral: removed at exit */
    bool made;               /* it was not there before */
    struct io *files;        /* ca.pem, metrics.token: always on disk */
    struct io *secrets;      /* private keys and what is signed by them: as `state` */
    struct io *state;        /* log and store: the same, or in memory with --ephemeral */
};

/* Makes the directory if it is absent and takes its lock.  ERR_EXISTS: another server has it. */
enum err dir_open(const char *path, struct dir *out) MUST_USE;

/* Adds to the text of a failure what can be done about it: `e` is what the log or the store said when
 * they were opened in this directory.  Returns `e`. */
enum err dir_advise(const struct dir *d, enum err e) MUST_USE;

/* A private temporary directory for the small files; the state is in memory. */
enum err dir_open_ephemeral(struct dir *out) MUST_USE;

/* The server does not start: a directory that was made for it, and is empty but for the lock, goes. */
void dir_undo(struct dir *d);

void dir_close(struct dir *d);

#endif
