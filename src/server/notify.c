/* notify.c - see notify.h. */
#include "server/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

enum { STATE_MAX = 96 };

/* The end of an abstract name is said by the length alone. */
static enum err address_of(const char *name, struct sockaddr_un *out, socklen_t *len)
{
    size_t used = strlen(name);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || used >= sizeof out->sun_path)
        return fail(ERR_INVALID, "NOTIFY_SOCKET '%s' is no socket's name", name);
    memcpy(out->sun_path, name, used);
    if (name[0] == '@') out->sun_path[0] = '\0';
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + used);
    return OK;
}

enum err notify_manager(const char *state)
{
    struct sockaddr_un address;
    socklen_t len = 0;
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL) return OK;
    TRY(address_of(name, &address, &len));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail_errno("cannot tell the service manager");
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)(const void *)&address, len);
    enum err e = sent < 0 ? fail_errno("cannot tell the service manager at %s", name) : OK;
    close(fd);
    return e;
}

enum err notify_reloading(void)
{
    char state[STATE_MAX];
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    return notify_manager(state);
}
