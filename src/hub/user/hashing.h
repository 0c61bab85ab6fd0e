/* hashing.h - passwords to the lane that hashes them, and hashes back.  Private to hub/user. */
#ifndef HUB_USER_HASHING_H
#define HUB_USER_HASHING_H

#include "hub/user/user.h"

enum hashing_kind {
    HASHING_ASK = HUB_USER, /* to the hashing lane; answered with HASHING_DONE */
    HASHING_DONE,
};

struct hashed {
    enum err err;
    uint8_t hash[PASSWORD_HASH];
};

/* Who hashes on that lane. */
void hashing_serve(struct lane *hashing);

/* The answer comes to `slot`. */
void hashing_ask(struct lane *lane, struct addr slot, const struct lane *hashing,
                 const struct password *p, struct slice text);

#endif
