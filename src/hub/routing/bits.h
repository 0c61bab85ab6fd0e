/* bits.h - which endpoint has which bit of the log's records.  Private to hub/routing.
 *
 * An endpoint keeps its bit while it keeps name and kind.  One that goes leaves its bit taken: records
 * that the log retains may name it.  ROUTE_ENDPOINTS_MAX endpoints were never there at once before
 * the first bit is given away again, and only if the log retains no record that may name it (reuse.c). */
#ifndef HUB_ROUTING_BITS_H
#define HUB_ROUTING_BITS_H

#include "hub/routing/document.h"
#include "route/route.h"

enum { ROUTING_KIND_NAME_MAX = 64 };

/* Records that were made with a bit before every core knew that its endpoint went are in the log by
 * then. */
#define ROUTING_REUSE_US (60 * INT64_C(1000000))

struct routing_bit {
    bool taken;
    int64_t since_us, removed_us; /* removed_us 0: its endpoint is there */
    char name[ROUTE_NAME_MAX + 1], kind[ROUTING_KIND_NAME_MAX + 1];
};

struct routing_bits {
    struct routing_bit bit[ROUTE_ENDPOINTS_MAX]; /* bit 0 is never taken: it is `events` */
};

enum err routing_bits_read(struct routing_bits *b, struct slice json) MUST_USE;
void routing_bits_write(const struct routing_bits *b, struct buf *out);

/* As they are once that document holds.  ERR_FULL: a new endpoint finds none; *oldest is the one
 * that might be forgotten first. */
enum err routing_bits_assign(struct routing_bits *b, const struct json *document, int64_t wall_us,
                             unsigned *oldest) MUST_USE;

/* ERR_FULL, with its text. */
enum err routing_bits_full(void) MUST_USE;

/* That of an endpoint; 0: it has none. */
unsigned routing_bits_find(const struct routing_bits *b, struct slice kind, struct slice name);

#endif
