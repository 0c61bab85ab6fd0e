/* loop.h - a lane whose thread also waits for libcurl: requests of a multi handle are carried between its
 * turns, as many at a time as were added, and none of them waits for another.
 *
 * Runs on: a thread of its own, which blocks in poll; loop_turn() is one round of it, for tests.
 * Life:    loop_init(); loop_start() when the lanes start, loop_stop() when they stop; loop_fini() when all
 *          handles have been removed. */
#ifndef OUT_LOOP_H
#define OUT_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "out/curl.h"
#include "post/post.h"

struct loop {
    /* A handle ended, and is still in `multi`. */
    void (*ended)(struct loop *l, CURL *handle, CURLcode code);
    const struct curl_functions *curl;
    CURLM *multi; /* both NULL: no request has come yet */
    struct lane *lane;
    pthread_t thread;
    int bell;
    atomic_bool stopping;
};

void loop_init(struct loop *l, void (*ended)(struct loop *l, CURL *handle, CURLcode code));
void loop_fini(struct loop *l);

/* `curl` and `multi` are there from then on.  ERR_IO, ERR_NOMEM with a text. */
enum err loop_ready(struct loop *l) MUST_USE;

void loop_start(struct loop *l, struct lane *lane);
void loop_stop(struct loop *l);

/* What the thread does again and again, without the wait: true, a request ended. */
bool loop_turn(struct loop *l, struct lane *lane, int64_t *due_us);

#endif
