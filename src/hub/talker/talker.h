/* talker.h - which devices send most: messages and bytes within the last minutes.
 *
 * Runs on: talker_count() on the core that took a message in; the question on any core, which asks the others
 *          by post.  Never blocks.
 * Life:    struct talkers from before the lanes run until they have stopped; each core's counts are its own.
 * Limits:  TALKERS_TRACKED devices a core in each window; this window and the one before are told.
 */
#ifndef HUB_TALKER_TALKER_H
#define HUB_TALKER_TALKER_H

#include "hub/hub.h"

enum {
    TALKERS_TRACKED = 256,  /* of a core, in a window; then who sent least is displaced */
    TALKERS_WINDOW_S = 150, /* from one to two of them are told */
    TALKERS_UNIT = 4096,    /* bytes; IoT Hub bills a message for each that it begins */
    TALKERS_TOP_MAX = 100,
};

struct talkers;
struct sketch;

struct talkers *talkers_new(const struct hub *hub);
void talkers_attach(struct talkers *t, struct lane *core); /* each core, before the lanes run */
void talkers_free(struct talkers *t);

/* A core's counts, for talker_count(). */
struct sketch *talkers_of(struct talkers *t, const struct lane *core);

/* A message of that device was taken in.  `s` NULL: nobody counts. */
void talker_count(struct sketch *s, struct slice device_id, size_t bytes, int64_t wall_us);

/* ---- asking */

enum talker_order { TALKERS_BY_MESSAGES, TALKERS_BY_BYTES };

/* It has sent at least that. */
struct talker {
    uint64_t messages, bytes;
    uint32_t id_len;
    uint8_t id[HUB_ID_LEN_MAX];
};

struct talker_page {
    const struct talker *items; /* who sent most first */
    size_t count;
    int64_t from_us; /* wall time; counted since then */
    bool exact;      /* nobody was displaced */
};

/* Embedded in who wants to know; `fn` is called once, unless forgotten.  The page is borrowed for the call. */
struct talker_wait {
    void (*fn)(struct talker_wait *w, const struct talker_page *page);
    struct talker_gather *gather; /* NULL: nothing is awaited */
};

/* `top` from 1 to TALKERS_TOP_MAX. */
void talkers_ask(struct talkers *t, struct lane *lane, enum talker_order by, unsigned top,
                 int64_t wall_us, struct talker_wait *w);
void talkers_forget(struct talker_wait *w);

#endif
