/* tap.h - places in the partitions of the built-in stream, for people who watch.  Private to
 * front/console.
 *
 *   taps_open() ─▶ found() ─▶ came() "there is a piece" ─▶ tap_next() until false ─▶ taps_read_on()
 *
 * A tap holds one piece of the log at a time and asks for the next when it is told to.
 *
 * Runs on: the console's lane. */
#ifndef FRONT_CONSOLE_TAP_H
#define FRONT_CONSOLE_TAP_H

#include "hub/hub.h"
#include "log/log.h"

struct taps;

struct tap {
    struct taps *of;
    struct log_asker asker;
    uint16_t partition;
    bool placed;
    bool finished;   /* its owner wants no more of it */
    unsigned behind; /* pieces since it was at the end */
    uint64_t next;   /* ordinal to read next */
    uint64_t end;    /* of the partition, as last heard */
    struct blob *blob;
    struct slice frames; /* what of it was not looked at */
};

struct taps {
    struct lane *lane;
    struct log *log;
    void (*came)(struct taps *t); /* a place was found, or a piece came */
    struct tap *items;
    unsigned count;
    uint32_t read_bytes;
    uint64_t skipped; /* records that are not there any more, or were passed over */
};

/* Where a tap begins. */
typedef struct log_seek_msg (*tap_where_fn)(void *ctx, uint16_t partition);

/* `lane`, `log`, `came` and `read_bytes` are set. */
void taps_open(struct taps *t, tap_where_fn where, void *ctx);
void taps_close(struct taps *t);

bool taps_placed(const struct taps *t); /* all of them */

bool tap_next(struct tap *t, struct record *out); /* false: the piece is used up */
void tap_let_go(struct tap *t);                   /* goes back to what was not looked at */
void tap_to_end(struct tap *t);                   /* passes over what is there */
void taps_read_on(struct taps *t);                /* who holds nothing asks for the next piece */

#endif
