/* amqp_device_home.h - the homes of a device and of its registration, for amqp_device_fuzz.c: they note what front/amqp
 * asks of hub/session, hub/twin, hub/method and dps, and answer when they are told to.
 *
 * Asserted here: one session at a time, which ends once; what is forgotten waits; at home_fini() nobody waits any more.
 */
#ifndef TESTS_FUZZ_AMQP_DEVICE_HOME_H
#define TESTS_FUZZ_AMQP_DEVICE_HOME_H

#include "hub/session/session.h"

enum { HOME_WAITS = 256, HOME_CALLS = 256 };

enum home_question { HOME_SESSION, HOME_FEATURES, HOME_TWIN, HOME_DPS, HOME_CHALLENGE };

struct home {
    struct session *session; /* NULL: none was asked for */
    bool granted;
    uint32_t features;
    int64_t version; /* of desired properties */
    size_t blob_len; /* that the next challenge is answered with */
    bool proved;     /* a challenge was answered with one */
    struct home_wait {
        enum home_question what;
        void *who;
    } waits[HOME_WAITS]; /* the oldest first */
    unsigned wait_count;
    enum { CALL_NONE, CALL_PENDING, CALL_OVER } calls[HOME_CALLS]; /* by rid */
    unsigned call_count, pending_count;
};

extern struct home home;

void home_init(void);
void home_fini(void);

/* The oldest question; `how` 0 is what was asked for, all others one refusal or another.  False: there is none. */
bool home_answer(unsigned how);

/* Without a session that was granted these do nothing. */
void home_patch(unsigned count);
void home_call(size_t payload_len);
void home_close(void);
void home_renew(int64_t ends_us);

/* Its caller waits no more; the oldest one's. */
void home_give_up_call(void);

bool home_waits_for(uint64_t rid);

/* A byte of the blob. */
uint8_t home_blob_at(size_t at);

#endif
