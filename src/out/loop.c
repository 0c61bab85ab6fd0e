/* loop.c - see loop.h. */
#include "out/loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

enum { IDLE_CONNECTIONS = 64, POLL_MS_MAX = 60000 };

enum err loop_ready(struct loop *l)
{
    if (l->multi) return OK;
    TRY(curl_load(&l->curl));
    l->multi = l->curl->multi_init();
    if (l->multi == NULL) return fail(ERR_NOMEM, "libcurl does not start");
    l->curl->multi_set(l->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    return OK;
}

/* ---- the thread */

static void ring(struct lane *lane)
{
    const struct loop *l = lane->wake_ctx;
    ssize_t n = write(l->bell, &(uint64_t){1}, sizeof(uint64_t));
    (void)n; /* full: it rings already */
}

/* Whether something ended. */
static bool progress(struct loop *l)
{
    int left;
    bool any = false;
    CURLMsg *m;
    if (l->multi == NULL) return false;
    l->curl->multi_perform(l->multi, &left);
    while ((m = l->curl->multi_read(l->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE) continue;
        l->ended(l, m->easy_handle, m->data.result);
        any = true;
    }
    return any;
}

static void sleep_until(struct loop *l, int64_t due_us)
{
    int64_t wait_us = due_us == INT64_MAX ? POLL_MS_MAX * 1000ll : due_us - clock_mono_us();
    int ms = (int)MIN(MAX(wait_us + 999, 0) / 1000, (int64_t)POLL_MS_MAX);
    uint64_t rings;
    if (l->multi) {
        struct curl_waitfd bell = {.fd = l->bell, .events = CURL_WAIT_POLLIN};
        l->curl->multi_poll(l->multi, &bell, 1, ms, NULL);
    } else {
        poll(&(struct pollfd){.fd = l->bell, .events = POLLIN}, 1, ms);
    }
    while (read(l->bell, &rings, sizeof rings) == sizeof rings) {
    }
}

bool loop_turn(struct loop *l, struct lane *lane, int64_t *due_us)
{
    *due_us = lane_run_once(lane, clock_mono_us());
    return progress(l);
}

static void *run(void *arg)
{
    struct loop *l = arg;
    int64_t due_us;
    while (!atomic_load(&l->stopping))
        if (!loop_turn(l, l->lane, &due_us)) sleep_until(l, due_us);
    return NULL;
}

void loop_start(struct loop *l, struct lane *lane)
{
    l->lane = lane;
    lane->wake_ctx = l;
    lane->wake = ring;
    int failed = pthread_create(&l->thread, NULL, run, l);
    assert(!failed);
    pthread_setname_np(l->thread, lane->name);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stopping, true);
    ring(l->lane);
    pthread_join(l->thread, NULL);
}

/* ---- life */

void loop_init(struct loop *l, void (*ended)(struct loop *l, CURL *handle, CURLcode code))
{
    *l = (struct loop){.ended = ended, .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    assert(l->bell >= 0);
}

void loop_fini(struct loop *l)
{
    if (l->multi) l->curl->multi_cleanup(l->multi);
    close(l->bell);
}
