/* event_hub.h - the event hubs that users make beside the built-in one.
 *
 * Each is a stream of the log with partitions, retention and consumer groups of its own.  Every core
 * has a copy of the table, so that a link is attached without asking anybody.  The first core makes
 * the changes, one after the other (event_hub.c draws how); once a creation is answered, every core
 * knows the event hub, and once a deletion is, none does and the records are gone.
 *
 * Runs on: the core's lane.
 * Life:    event_hubs_new() after store_open() and log_open(), before the lanes run;
 *          event_hubs_free() after they stopped.  A struct event_hub is borrowed until the turn ends.
 * Limits:  the constants below; partitions of all of them: LOG_PLACES_MAX.
 * Source:  Event Hubs: names have 1 to 256 letters, digits, '.', '-', '_' and begin with a letter or
 *          digit; `az eventhubs eventhub create` makes 4 partitions and keeps events for 7 days.
 */
#ifndef HUB_EVENT_HUB_EVENT_HUB_H
#define HUB_EVENT_HUB_EVENT_HUB_H

#include "hub/consumer_group/consumer_group.h"
#include "hub/hub.h"
#include "log/log.h"

enum {
    EVENT_HUBS_MAX = LOG_STREAMS_MAX - 1, /* besides the built-in one; ERR_FULL */
    EVENT_HUB_NAME_MAX = 256,
    EVENT_HUB_PARTITIONS_MAX = LOG_PARTITIONS_MAX,
    EVENT_HUB_PARTITIONS_DEFAULT = 4,
    EVENT_HUB_HOURS_DEFAULT = 7 * 24,
    EVENT_HUB_HOURS_MAX = 100 * 366 * 24,
    EVENT_HUB_CHANGES_MAX = 100, /* that wait for the log and the store; ERR_THROTTLED */
    EVENT_HUB_LISTENERS_MAX = 4, /* who is told that one goes, per core; assertion */
};

#define EVENT_HUB_HOUR_US (3600 * 1000000ll)

struct event_hub {
    uint16_t stream, partitions;
    struct log_retention keep;
    int64_t created_us, updated_us;
    char name[EVENT_HUB_NAME_MAX + 1];
    char lower[EVENT_HUB_NAME_MAX + 1];
};

struct event_hubs;

/* On the first core also tells the log which streams it has: what a crash left between store and log
 * goes. */
enum err event_hubs_new(const struct hub *hub, struct lane *lane, struct log_writer *writer,
                        struct consumer_groups *groups, struct event_hubs **out) MUST_USE;
void event_hubs_free(struct event_hubs *e);

/* NULL: there is none.  Names are compared without regard to case. */
const struct event_hub *event_hub_find(const struct event_hubs *e, struct slice name);
const struct event_hub *event_hub_of_stream(const struct event_hubs *e, unsigned stream);

/* Calls back for each, by name. */
typedef void (*event_hub_fn)(void *ctx, const struct event_hub *h);
void event_hub_list(const struct event_hubs *e, event_hub_fn fn, void *ctx);

/* From now on `fn` is called on this core when one goes, before its records do: nothing is appended to it from
 * then on. */
void event_hubs_on_gone(struct event_hubs *e, event_hub_fn fn, void *ctx);

/* ---- changes, from any core */

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten. */
struct event_hub_wait {
    void (*fn)(struct event_hub_wait *w, enum err result, bool created);
    struct addr slot;
};

struct event_hub_wish {
    struct slice name;
    unsigned partitions; /* 0: as it is, or EVENT_HUB_PARTITIONS_DEFAULT */
    bool says_age;       /* of `keep`; else as it is, or EVENT_HUB_HOURS_DEFAULT */
    bool says_bytes;     /* likewise; else as it is, or no limit */
    struct log_retention keep;
};

/* Makes it, or gives it another retention.  ERR_INVALID: a name, a number of partitions or a time that
 * cannot be; ERR_EXISTS: it is there with other partitions, which are fixed, or the name is taken;
 * ERR_FULL: EVENT_HUBS_MAX, LOG_PLACES_MAX or the disk. */
void event_hub_put(struct event_hubs *e, const struct event_hub_wish *wish,
                   struct event_hub_wait *w);

/* With its records and consumer groups.  ERR_NOT_FOUND. */
void event_hub_delete(struct event_hubs *e, struct slice name, struct event_hub_wait *w);

void event_hub_forget(struct event_hubs *e, struct event_hub_wait *w);

#endif
