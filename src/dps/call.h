/* call.h - a verb at its home: a message that is worked on and answered.  Private to dps. */
#ifndef DPS_CALL_H
#define DPS_CALL_H

#include "base/list.h"
#include "dps/counters.h"
#include "dps/linked.h"
#include "dps/registration.h"

enum dps_message {
    DPS_CALL = POST_DPS, /* to home: struct call_msg -> DPS_DONE */
    DPS_DONE,            /* struct done_msg */
    DPS_GROUP_APPLY,     /* first core -> every core: struct group_msg -> DPS_APPLIED */
    DPS_HUB_APPLY,       /* likewise */
    DPS_APPLIED,
    DPS_ATTEMPT, /* to the first core: an attempt as JSON (attempts.h) */
};

enum verb {
    VERB_AUTHENTICATE,
    VERB_CHALLENGE,
    VERB_REGISTER,
    VERB_POLL,
    VERB_LOOKUP,
    VERB_ENROLLMENT_GET,
    VERB_ENROLLMENT_PUT,
    VERB_ENROLLMENT_DELETE,
    VERB_ENROLLMENT_ATTESTATION,
    VERB_REGISTRATION_GET,
    VERB_REGISTRATION_DELETE,
    VERB_ENROLLMENT_QUERY,
    VERB_REGISTRATION_QUERY,
    VERB_HUB_LIST,
    VERB_HUB_GET,
    VERB_HUB_PUT,
    VERB_HUB_DELETE,
    VERB_REVOKE,
    VERB_ATTEMPTS,
    VERBS,
};

enum { DPS_SECRET_LEN = 32 };

/* The newest is the one before `next`. */
struct attempts {
    struct buf items[DPS_ATTEMPTS_MAX]; /* JSON */
    unsigned next, count;
};

struct dps {
    const struct hub *hub;
    struct lane *lane;
    struct dps_doors doors;
    uint8_t
        secret[DPS_SECRET_LEN]; /* of this core, until it ends: what keys for TPMs derive from */
    struct groups groups;
    struct linked linked;
    struct latency *latency;
    struct attempts attempts; /* the first core's */
    struct dps_counters counters;
    struct {
        int64_t since_us;
        unsigned told;
    } refusals;        /* of this home, to the first core */
    struct list calls; /* struct call */
    struct list bulks; /* of bulk.c */
    struct list late;  /* of late.c */
    unsigned call_count;
    struct map operations;  /* struct operation by id in lower case */
    unsigned webhook_count; /* of them through enrollments with a webhook */
};

struct call_msg {
    enum verb verb;
    enum dps_kind kind;
    bool has_if_match;
    enum hub_protocol protocol; /* of a device's verb */
    unsigned top;               /* of a query */
    uint32_t certificate_len, id_len, text_len, token_len, tpm_len, json_len, peer_len;
    /* certificate (struct x509_facts), id, text, token, a TPM's keys, JSON, peer */
    _Alignas(struct x509_facts) uint8_t bytes[];
};

struct done_msg {
    unsigned code;
    uint32_t body_len, etag_len, operation_len, continuation_len;
    uint8_t bytes[];
};

struct call {
    struct list node;
    struct dps *dps;
    struct msg *m;
    const struct call_msg *head;
    struct arena arena;
    struct slice id;       /* as given */
    struct slice id_lower; /* valid ids only */
    struct slice text;     /* If-Match, operation id, continuation */
    struct slice json;
    struct store_wait wait;
    /* of a device's verb */
    struct slice token, tpm, peer;
    const struct x509_facts *certificate;
    const struct json *doc;       /* dps_call_doc() */
    struct enrollment enrollment; /* the individual one, if has_enrollment */
    bool has_enrollment;
    struct registration registration; /* if has_registration */
    bool has_registration;
    /* of a change of a group or a linked hub */
    struct enrollment next;
    struct group_row row;
    struct addr slot;
    unsigned cores_left;
    void (*applied)(struct call *c);
    struct revocation *revocation; /* revoke.c; NULL: it is another verb */
};

/* Each ends the call. */
void dps_call_answer(struct call *c, const struct dps_answer *a);
void dps_call_answer_json(struct call *c, unsigned code, struct slice body);
void dps_call_fail(struct call *c, unsigned code, const char *text);
void dps_call_fail_store(struct call *c, enum err e);

/* Asks the store; `fn` is to call one of the above in the end. */
void dps_call_ask(struct call *c, struct store_request *r,
                  void (*fn)(struct store_wait *w, struct store_answer *a));
struct call *dps_call_of_wait(struct store_wait *w);

/* What a device says, read once; NULL: it is no JSON. */
const struct json *dps_call_doc(struct call *c);

/* Loads what is known of the registration id into the call; false: the call has failed. */
void dps_call_load(struct call *c, void (*fn)(struct store_wait *w, struct store_answer *a));
bool dps_call_loaded(struct call *c, struct store_answer *a);

/* One that cannot be read is there only for who deletes it. */
enum err dps_call_take_enrollment(struct call *c, enum dps_kind kind,
                                  const struct store_value *col) MUST_USE;

/* Sends the row to every core, itself among them; `fn` is called when all have it. */
void dps_call_tell_cores(struct call *c, enum dps_message kind, const struct group_row *row,
                         void (*fn)(struct call *c));

/* ---- verbs */
void enrollment_verb_get(struct call *c);
void enrollment_verb_put(struct call *c);
void enrollment_verb_delete(struct call *c);
void enrollment_verb_attestation(struct call *c);
void registration_verb_get(struct call *c);
void registration_verb_delete(struct call *c);
void query_verb(struct call *c);  /* both */
void device_verb(struct call *c); /* all five */

/* enrollments.c: writes it disabled, then as dps_call_tell_cores(); or the call fails. */
void enrollment_disable_group(struct call *c, const struct group *g, void (*fn)(struct call *c));

void links_verb_list(struct call *c);
void links_verb_get(struct call *c);
void links_verb_put(struct call *c);
void links_verb_delete(struct call *c);

/* The answer comes in a turn of its own: for verbs that know it at once. */
void dps_answer_later(struct dps *d, struct dps_wait *w, const struct dps_answer *a);

void bulks_free(struct dps *d); /* bulk.c */

/* On the caller's core: who waits for that DPS_DONE is told, now or DPS_LATE_US later (late.c). */
void dps_answer(struct dps *d, const struct msg *m);
void answer_late(struct dps *d, struct msg *m);
void late_free(struct dps *d);

/* operation.c */
void operations_free(struct dps *d);

#endif
