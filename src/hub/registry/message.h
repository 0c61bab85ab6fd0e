/* message.h - what registries say to each other.  Private to hub/registry. */
#ifndef HUB_REGISTRY_MESSAGE_H
#define HUB_REGISTRY_MESSAGE_H

#include "hub/registry/home.h"

enum registry_kind {
    REGISTRY_READ = HUB_REGISTRY, /* struct ask_msg -> REGISTRY_DONE */
    REGISTRY_MODULES,             /* likewise */
    REGISTRY_WRITE,               /* struct write_msg -> REGISTRY_DONE */
    REGISTRY_DONE,                /* struct done_msg */
    REGISTRY_PRESENCES,           /* flat list of device ids (list.c) -> REGISTRY_PRESENCES_ARE */
    REGISTRY_PRESENCES_ARE,
    REGISTRY_WHO, /* flat list of identities (rows.c) -> REGISTRY_WHO_IS */
    REGISTRY_WHO_IS,
    REGISTRY_KNOWN, /* struct registry_known_ask -> REGISTRY_KNOWN_ARE */
    REGISTRY_KNOWN_ARE,
};

/* What a write may do with what it finds. */
enum write_mode {
    WRITE_MAY_CREATE = 1,
    WRITE_MAY_UPDATE = 2,
    WRITE_DELETES = 4,
    WRITE_BULK = 8, /* in the store's bulk queue */
    WRITE_REKEY =
        16, /* the JSON is a policyKey: those keys are new, all else stays; answered with the keys */
};

struct write_msg {
    uint32_t mode; /* enum write_mode */
    bool has_match;
    bool has_token;
    uint32_t who_len, match_len, json_len, twin_len;
    uint8_t bytes[]; /* who, If-Match, JSON, twin, token */
};

struct ask_msg {
    bool has_token;
    uint32_t who_len;
    uint8_t bytes[]; /* who, token */
};

struct done_msg {
    enum status status;
    enum registry_twin twin;
    bool partly;
    uint32_t etag_len, body_len, text_len;
    uint8_t bytes[]; /* etag, JSON, text */
};

struct write {
    unsigned mode;
    struct slice who, json;
    struct slice if_match; /* ptr NULL: none */
    struct slice twin;     /* of a bulk: JSON of what a new identity's twin is; empty: fresh */
    struct slice token;    /* the device's own; ptr NULL: who asks has been checked */
};

struct ask {
    struct slice who;
    struct slice token; /* likewise */
};

struct msg *write_msg_new(const struct write *w);
struct write write_msg_read(const struct msg *m);
struct msg *ask_msg_new(unsigned kind, struct slice who, struct slice token);
struct ask ask_msg_read(const struct msg *m);

/* Answers any of them. */
void answer_done(struct registry *r, const struct msg *m, const struct registry_answer *a);

void answer_refusing(struct registry *r, const struct msg *m, enum status status, const char *text);
void answer_load_error(struct registry *r, const struct msg *m, enum err e);
void answer_invalid_id(struct registry *r, const struct msg *m);
void answer_unauthorized(struct registry *r, const struct msg *m);
void answer_identity(struct registry *r, const struct msg *m, const struct identity *id);

/* Answers one of our own callers, if it still waits. */
void answer_wait(struct registry *r, struct addr wait, const struct registry_answer *a);

/* Sends a question to the identity's home; `w` gets the answer. */
void send_home(struct registry *r, struct slice who, struct msg *m, struct registry_wait *w);

void wait_begin(struct registry *r, struct registry_wait *w);

/* ---- the modules of a device (modules.c) */

struct module_ids {
    struct buf text;
    unsigned count;
};

void module_ids_add(struct module_ids *ids, struct slice id);
bool module_ids_next(struct cur *at, struct slice *id); /* over ids->text */
bool module_ids_have(const struct module_ids *ids, struct slice id);
void module_ids_free(struct module_ids *ids);

/* The rows of identity_modules after that id. */
void modules_ask(const struct registry *r, struct slice device_id, struct slice after,
                 struct store_wait *w);

/* rekey.c: bit 0: the first key, bit 1: the second; 0: it is no policyKey. */
unsigned rekey_keys(struct slice which);

/* ---- token.c: a device's own token, for what concerns its modules */
bool token_is_of(const struct registry *r, struct slice token, const struct identity *device);

#endif
