/* lookup.c - getaddrinfo(), where it may block. */
#include "net/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/stack.h"

struct lookups {
    pthread_mutex_t lock; /* threads end when they like: the lane may be gone by then */
    struct lane *lane;    /* NULL: it is */
    unsigned running;
    unsigned refs; /* the core's and one of each thread */
};

struct lookup {
    struct lookups *owner;
    struct addr to;
    unsigned port;
    char host[DIAL_HOST_MAX + 1];
};

struct lookups *lookups_new(struct lane *lane)
{
    struct lookups *l = NEW(struct lookups);
    pthread_mutex_init(&l->lock, NULL);
    l->lane = lane;
    l->refs = 1;
    return l;
}

/* With the lock held; gives it back. */
static void drop(struct lookups *l)
{
    bool last = --l->refs == 0;
    pthread_mutex_unlock(&l->lock);
    if (!last) return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void lookups_close(struct lookups *l)
{
    pthread_mutex_lock(&l->lock);
    l->lane = NULL;
    drop(l);
}

static void resolve(const char *host, unsigned port, int flags, struct resolved *out)
{
    char service[8];
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    memset(out, 0, sizeof *out);
    snprintf(service, sizeof service, "%u", port);
    out->error = getaddrinfo(host, service, &hints, &found);
    if (out->error) return;
    for (struct addrinfo *a = found; a && out->count < LOOKUP_ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof out->addresses[0].sa) continue;
        memcpy(&out->addresses[out->count].sa, a->ai_addr, a->ai_addrlen);
        out->addresses[out->count++].len = a->ai_addrlen;
    }
    freeaddrinfo(found);
}

bool lookup_address(const char *host, unsigned port, struct resolved *out)
{
    resolve(host, port, AI_NUMERICHOST, out);
    return out->error == 0;
}

static void *run(void *arg)
{
    struct lookup *job = arg;
    struct lookups *l = job->owner;
    struct msg *m = msg_new(NET_RESOLVED, sizeof(struct resolved));
    resolve(job->host, job->port, AI_ADDRCONFIG, (struct resolved *)(void *)m->body);
    pthread_mutex_lock(&l->lock);
    l->running--;
    if (l->lane)
        post(l->lane, lane_addr(l->lane), job->to, m);
    else
        msg_free(m);
    drop(l);
    free(job);
    return NULL;
}

static bool reserve(struct lookups *l)
{
    pthread_mutex_lock(&l->lock);
    bool fits = l->running < LOOKUPS_MAX;
    if (fits) l->running++, l->refs++;
    pthread_mutex_unlock(&l->lock);
    return fits;
}

static enum err start_thread(struct lookup *job)
{
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &detached, run, job);
    pthread_attr_destroy(&detached);
    return failed ? ERR_IO : OK;
}

enum err lookup_name(struct lookups *l, const char *host, unsigned port, struct addr to)
{
    if (!reserve(l)) return ERR_THROTTLED;
    struct lookup *job = NEW(struct lookup);
    job->owner = l;
    job->to = to;
    job->port = port;
    snprintf(job->host, sizeof job->host, "%s", host);
    enum err e = start_thread(job);
    if (e == OK) return OK;
    free(job);
    pthread_mutex_lock(&l->lock);
    l->running--;
    drop(l);
    return e;
}
