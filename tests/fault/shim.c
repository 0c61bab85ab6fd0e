/* shim.c - preloaded into the server: fsync and fdatasync that fail, or take long, and files that can only be read or
 * have no room.
 *
 * The file named by FAULT_CONTROL says what happens; it is read anew at each call:
 *
 *   fail AFTER NAME     calls on files whose path contains NAME fail with EIO, but for the first AFTER
 *   delay MS NAME       they take MS milliseconds longer
 *   readonly AFTER NAME writes to such files, and new lengths, fail with EROFS, but for the first AFTER
 *   full AFTER NAME     likewise, with ENOSPC
 *   (empty, or absent)  nothing
 *
 * Each call that failed or was delayed makes FAULT_CONTROL.hits one byte longer.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 256, PATH_SIZE = 4096 };

struct wish {
    char verb[16];
    long number;
    char name[128];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last_text[TEXT_MAX]; /* of the control file */
static long calls;               /* that it was about, since it said so */

static void read_control(const char *path, char *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, TEXT_MAX - 1);
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0) close(fd);
}

static void note_hit(const char *path)
{
    char hits[PATH_SIZE];
    snprintf(hits, sizeof hits, "%s.hits", path);
    int fd = open(hits, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1) abort();
    close(fd);
}

static int is_about(const struct wish *w, int fd)
{
    char link[64], path[PATH_SIZE];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = '\0';
    return strstr(path, w->name) != NULL;
}

/* What a verb lets writes fail with; 0: it is about syncs. */
static int error_of_writes(const char *verb)
{
    return strcmp(verb, "readonly") == 0 ? EROFS : strcmp(verb, "full") == 0 ? ENOSPC : 0;
}

/* What is to happen to this call, a sync or a write: it fails with that error, negative; otherwise milliseconds of delay. */
static long consult(int fd, bool is_write)
{
    const char *path = getenv("FAULT_CONTROL");
    char text[TEXT_MAX];
    struct wish w;
    long verdict = 0;
    if (path == NULL) return 0;
    pthread_mutex_lock(&lock);
    read_control(path, text);
    if (strcmp(text, last_text) != 0) {
        strcpy(last_text, text);
        calls = 0;
    }
    if (sscanf(text, "%15s %ld %127s", w.verb, &w.number, w.name) == 3 &&
        is_write == (error_of_writes(w.verb) != 0) && is_about(&w, fd)) {
        calls++;
        int error = is_write ? error_of_writes(w.verb) : EIO;
        verdict = strcmp(w.verb, "delay") == 0 ? w.number : calls > w.number ? -error : 0;
    }
    if (verdict) note_hit(path);
    pthread_mutex_unlock(&lock);
    return verdict;
}

static int sync_or_not(const char *name, int fd)
{
    int saved = errno;
    long verdict = consult(fd, false);
    errno = saved;
    if (verdict < 0) {
        errno = (int)-verdict;
        return -1;
    }
    struct timespec wait = {verdict / 1000, verdict % 1000 * 1000000};
    while (verdict && nanosleep(&wait, &wait)) continue;
    REAL(int (*real)(int), name, real);
    uint64_t begun = lose_sync_begins();
    int result = real(fd);
    if (result == 0) lose_sync_succeeded(fd, begun);
    return result;
}

bool shim_refuses_write(int fd)
{
    int saved = errno;
    long verdict = consult(fd, true);
    errno = verdict < 0 ? (int)-verdict : saved;
    return verdict < 0;
}

int fsync(int fd)
{
    return sync_or_not("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_or_not("fdatasync", fd);
}
