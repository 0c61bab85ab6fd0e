/* user.h - local users: people who sign in to the console by name and password, and what they may.
 *
 *   create, change ──password──▶ the hashing lane ──hash──▶ store ──yes──▶ the table, then the answer
 *   check          ──password──▶ the hashing lane ──hash──▶ compared, then the answer
 *
 * A password is hashed on a lane of its own, one after the other, since that takes a core's time and is meant
 * to.  Who is unknown or disabled costs as much as who is known.
 *
 * Runs on: the lane that users_new() was given, the first core's; hashing on the other one.
 * Life:    users_new() after store_open(), before the lanes run; users_free() after they stopped.  A password
 *          that is given is copied for its hashing and wiped behind it; nothing keeps it.
 * Limits:  the constants below.
 */
#ifndef HUB_USER_USER_H
#define HUB_USER_USER_H

#include "auth/password.h"
#include "hub/hub.h"

enum {
    USERS_MAX = 256, /* ERR_FULL */
    USER_NAME_MAX = 64,
    USER_PASSWORD_MIN = 10,  /* bytes */
    USER_PASSWORD_MAX = 256, /* likewise: ERR_INVALID, and of a check ERR_DENIED */
    USER_HASHES_MAX = 16,    /* passwords that wait for their hashing: ERR_THROTTLED */
};

enum user_role { USER_READER, USER_OPERATOR, USER_ADMINISTRATOR, USER_ROLES };

const char *user_role_name(enum user_role r); /* "reader" */

/* USER_ROLES: there is none of that name. */
enum user_role user_role_of(struct slice name);

struct user {
    char name[USER_NAME_MAX + 1], lower[USER_NAME_MAX + 1];
    enum user_role role;
    bool enabled;
    int64_t created_us, password_us; /* wall time; the second: when the password was set */
    uint64_t edition;                /* another one after each change, and no other user's */
    struct password password;
};

struct users;

/* `cost`: of new passwords, PASSWORD_COST. */
enum err users_new(const struct hub *hub, struct lane *lane, struct lane *hashing, unsigned cost,
                   struct users **out) MUST_USE;
void users_free(struct users *u); /* NULL is fine */

/* ---- reading: borrowed until a change */

size_t users_count(const struct users *u);
const struct user *users_at(const struct users *u, size_t i); /* by name */
const struct user *users_find(const struct users *u, struct slice name);

/* Who is as he was when this edition of him began, and enabled; or NULL. */
const struct user *users_standing(const struct users *u, uint64_t edition);

/* ---- changes and checks */

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten. */
struct user_wait {
    void (*fn)(struct user_wait *w, enum err result);
    struct user_work *work;       /* ours */
    char name[USER_NAME_MAX + 1]; /* whom it is about; of a longer one the beginning */
    uint64_t edition;             /* of him, when the result is OK and he is there */
};

struct user_change {
    struct slice password; /* ptr NULL: stays */
    enum user_role role;   /* USER_ROLES: stays */
    bool sets_enabled, enabled;
    uint64_t edition; /* he must be as he was then: otherwise ERR_CONFLICT; 0: however he is */
};

/* OK: the waiter will be told; OK when the store has it, ERR_NOT_FOUND, ERR_EXISTS or ERR_CONFLICT when somebody
 * was faster.
 * Otherwise at once ERR_INVALID with a text, ERR_EXISTS, ERR_NOT_FOUND, ERR_CONFLICT, ERR_FULL,
 * ERR_THROTTLED. */
enum err users_create(struct users *u, struct slice name, enum user_role role,
                      struct slice password, struct user_wait *w) MUST_USE;
enum err users_change(struct users *u, struct slice name, const struct user_change *change,
                      struct user_wait *w) MUST_USE;
enum err users_delete(struct users *u, struct slice name, struct user_wait *w) MUST_USE;

/* Is it his password, and may he sign in?  Told OK or ERR_DENIED; at once ERR_THROTTLED. */
enum err users_check(struct users *u, struct slice name, struct slice password,
                     struct user_wait *w) MUST_USE;

/* What was asked for is done all the same; nobody is told. */
void users_forget(struct user_wait *w);

#endif
