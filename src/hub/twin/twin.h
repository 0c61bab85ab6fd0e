/* twin.h - device and module twins: what a device says of itself and what it is told to be.
 *
 * Every identity has a twin: tags, which only services see, desired properties, which services write
 * and the device is told of, and reported properties, which the device writes.  Home keeps an
 * immutable copy of each twin in use; a change is a unit to the store, memory changes after the store
 * said yes, and who comes next for the same identity waits until then.  A twin that nobody has
 * written yet has no row and reads as the fresh one.
 *
 * Runs on: the core's lane.  Verbs may be called on any core, for any identity: they post to its home.
 * Life:    twins_new() after registry_new() and session_home_new(), before the lanes run; twins_free()
 *          after they stopped.  A verb's struct twin_wait is called once, never before the verb has
 *          returned, unless it was forgotten.
 * Limits:  the constants below.  What breaks a rule of a twin (sizes, depth, keys, strings, numbers)
 *          is STATUS_ARGUMENT_INVALID with a text; JSON that is none STATUS_DESERIALIZATION_ERROR; a
 *          body over its limit STATUS_MESSAGE_TOO_LARGE; too many who wait STATUS_THROTTLE_BACKLOG_...
 * Source:  "Understand and use device twins in IoT Hub"; service REST API 2021-04-12; README.md.
 */
#ifndef HUB_TWIN_TWIN_H
#define HUB_TWIN_TWIN_H

#include "hub/hub.h"
#include "hub/status.h"

enum {
    TWIN_TAGS_MAX = 8 << 10,           /* IoT Hub: counted keys and values (section.h) */
    TWIN_PROPERTIES_MAX = 32 << 10,    /* likewise, desired and reported each */
    TWIN_DEPTH_MAX = 10,               /* IoT Hub: objects in objects, the section's not counted */
    TWIN_KEY_MAX = 1 << 10,            /* IoT Hub: bytes */
    TWIN_STRING_MAX = 4 << 10,         /* IoT Hub: bytes */
    TWIN_PATCH_BYTES_MAX = 256 << 10,  /* JSON of a reported patch */
    TWIN_BODY_BYTES_MAX = 1 << 20,     /* JSON of a service's patch or replacement */
    TWIN_WAITING_MAX = 10000,          /* calls under way at one home */
    TWIN_WAITING_BYTES_MAX = 64 << 20, /* of their JSON */
    TWIN_CACHE_BYTES = 32 << 20,       /* per core; the least recently used go */
    TWIN_HISTORY_MAX = 20,             /* of a twin: writes of tags and desired properties */
    TWIN_BY_MAX = 256,                 /* bytes of who wrote */
};
#define TWIN_INTEGER_MIN (-INT64_C(4503599627370496)) /* IoT Hub */
#define TWIN_INTEGER_MAX INT64_C(4503599627370495)

struct events;
struct registry;
struct routing;
struct session_desk;
struct session_home;
struct twins;

/* One per core. */
struct twins *twins_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                        struct session_home *sessions);
void twins_free(struct twins *t); /* NULL is fine */

/* Instead of TWIN_CACHE_BYTES; before the lanes run. */
void twins_limit_cache(struct twins *t, size_t bytes);

/* Writes what a change is to the digital twin, or nothing; see digital_twin_put_change(). */
typedef bool (*twin_digital_change_fn)(struct buf *out, struct slice before, struct slice after);

/* What happens to twins and their identities is told from now on; NULL: nobody is. */
void twins_set_events(struct twins *t, struct events *events, twin_digital_change_fn digital);

/* Sessions of the desk are told the twins of their identities, if those routes want to see them. */
void twins_show_to_sessions(struct twins *t, struct session_desk *desk,
                            const struct routing *routing);

/* What a verb answers; borrowed during the call. */
struct twin_answer {
    enum status status;
    int64_t version;   /* twin_report(): reported's $version now; twin_read(): 0 */
    struct slice etag; /* of service verbs: the twin's, without quotes */
    struct slice body; /* JSON; empty: none */
    struct slice text; /* for people, when the status is not STATUS_OK */
};

struct twin_meter;

/* Who waits.  Embedded in its owner; all but `fn` and `by` is ours. */
struct twin_wait {
    void (*fn)(struct twin_wait *w, const struct twin_answer *a);
    struct slice by; /* twin_write(): who writes, for people, TWIN_BY_MAX; empty: nobody says */
    struct addr slot;
    const struct twin_meter *meter; /* what it counts as, NULL: nothing */
    uint32_t written;               /* bytes of JSON that were sent along */
};

void twin_forget(struct twins *t, struct twin_wait *w); /* the answer finds nobody */

/* ---- for the device itself, by its session */

/* {"desired":{..,"$version":n},"reported":{..,"$version":m}}.  `session` is the session's address
 * (struct session.slot): what changes from now on reaches it, also when it asks for desired
 * properties (SESSION_DESIRED) only later. */
void twin_read(struct twins *t, struct slice who, struct addr session, struct twin_wait *w);

/* Merges into the reported properties.  `version`: only if that is reported's $version, else
 * STATUS_PRECONDITION_FAILED; TWIN_ANY_VERSION: whatever it is. */
#define TWIN_ANY_VERSION INT64_C(-1)
void twin_report(struct twins *t, struct slice who, int64_t version, struct slice json,
                 struct twin_wait *w);

/* A change of desired properties, as session_owner.desired gets it: in the order of the versions. */
struct twin_desired {
    int64_t version;   /* desired's $version now */
    struct slice json; /* the changed part, null for what is gone, and "$version" */
};

/* ---- for who has to know of every change */

/* Embedded in who wants to know; called at the identity's home, after the store said yes. */
struct twin_listener {
    struct list node;
    void (*changed)(struct twin_listener *l, struct slice who);
};

void twins_listen(struct twins *t, struct twin_listener *l);

/* ---- for services */

/* The whole twin, in the service API's words. */
void twin_get(struct twins *t, struct slice who, struct twin_wait *w);

/* What a service writes, and how.  Merging: null deletes, objects merge, all else replaces.
 * The body is a twin as twin_get() shows it, of which tags and properties.desired count; with
 * _DESIRED and _TAGS it is that section alone. */
enum twin_write {
    TWIN_MERGE,           /* PATCH /twins/{id} */
    TWIN_REPLACE,         /* PUT /twins/{id}: what is left out becomes empty */
    TWIN_MERGE_DESIRED,   /* PATCH /twins/{id}/properties/desired */
    TWIN_REPLACE_DESIRED, /* PUT /twins/{id}/properties/desired */
    TWIN_REPLACE_TAGS,    /* PUT /twins/{id}/tags */
    TWIN_IMPORT,          /* of a bulk: replaces what is there, reported properties, too */
    TWIN_CONFIGURE,       /* of hub/configuration: merges desired properties, replaces
                             `configurations` */
};

/* Answers as twin_get().  `if_match` is the header's value; SLICE_NONE (ptr NULL): there was none. */
void twin_write(struct twins *t, struct slice who, enum twin_write how, struct slice if_match,
                struct slice json, struct twin_wait *w);

/* What services wrote lately, the latest first, and the way back to each:
 *
 *   {"etag": of the twin now, "version": likewise,
 *    "history": [{"version", "time", "by", "patch": what it changed, "undo": the merge patch that makes
 *                 tags and desired properties what they were at that version}, ..,
 *                {"version", "undo"}]}      before the oldest of them
 *
 * At most TWIN_HISTORY_MAX writes, and as many as fit into a page of the store.  Reported properties have
 * no history: it would double what the store writes for each report. */
void twin_history(struct twins *t, struct slice who, struct twin_wait *w);

#endif
