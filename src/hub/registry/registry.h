/* registry.h - who may be a device: identities, each owned by its home core.
 *
 * Every core has one registry.  It owns the identities whose home it is: a cache over the store, one
 * write at a time per identity, memory changed only after the store said yes.  It is also the door
 * through which the code on its core asks: registry_get() and the other verbs send a message to the
 * device's home, wherever that is, and call back.
 *
 * Runs on: the core's lane.  registry_load(), registry_set_*() and the listener concern devices whose
 *          home is this very core.
 * Life:    registry_new() after store_open(), before the lanes run; registry_free() after they stopped.
 * Limits:  the constants below; beyond them the statuses named beside them.
 * Source:  "Understand the identity registry in your IoT hub"; service REST API 2021-04-12; the
 *          behaviour of a real hub where those are silent (keys, scopes, If-Match).
 */
#ifndef HUB_REGISTRY_REGISTRY_H
#define HUB_REGISTRY_REGISTRY_H

#include "auth/auth.h"
#include "hub/hub.h"
#include "hub/status.h"

enum {
    REGISTRY_DEVICES_MAX = 1000000,   /* IoT Hub; TooManyDevices */
    REGISTRY_MODULES_MAX = 50,        /* of a device, besides $edgeAgent and $edgeHub (IoT Hub);
                                         TooManyModulesOnDevice */
    REGISTRY_BULK_MAX = 100,          /* entries, IoT Hub; ArgumentInvalid */
    REGISTRY_LIST_MAX = 1000,         /* devices of a list, IoT Hub; ArgumentInvalid */
    REGISTRY_STATUS_REASON_MAX = 128, /* characters, IoT Hub; ArgumentInvalid */
    REGISTRY_MANAGED_BY_MAX = 128,    /* bytes, ours; ArgumentInvalid */
    REGISTRY_BODY_MAX = 64 << 10,     /* bytes of one identity's JSON; MessageTooLarge */
    REGISTRY_MODEL_ID_MAX = 256,      /* bytes; as SESSION_MODEL_ID_MAX */
    REGISTRY_BULK_BODY_MAX = 1 << 20, /* bytes of a bulk's JSON; MessageTooLarge */
    REGISTRY_CACHE_BYTES = 32 << 20,  /* per core; the least recently used go */
    REGISTRY_WAITING_MAX = 10000, /* calls under way at one home; ThrottleBacklogLimitExceeded */
    REGISTRY_LAYERS_MAX = 5,      /* ours: edge devices below each other; ArgumentInvalid */
    REGISTRY_ANCESTORS_MAX = REGISTRY_LAYERS_MAX + 1, /* a device and the edge devices above it */
    REGISTRY_IDLE_MAX = 65536, /* disconnected devices whose last activity a core knows */
};

struct registry;

struct registry *registry_new(const struct hub *hub, struct lane *lane);
void registry_free(struct registry *r);

/* Instead of REGISTRY_CACHE_BYTES; before the lanes run. */
void registry_limit_cache(struct registry *r, size_t bytes);

/* ---- verbs, for any device: from fronts, jobs and the command line */

/* What became of a new identity's twin, when a bulk said something of it. */
enum registry_twin {
    REGISTRY_TWIN_LEFT,    /* nothing */
    REGISTRY_TWIN_WRITTEN, /* in the same unit */
    REGISTRY_TWIN_REFUSED, /* the text says why */
};

/* What a verb answers; borrowed during the call. */
struct registry_answer {
    enum status status;
    enum registry_twin twin;
    bool partly;       /* registry_rekey(): of some identities; the body says of which */
    struct slice etag; /* of the identity, without quotes; empty: none */
    struct slice body; /* JSON, also of a bulk that failed; empty: none */
    struct slice text; /* for people, when there is a status but no body */
};

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten. */
struct registry_wait {
    void (*fn)(struct registry_wait *w, const struct registry_answer *a);
    struct addr slot;

    /* The device itself asks about its modules, with this token (SAS, signed with its own key), which
     * home checks: IotHubUnauthorizedAccess.  Borrowed by the verb; ptr NULL: the caller has checked
     * who asks. */
    struct slice token;

    /* registry_bulk(): who asks, for the history of twins.  Borrowed by the verb, TWIN_BY_MAX; empty: nobody
     * says. */
    struct slice by;
};

/* `who` names a device or a module and is valid (hub_who_valid), or the answer is ArgumentInvalid. */
void registry_get(struct registry *r, struct slice who, struct registry_wait *w);

/* `if_match` is the header's value; SLICE_NONE (ptr NULL): there was none.
 * Without it a PUT creates and a DELETE is refused; with it they update or delete what is there. */
void registry_put(struct registry *r, struct slice who, struct slice if_match, struct slice json,
                  struct registry_wait *w);
void registry_delete(struct registry *r, struct slice who, struct slice if_match,
                     struct registry_wait *w);

/* A JSON array of ExportImportDevice.  STATUS_BULK_REGISTRY_OPERATION_FAILURE has a body. */
void registry_bulk(struct registry *r, struct slice json, struct registry_wait *w);

/* New keys for at most REGISTRY_BULK_MAX identities, which {"policyKey","devices"} names; all else of them stays.
 * InvalidPolicyKey, ArgumentInvalid: of none; STATUS_BULK_REGENERATE_KEY_FAILURE: likewise, and the body
 * says why. */
void registry_rekey(struct registry *r, struct slice json, struct registry_wait *w);

/* The first devices by id; `top` 0: as many as possible.  A JSON array. */
void registry_list(struct registry *r, unsigned top, struct registry_wait *w);

/* All modules of a device by id.  A JSON array. */
void registry_list_modules(struct registry *r, struct slice device_id, struct registry_wait *w);

/* What an edge hub asks of those that it speaks for: an edge device with its children and all their
 * modules, or one device. */
struct registry_scope {
    struct slice actor;         /* the edge device whose $edgeHub asks */
    struct slice token;         /* of that $edgeHub; ptr NULL: the caller has checked who asks */
    struct slice target_device; /* the actor or one below it */
    struct slice target_module; /* with `target_only`; empty: none */
    bool target_only;
    unsigned top;       /* identities on a page; 0: as many as possible */
    struct slice after; /* where the page begins: the end of the last page's link */
    struct slice link;  /* what comes before it in a link */
};

/* IotHubUnauthorizedAccess: it does not speak for the target. */
void registry_scope_list(struct registry *r, const struct registry_scope *ask,
                         struct registry_wait *w);

/* {"totalDeviceCount","enabledDeviceCount","disabledDeviceCount"}; {"connectedDeviceCount"} */
/* Before the lanes run: how many devices there are, for metrics; what changes is counted from then on. */
enum err registry_meter(const struct hub *hub) MUST_USE;

/* How many that are now; from any thread. */
uint64_t registry_devices_now(void);

void registry_count_devices(struct registry *r, struct registry_wait *w);
void registry_count_connected(struct registry *r, struct registry_wait *w);

void registry_forget(struct registry *r, struct registry_wait *w); /* the answer finds nobody */

/* An edge hub reads and writes the modules of a device below it. */
enum registry_behalf_verb { BEHALF_LIST, BEHALF_GET, BEHALF_PUT, BEHALF_DELETE };

struct registry_behalf {
    enum registry_behalf_verb verb;
    struct slice actor; /* the edge device whose $edgeHub asks */
    struct slice token; /* of that $edgeHub; ptr NULL: the caller has checked who asks */
    struct slice chain; /* "device;..;actor": whose modules they are, and who stands between */
    struct slice module_id, json;
    struct slice if_match; /* of a PUT, as in registry_put() */
};

/* IotHubUnauthorizedAccess: it does not speak for the target. */
void registry_on_behalf(struct registry *r, const struct registry_behalf *ask,
                        struct registry_wait *w);

/* ---- for the code that shares the home core */

enum identity_auth {
    IDENTITY_SAS,
    IDENTITY_SELF_SIGNED,
    IDENTITY_CERTIFICATE_AUTHORITY,
    IDENTITY_NONE, /* $edgeAgent and $edgeHub, until they are given keys: nothing opens a session */
};

/* Immutable; borrowed during the call that shows it. */
struct identity {
    struct slice device_id;
    struct slice module_id;  /* empty: the device itself */
    struct slice managed_by; /* of a module; ptr NULL: null */
    struct slice generation; /* generationId: another one after delete and create */
    uint64_t etag;           /* see etag_of_number() */
    bool enabled;            /* of a module: its device's */
    bool iot_edge;
    enum identity_auth auth;
    struct slice keys[2];        /* IDENTITY_SAS: primary and secondary, decoded; empty: none */
    struct slice key_texts[2];   /* the same in base64, as given */
    struct slice thumbprints[2]; /* IDENTITY_SELF_SIGNED: hex digits; empty: none */
    struct slice status_reason;  /* ptr NULL: null */
    struct slice device_scope;   /* empty: none; so is the next */
    struct slice parent_scope;
    int64_t status_updated_us; /* wall time; 0: never */
    uint32_t subscriptions;    /* of its MQTT session, see hub/session */
    struct slice model_id;     /* the Plug and Play model it announced last; empty: none yet */
    unsigned messages;         /* cloudToDeviceMessageCount, see hub/c2d */
};

/* The members of the Twin object of the service API that mirror the identity, without braces. */
void registry_put_twin_members(const struct registry *r, const struct identity *id,
                               struct buf *out);

struct registry_load;
typedef void (*registry_loaded_fn)(struct registry_load *load, const struct identity *id,
                                   enum err e);

struct registry_load {
    struct list node;
    registry_loaded_fn fn;
};

/* Calls back once, perhaps before it returns: the identity, or NULL and ERR_NOT_FOUND,
 * ERR_THROTTLED, or what the store said.  Writes that came before are done by then. */
void registry_load(struct registry *r, struct slice who, struct registry_load *load,
                   registry_loaded_fn fn);

struct store_request;

/* Who writes what a bulk says of twins.  `json` is the entry, `by` who says it, for people; `merge`: into what
 * is there, else what it has takes its place.  `w` is called once, not before write() has returned. */
struct registry_twins {
    void (*write)(struct registry_twins *t, struct slice who, bool merge, struct slice if_match,
                  struct slice json, struct slice by, struct registry_wait *w);

    /* At home: adds to the unit that makes the identity what makes its twin as the entry says.
     * ERR_INVALID, ERR_TOO_BIG: nothing was added; with a text. */
    enum err (*first)(struct registry_twins *t, struct slice who, struct slice generation,
                      struct slice json, struct store_request *unit);
};

void registry_set_twins(struct registry *r, struct registry_twins *t);

/* An identity came, went, or is no longer what it was: connections that rely on it must end, but for
 * the last two.  What becomes of a device is told of each of its modules, too, but for its keys and the
 * last one. */
enum registry_change {
    REGISTRY_CREATED,
    REGISTRY_ENABLED,
    REGISTRY_DISABLED,
    REGISTRY_DELETED,
    REGISTRY_KEYS_CHANGED,
    REGISTRY_MOVED,   /* it has another parent, or speaks for its children no longer */
    REGISTRY_CHANGED, /* something else that its twin shows: connections stay */
};

/* Embedded in who wants to know. */
struct registry_listener {
    struct list node;

    /* After the store said yes. */
    void (*changed)(struct registry_listener *l, struct slice who, enum registry_change change);

    /* Before REGISTRY_KEYS_CHANGED: what it was till now.  NULL: nothing. */
    void (*rekeying)(struct registry_listener *l, const struct identity *old);

    /* Adds to the unit that creates an identity what comes with it; it may still fail.  NULL: nothing.
     * For modules that come with their edge device, too. */
    void (*creating)(struct registry_listener *l, const struct identity *next,
                     struct store_request *unit);

    /* What creating() or deleting() added did not happen.  NULL: nothing. */
    void (*undone)(struct registry_listener *l, struct slice who);

    /* Adds to the unit that deletes the identity what goes with it; it may still fail.  NULL: nothing.
     * For modules that go with their device, too, before the device. */
    void (*deleting)(struct registry_listener *l, struct slice who, struct store_request *unit);
};

void registry_listen(struct registry *r, struct registry_listener *l);

/* What the identity's MQTT session is subscribed to from now on: `set` joins, `clear` leaves; and
 * which model it has.  Calls back once, perhaps before it returns, with what is subscribed now: after
 * it is on disk, or with the error that kept it from that (ERR_NOT_FOUND: there is no such
 * identity). */
struct registry_subscribe {
    uint32_t set, clear;
    struct slice model_id; /* lives until it is called back; empty: as it is */
    void (*fn)(struct registry_subscribe *s, uint32_t subscriptions, enum err e);
};

void registry_subscribe(struct registry *r, struct slice who, struct registry_subscribe *s);

/* An edge hub connects on behalf of an identity below it. */
struct registry_vouch {
    void (*fn)(struct registry_vouch *v);
    enum err err;         /* of the store */
    enum auth_cause auth; /* AUTH_OK: it may, until */
    int64_t ends_us;
};

/* Is `chain` ("who;device;..;edge device") what the hierarchy is, and the token one of the last one's
 * $edgeHub?  v->fn follows. */
void registry_vouch(struct registry *r, struct slice who, struct slice chain, struct slice token,
                    struct registry_vouch *v);

/* So many messages wait for the device now: home of its queue says so after each change. */
void registry_set_messages(struct registry *r, struct slice who, unsigned messages);

/* What GET shows as connectionState and lastActivityTime.  Kept in memory. */
void registry_set_connected(struct registry *r, struct slice who, bool connected, int64_t wall_us);
void registry_set_active(struct registry *r, struct slice who, int64_t wall_us);

#endif
