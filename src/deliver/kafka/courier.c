/* courier.c - the thread of one endpoint: jobs from the core to its producer, answers back.
 *
 * Two threads share the inbox and the flag `closed`, under a lock that nobody holds for longer than it takes
 * to post: the lane of the core may be gone when close() has returned. */
#include "deliver/kafka/courier.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "deliver/kafka/producer.h"

enum { IDLE_MS = 1000 };

struct courier {
    pthread_mutex_t lock;
    struct list inbox; /* struct kafka_job */
    bool closed;
    int bell;
    struct lane *lane;              /* until it is closed */
    struct kafka_producer producer; /* the thread's own */
};

/* ---- how many are ending, for a clean stop */

static pthread_mutex_t ending_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ending_changed = PTHREAD_COND_INITIALIZER;
static unsigned ending;

static void count_ending(int by)
{
    pthread_mutex_lock(&ending_lock);
    ending += (unsigned)by;
    pthread_cond_broadcast(&ending_changed);
    pthread_mutex_unlock(&ending_lock);
}

void kafka_courier_settle(void)
{
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KAFKA_STOP_MS / 1000;
    pthread_mutex_lock(&ending_lock);
    while (ending && !late) late = pthread_cond_timedwait(&ending_changed, &ending_lock, &until);
    pthread_mutex_unlock(&ending_lock);
}

/* ---- for the producer */

static bool is_closed(void *own)
{
    struct courier *c = own;
    pthread_mutex_lock(&c->lock);
    bool closed = c->closed;
    pthread_mutex_unlock(&c->lock);
    return closed;
}

static void on_done(void *own, struct kafka_job *j)
{
    struct courier *c = own;
    pthread_mutex_lock(&c->lock);
    if (!c->closed) kafka_answer(c->lane, j->to, j->outcome, j->text);
    pthread_mutex_unlock(&c->lock);
    buf_free(&j->batch);
    free(j);
}

/* ---- the thread */

static void empty_inbox(struct courier *c, struct list *out)
{
    list_init(out);
    pthread_mutex_lock(&c->lock);
    list_splice(out, &c->inbox);
    pthread_mutex_unlock(&c->lock);
}

static void take_inbox(struct courier *c)
{
    struct list taken, *node;
    empty_inbox(c, &taken);
    while ((node = list_shift(&taken)) != NULL)
        kafka_producer_begin(&c->producer, CONTAINER_OF(node, struct kafka_job, node));
}

static void wait_for_ring(struct courier *c)
{
    uint64_t rings;
    poll(&(struct pollfd){.fd = c->bell, .events = POLLIN}, 1, IDLE_MS);
    while (read(c->bell, &rings, sizeof rings) == sizeof rings) {
    }
}

static void courier_free(struct courier *c)
{
    close(c->bell);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void *run(void *arg)
{
    struct courier *c = arg;
    while (!is_closed(c)) {
        take_inbox(c);
        kafka_producer_serve(&c->producer);
        wait_for_ring(c);
    }
    struct list rest, *node;
    empty_inbox(c, &rest);
    while ((node = list_shift(&rest)) != NULL)
        on_done(c, CONTAINER_OF(node, struct kafka_job, node));
    kafka_producer_fini(&c->producer);
    courier_free(c);
    count_ending(-1);
    return NULL;
}

/* ---- the core's side */

static void ring(const struct courier *c)
{
    ssize_t n = write(c->bell, &(uint64_t){1}, sizeof(uint64_t));
    (void)n; /* full: it rings already */
}

static void *courier_open(const struct kafka_settings *s, struct lane *lane)
{
    struct courier *c = NEW(struct courier);
    pthread_t thread;
    pthread_mutex_init(&c->lock, NULL);
    list_init(&c->inbox);
    c->lane = lane;
    c->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(c->bell >= 0);
    const struct kafka_producer_owner owner = {on_done, is_closed, c, c->bell};
    kafka_producer_init(&c->producer, s, &owner, NULL);
    int failed = pthread_create(&thread, NULL, run, c);
    assert(!failed);
    pthread_setname_np(thread, "kafka");
    pthread_detach(thread);
    return c;
}

static void courier_close(void *own)
{
    struct courier *c = own;
    count_ending(1);
    pthread_mutex_lock(&c->lock);
    c->closed = true;
    ring(c); /* under the lock: behind it c may be gone */
    pthread_mutex_unlock(&c->lock);
}

static void put(struct courier *c, struct kafka_job *j)
{
    pthread_mutex_lock(&c->lock);
    list_push(&c->inbox, &j->node);
    pthread_mutex_unlock(&c->lock);
    ring(c);
}

static void courier_look(void *own, struct addr to)
{
    struct kafka_job *j = NEW(struct kafka_job);
    *j = (struct kafka_job){.to = to, .is_look = true, .due_us = INT64_MAX};
    put(own, j);
}

static void courier_send(void *own, struct addr to, struct buf *batch)
{
    struct kafka_job *j = NEW(struct kafka_job);
    *j = (struct kafka_job){.to = to, .batch = *batch, .due_us = INT64_MAX};
    *batch = (struct buf){0};
    put(own, j);
}

const struct kafka_carrier kafka_courier = {courier_open, courier_close, courier_look,
                                            courier_send};
